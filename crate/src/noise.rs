//! Integer discrete Gaussian noise, drawn by `opendp` from the platform's random source.

use opendp::{
    core::Measurement,
    domains::{AtomDomain, VectorDomain},
    measurements::make_gaussian,
    measures::ZeroConcentratedDivergence,
    metrics::L2Distance,
};

use crate::{Bound, Charge, Clipped, Cost, Error, NanoRho, Result, accounting, entropy};

#[cfg(test)]
mod distribution;
#[cfg(test)]
mod filter;
#[cfg(feature = "simulate")]
pub mod sampler;
#[cfg(feature = "simulate")]
mod unnoised;
#[cfg(feature = "simulate")]
pub use unnoised::Unnoised;

/// Integers in, noised integers out, and what that costs in rho.
type Mechanism = Measurement<VectorDomain<AtomDomain<i32>>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i32>>;

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
/// it adds one part of several, `trusted` is the cost of their sum against this device's data or nothing, S apart.
pub fn cost(bound: Bound) -> Result<Cost> {
    let apart = 2.0 * f64::from(bound.clip_norm());
    let alone = mechanism(bound)?.map(&apart).map(NanoRho::from_rho).map_err(|_| Error::NoiseFailed)?;
    let trusted = match bound.parts() {
        1 => alone,
        parts => NanoRho::from_rho(accounting::rho_of_summed_parts(
            bound.clip_norm(),
            parts,
            bound.part_variance(),
            bound.dimension(),
        )),
    };
    Ok(Cost { trusted, alone })
}

/// Adds this device's noise, against a debit of exactly what it costs.
pub fn noise(clipped: Clipped, charge: Charge) -> Result<Noised> {
    let bound = clipped.bound();
    charge.spend_on(cost(bound)?)?;
    test_random_source()?;
    let grid = mechanism(bound)?.invoke(&clipped.into_grid()).map_err(|_| Error::NoiseFailed)?;
    Ok(Noised { grid })
}

/// Noise as a device would draw it, over nothing: for a dry run. There is no data in it, and it is nobody's release.
pub(crate) fn sample(bound: Bound) -> Result<Vec<i32>> {
    test_random_source()?;
    let nothing = vec![0; bound.dimension() as usize];
    mechanism(bound)?.invoke(&nothing).map_err(|_| Error::NoiseFailed)
}

fn mechanism(bound: Bound) -> Result<Mechanism> {
    gaussian(bound.deviation())
}

fn gaussian(deviation: f64) -> Result<Mechanism> {
    let domain = VectorDomain::new(AtomDomain::<i32>::default());
    make_gaussian(domain, L2Distance::default(), deviation, None).map_err(|_| Error::NoiseFailed)
}

/// Refuses a random source that is missing or constant, before a debit and again before the noise.
///
/// Both ways to the platform are asked: the one that keys and seeds take, and the one that opendp's generator is seeded
/// by, which panics where there is none. Only the platform can show a constant: a generator with a constant seed still
/// draws numbers that differ.
pub(crate) fn test_random_source() -> Result<()> {
    entropy::test(entropy::platform)?;
    entropy::test(|bytes| getrandom_opendp::getrandom(bytes).is_ok())
}

#[cfg(test)]
impl Noised {
    /// What a device with this gradient would upload for a round: paid for and noised like any other.
    pub(crate) fn example(round: &crate::Round, gradient: &[f32]) -> Result<Self> {
        let limits = crate::Limits { lifetime: NanoRho(u64::MAX), ..crate::Policy::at_once().limits() };
        let mut ledger = crate::Ledger::open(&[], limits)?;
        let step = ledger.reserve(&[], ("demo", 1, [1; 16]), cost(round.bound()?)?, 0)?;
        let charge = ledger.persisted(step)?;
        noise(crate::clip(&crate::Gradient::from_values(gradient), round.bound()?), charge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gradient, Ledger, Policy, clip};

    fn bound(noise_multiplier: f64) -> Bound {
        Bound::new(1.0, 1 << 10, noise_multiplier, 1, 18).expect("a plain bound")
    }

    fn charge(amount: NanoRho) -> Charge {
        let mut ledger = Ledger::open(&[], Policy::at_once().limits()).expect("a new one");
        let step = ledger.reserve(&[], ("demo", 1, [1; 16]), Cost::alone(amount), 0).expect("within the budget");
        ledger.persisted(step).expect("it is the next step")
    }

    #[test]
    fn a_part_of_the_noise_costs_the_sum_where_others_are_honest_and_more_where_none_is() {
        let bound = Bound::new(1.0, 1 << 10, 8.0, 80, 18).expect("a plain bound");
        let Cost { trusted, alone } = cost(bound).expect("a plain bound");
        assert!((bound.deviation() * 80f64.sqrt() / (8.0 * 1024.0) - 1.0).abs() < 1e-9);
        // S²/(2(zS)²) = 1/128, and the 2S of a replacement against one part of 80: 4 · 80 / 128.
        assert_eq!(trusted.0, 7_812_500);
        assert_eq!(alone.0, 2_500_000_000);
    }

    #[test]
    fn a_release_costs_two_over_the_square_of_the_multiplier() {
        for (multiplier, rho) in [(8.0, 0.03125), (4.0, 0.125), (1.0, 2.0)] {
            let rho = NanoRho::from_rho(rho);
            assert_eq!(cost(bound(multiplier)), Ok(Cost { trusted: rho, alone: rho }));
        }
    }

    #[test]
    fn a_debit_of_another_cost_releases_nothing() {
        for charged in [31_249_999, 31_250_001] {
            let clipped = clip(&Gradient::from_values(&[0.5; 4]), bound(8.0));
            let refused = noise(clipped, charge(NanoRho(charged))).err();
            assert_eq!(refused, Some(Error::NotCharged { charged, cost: 31_250_000 }));
        }
    }

    /// Mean within 5 and variance within 6 standard errors over 20,000 draws: a false alarm in fewer than one run in
    /// a million.
    #[test]
    fn the_noise_has_the_mean_and_variance_that_were_paid_for() {
        let (bound, n) = (bound(8.0), 20_000);
        let clipped = clip(&Gradient::from_values(&vec![0.0; n]), bound);
        let grid = noise(clipped, charge(NanoRho(31_250_000))).expect("paid").into_grid();
        let variance = (8.0 * 1024.0f64).powi(2);
        let count = n as f64;
        let mean = grid.iter().map(|&entry| f64::from(entry)).sum::<f64>() / count;
        assert!(mean.abs() < 5.0 * (variance / count).sqrt(), "mean {mean}");
        let square = grid.iter().map(|&entry| f64::from(entry).powi(2)).sum::<f64>() / count;
        assert!((square / variance - 1.0).abs() < 6.0 * (2.0 / count).sqrt(), "variance {square}");
    }

    #[test]
    fn the_random_source_of_this_platform_passes_its_test() {
        assert_eq!(test_random_source(), Ok(()));
    }
}
