//! How sure a mean over users is (Efron 1979: the percentiles of means of resampled users).

use super::splitmix::SplitMix64;

const RESAMPLES: usize = 1000;
/// The same draws at each run, so that a figure can be printed again.
const SEED: u64 = 20_261_123;

/// A mean and the ends of its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    /// Of all users.
    pub(crate) mean: f64,
    /// 2.5% of the resampled means are below it.
    pub(crate) low: f64,
    /// 2.5% of the resampled means are above it.
    pub(crate) high: f64,
}

/// The interval of a mean over users; of a difference, when each number is one user's difference.
pub(crate) fn interval(numbers: &[f64]) -> Interval {
    assert!(!numbers.is_empty(), "a mean is of something");
    let n = numbers.len();
    let mut generator = SplitMix64::new(SEED);
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| (0..n).map(|_| numbers[generator.below(n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    let at = |part: f64| means[(part * (RESAMPLES - 1) as f64).round() as usize];
    Interval { mean: numbers.iter().sum::<f64>() / n as f64, low: at(0.025), high: at(0.975) }
}

/// The mean of a figure over seeds and its standard error; one seed has none.
pub(crate) fn over_seeds(figures: &[f64]) -> (f64, f64) {
    let n = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / n;
    let square = figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>();
    (mean, if figures.len() < 2 { 0.0 } else { (square / (n - 1.0) / n).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_have_the_same_interval() {
        let numbers: Vec<f64> = (0..943).map(|i| f64::from(i % 7) - 3.0).collect();
        assert_eq!(interval(&numbers), interval(&numbers));
        assert_eq!(interval(&[2.0; 9]), Interval { mean: 2.0, low: 2.0, high: 2.0 });
    }

    #[test]
    fn the_interval_is_about_two_standard_errors_wide_on_each_side() {
        let mut generator = SplitMix64::new(3);
        let numbers: Vec<f64> = (0..400).map(|_| generator.normal()).collect();
        let Interval { mean, low, high } = interval(&numbers);
        let standard_error = 1.0 / 20.0;
        // The resampled ends are themselves sure to about a tenth.
        assert!(
            ((mean - low) / standard_error - 1.96).abs() < 0.3 && ((high - mean) / standard_error - 1.96).abs() < 0.3
        );
    }

    #[test]
    fn seeds_that_differ_have_a_standard_error() {
        assert_eq!(over_seeds(&[0.5]), (0.5, 0.0));
        let (mean, error) = over_seeds(&[1.0, 2.0, 3.0]);
        assert!((mean - 2.0).abs() < 1e-12 && (error - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
