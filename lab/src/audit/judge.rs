//! From what an attacker saw in two worlds to what it proves.

use std::ops::RangeInclusive;

use super::statistics::{Errors, epsilon_from_mu};

/// One trial in each world: the score in A, the score in B.
pub(crate) type Pair = [f64; 2];

/// How many thresholds are tried on the half that chooses, evenly by the share of scores under them.
const LEVELS: usize = 1000;
/// Fewer would leave a half with nothing to choose or to judge by.
pub(crate) const LEAST_TRIALS: u64 = 20;

/// The rule, in words, as it is printed before the first draw.
pub(crate) const RULE: &str = "Rule: guess A where the score reaches a threshold. Trials with even numbers choose the threshold, \
     of 999 quantiles of their scores in both worlds the one with the largest bound, for `gaussian` of the 501 in the middle; \
     those with odd numbers judge.";

/// A lower bound on epsilon, and how it was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    /// Epsilon is at least this in 19 of 20 audits.
    pub(crate) epsilon: f64,
    /// From here on the guess is A.
    pub(crate) threshold: f64,
    /// What was guessed wrong by it in the half that judges.
    pub(crate) errors: Errors,
}

/// What was found of one claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judged {
    /// If the mechanism is Gaussian.
    pub(crate) gaussian: Found,
    /// Whatever it is.
    pub(crate) plain: Found,
}

impl Judged {
    /// The larger of both bounds.
    pub(crate) fn epsilon(&self) -> f64 {
        self.gaussian.epsilon.max(self.plain.epsilon)
    }
}

/// Judges by the rule.
pub(crate) fn judge(trials: &[Pair], delta: f64) -> Judged {
    let half = |parity: usize| Sorted::new(trials.iter().skip(parity).step_by(2));
    let (choosing, judging) = (half(0), half(1));
    let found = |levels, epsilon: &dyn Fn(Errors) -> f64| {
        let threshold = choosing.best(levels, epsilon);
        let errors = judging.errors(threshold);
        Found { epsilon: epsilon(errors), threshold, errors }
    };
    Judged {
        gaussian: found(LEVELS / 4..=3 * LEVELS / 4, &|errors| epsilon_from_mu(errors.mu(), delta)),
        plain: found(1..=LEVELS - 1, &|errors| errors.epsilon(delta)),
    }
}

/// The scores of some trials, in order.
struct Sorted {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Sorted {
    fn new<'a>(trials: impl Iterator<Item = &'a Pair>) -> Self {
        let (mut a, mut b): (Vec<f64>, Vec<f64>) = trials.map(|&[a, b]| (a, b)).unzip();
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        Self { a, b }
    }

    fn errors(&self, threshold: f64) -> Errors {
        let under = |scores: &[f64]| scores.partition_point(|&score| score < threshold) as u64;
        let of_b = self.b.len() as u64;
        Errors { missed: under(&self.a), of_a: self.a.len() as u64, alarms: of_b - under(&self.b), of_b }
    }

    /// The threshold with the largest bound; where none proves anything, the middle one.
    ///
    /// A Gaussian's mu is the same at each, and surest in the middle: out there only luck is chosen.
    fn best(&self, levels: RangeInclusive<usize>, epsilon: &dyn Fn(Errors) -> f64) -> f64 {
        let mut all = [&self.a[..], &self.b].concat();
        all.sort_by(f64::total_cmp);
        let at = |level: usize| all[(level * all.len() / LEVELS).min(all.len() - 1)];
        let off_centre = |level: usize| level.abs_diff(LEVELS / 2);
        let bounds = levels.map(|level| (epsilon(self.errors(at(level))), level));
        let better = |one: &(f64, usize), other: &(f64, usize)| {
            one.0.total_cmp(&other.0).then(off_centre(other.1).cmp(&off_centre(one.1)))
        };
        bounds.max_by(better).map_or(0.0, |(_, level)| at(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::splitmix::SplitMix64;

    fn drawn(apart: f64, count: usize) -> Vec<Pair> {
        let mut generator = SplitMix64::new(11);
        (0..count).map(|_| [apart + generator.normal(), generator.normal()]).collect()
    }

    #[test]
    fn two_gaussians_are_found_to_be_as_far_apart_as_they_are() {
        // The oracle's simulations: a claimed epsilon of 4 at N = 10,000 gives 3.64, 3.42 in the worst run of twenty.
        let judged = judge(&drawn(0.92493, 20_000), 1e-5);
        assert!((3.3..4.0).contains(&judged.gaussian.epsilon), "{judged:?}");
        assert!((1.4..4.0).contains(&judged.plain.epsilon), "{judged:?}");
        assert_eq!(judged.gaussian.errors.of_a, 10_000);
    }

    #[test]
    fn one_world_twice_proves_nothing() {
        let judged = judge(&drawn(0.0, 10_000), 1e-5);
        assert!(judged.epsilon() < 0.1, "{judged:?}");
        assert_eq!(judge(&[[3.0; 2]; 1000], 1e-5).epsilon(), 0.0);
    }

    #[test]
    fn worlds_that_are_apart_in_every_trial_prove_as_much_as_so_many_trials_can() {
        let judged = judge(&[[1.0, 0.0]; 1000], 1e-5);
        assert!(judged.plain.epsilon > 4.0 && judged.gaussian.epsilon > 10.0, "{judged:?}");
        assert_eq!(judged.plain.errors, Errors { missed: 0, of_a: 500, alarms: 0, of_b: 500 });
    }
}
