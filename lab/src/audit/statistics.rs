//! What a count of wrong guesses proves: lower bounds on epsilon that hold in all but one run of twenty.

use statrs::function::{beta::beta_reg, erf::erfc, erf::erfc_inv};

/// How often a bound may lie above the truth. A half of it is for each of the two error rates.
pub(crate) const ALPHA: f64 = 0.05;

/// Halvings of an interval: more would not move an f64.
const HALVINGS: usize = 60;

/// The largest rate that explains so few errors in so many guesses, except with a chance of `alpha`: Clopper, Pearson 1934.
pub(crate) fn rate_upper(errors: u64, guesses: u64, alpha: f64) -> f64 {
    if errors >= guesses {
        return 1.0;
    }
    let (a, b) = (errors as f64 + 1.0, (guesses - errors) as f64);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta_reg(a, b, middle) < 1.0 - alpha { low = middle } else { high = middle }
    }
    high
}

/// Where an attacker guessed wrong: canaries that were missed, and nothing taken for a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errors {
    /// World A was there, and B was guessed.
    pub(crate) missed: u64,
    /// Of so many trials of world A.
    pub(crate) of_a: u64,
    /// World B was there, and A was guessed.
    pub(crate) alarms: u64,
    /// Of so many trials of world B.
    pub(crate) of_b: u64,
}

impl Errors {
    fn rates(self) -> (f64, f64) {
        let upper = |errors, guesses| rate_upper(errors, guesses, ALPHA / 2.0);
        (upper(self.missed, self.of_a), upper(self.alarms, self.of_b))
    }

    /// The least epsilon that these errors allow, whatever the mechanism is: Kairouz, Oh, Viswanath 2015.
    pub(crate) fn epsilon(self, delta: f64) -> f64 {
        let (missed, alarms) = self.rates();
        let bound = |one: f64, other: f64| ((1.0 - delta - one) / other).ln();
        // A quotient under 0 has no logarithm, and says nothing.
        bound(missed, alarms).max(bound(alarms, missed)).max(0.0)
    }

    /// The least mu that these errors allow, if the mechanism is Gaussian: Dong, Roth, Su 2022. One under 0 is 0: data
    /// without any difference prove nothing, and not the opposite.
    pub(crate) fn mu(self) -> f64 {
        let (missed, alarms) = self.rates();
        (quantile(1.0 - alarms) - quantile(missed)).max(0.0)
    }
}

/// The normal distribution's share under `x`.
pub(crate) fn normal(x: f64) -> f64 {
    erfc(-x / core::f64::consts::SQRT_2) / 2.0
}

/// Where the normal distribution has a share of `part` under it.
pub(crate) fn quantile(part: f64) -> f64 {
    -core::f64::consts::SQRT_2 * erfc_inv(2.0 * part)
}

/// The epsilon of mu-Gaussian DP at a delta: Dong, Roth, Su 2022, corollary 2.13.
pub(crate) fn epsilon_from_mu(mu: f64, delta: f64) -> f64 {
    if mu <= 0.0 {
        return 0.0;
    }
    let delta_at = |epsilon: f64| {
        let (near, far) = (-epsilon / mu + mu / 2.0, -epsilon / mu - mu / 2.0);
        // e^epsilon is too large for an f64 long before the product with what lies that far out is.
        let far = normal(far);
        normal(near) - if far > 0.0 { (epsilon + far.ln()).exp() } else { 0.0 }
    };
    let (mut low, mut high) = (0.0, mu * mu / 2.0 + 10.0 * mu);
    if delta_at(0.0) <= delta {
        return 0.0;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if delta_at(middle) > delta { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::splitmix::SplitMix64;

    /// Columns of a function, its inputs and its value, from another implementation.
    const ORACLE: &str = include_str!("../../../tests/vectors/audit.csv");

    fn number(inputs: &str, name: &str) -> f64 {
        let found = inputs.split([';', ',']).find_map(|input| input.trim().strip_prefix(name)?.strip_prefix('='));
        let digits = found.unwrap_or_else(|| panic!("{name} in {inputs}"));
        digits.split('(').next().and_then(|digits| digits.parse().ok()).expect("a number")
    }

    /// Rows of this function: its inputs, and what follows them.
    pub(crate) fn rows(function: &str) -> Vec<(String, String)> {
        let row = |line: &str| {
            let (inputs, value) = line.strip_prefix(function)?.strip_prefix(',')?.split_once(',')?;
            Some((inputs.to_owned(), value.to_owned()))
        };
        let rows: Vec<_> = ORACLE.lines().filter_map(row).collect();
        assert!(!rows.is_empty(), "{function}");
        rows
    }

    fn same(errors: u64) -> Errors {
        Errors { missed: errors, of_a: 5000, alarms: errors, of_b: 5000 }
    }

    #[test]
    fn rates_are_the_oracles() {
        for (inputs, value) in rows("clopper_pearson_upper") {
            let upper = rate_upper(number(&inputs, "k") as u64, number(&inputs, "n") as u64, number(&inputs, "alpha"));
            let value: f64 = value.parse().expect("a number");
            assert!((upper - value).abs() < 1e-9, "{inputs}: {upper} {value}");
        }
    }

    #[test]
    fn both_bounds_are_the_oracles() {
        for (inputs, value) in rows("gdp_cp_fixed_threshold") {
            let errors = same(number(&inputs, "FP") as u64);
            let (mu, epsilon) = (number(&value, "mu_lb"), number(&value, "eps_lb"));
            assert!((errors.mu() - mu).abs() < 1e-7, "{inputs}: {} {mu}", errors.mu());
            let ours = epsilon_from_mu(errors.mu(), 1e-5);
            assert!((ours - epsilon).abs() < 1e-6, "{inputs}: {ours} {epsilon}");
        }
        for (inputs, value) in rows("cp_fixed_threshold") {
            let (ours, value) = (same(number(&inputs, "FP") as u64).epsilon(1e-5), number(&value, "eps_lb"));
            assert!((ours - value).abs() < 1e-7, "{inputs}: {ours} {value}");
        }
    }

    #[test]
    fn data_without_a_difference_prove_nothing() {
        for errors in [2450, 2500, 2600, 4999, 5000] {
            let errors = same(errors);
            assert_eq!((errors.mu(), epsilon_from_mu(errors.mu(), 1e-5), errors.epsilon(1e-5)), (0.0, 0.0, 0.0));
        }
        // An attacker who guesses the opposite of what is there has guessed wrong, and no bound takes it for a hit.
        let turned = Errors { missed: 4900, of_a: 5000, alarms: 4900, of_b: 5000 };
        assert_eq!((turned.mu(), turned.epsilon(1e-5)), (0.0, 0.0));
    }

    /// The truth is over the bound in at least 95 of 100 runs; under 470 of 500 would come once in a hundred thousand runs.
    #[test]
    fn a_bound_lies_under_the_truth() {
        let mut generator = SplitMix64::new(7);
        let (mu, n) = (0.9, 2000);
        let run = |_| {
            let mut wrong = |mean: f64, guessed: fn(f64) -> bool| {
                (0..n).filter(|_| guessed(mean + generator.normal())).count() as u64
            };
            let (missed, alarms) = (wrong(mu, |x| x < 0.45), wrong(0.0, |x| x >= 0.45));
            Errors { missed, of_a: n, alarms, of_b: n }.mu() <= mu
        };
        let under = (0..500).map(run).filter(|&under| under).count();
        assert!(under >= 470, "{under}");
    }

    #[test]
    fn an_epsilon_grows_with_mu_and_falls_with_delta() {
        let mut last = 0.0;
        for mu in [1e-9, 0.01, 0.1, 0.5, 1.0, 3.0, 10.0, 100.0] {
            let epsilon = epsilon_from_mu(mu, 1e-5);
            assert!(epsilon >= last && epsilon.is_finite() && epsilon_from_mu(mu, 1e-3) <= epsilon, "{mu}: {epsilon}");
            last = epsilon;
        }
        // The oracle's pairs: a mu and the epsilon that it was made for.
        for (mu, claimed) in [(0.26805, 1.0), (0.50155, 2.0), (0.92493, 4.0), (1.666, 8.0)] {
            let epsilon = epsilon_from_mu(mu, 1e-5);
            assert!((epsilon - claimed).abs() < 1e-3, "{mu}: {epsilon}");
        }
    }
}
