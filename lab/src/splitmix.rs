//! `SplitMix64` (Steele, Lea, Flood 2014): the protocol names it, so that slates can be rebuilt anywhere.

/// The generator; its whole state is one word.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator in this state.
    pub(crate) fn new(state: u64) -> Self {
        Self(state)
    }

    /// A generator of its own for a pair of numbers, as the protocol pairs seeds and users.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        Self(seed << 32 | number)
    }

    /// The next word.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`. The remainder's bias, n in 2^64, is the protocol's.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A number from 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.unit()).cos()
    }

    /// `count` numbers below `n`, none twice and none refused.
    pub(crate) fn distinct(&mut self, count: usize, n: usize, refused: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let number = self.below(n);
            if !refused(number) && !drawn.contains(&number) {
                drawn.push(number);
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_draws_of_user_1_are_the_protocols() {
        let mut generator = SplitMix64::of(20_261_121, 1);
        assert_eq!([generator.next(), generator.next()], [0x99e4_b707_2cf4_f75c, 0x96e1_2aa5_d280_da14]);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut generator = SplitMix64::new(7);
        let drawn: Vec<f64> = (0..20_000).map(|_| generator.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 2e4;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 2e4;
        // Five standard errors: 5/sqrt(2e4) and 5*sqrt(2/2e4).
        assert!(mean.abs() < 0.036 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn distinct_numbers_are_distinct_and_none_is_refused() {
        let mut drawn = SplitMix64::new(1).distinct(5, 10, |number| number < 5);
        drawn.sort_unstable();
        assert_eq!(drawn, [5, 6, 7, 8, 9]);
    }
}
