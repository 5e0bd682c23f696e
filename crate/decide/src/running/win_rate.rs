//! How often either order won, of late.

use super::Interval;
use privet_base::stored;

/// Half of what is remembered of an interleaving is gone after fifty later ones.
const KEPT: f64 = 0.986_232_704_493_359;

/// Of a standard normal variable, 95% lies within this many deviations.
const DEVIATIONS: f64 = 1.959_964;

/// Sums over the interleavings that had a winner.
///
/// Each is an independent draw of whether the personal order wins, so the share that it won has Wilson's score interval
/// (1927), which is right where normal ones are not: for few draws, and for shares near 0 and 1. Older draws weigh
/// less, so their number is Kish's (1965), the square of the sum of the weights over the sum of their squares.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WinRate {
    personal: f64,
    all: f64,
    squares: f64,
}

stored!(WinRate { personal, all, squares });

impl WinRate {
    pub(super) fn new() -> Self {
        Self { personal: 0.0, all: 0.0, squares: 0.0 }
    }

    pub(super) fn add(&mut self, personal: bool) {
        self.personal = self.personal * KEPT + f64::from(u8::from(personal));
        self.all = self.all * KEPT + 1.0;
        self.squares = self.squares * KEPT * KEPT + 1.0;
    }

    pub(super) fn fits(&self) -> bool {
        (0.0..=self.all).contains(&self.personal) && self.all.is_finite() && self.squares.is_finite()
    }

    /// The share that the personal order won less the share that the server's did; `None` before there was a winner.
    pub(super) fn difference(&self) -> Option<Interval> {
        let Self { personal, all, squares } = self;
        if *all == 0.0 {
            return None;
        }
        let estimate = 2.0 * personal / all - 1.0;
        let doubt = DEVIATIONS * DEVIATIONS * squares / (all * all);
        let half = (doubt * (1.0 - estimate * estimate + doubt)).sqrt();
        let end = |half: f64| (estimate + half) / (1.0 + doubt);
        Some(Interval { estimate, low: end(-half), high: end(half) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    fn after(outcomes: impl IntoIterator<Item = bool>) -> Interval {
        let mut quality = WinRate::new();
        outcomes.into_iter().for_each(|personal| quality.add(personal));
        quality.difference().expect("there was a winner")
    }

    #[test]
    fn without_a_winner_nothing_is_claimed() {
        assert_eq!(WinRate::new().difference(), None);
    }

    #[test]
    fn half_is_forgotten_after_fifty() {
        assert!((KEPT.powi(50) - 0.5).abs() < 1e-12);
        let one = (0..50).fold(WinRate::new(), |mut quality, n| {
            quality.add(n == 0);
            quality
        });
        assert!((one.personal - KEPT.powi(49)).abs() < 1e-12 && one.personal < one.all);
    }

    #[test]
    fn it_is_the_textbooks_interval_for_few_draws() {
        // Wilson's interval of one in one is from 1 / (1 + z^2); of one in two, around a half.
        let one = after([true]);
        let low = 2.0 / (1.0 + DEVIATIONS * DEVIATIONS) - 1.0;
        assert!((one.low - low).abs() < 1e-12 && one.estimate == 1.0 && (one.high - 1.0).abs() < 1e-12, "{one:?}");
        let two = after([true, false]);
        assert!((two.low + two.high).abs() < 0.01 && (two.high - 0.8105).abs() < 0.005, "{two:?}");
    }

    /// As wide as 2 · 1.96 · 2 deviations of the weighted share of fair draws really are: an interval by the weights in
    /// place of their squares would be 1.4 times as wide, and still hold the truth.
    #[test]
    fn it_is_as_wide_as_what_it_tells_varies() {
        const RUNS: u32 = 2_000;
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let (mut squares, mut widths) = (0.0, 0.0);
        for _ in 0..RUNS {
            let told = after((0..300).map(|_| generator.random()));
            squares += told.estimate * told.estimate / f64::from(RUNS);
            widths += (told.high - told.low) / f64::from(RUNS);
        }
        let ratio = widths / (2.0 * DEVIATIONS * squares.sqrt());
        assert!((0.93..1.07).contains(&ratio), "{ratio} with seed 1");
    }
}
