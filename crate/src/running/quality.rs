//! The NDCG of both orders, estimated from weighted clicks.

use super::{DEPTH, Interval};
use crate::{power::exp2, stored::stored};

/// Half of what is remembered of a slate is gone after this many later ones.
const HALF_LIFE_SLATES: f64 = 200.0;

/// Of a standard normal variable, 95% lies within this many deviations.
const DEVIATIONS: f64 = 1.959_964;

/// What one slate's clicks say: the discounted gain of both orders, and how many items were relevant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Gains {
    pub(super) server: f64,
    pub(super) personal: f64,
    pub(super) relevant: f64,
}

/// Sums over slates from which NDCG and its intervals follow.
///
/// A slate's clicks, each weighted by the inverse of its propensity, estimate the discounted gain of *any* order of its
/// items (Joachims, Swaminathan and Schnabel 2017): without bias, but for the places so deep that their weight is cut
/// off. What the best order would have gained is not seen,
/// because what was not examined was not clicked. So NDCG here is the mean gain over the gain of the best order for
/// the mean number of relevant items: where that number varies between slates it is too low, for both orders by the
/// same factor. Intervals are normal ones, by the delta method.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quality {
    /// Sums of (1, server, personal, relevant), older slates weighing less.
    sums: [f64; 4],
    /// Sums of the products of those four, by the squares of the weights.
    products: [[f64; 4]; 4],
}

stored!(Quality { sums, products });

impl Quality {
    pub(super) fn new() -> Self {
        Self { sums: [0.0; 4], products: [[0.0; 4]; 4] }
    }

    pub(super) fn add(&mut self, gains: Gains) {
        let keep = exp2(-1.0 / HALF_LIFE_SLATES);
        let row = [1.0, gains.server, gains.personal, gains.relevant];
        for (i, sum) in self.sums.iter_mut().enumerate() {
            *sum = *sum * keep + row[i];
            for (j, product) in self.products[i].iter_mut().enumerate() {
                *product = *product * keep * keep + row[i] * row[j];
            }
        }
    }

    pub(super) fn fits(&self) -> bool {
        self.sums.iter().chain(self.products.iter().flatten()).all(|sum| sum.is_finite())
    }

    pub(super) fn server(&self) -> Option<Interval> {
        self.interval(1.0, 0.0, 0.0)
    }

    pub(super) fn personal(&self) -> Option<Interval> {
        self.interval(0.0, 1.0, 0.0)
    }

    /// Personal minus server.
    pub(super) fn difference(&self) -> Option<Interval> {
        self.interval(-1.0, 1.0, -1.0)
    }

    /// The NDCG of a combination of the two orders; `None` before the second slate and the first click.
    fn interval(&self, server: f64, personal: f64, least: f64) -> Option<Interval> {
        let [count, ..] = self.sums;
        let [_, mean_server, mean_personal, relevant] = self.sums.map(|sum| sum / count);
        let (best, slope) = best_gain(relevant);
        let slates = count * count / self.products[0][0];
        if !(best > 0.0 && slates > 1.5) {
            return None;
        }
        let gain = server * mean_server + personal * mean_personal;
        let estimate = gain / best;
        let pull = estimate * slope;
        let row = [pull * relevant - gain, server, personal, -pull];
        let square: f64 = (0..4).map(|i| (0..4).map(|j| row[i] * row[j] * self.products[i][j]).sum::<f64>()).sum();
        let half = DEVIATIONS * (square.max(0.0) * slates / (slates - 1.0)).sqrt() / (count * best);
        let bounded = |value: f64| value.clamp(least, 1.0);
        Some(Interval { estimate: bounded(estimate), low: bounded(estimate - half), high: bounded(estimate + half) })
    }
}

/// What an item gains at a rank from 0: 1 at the top, less further down, nothing below [`DEPTH`].
pub(super) fn gain(rank: usize) -> f64 {
    if rank < DEPTH { 1.0 / (rank as f64 + 2.0).log2() } else { 0.0 }
}

/// The gain of the best order for a number of relevant items, linear between whole numbers, and its slope.
fn best_gain(relevant: f64) -> (f64, f64) {
    let whole = relevant.max(0.0).floor();
    let rank = (whole as usize).min(DEPTH);
    let below: f64 = (0..rank).map(gain).sum();
    (below + (relevant - whole) * gain(rank), gain(rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_order_has_an_ndcg_of_one_and_no_width() {
        let mut quality = Quality::new();
        let best = 1.0 + gain(1);
        (0..50).for_each(|_| quality.add(Gains { server: best, personal: gain(3), relevant: 2.0 }));
        let server = quality.server().expect("two relevant items in each slate");
        assert!((server.estimate - 1.0).abs() < 1e-12 && server.high - server.low < 1e-6, "{server:?}");
        let difference = quality.difference().expect("as above");
        assert!((difference.estimate - (gain(3) / best - 1.0)).abs() < 1e-12, "{difference:?}");
    }

    #[test]
    fn without_a_click_nothing_is_claimed() {
        let mut quality = Quality::new();
        assert_eq!(quality.server(), None);
        (0..50).for_each(|_| quality.add(Gains::default()));
        assert_eq!(quality.difference(), None);
    }

    #[test]
    fn the_best_gain_is_linear_between_whole_numbers() {
        assert_eq!(best_gain(0.0), (0.0, 1.0));
        assert_eq!(best_gain(1.5), (1.0 + 0.5 * gain(1), gain(1)));
        assert_eq!(best_gain(1e9).1, 0.0);
    }
}
