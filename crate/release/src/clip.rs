//! From a gradient of any size to integers whose norm is bounded without a doubt.

use crate::Gradient;
use privet_wire::Bound;

/// A gradient on the integer grid with a norm of at most its [`Bound`]. It never leaves the device: only
/// [`crate::noise`] takes it.
pub struct Clipped {
    grid: Vec<i32>,
    bound: Bound,
}

impl Clipped {
    /// The entries in grid units.
    pub(crate) fn grid(&self) -> &[i32] {
        &self.grid
    }

    /// What the entries were clipped to.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    pub(crate) fn into_grid(self) -> Vec<i32> {
        self.grid
    }
}

/// Puts `gradient` on the grid with a norm of at most `bound`'s.
///
/// Truncation only shortens, and the last check is in integers, so the bound is exact. A gradient that is not finite
/// becomes zero: an error would single this device out.
pub fn clip(gradient: &Gradient, bound: Bound) -> Clipped {
    let (unit, largest) = (f64::from(bound.grid_scale()), f64::from(bound.clip_norm()));
    let norm = gradient.values().iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt() * unit;
    let scale = if norm.is_finite() { unit * (largest / norm).min(1.0) } else { 0.0 };
    let grid = gradient.values().iter().map(|&g| (f64::from(g) * scale) as i32).collect();
    Clipped { grid: held(grid, bound.clip_norm()), bound }
}

/// The last check: what is over the bound, by a rounding that nobody thought of, becomes zero.
fn held(mut grid: Vec<i32>, clip_norm: u32) -> Vec<i32> {
    if square_norm(&grid) > u128::from(clip_norm).pow(2) {
        grid.fill(0);
    }
    grid
}

fn square_norm(grid: &[i32]) -> u128 {
    grid.iter().map(|&entry| u128::from(entry.unsigned_abs()).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NORM: u32 = 1 << 16;

    fn clipped(values: &[f32]) -> Vec<i32> {
        let bound = Bound::device(1.0, NORM, 8.0, 18).expect("a plain bound");
        clip(&Gradient::from_values(values), bound).into_grid()
    }

    #[test]
    fn a_short_gradient_is_only_truncated() {
        assert_eq!(clipped(&[0.25, -0.5, 0.0, -0.0]), [16_384, -32_768, 0, 0]);
        assert_eq!(clipped(&[1e-6, f32::MIN_POSITIVE / 2.0]), [0, 0]);
    }

    #[test]
    fn a_long_gradient_keeps_its_direction() {
        let grid = clipped(&[30.0, -40.0]);
        assert!((39_320..=39_321).contains(&grid[0]) && (-52_428..=-52_427).contains(&grid[1]), "{grid:?}");
    }

    #[test]
    fn a_gradient_that_is_not_finite_becomes_zero() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(clipped(&[1.0, odd, -1.0]), [0, 0, 0]);
        }
    }

    #[test]
    fn what_is_over_the_bound_by_anything_becomes_zero() {
        for (grid, norm) in [([3, -4], 5), ([0, -5], 5), ([0, 0], 1), ([1 << 24, 0], 1 << 24)] {
            assert_eq!(held(grid.to_vec(), norm), grid, "{norm}");
        }
        for (grid, norm) in
            [([3, -4], 4), ([1, 1], 1), ([3, 5], 5), ([(1 << 24) + 1, 0], 1 << 24), ([i32::MIN; 2], 1 << 24)]
        {
            assert_eq!(held(grid.to_vec(), norm), [0, 0], "{norm}");
        }
    }

    /// The variance of an opened sum in units of S², as it is and as it was where devices alone made the noise of a round
    /// (at least 100 devices, a fifth of which might fail), with the rho where both aggregators collude.
    fn variances(devices: u32) -> (f64, f64) {
        let now = Bound::split(1.0, 1 << 10, 4.0, 0.25, 18).expect("a plain bound").sum_variance(devices);
        (now / f64::from(1 << 20), f64::from(devices) * 16.0 / 80.0)
    }

    #[test]
    fn two_aggregators_noise_is_less_than_that_of_many_devices() {
        for devices in [300, 1000, 10_000, 100_000] {
            let (now, before) = variances(devices);
            assert!(now < before, "{devices}: {now} {before}");
        }
        assert_eq!(variances(1000), (94.5, 200.0));
    }

    #[test]
    #[ignore = "prints the table of docs/privacy.md"]
    #[expect(clippy::print_stdout, reason = "it prints a table")]
    fn variance_table() {
        for devices in [100, 1000, 10_000, 100_000] {
            let (now, before) = variances(devices);
            println!("| {devices} | {now} | {before} | {:.2} |", now / before);
        }
        for part in [0.1, 0.25, 0.5, 1.0] {
            let alone = privet_accounting::NanoRho::from_rho(2.0 / (part * part));
            let epsilon = privet_accounting::epsilon_from_rho(alone, 1e-6);
            let grown = |n: f64| (32.0 + n * part * part) / 32.0;
            println!("| {part} | {} | {epsilon:.1} | {:.2} | {:.2} |", alone.rho(), grown(100.0), grown(1000.0));
        }
    }

    /// Numbers of every size, and vectors whose norm lies within a rounding of the bound.
    fn adversarial(seed: u64) -> Vec<f32> {
        use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let length = generator.random_range(1..32);
        let bits = seed.is_multiple_of(2);
        let mut values: Vec<f32> = (0..length)
            .map(|_| if bits { f32::from_bits(generator.random()) } else { generator.random_range(-1.0..1.0) })
            .collect();
        if !bits {
            let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            let nudge = generator.random_range(-4i32..=4) as f32 * f32::EPSILON;
            values.iter_mut().for_each(|value| *value *= (1.0 + nudge) / norm);
        }
        values
    }

    fn any_number() -> impl Strategy<Value = f32> {
        prop_oneof![any::<f32>(), -2.0f32..2.0, Just(1e38), Just(-f32::MAX), Just(f32::NAN), Just(-0.0)]
    }

    proptest! {
        #[test]
        fn the_norm_is_never_over_the_bound(values in prop::collection::vec(any_number(), 0..64)) {
            prop_assert!(square_norm(&clipped(&values)) <= u128::from(NORM).pow(2));
        }

        #[test]
        fn nor_where_clip_norm_and_grid_are_no_powers_of_two(
            (norm, scale) in (0.01f64..100.0, 1u32..10_000).prop_filter("a unit", |(c, s)| c * f64::from(*s) >= 1.0),
            seed in any::<u64>(),
        ) {
            let bound = Bound::device(norm, scale, 8.0, 32).expect("within the ends");
            // As it is, and as long as the bound is.
            for length in [1.0, norm as f32] {
                let values: Vec<f32> = adversarial(seed).into_iter().map(|value| value * length).collect();
                let grid = clip(&Gradient::from_values(&values), bound).into_grid();
                prop_assert!(square_norm(&grid) <= ((norm * f64::from(scale)).floor() as u128).pow(2));
            }
        }

        #[test]
        #[ignore = "long: a million vectors"]
        fn the_norm_is_never_over_the_bound_a_million_times(seeds in prop::collection::vec(any::<u64>(), 4000)) {
            for seed in seeds {
                prop_assert!(square_norm(&clipped(&adversarial(seed))) <= u128::from(NORM).pow(2));
            }
        }

        #[test]
        fn clipping_does_not_throw_an_honest_gradient_away(values in prop::collection::vec(-2.0f32..2.0, 1..64)) {
            prop_assume!(values.iter().any(|value| value.abs() > 0.01));
            prop_assert!(clipped(&values).iter().any(|&entry| entry != 0));
        }
    }
}
