//! How likely a place of a slate is to be looked at.

use crate::power::exp2;

/// The first place's is 1, and a place's falls with its number to the power of `eta`: Joachims et al. 2017, section 5.
///
/// By logarithms in f64, which are there anyway: exact for powers of two, and no power function to load.
pub(crate) fn propensity(place: u32, eta: f32) -> f64 {
    exp2(-f64::from(eta) * f64::from(place.max(1)).log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_with_the_place_to_the_power_of_eta() {
        assert_eq!([1, 2, 4, 64].map(|place| propensity(place, 1.0)), [1.0, 0.5, 0.25, 1.0 / 64.0]);
        assert_eq!([0, 1].map(|place| propensity(place, 3.0)), [1.0; 2]);
        for place in 1..70_000 {
            for eta in [0.0, 0.5, 1.0, 1.7, 4.0] {
                let power = f64::from(place).powf(-f64::from(eta));
                assert!((propensity(place, eta) / power - 1.0).abs() < 1e-13, "{place} {eta}");
            }
        }
    }
}
