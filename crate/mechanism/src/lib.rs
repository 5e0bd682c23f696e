//! `opendp`'s discrete Gaussian, and a look at the source that it draws from: for a device's noise and for an aggregator's.

use opendp::{
    core::Measurement,
    domains::{AtomDomain, VectorDomain},
    measurements::make_gaussian,
    measures::ZeroConcentratedDivergence,
    metrics::L2Distance,
};

use privet_accounting::NanoRho;
use privet_base::{Result, entropy};

mod refusal;

pub use refusal::Refusal;

/// Integers in, noised integers out, and what that costs in rho.
pub type Mechanism = Measurement<VectorDomain<AtomDomain<i32>>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i32>>;

/// Noise of this deviation on every entry.
pub fn gaussian(deviation: f64) -> Result<Mechanism> {
    let domain = VectorDomain::new(AtomDomain::<i32>::default());
    make_gaussian(domain, L2Distance::default(), deviation, None).map_err(|_| Refusal::NoiseFailed.into())
}

/// What noise of this deviation costs between two vectors so far apart, by `opendp`'s own map, rounded upwards.
pub fn price(deviation: f64, apart: f64) -> Result<NanoRho> {
    gaussian(deviation)?.map(&apart).map(NanoRho::from_rho).map_err(|_| Refusal::NoiseFailed.into())
}

/// Noise of this deviation over nothing.
pub fn draw(deviation: f64, dimension: u32) -> Result<Vec<i32>> {
    test_random_source()?;
    gaussian(deviation)?.invoke(&vec![0; dimension as usize]).map_err(|_| Refusal::NoiseFailed.into())
}

/// Refuses a random source that is missing or constant, before a debit and again before the noise.
///
/// Both ways to the platform are asked: the one that keys and seeds take, and the one that opendp's generator is seeded
/// by, which panics where there is none. Only the platform can show a constant: a generator with a constant seed still
/// draws numbers that differ.
pub fn test_random_source() -> Result<()> {
    entropy::test(entropy::platform)?;
    entropy::test(|bytes| getrandom_opendp::getrandom(bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_source_of_this_platform_passes_its_test() {
        assert_eq!(test_random_source(), Ok(()));
    }
}
