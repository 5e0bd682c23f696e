use crate::power::exp;

/// How attention weighs the recent items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// How much more what is alike counts.
    pub sharpness: f32,
    /// How much less each place further back counts.
    pub fading: f32,
    /// Whether it attends to what was pushed away, in place of what was chosen.
    pub against: bool,
}

impl Attention {
    /// The part of a recent item's weight that does not depend on the item that is scored: under zero where it does not count.
    pub fn fixed_weight(self, place: usize, label: f32) -> f32 {
        let label = if self.against { -label } else { label };
        label * exp(-self.fading * place as f32)
    }
}

/// `Σⱼ wⱼ · kⱼ / Σⱼ wⱼ` with `wⱼ = |labelⱼ| · exp(sharpness · (kⱼ − 1) − fading · j)`, over the labels of one sign: how
/// like an item is to those of the recent ones that are most like it. `k` are cosines, the latest first. 0 for none.
pub fn attention(kind: Attention, k: &[f32], label: &[f32]) -> f32 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (j, (&k, &label)) in k.iter().zip(label).enumerate() {
        let label = if kind.against { -label } else { label };
        if label > 0.0 {
            // No exponent is over 0 (but for a cosine's rounding) or under −2 · 16 − 0.15 · 64: neither end overflows.
            let weight = label * (kind.sharpness * (k - 1.0) - kind.fading * j as f32).exp();
            sum += weight * k;
            total += weight;
        }
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROAD: Attention = Attention { sharpness: 8.0, fading: 0.0, against: false };

    #[test]
    fn what_is_most_alike_speaks() {
        assert_eq!(attention(BROAD, &[], &[]), 0.0);
        assert!((attention(BROAD, &[0.3], &[0.5]) - 0.3).abs() < 1e-7);
        let both = attention(BROAD, &[0.9, -0.9], &[1.0, 1.0]);
        assert!((both - 0.9).abs() < 1e-5, "{both}");
    }

    #[test]
    fn each_sign_is_attended_to_by_itself() {
        let (k, label) = ([0.9, 0.2], [-1.0, 1.0]);
        assert!((attention(BROAD, &k, &label) - 0.2).abs() < 1e-7);
        assert!((attention(Attention { against: true, ..BROAD }, &k, &label) - 0.9).abs() < 1e-7);
    }

    #[test]
    fn what_lies_further_back_fades() {
        let fading = Attention { sharpness: 0.0, fading: 1.0, against: false };
        let e = (-1.0f32).exp();
        assert!((attention(fading, &[1.0, 0.0], &[1.0, 1.0]) - 1.0 / (1.0 + e)).abs() < 1e-6);
    }
}
