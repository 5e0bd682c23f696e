//! What a charge means: from zCDP to (ε, δ), and the price of noise that many devices add together.
//!
//! Floating point enters here and nowhere near the noise. What is charged or shown is rounded upwards: every function
//! says by how much.

use core::f64::consts::PI;

use crate::NanoRho;

/// The ε at which `rho`-zCDP is (ε, `delta`)-DP: Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for
/// Differential Privacy", corollary 13.
///
/// ε = min over α > 1 of  α·ρ + ln(1/(αδ))/(α − 1) + ln(1 − 1/α), and never below 0.
///
/// Infinite where nothing is promised: for a `delta` outside (0, 1), and for the largest [`NanoRho`], which stands for
/// every rho that was too large to count.
///
/// With x = α − 1 and L = ln(1/δ) the derivative is ρ − (L − ln(1 + x))/x² (the terms in 1/(x(1 + x)) cancel). It has
/// the sign of h(x) = ρx² + ln(1 + x) − L, which rises strictly from −L < 0 without end: the minimum is the one root
/// of h, ε falls before it and rises after it. h(√(L/ρ)) > 0, so the root is found by halving (0, √(L/ρ)). The formula
/// holds at *every* α, so an x that misses the root gives an ε that is too large and never one that is too small.
pub fn epsilon_from_rho(rho: NanoRho, delta: f64) -> f64 {
    if !(delta > 0.0 && delta < 1.0) || rho == NanoRho(u64::MAX) {
        return f64::INFINITY;
    }
    if rho == NanoRho(0) {
        return 0.0;
    }
    let (rho, log) = (rho.rho(), -delta.ln());
    let (mut low, mut high) = (0.0, (log / rho).sqrt());
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        let falling = rho * middle * middle + middle.ln_1p() < log;
        if falling { low = middle } else { high = middle }
    }
    let x = high; // above zero from the start, and halved at most 64 times
    let (cost, slack, gain) = ((1.0 + x) * rho, x.ln_1p(), (1.0 / x).ln_1p());
    // A dozen roundings, each at most 2⁻⁵² of a term: 10⁻¹⁴ of all terms is more.
    let rounding = 1e-14 * (cost + (log + slack) / x + gain);
    (cost + (log - slack) / x - gain + rounding).max(0.0)
}

/// How many devices must be honest for the noise to be whole: h = ⌈(1 − t) · `min_cohort`⌉, for a tolerated t in
/// thousandths. In integers: 0.8 · 100 is 80 here. None at all where all may fail, and then nothing is admitted.
pub fn honest_parts(min_cohort: u32, tolerated_permille: u32) -> u32 {
    let honest_permille = 1000 - u64::from(tolerated_permille.min(1000));
    (honest_permille * u64::from(min_cohort)).div_ceil(1000) as u32
}

/// The variance of one device's noise part in square grid units, (z · S)² / h, and a little more.
///
/// The surplus of 2⁻⁴⁰ is twice the margin that [`rho_of_summed_parts`] adds: it pays for the margin, so that a round at
/// the limit of a policy is not refused over a rounding error.
pub fn part_variance(clip_norm: u32, noise_multiplier: f64, parts: u32) -> f64 {
    let deviation = noise_multiplier * f64::from(clip_norm);
    deviation * deviation / f64::from(parts) * (1.0 + 2.0 * MARGIN)
}

/// 2⁻⁴¹.
const MARGIN: f64 = 1.0 / (1u64 << 41) as f64;

/// The zCDP rho of the sum of `parts` noise parts, for one device's data against nothing: sensitivity S = `clip_norm`.
///
/// A sum of n discrete Gaussians is almost one of variance nσ². Kairouz, Liu, Steinke 2021, "The Distributed Discrete
/// Gaussian Mechanism for Federated Learning with Secure Aggregation", proposition 14 bounds what is missing, for
/// σ ≥ 1/2 and every order α ≥ 1, by the smaller of
///
/// - α·S²/(2nσ²) + τd, which is at most α·(S²/(2nσ²) + τd), and
/// - α/2 · (S/(√n·σ) + τ√d)²,
///
/// with τ = 10 · Σ exp(−2π²σ²·k/(k + 1)) over k from 1 to n − 1. Their theorem 1 sums the first up as ε²/2 with
/// ε² = S²/(nσ²) + τd/2, which is τd/4: the larger is charged. k/(k + 1) is at least 1/2, so
/// τ ≤ 10(n − 1)·exp(−π²σ²) without a loop; at σ = 3 that is under 10⁻³⁷ · n.
///
/// Infinite where the proposition does not hold: for no parts and for σ < 1/2. Rounded upwards: half a dozen roundings
/// of 2⁻⁵³, and in τ three more, times an exponent that is under 200 wherever τ counts at all, are an error under
/// 2·10⁻¹³; the result is raised by 2⁻⁴¹ > 4·10⁻¹³. That also covers noise whose deviation is the rounded root of
/// `part_variance`.
pub fn rho_of_summed_parts(clip_norm: u32, parts: u32, part_variance: f64, dimension: u32) -> f64 {
    if parts == 0 || part_variance.is_nan() || part_variance < 0.25 {
        return f64::INFINITY;
    }
    let variance = part_variance.min(1e30); // more noise costs no more, and nothing underflows
    let (parts, dimension) = (f64::from(parts), f64::from(dimension));
    let ideal = f64::from(clip_norm).powi(2) / (parts * variance);
    let tau = 10.0 * (parts - 1.0) * (-PI * PI * variance).exp();
    let added = ideal / 2.0 + tau * dimension;
    let shifted = (ideal.sqrt() + tau * dimension.sqrt()).powi(2) / 2.0;
    added.min(shifted) * (1.0 + MARGIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORACLE: &str = include_str!("../../tests/vectors/accounting.csv");

    /// What the formula gives at one α, term by term as it is printed.
    fn epsilon_at(alpha: f64, rho: f64, delta: f64) -> f64 {
        alpha * rho + (1.0 / (alpha * delta)).ln() / (alpha - 1.0) + (1.0 - 1.0 / alpha).ln()
    }

    #[test]
    fn epsilon_is_the_oracles_and_never_below_the_exact_one() {
        let mut rows = 0;
        for line in ORACLE.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [delta, rho, exact, expected] = [cells[6], cells[7], cells[11], cells[12]];
            if rho.is_empty() || expected.is_empty() {
                continue;
            }
            let micro: u64 = rho.replace('.', "").parse().expect("six decimals");
            let [delta, exact, expected] = [delta, exact, expected].map(|cell| cell.parse::<f64>().expect("a number"));
            let epsilon = epsilon_from_rho(NanoRho(micro * 1000), delta);
            // A relative 10⁻⁶, and 5·10⁻⁷ because the oracle's file has six decimals.
            assert!((epsilon - expected).abs() <= 1e-6 * expected + 5e-7, "{epsilon} {line}");
            assert!(epsilon >= exact - 5e-7, "{epsilon} {line}");
            rows += 1;
        }
        assert_eq!(rows, 15);
    }

    #[test]
    fn the_default_budget_is_an_epsilon_of_eight() {
        let epsilon = epsilon_from_rho(NanoRho(1_052_000_000), 1e-6);
        assert!((7.99..8.01).contains(&epsilon), "{epsilon}");
    }

    #[test]
    fn nothing_spent_is_nothing_lost_and_no_promise_is_infinite() {
        assert_eq!(epsilon_from_rho(NanoRho(0), 1e-6), 0.0);
        for delta in [0.0, -0.0, -1.0, 1.0, 2.0, f64::NAN, f64::INFINITY] {
            assert_eq!(epsilon_from_rho(NanoRho(0), delta), f64::INFINITY, "{delta}");
            assert_eq!(epsilon_from_rho(NanoRho(1), delta), f64::INFINITY, "{delta}");
        }
        assert_eq!(epsilon_from_rho(NanoRho::from_rho(f64::INFINITY), 1e-6), f64::INFINITY);
    }

    #[test]
    fn extreme_budgets_stay_between_the_trivial_bounds() {
        for nano in [1, 10, 1_000_000, 1_000_000_000, 1_000_000_000_000_000_000, u64::MAX - 1] {
            for delta in [5e-324, f64::MIN_POSITIVE, 1e-100, 1e-6, 0.5, 1.0f64.next_down()] {
                let (epsilon, rho) = (epsilon_from_rho(NanoRho(nano), delta), NanoRho(nano).rho());
                // Bun and Steinke 2016, proposition 1.3: the bound that everyone knows, and ours is no worse.
                let simple = rho + 2.0 * (rho * -delta.ln()).sqrt();
                assert!(epsilon >= 0.0 && epsilon <= simple * (1.0 + 1e-12), "{nano} {delta:e}: {epsilon} {simple}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_order_gives_a_smaller_epsilon(nano in 1_000_000u64..100_000_000_000, power in 1.0f64..30.0) {
            let (rho, delta) = (NanoRho(nano).rho(), 10f64.powf(-power));
            let epsilon = epsilon_from_rho(NanoRho(nano), delta);
            for step in 1..4000 {
                let alpha = 1.0 + 10f64.powf(f64::from(step) / 500.0 - 3.0);
                prop_assert!(epsilon <= epsilon_at(alpha, rho, delta).max(0.0) + 1e-9 * (1.0 + epsilon), "alpha {alpha}");
            }
        }

        /// Up to a rho of 1000, one nano-rho moves ε by far more than rounding does.
        #[test]
        fn a_nano_rho_more_is_never_less_epsilon(nano in 0u64..1_000_000_000_000, power in 0.1f64..300.0) {
            let delta = 10f64.powf(-power);
            prop_assert!(epsilon_from_rho(NanoRho(nano), delta) <= epsilon_from_rho(NanoRho(nano + 1), delta));
        }

        #[test]
        fn honest_parts_are_the_exact_ceiling(min_cohort in any::<u32>(), permille in 0u32..=1000) {
            let parts = u64::from(honest_parts(min_cohort, permille)) * 1000;
            let exact = u64::from(min_cohort) * u64::from(1000 - permille);
            prop_assert!(parts >= exact && parts < exact + 1000);
        }

        /// In integers, with a multiplier in eighths: f64 has no part in the comparison but the result.
        #[test]
        fn a_part_is_never_smaller_than_it_should_be(norm in 1u32..=1 << 24, eighths in 8u32..=800, parts in 1u32..=100_000) {
            let variance = part_variance(norm, f64::from(eighths) / 8.0, parts);
            let exact = u128::from(norm).pow(2) * u128::from(eighths).pow(2); // in 64ths, times the parts
            let scaled = (variance * f64::from(1u32 << 30)) as u128 * u128::from(parts) * 64;
            prop_assert!(scaled >= exact << 30);
            prop_assert!((scaled - (exact << 30)) as f64 <= 1e-12 * (exact << 30) as f64 + 64.0 * f64::from(parts));
        }

        #[test]
        fn parts_of_three_units_cost_the_ideal_and_hardly_more(
            norm in 1u32..=1 << 24, parts in 1u32..=100_000, deviation in 3.0f64..1e6, dimension in 1u32..=1 << 20,
        ) {
            let rho = rho_of_summed_parts(norm, parts, deviation * deviation, dimension);
            let ideal = (f64::from(norm) / deviation).powi(2) / f64::from(parts) / 2.0;
            prop_assert!(rho >= ideal && rho <= ideal * (1.0 + 1e-9), "{rho} {ideal}");
        }

        #[test]
        fn a_round_at_the_limit_is_charged_the_limit(norm in 1000u32..=1 << 24, parts in 1u32..=100_000) {
            let rho = rho_of_summed_parts(norm, parts, part_variance(norm, 4.0, parts).max(9.0), 4096);
            if part_variance(norm, 4.0, parts) >= 9.0 {
                prop_assert_eq!(NanoRho::from_rho(rho), NanoRho(31_250_000));
            } else {
                prop_assert!(NanoRho::from_rho(rho) <= NanoRho(31_250_000));
            }
        }
    }

    #[test]
    fn honest_parts_of_a_hundred_are_eighty() {
        assert_eq!([0, 200, 333, 999, 1000, 2000].map(|t| honest_parts(100, t)), [100, 80, 67, 1, 0, 0]);
        assert_eq!(honest_parts(u32::MAX, 0), u32::MAX);
    }

    #[test]
    fn one_part_is_the_plain_discrete_gaussian() {
        for (norm, deviation) in [(1u32, 0.5), (1024, 8192.0), (u32::MAX, 1e9)] {
            let rho = rho_of_summed_parts(norm, 1, deviation * deviation, 4096);
            let plain = (f64::from(norm) / deviation).powi(2) / 2.0;
            assert!(rho >= plain && rho <= plain * (1.0 + 1e-12), "{rho} {plain}");
        }
    }

    #[test]
    fn coarse_parts_cost_more_and_more_so_in_many_dimensions() {
        let rho = |dimension| rho_of_summed_parts(4, 10, 1.0, dimension);
        assert!(rho(1) > 0.8 && rho(16) > rho(1) * 1.001 && rho(256) > rho(16) * 1.01 && rho(4096) > rho(256) * 1.1);
    }

    /// The sum in τ as it is printed: of two parts it is the bound itself, of more it is under it.
    #[test]
    fn coarse_parts_are_charged_the_printed_bound() {
        for parts in [2u32, 3, 10, 100] {
            for variance in [0.25, 1.0, 2.0] {
                let (n, d) = (f64::from(parts), 64.0f64);
                let term = |k: u32| (-2.0 * PI * PI * variance * f64::from(k) / f64::from(k + 1)).exp();
                let tau = 10.0 * (1..parts).map(term).sum::<f64>();
                let printed = (16.0 / (2.0 * n * variance) + tau * d)
                    .min((4.0 / (n * variance).sqrt() + tau * d.sqrt()).powi(2) / 2.0);
                let charged = rho_of_summed_parts(4, parts, variance, 64);
                assert!(charged >= printed, "{parts} {variance}: {charged} {printed}");
                assert!(parts > 2 || charged <= printed * (1.0 + 1e-12), "{variance}: {charged} {printed}");
            }
        }
    }

    #[test]
    fn what_the_theorem_does_not_cover_is_infinite() {
        for (parts, variance) in [(0, 9.0), (2, 0.2499), (2, 0.0), (2, -1.0), (2, f64::NAN)] {
            assert_eq!(rho_of_summed_parts(1, parts, variance, 1), f64::INFINITY, "{parts} {variance}");
        }
        assert_eq!(rho_of_summed_parts(1, 0, part_variance(1, 1.0, 0), 1), f64::INFINITY, "nobody need be honest");
    }

    /// The sum's own probabilities, convolved; the divergence at many orders between it and itself moved by one.
    #[test]
    fn the_charge_covers_the_divergence_of_the_exact_sum() {
        for variance in [0.25, 0.36, 0.49, 1.0] {
            let reach = 40i32;
            let one: Vec<f64> = (-reach..=reach).map(|x| (-f64::from(x * x) / (2.0 * variance)).exp()).collect();
            let mut sum = one.clone();
            for parts in 2..=6u32 {
                sum = convolved(&sum, &one);
                let total: f64 = sum.iter().sum();
                sum.iter_mut().for_each(|p| *p /= total);
                for alpha in [1.001, 1.01, 1.1, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0] {
                    // Terms in the tails that an f64 cannot hold are left out: the divergence only shrinks.
                    let terms = sum.windows(2).filter(|pair| pair[0] > 1e-200 && pair[1] > 1e-200);
                    let logs: Vec<f64> = terms.map(|p| p[1].ln() + (p[1] / p[0]).ln() * (alpha - 1.0)).collect();
                    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let moment = top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln();
                    let exact = moment / (alpha - 1.0) / alpha;
                    for (norm, dimension) in [(1, 1), (2, 4), (10, 100)] {
                        let charged = rho_of_summed_parts(norm, parts, variance, dimension);
                        let exact = exact * f64::from(dimension); // all ones: the norm is the root of the dimension
                        assert!(charged >= exact * (1.0 - 1e-9), "{variance} {parts} {alpha}: {charged} < {exact}");
                    }
                }
            }
        }
    }

    fn convolved(a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; a.len() + b.len() - 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                sum[i + j] += x * y;
            }
        }
        sum
    }
}
