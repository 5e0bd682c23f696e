//! How good an order is. Ties count against the model.

use std::ops::{Add, Div};

/// What an order of one slate is worth; also its mean over slates, users and seeds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Measures {
    /// Whether a good item is among the first ten.
    pub(crate) hr10: f64,
    /// Discounted gain of the first ten, of the best that could be.
    pub(crate) ndcg10: f64,
    /// One over the rank of the first good item.
    pub(crate) mrr: f64,
    /// The part of the pairs of a good and another item that are in the right order; a tie is half of one.
    pub(crate) auc: f64,
    /// Whether the first item is good.
    pub(crate) p1: f64,
}

impl Measures {
    /// Measures an order by falling score, of items of which some are good and some are not.
    pub(crate) fn of(good: &[bool], scores: &[f32]) -> Self {
        assert_eq!(good.len(), scores.len(), "each item has a score");
        // A score that is no number counts against the model, too.
        let score = |item: usize| match (scores[item].is_nan(), good[item]) {
            (false, _) => scores[item],
            (true, true) => f32::NEG_INFINITY,
            (true, false) => f32::INFINITY,
        };
        let mut order: Vec<usize> = (0..good.len()).collect();
        order.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(good[a].cmp(&good[b])));
        let ranks: Vec<usize> = (1..).zip(&order).filter(|&(_, &item)| good[item]).map(|(rank, _)| rank).collect();
        let best = *ranks.first().expect("a slate that is measured has a good item");
        let others = good.len() - ranks.len();
        let discount = |rank: usize| 1.0 / (1.0 + rank as f64).log2();
        let gain: f64 = ranks.iter().filter(|&&rank| rank <= 10).map(|&rank| discount(rank)).sum();
        let ideal: f64 = (1..=ranks.len().min(10)).map(discount).sum();
        let mut right = 0.0;
        for a in (0..good.len()).filter(|&a| good[a]) {
            for b in (0..good.len()).filter(|&b| !good[b]) {
                right += match score(a).total_cmp(&score(b)) {
                    core::cmp::Ordering::Greater => 1.0,
                    core::cmp::Ordering::Equal => 0.5,
                    core::cmp::Ordering::Less => 0.0,
                };
            }
        }
        Self {
            hr10: f64::from(u8::from(best <= 10)),
            ndcg10: gain / ideal,
            mrr: 1.0 / best as f64,
            auc: if others == 0 { 0.5 } else { right / (ranks.len() * others) as f64 },
            p1: f64::from(u8::from(best == 1)),
        }
    }

    /// The mean; nothing has none.
    pub(crate) fn mean(measures: &[Self]) -> Option<Self> {
        let sum = measures.iter().copied().reduce(|a, b| a + b)?;
        Some(sum / measures.len() as f64)
    }
}

impl Add for Measures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hr10: self.hr10 + other.hr10,
            ndcg10: self.ndcg10 + other.ndcg10,
            mrr: self.mrr + other.mrr,
            auc: self.auc + other.auc,
            p1: self.p1 + other.p1,
        }
    }
}

impl Div<f64> for Measures {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self {
            hr10: self.hr10 / by,
            ndcg10: self.ndcg10 / by,
            mrr: self.mrr / by,
            auc: self.auc / by,
            p1: self.p1 / by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One good item among 99 others, of which `above` score more and `equal` the same.
    fn slate(above: usize, equal: usize) -> Measures {
        let mut scores = vec![0.5; 100];
        scores[1..=above].fill(1.0);
        scores[1 + above + equal..].fill(0.0);
        let good: Vec<bool> = (0..100).map(|item| item == 0).collect();
        Measures::of(&good, &scores)
    }

    #[test]
    fn one_good_item_is_measured_by_its_rank() {
        assert_eq!(slate(0, 0), Measures { hr10: 1.0, ndcg10: 1.0, mrr: 1.0, auc: 1.0, p1: 1.0 });
        let third = slate(2, 0);
        assert_eq!((third.hr10, third.ndcg10, third.p1), (1.0, 0.5, 0.0));
        assert!((third.mrr - 1.0 / 3.0).abs() < 1e-12 && (third.auc - 97.0 / 99.0).abs() < 1e-12);
        assert_eq!((slate(9, 0).hr10, slate(10, 0).hr10, slate(10, 0).ndcg10), (1.0, 0.0, 0.0));
    }

    #[test]
    fn a_tie_counts_against_the_model() {
        assert_eq!((slate(5, 4).hr10, slate(5, 5).hr10), (1.0, 0.0));
        let all_equal = slate(0, 99);
        assert_eq!((all_equal.hr10, all_equal.mrr, all_equal.auc), (0.0, 0.01, 0.5));
    }

    #[test]
    fn several_good_items_are_compared_with_the_best_order() {
        let found = Measures::of(&[true, false, true, false], &[4.0, 3.0, 2.0, 1.0]);
        let ideal = 1.0 + 1.0 / 3f64.log2();
        assert!((found.ndcg10 - 1.5 / ideal).abs() < 1e-12);
        assert_eq!((found.auc, found.p1, found.mrr), (0.75, 1.0, 1.0));
    }

    #[test]
    fn a_score_that_is_no_number_counts_against_the_model() {
        let found = Measures::of(&[true, false, true], &[f32::NAN, 0.0, 1.0]);
        assert_eq!((found.auc, found.p1), (0.5, 1.0));
        assert_eq!(Measures::of(&[true, false], &[1.0, f32::NAN]).auc, 0.0);
    }

    #[test]
    fn the_mean_of_nothing_is_not_zero() {
        assert_eq!(Measures::mean(&[]), None);
        assert_eq!(Measures::mean(&[slate(0, 0), slate(99, 0)]).map(|mean| mean.hr10), Some(0.5));
    }
}
