//! Integer discrete Gaussian noise, drawn by `opendp` from the platform's random source.

use crate::{Charge, Clipped};
use privet_accounting::{Adjacency, Cost};
use privet_base::Result;
#[cfg(feature = "simulate")]
pub(crate) use privet_mechanism::Mechanism;
use privet_mechanism::{draw, gaussian, price, test_random_source};
use privet_wire::Bound;

#[cfg(test)]
mod distribution;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod price;
#[cfg(feature = "simulate")]
pub mod sampler;
#[cfg(feature = "simulate")]
mod unnoised;
#[cfg(feature = "simulate")]
pub use unnoised::Unnoised;

/// A clipped gradient with noise added: the only thing an [`crate::Upload`] accepts.
///
/// No public way makes one but [`noise`]. A `trybuild` test holds that an upload of a [`Clipped`] does not build, and
/// a check of the sources that nothing else returns a `Noised`.
pub struct Noised {
    grid: Vec<i32>,
}

impl Noised {
    pub(crate) fn into_grid(self) -> Vec<i32> {
        self.grid
    }

    pub(crate) fn grid(&self) -> &[i32] {
        &self.grid
    }
}

/// What a release under `bound` costs.
///
/// `alone` is the worst case that nobody else is honest: this device's noise hides *any* data against *any other*, two
/// clipped vectors that are at most 2S apart. Where this device adds all the noise that is all there is to say. Where
/// each aggregator adds noise of its own to its sum, one honest one hides this device's data against nothing, S apart,
/// from the other and from all other devices together: `trusted`. This device's own noise only adds to that.
pub fn cost(bound: Bound) -> Result<Cost> {
    let norm = f64::from(bound.clip_norm());
    let alone = price(bound.deviation(), 2.0 * norm)?;
    match bound.sum_deviation() {
        None => Ok(Cost::alone(alone)),
        Some(deviation) => Ok(Cost { trusted: price(deviation, norm)?, adjacency: Adjacency::Zeroed, alone }),
    }
}

/// Adds this device's noise, against a debit of exactly what it costs.
pub fn noise(clipped: Clipped, charge: Charge) -> Result<Noised> {
    let bound = clipped.bound();
    charge.spend_on(cost(bound)?)?;
    test_random_source()?;
    let grid = gaussian(bound.deviation())?
        .invoke(&clipped.into_grid())
        .map_err(|_| privet_mechanism::Refusal::NoiseFailed)?;
    Ok(Noised { grid })
}

/// Noise as a device would draw it, over nothing: for a dry run. There is no data in it, and it is nobody's release.
pub(crate) fn sample(bound: Bound) -> Result<Vec<i32>> {
    draw(bound.deviation(), bound.dimension())
}

#[cfg(test)]
impl Noised {
    /// What a device with this gradient would upload for a round: paid for and noised like any other.
    pub(crate) fn example(round: &privet_wire::Round, gradient: &[f32]) -> Result<Self> {
        let charge = Charge::example(cost(round.bound()?)?)?;
        noise(crate::clip(&crate::Gradient::from_values(gradient), round.bound()?), charge)
    }
}

#[cfg(test)]
impl Charge {
    /// A debit of this cost, whatever it is.
    pub(crate) fn example(cost: Cost) -> Result<Self> {
        let most = privet_accounting::NanoRho(u64::MAX);
        let all = privet_terms::Policy::at_once().limits();
        let limits = privet_terms::Limits { lifetime: most, per_round: most, alone_per_round: most, ..all };
        let mut ledger = crate::Ledger::open(&[], limits)?;
        let debit = crate::Debit { task: "demo".into(), round: 1, deadline_s: 1, id: [1; 16], cost };
        let step = ledger.reserve(&[], debit, 0)?;
        ledger.persisted(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;
    use crate::{Gradient, clip};
    use privet_accounting::NanoRho;

    fn bound(noise_multiplier: f64) -> Bound {
        Bound::device(1.0, 1 << 10, noise_multiplier, 18).expect("a plain bound")
    }

    fn charge(amount: NanoRho) -> Charge {
        Charge::example(Cost::alone(amount)).expect("any cost may be debited")
    }

    pub(super) fn charge_for(bound: Bound) -> Charge {
        Charge::example(cost(bound).expect("a plain bound")).expect("any cost may be debited")
    }

    #[test]
    fn one_honest_aggregators_noise_costs_its_own_and_a_part_alone_more() {
        let bound = Bound::split(1.0, 1 << 10, 4.0, 0.25, 18).expect("a plain bound");
        // S²/(2(4S)²) = 1/32 against nothing; (2S)²/(2(S/4)²) = 32 against any other where both collude.
        let (trusted, alone) = (NanoRho(31_250_000), NanoRho(32_000_000_000));
        assert_eq!(cost(bound), Ok(Cost { trusted, adjacency: Adjacency::Zeroed, alone }));
    }

    #[test]
    fn a_release_costs_two_over_the_square_of_the_multiplier() {
        for (multiplier, rho) in [(8.0, 0.03125), (4.0, 0.125), (1.0, 2.0)] {
            let rho = NanoRho::from_rho(rho);
            assert_eq!(cost(bound(multiplier)), Ok(Cost::alone(rho)));
        }
    }

    #[test]
    fn a_debit_of_another_cost_releases_nothing() {
        for charged in [31_249_999, 31_250_001] {
            let clipped = clip(&Gradient::from_values(&[0.5; 4]), bound(8.0));
            let refused = noise(clipped, charge(NanoRho(charged))).err();
            assert_eq!(refused, Some(Refusal::NotCharged { charged, cost: 31_250_000 }.into()));
        }
    }

    /// Mean within 5 and variance within 6 standard errors over 20,000 draws: a false alarm in fewer than one run in
    /// a million. What is drawn is what `noise` returns, not what a mechanism would.
    #[test]
    fn the_noise_that_is_released_has_the_mean_and_variance_that_were_paid_for() {
        let n = 20_000;
        for (bound, deviation) in [
            (bound(8.0), 8.0 * 1024.0),
            (Bound::split(1.0, 1 << 10, 4.0, 0.25, 18).expect("a plain bound"), 256.0),
            (Bound::split(1.0, 48, 4.0, 0.0625, 18).expect("a plain bound"), 3.0),
        ] {
            let clipped = clip(&Gradient::from_values(&vec![0.0; n]), bound);
            let grid = noise(clipped, charge_for(bound)).expect("paid").into_grid();
            let (variance, count) = (deviation * deviation, n as f64);
            let mean = grid.iter().map(|&entry| f64::from(entry)).sum::<f64>() / count;
            assert!(mean.abs() < 5.0 * (variance / count).sqrt(), "mean {mean}");
            let square = grid.iter().map(|&entry| f64::from(entry).powi(2)).sum::<f64>() / count;
            assert!((square / variance - 1.0).abs() < 6.0 * (2.0 / count).sqrt(), "variance {square} for {variance}");
        }
    }
}
