//! Draws that can be repeated: an algorithm that is fixed, from a seed that is known. Never of noise, and never of a secret.

use core::ops::Range;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A generator with a known seed. Its methods have no parameters of type, so that all crates share one of each.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// Of this number.
    pub fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Of all 256 bits.
    pub fn of_bytes(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// A place in a range that is not empty, each as likely.
    pub fn place(&mut self, range: Range<usize>) -> usize {
        self.0.random_range(range)
    }

    /// A number under this one, which is over 0, each as likely.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.random_range(0..limit)
    }

    /// 64 fair coins.
    pub fn coins(&mut self) -> u64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a device has learnt is learnt again by the same draws: another generator would come to another profile.
    #[test]
    fn a_seed_draws_what_chacha8_draws() {
        let (mut ours, mut theirs) = (Draws::of(7), ChaCha8Rng::seed_from_u64(7));
        for limit in 1..200 {
            assert_eq!(ours.place(limit - 1..3 * limit), theirs.random_range(limit - 1..3 * limit));
            assert_eq!(ours.below(limit as u32), theirs.random_range(0..limit as u32));
            assert_eq!(ours.coins(), theirs.random::<u64>());
        }
        assert_eq!(Draws::of_bytes([3; 32]).coins(), ChaCha8Rng::from_seed([3; 32]).random::<u64>());
    }
}
