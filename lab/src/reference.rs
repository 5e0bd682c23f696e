//! What others reached on MovieLens-100K with the same slates: numpy, scikit-learn and implicit.

/// Row, then HR@10, NDCG@10 and AUC.
pub(crate) const CHOICES: &[(&str, &[f64])] = &[
    ("random", &[0.098, 0.044, 0.506]),
    ("popularity", &[0.409, 0.224, 0.798]),
    ("item-kNN", &[0.551, 0.326, 0.776]),
    ("EASE", &[0.644, 0.382, 0.865]),
    ("ALS, 32 factors", &[0.670, 0.379, 0.886]),
    ("plain: shared head", &[0.400, 0.219, 0.795]),
    ("plain: on the device", &[0.648, 0.368, 0.878]),
    ("EASE + plain: on the device", &[0.650, 0.383, 0.881]),
];

/// Row, then P@1, NDCG@10 and AUC.
pub(crate) const RATINGS: &[(&str, &[f64])] = &[
    ("random", &[0.530, 0.632, 0.500]),
    ("item mean", &[0.736, 0.778, 0.696]),
    ("biased MF, 16 factors", &[0.778, 0.801, 0.717]),
    ("plain: each user alone", &[0.715, 0.767, 0.670]),
    ("plain: shared head", &[0.743, 0.782, 0.700]),
    ("plain: on the device", &[0.770, 0.793, 0.708]),
];
