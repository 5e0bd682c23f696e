//! Both samplers against the exact probabilities, by Pearson's chi-square.
//!
//! A false alarm comes in fewer than one test in 10⁹. That is Laurent and Massart 2000, lemma 1: a chi-square of k
//! degrees exceeds k + 2√(kx) + 2x with a probability of at most e^−x. No bin expects fewer than ten, where the
//! statistic follows a chi-square closely.

use super::*;

/// ln 10⁹.
const FALSE_ALARM: f64 = 20.723_265_836_946_41;

/// A discrete Gaussian of some variance, in bins: each of −m..=m for itself, and the two tails.
struct Bins {
    middle: i64,
    probabilities: Vec<f64>,
}

impl Bins {
    /// As many bins as expect at least ten of `count` draws.
    fn new(variance: f64, count: usize) -> Self {
        let reach = (40.0 * variance.sqrt()) as i64 + 40;
        let weight = |x: i64| (-(x * x) as f64 / (2.0 * variance)).exp();
        let total: f64 = (-reach..=reach).map(weight).sum();
        let tail = |middle: i64| (middle + 1..=reach).rev().map(weight).sum::<f64>() / total;
        let least = 10.0 / count as f64;
        let enough = |&middle: &i64| weight(middle) / total >= least && tail(middle) >= least;
        let middle = (0..reach).take_while(enough).last().expect("more than twenty draws");
        let within = (-middle..=middle).map(|x| weight(x) / total);
        Self { middle, probabilities: [tail(middle)].into_iter().chain(within).chain([tail(middle)]).collect() }
    }

    /// Pearson's statistic and the threshold that it stays under.
    fn chi_square(&self, draws: &[i64]) -> (f64, f64) {
        let mut counts = vec![0.0; self.probabilities.len()];
        for &draw in draws {
            counts[(draw.clamp(-self.middle - 1, self.middle + 1) + self.middle + 1) as usize] += 1.0;
        }
        let count = draws.len() as f64;
        let cells = counts.iter().zip(&self.probabilities);
        let statistic = cells.map(|(seen, p)| (seen - count * p).powi(2) / (count * p)).sum();
        let degrees = (counts.len() - 1) as f64;
        (statistic, degrees + 2.0 * (degrees * FALSE_ALARM).sqrt() + 2.0 * FALSE_ALARM)
    }
}

/// The draws are a discrete Gaussian of this deviation. And the test can tell: they are not one of a deviation that is
/// wrong by `fault` either way.
fn hold(draws: &[i64], deviation: f64, fault: f64) {
    let check = |deviation: f64| Bins::new(deviation * deviation, draws.len()).chi_square(draws);
    let (statistic, threshold) = check(deviation);
    assert!(statistic < threshold, "deviation {deviation}: {statistic} over {threshold}");
    for wrong in [deviation * (1.0 + fault), deviation * (1.0 - fault)] {
        let (statistic, threshold) = check(wrong);
        assert!(statistic > threshold, "a deviation of {deviation} passes for {wrong}: {statistic} under {threshold}");
    }
}

/// Mean within 6 and variance within 7 standard errors: a false alarm in fewer than one test in 10⁸. From three units
/// on the fourth moment is the continuous Gaussian's, 3σ⁴.
#[cfg(feature = "simulate")]
fn hold_moments(draws: &[i64], deviation: f64) {
    let (count, variance) = (draws.len() as f64, deviation * deviation);
    let mean = draws.iter().map(|&x| x as f64).sum::<f64>() / count;
    assert!(mean.abs() < 6.0 * (variance / count).sqrt(), "mean {mean}");
    let square = draws.iter().map(|&x| (x as f64).powi(2)).sum::<f64>() / count;
    assert!((square / variance - 1.0).abs() < 7.0 * (2.0 / count).sqrt(), "variance {square} for {variance}");
}

fn shipped(deviation: f64, count: usize) -> Vec<i64> {
    let grid = gaussian(deviation).expect("a plain deviation").invoke(&vec![0; count]).expect("integers");
    grid.into_iter().map(i64::from).collect()
}

#[cfg(feature = "simulate")]
fn simulated(numerator: u64, denominator: u64, count: usize) -> Vec<i64> {
    let noise = sampler::DiscreteGaussian::new(numerator, denominator).expect("in range");
    let mut bits = sampler::Bits::seeded([42; 32]);
    (0..count).map(|_| noise.draw(&mut bits)).collect()
}

/// The sums of `parts` draws each.
fn summed(draws: &[i64], parts: usize) -> Vec<i64> {
    draws.chunks_exact(parts).map(|part| part.iter().sum()).collect()
}

const DEVIATIONS: [f64; 3] = [0.8, 3.0, 20.0];
/// The same, as variances.
#[cfg(feature = "simulate")]
const VARIANCES: [(u64, u64); 3] = [(16, 25), (9, 1), (400, 1)];

#[test]
fn the_shipped_noise_is_a_discrete_gaussian() {
    for deviation in DEVIATIONS {
        hold(&shipped(deviation, 100_000), deviation, 0.1);
    }
}

#[test]
#[ignore = "long: a million draws each"]
fn the_shipped_noise_is_a_discrete_gaussian_to_two_percent() {
    for deviation in DEVIATIONS {
        hold(&shipped(deviation, 1_000_000), deviation, 0.02);
    }
}

/// What a device releases, in both modes and at eight parts of a sum: the deviation is the one that the price is for.
#[test]
fn what_noise_returns_is_the_discrete_gaussian_that_was_charged() {
    let split = |p| Bound::split(1.0, 48, 4.0, p, 18).expect("a plain bound");
    let device = Bound::device(1.0, 3, 8.0, 18).expect("a plain bound");
    let released = |bound: Bound, count: usize| -> Vec<i64> {
        let clipped = crate::clip(&crate::Gradient::from_values(&vec![0.0; count]), bound);
        let noised = noise(clipped, tests::charge_for(bound)).expect("paid");
        noised.into_grid().into_iter().map(i64::from).collect()
    };
    for (bound, deviation) in [(device, 24.0), (split(0.0625), 3.0), (split(0.25), 12.0)] {
        hold(&released(bound, 100_000), deviation, 0.1);
    }
    hold(&summed(&released(split(0.0625), 800_000), 8), 3.0 * 8f64.sqrt(), 0.1);
}

#[cfg(feature = "simulate")]
#[test]
fn the_simulated_noise_is_a_discrete_gaussian() {
    for (deviation, (numerator, denominator)) in DEVIATIONS.into_iter().zip(VARIANCES) {
        hold(&simulated(numerator, denominator, 100_000), deviation, 0.1);
    }
}

#[cfg(feature = "simulate")]
#[test]
#[ignore = "long: ten million draws each"]
fn the_simulated_noise_is_a_discrete_gaussian_to_two_percent() {
    for (deviation, (numerator, denominator)) in DEVIATIONS.into_iter().zip(VARIANCES) {
        hold(&simulated(numerator, denominator, 10_000_000), deviation, 0.02);
    }
}

#[cfg(feature = "simulate")]
#[test]
fn simulated_noise_has_the_moments_that_it_claims() {
    for deviation in [3, 500, 1_000_000] {
        hold_moments(&simulated(deviation * deviation, 1, 100_000), deviation as f64);
    }
}

#[cfg(feature = "simulate")]
#[test]
fn simulated_parts_sum_to_the_whole() {
    for variance in [72u64, 3200] {
        let sums = summed(&simulated(variance, 8, 800_000), 8);
        hold(&sums, (variance as f64).sqrt(), 0.1);
        hold_moments(&sums, (variance as f64).sqrt());
    }
}
