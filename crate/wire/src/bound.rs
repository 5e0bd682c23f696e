//! What a round's numbers come to: how far a contribution may reach, and how much noise hides it.

use privet_base::{Result, decimal};

use crate::Refusal;

/// How far a contribution may reach, and the noise that hides it. It comes out of the round and travels with the
/// clipped vector, so that noise is always scaled to what was really clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    clip_norm: u32,
    grid_scale: u32,
    dimension: u32,
    noise: Noise,
}

/// Who adds how much noise, in multiples of S.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Noise {
    /// This device adds all of it, z.
    Device(f64),
    /// Each of two aggregators adds z to its sum; this device adds p, for the case that both are dishonest.
    Split(f64, f64),
}

impl Bound {
    /// S = ⌊C · s⌋ grid units for a clip norm C and a grid of s units; this device adds noise of z · S.
    pub fn device(clip_norm: f64, grid_scale: u32, noise_multiplier: f64, dimension: u32) -> Result<Self> {
        Self::new(clip_norm, grid_scale, dimension, Noise::Device(multiplier(noise_multiplier)?))
    }

    /// The same where each aggregator adds noise of z · S to its sum, and this device adds p · S.
    pub fn split(
        clip_norm: f64,
        grid_scale: u32,
        noise_multiplier: f64,
        part_multiplier: f64,
        dimension: u32,
    ) -> Result<Self> {
        if !(part_multiplier > 0.0 && part_multiplier <= 100.0) {
            return refuse("the part multiplier", part_multiplier, "above 0 and at most 100");
        }
        Self::new(clip_norm, grid_scale, dimension, Noise::Split(multiplier(noise_multiplier)?, part_multiplier))
    }

    fn new(clip_norm: f64, grid_scale: u32, dimension: u32, noise: Noise) -> Result<Self> {
        let norm = (clip_norm * f64::from(grid_scale)).floor();
        if !(1.0..=f64::from(1 << 24)).contains(&norm) {
            return refuse("the clip norm", norm, "between 1 and 2^24 grid units");
        }
        Ok(Self { clip_norm: norm as u32, grid_scale, dimension, noise })
    }

    /// S, the largest Euclidean norm in grid units.
    pub fn clip_norm(&self) -> u32 {
        self.clip_norm
    }

    /// How many grid units are 1.
    pub fn grid_scale(&self) -> u32 {
        self.grid_scale
    }

    /// How many entries the vector has.
    pub fn dimension(&self) -> u32 {
        self.dimension
    }

    /// The standard deviation of this device's noise in grid units.
    pub fn deviation(&self) -> f64 {
        let (Noise::Device(multiple) | Noise::Split(_, multiple)) = self.noise;
        multiple * f64::from(self.clip_norm)
    }

    /// The standard deviation in grid units of the noise that each aggregator adds to its sum; none where devices add
    /// all of it.
    pub fn sum_deviation(&self) -> Option<f64> {
        match self.noise {
            Noise::Device(_) => None,
            Noise::Split(multiple, _) => Some(multiple * f64::from(self.clip_norm)),
        }
    }

    /// The variance in square grid units of an opened sum over this many devices: (2z² + n·p²)·S², or n·z²·S².
    pub fn sum_variance(&self, devices: u32) -> f64 {
        let of_devices = f64::from(devices) * self.deviation().powi(2);
        of_devices + 2.0 * self.sum_deviation().unwrap_or(0.0).powi(2)
    }
}

fn multiplier(noise_multiplier: f64) -> Result<f64> {
    if (1.0..=100.0).contains(&noise_multiplier) {
        return Ok(noise_multiplier);
    }
    refuse("the noise multiplier", noise_multiplier, "between 1 and 100")
}

fn refuse<T>(what: &'static str, is: f64, must: &str) -> Result<T> {
    Err(Refusal::RoundRefused { what, is: decimal(is), must: must.into() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bounds_are_refused() {
        for (norm, scale, multiplier) in
            [(0.0, 1, 8.0), (f64::NAN, 1, 8.0), (1.0, u32::MAX, 8.0), (1.0, 1, 0.5), (1.0, 1, f64::NAN), (-1.0, 1, 8.0)]
        {
            let refused = Bound::device(norm, scale, multiplier, 18).map_err(|error| error.code());
            assert_eq!(refused, Err("round-refused"), "{norm} {scale} {multiplier}");
        }
    }

    #[test]
    fn the_ends_of_what_is_allowed_are_allowed() {
        for (norm, scale, multiplier) in
            [(1.0, 1, 8.0), (1.0, 1 << 24, 8.0), (1.0, 16, 1.0), (1.0, 16, 100.0), (0.5, 3, 1.0)]
        {
            let bound = Bound::device(norm, scale, multiplier, 18).expect("just within");
            assert_eq!(f64::from(bound.clip_norm()), (norm * f64::from(scale)).floor());
            assert_eq!((bound.grid_scale(), bound.dimension(), bound.sum_deviation()), (scale, 18, None));
        }
        for (norm, scale, multiplier) in
            [(0.999, 1, 8.0), (1.0, (1 << 24) + 1, 8.0), (1.0, 16, 0.999), (1.0, 16, 100.001)]
        {
            assert!(Bound::device(norm, scale, multiplier, 18).is_err(), "{norm} {scale} {multiplier}");
        }
    }

    #[test]
    fn a_part_is_small_beside_what_the_aggregators_add_and_still_some() {
        let bound = |z, p| Bound::split(1.0, 16, z, p, 18);
        let split = bound(4.0, 0.25).expect("a plain bound");
        assert_eq!((split.deviation(), split.sum_deviation()), (4.0, Some(64.0)));
        assert_eq!(split.sum_variance(100), 2.0 * 64.0 * 64.0 + 100.0 * 16.0);
        assert_eq!(Bound::device(1.0, 16, 8.0, 18).expect("plain").sum_variance(100), 100.0 * 128.0 * 128.0);
        for (z, p) in [(1.0, 1e-9), (100.0, 100.0)] {
            assert!(bound(z, p).is_ok(), "{z} {p}");
        }
        for (z, p) in [(4.0, 0.0), (4.0, -0.25), (4.0, 100.001), (4.0, f64::NAN), (0.999, 0.25), (100.001, 0.25)] {
            assert_eq!(bound(z, p).map_err(|error| error.code()), Err("round-refused"), "{z} {p}");
        }
    }
}
