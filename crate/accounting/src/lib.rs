//! What a charge means: from zCDP to (ε, δ), and the price of noise.
//!
//! Floating point enters here and nowhere near the noise. What is charged or shown is rounded upwards: every function
//! says by how much.

mod rho;

pub use rho::{Adjacency, Cost, NanoRho, Spent};

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

/// The zCDP rho of Gaussian noise of this deviation over integers, between two vectors so far apart: Canonne, Kamath,
/// Steinke 2020, theorem 14. What is charged comes out of `opendp`'s own map of it, rounded upwards; this is the formula
/// for whoever has no `opendp`.
pub fn rho_of_gaussian(apart: f64, deviation: f64) -> f64 {
    (apart / deviation).powi(2) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORACLE: &str = include_str!("../../../tests/vectors/accounting.csv");

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

    }
}
