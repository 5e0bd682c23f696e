//! An e-process: evidence against the order that leads, as the wealth of someone who bets against it.

use privet_base::stored;

/// Which part of the wealth is staked on every interleaving: it grows the fastest where the other order wins seven of
/// ten.
const STAKE: f64 = 0.4;

/// Which part of the wealth is taken away before every bet, and given back as fresh capital.
const RENEWAL: f64 = 0.005;

/// Under this the question is as good as settled.
const SETTLED: f64 = 0.1;

/// An e-process against "the leading order wins an interleaving at least as often as the other", by betting on each
/// that has a winner.
///
/// A bet multiplies the wealth by 1 + stake where the other order won and by 1 − stake where the leading one did: by 1
/// on average, or less, if that claim is true. So the mean of the wealth stays at 1 at most, and great wealth is
/// evidence, whenever one looks (Waudby-Smith and Ramdas 2023). The renewal finds an order that turns bad late, too: in
/// n bets wealth reaches w with a probability of at most (1 + renewal·n) / w (a sum of e-processes started at each bet:
/// Shin, Ramdas and Rinaldo 2024).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EProcess {
    wealth: f64,
}

stored!(EProcess { wealth });

impl EProcess {
    pub(super) fn new() -> Self {
        Self { wealth: 1.0 }
    }

    /// Settles the bet that the other order wins.
    pub(super) fn settle(&mut self, won: bool) {
        self.wealth = (self.wealth * (1.0 - RENEWAL) + RENEWAL) * if won { 1.0 + STAKE } else { 1.0 - STAKE };
    }

    pub(super) fn fits(&self) -> bool {
        self.wealth.is_finite() && self.wealth >= 0.0
    }

    pub(super) fn total(&self) -> f64 {
        self.wealth
    }

    /// Whether it is still to be found out which order is better.
    pub(super) fn undecided(&self) -> bool {
        self.wealth >= SETTLED
    }
}

#[cfg(test)]
mod tests {
    use super::{super::LEAVE, *};
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    #[test]
    fn a_fair_game_makes_no_one_rich_on_average() {
        // All ways in which twelve bets can end, so nothing is left to chance.
        let (mut mean, bets) = (0.0, 12);
        for way in 0..1_u32 << bets {
            let mut wealth = EProcess::new();
            (0..bets).for_each(|bet| wealth.settle(way >> bet & 1 == 1));
            mean += wealth.total() / f64::from(1 << bets);
        }
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn what_was_lost_long_ago_does_not_weigh_for_ever() {
        let mut wealth = EProcess::new();
        (0..1_000).for_each(|_| wealth.settle(false));
        assert!(wealth.total() > RENEWAL && !wealth.undecided(), "{wealth:?}");
        (0..8).for_each(|_| wealth.settle(true));
        assert!(wealth.undecided(), "{wealth:?}");
    }

    /// Whether the server's order takes over within 60 slates, of which so many have a winner where they are interleaved.
    fn found(generator: &mut ChaCha8Rng, (undecided, decided): (u32, u32), winners: f64, won: f64) -> bool {
        let mut wealth = EProcess::new();
        (0..60).any(|_| {
            let every = if wealth.undecided() { undecided } else { decided };
            if generator.random_range(0..every) == 0 && generator.random_bool(winners) {
                wealth.settle(generator.random_bool(won));
            }
            wealth.total() >= LEAVE
        })
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "docs/ranking.md has the table")]
    fn an_order_that_wins_eight_of_ten_is_found_within_60_slates() {
        const RUNS: u32 = 2_000;
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let mut share = |every, winners, won| {
            let found = (0..RUNS).filter(|_| found(&mut generator, every, winners, won)).count();
            found as f64 / f64::from(RUNS)
        };
        for (name, every) in [("every slate", (1, 10)), ("every other", (2, 10)), ("one in ten", (10, 10))] {
            for winners in [0.5, 0.7, 0.9] {
                let found = [0.5, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95].map(|won| share(every, winners, won));
                println!("| {name} | {winners} | {found:.2?} |");
            }
        }
        assert!(share((1, 10), 0.7, 0.8) >= 0.95 && share((1, 10), 0.9, 0.5) <= 0.05);
    }
}
