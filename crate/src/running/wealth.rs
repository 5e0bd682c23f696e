//! Evidence as the wealth of someone who bets against the order that is shown.

use crate::stored::stored;

/// How much of the wealth is staked, for each of several players: which size of harm is to be found is not known.
const STAKES: [f64; 5] = [0.05, 0.1, 0.2, 0.4, 0.8];

/// No player may lose more than this part of the wealth in one slate.
const MOST_LOST: f64 = 0.95;

/// An e-process against "the leading order is not worse than the other", by betting on every slate.
///
/// A slate multiplies a player's wealth by 1 + stake·x, where the mean of x is at most 0 if that claim is true; so the
/// mean of the wealth stays at 1, and great wealth is evidence, whenever one looks (Waudby-Smith and Ramdas 2023; with
/// importance weights, whose rare large values only ever win: Karampatziakis, Mineiro and Ramdas 2021). Before each
/// slate the part `renewal` is taken away and given back as fresh capital, so that an order that turns bad late is
/// found too: in n slates wealth reaches w with a probability of at most (1 + renewal·n) / w (a sum of e-processes
/// started at each slate: Shin, Ramdas and Rinaldo 2024).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wealth {
    players: [f64; STAKES.len()],
}

stored!(Wealth { players });

impl Wealth {
    pub(super) fn new() -> Self {
        Self { players: [1.0 / STAKES.len() as f64; STAKES.len()] }
    }

    /// Settles one slate's bets on `x`, of which was known beforehand that it is no less than −`worst`.
    pub(super) fn settle(&mut self, x: f64, worst: f64, renewal: f64) {
        for (wealth, stake) in self.players.iter_mut().zip(STAKES) {
            let stake = if worst > 0.0 { stake.min(MOST_LOST / worst) } else { stake };
            let renewed = *wealth * (1.0 - renewal) + renewal / STAKES.len() as f64;
            *wealth = renewed * (1.0 + stake * x).max(1.0 - MOST_LOST);
        }
    }

    pub(super) fn fits(&self) -> bool {
        self.players.iter().all(|wealth| wealth.is_finite() && *wealth >= 0.0)
    }

    pub(super) fn total(&self) -> f64 {
        self.players.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_is_no_evidence() {
        let mut wealth = Wealth::new();
        (0..5_000).for_each(|_| wealth.settle(0.0, 1.0, 0.005));
        assert!((wealth.total() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_fair_game_makes_no_one_rich_on_average() {
        // Wins 3 with probability 1/4, loses 1 otherwise: all 4^6 ways of six slates, so nothing is left to chance.
        let (mut mean, rounds) = (0.0, 6);
        for way in 0..4_u32.pow(rounds) {
            let mut wealth = Wealth::new();
            (0..rounds).for_each(|round| {
                let won = (way / 4_u32.pow(round)).is_multiple_of(4);
                wealth.settle(if won { 3.0 } else { -1.0 }, 1.0, 0.005);
            });
            mean += wealth.total() / f64::from(4_u32.pow(rounds));
        }
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn the_worst_slate_leaves_something() {
        let mut wealth = Wealth::new();
        wealth.settle(-40.0, 40.0, 0.0);
        assert!(wealth.total() > 0.0);
    }
}
