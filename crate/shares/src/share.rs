//! Additive shares modulo 2^32: either of the two alone is uniformly random.

use turboshake::{
    CTurboShake128,
    digest::{ExtendableOutput, Update, XofReader},
};

use privet_base::{Result, entropy};
use privet_wire::UploadId;

use crate::Refusal;

/// Tells this use of `TurboSHAKE128` from any other.
const DOMAIN: u8 = 0x50;

/// One aggregator's half of a noised vector, or the whole of it in `device` mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    entries: Vec<u32>,
}

impl Share {
    /// The whole vector as one share.
    pub fn whole(grid: &[i32]) -> Self {
        Self { entries: grid.iter().map(|&entry| entry.cast_unsigned()).collect() }
    }

    /// Splits a vector in two: a fresh seed, which is the helper's share, and the leader's.
    pub fn split(grid: &[i32], configuration: &[u8; 32], id: &UploadId) -> Result<(Self, [u8; 32])> {
        let seed = entropy::bytes()?;
        let mask = Self::from_seed(&seed, configuration, id, grid.len());
        let entries = grid.iter().zip(&mask.entries).map(|(&entry, mask)| entry.cast_unsigned().wrapping_sub(*mask));
        Ok((Self { entries: entries.collect() }, seed))
    }

    /// The helper's share: TurboSHAKE128 (RFC 9861) over seed, configuration and upload id, four bytes an entry,
    /// little-endian. Binding both means that a seed that is used again still gives another mask.
    pub fn from_seed(seed: &[u8; 32], configuration: &[u8; 32], id: &UploadId, length: usize) -> Self {
        let mut absorbed = CTurboShake128::<DOMAIN>::default();
        absorbed.update(seed);
        absorbed.update(configuration);
        absorbed.update(id);
        let mut stream = absorbed.finalize_xof();
        let mut entries = vec![0; length];
        for entry in &mut entries {
            let mut word = [0; 4];
            stream.read(&mut word);
            *entry = u32::from_le_bytes(word);
        }
        Self { entries }
    }

    /// Four bytes an entry, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|entry| entry.to_le_bytes()).collect()
    }

    /// Reads as many entries as the round's dimension.
    pub fn from_bytes(bytes: &[u8], dimension: u32) -> Result<Self> {
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(privet_base::Refusal::WireMalformed.into());
        }
        if words.len() != dimension as usize {
            return Err(Refusal::WireLength { sent: words.len(), wanted: dimension as usize }.into());
        }
        Ok(Self { entries: words.iter().map(|&word| u32::from_le_bytes(word)).collect() })
    }

    /// The entries modulo 2^32.
    pub fn entries(&self) -> &[u32] {
        &self.entries
    }

    /// A share of nothing.
    pub fn zero(dimension: u32) -> Self {
        Self { entries: vec![0; dimension as usize] }
    }

    /// Adds another share of the same length.
    pub fn add(&mut self, other: &Self) {
        for (entry, other) in self.entries.iter_mut().zip(&other.entries) {
            *entry = entry.wrapping_add(*other);
        }
    }

    /// The entries as centred representatives: what a sum in range stands for.
    pub fn centred(&self) -> impl Iterator<Item = i32> {
        self.entries.iter().map(|entry| entry.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: [i32; 5] = [0, 1, -1, i32::MAX, i32::MIN];

    #[test]
    fn two_shares_make_the_vector() {
        let (mut leader, seed) = Share::split(&GRID, &[1; 32], &[2; 16]).expect("there is a random source");
        leader.add(&Share::from_seed(&seed, &[1; 32], &[2; 16], GRID.len()));
        assert_eq!(leader.centred().collect::<Vec<_>>(), GRID);
    }

    #[test]
    fn another_configuration_or_id_gives_another_mask() {
        let mask = Share::from_seed(&[7; 32], &[1; 32], &[2; 16], 8);
        assert_eq!(mask, Share::from_seed(&[7; 32], &[1; 32], &[2; 16], 8));
        for other in [
            Share::from_seed(&[8; 32], &[1; 32], &[2; 16], 8),
            Share::from_seed(&[7; 32], &[3; 32], &[2; 16], 8),
            Share::from_seed(&[7; 32], &[1; 32], &[3; 16], 8),
        ] {
            assert!(other.entries.iter().zip(&mask.entries).all(|(a, b)| a != b));
        }
    }

    #[test]
    fn no_two_splits_are_alike() {
        let split = || Share::split(&GRID, &[1; 32], &[2; 16]).expect("there is a random source");
        let ((first, one), (second, two)) = (split(), split());
        assert_ne!(one, two);
        assert_ne!(first, second);
    }

    /// 4,096 words of 32 bits: each bit's count within 6 deviations of half, a false alarm in one run in ten million.
    #[test]
    fn a_leaders_share_of_zeros_looks_random() {
        let (share, _) = Share::split(&[0; 4096], &[1; 32], &[2; 16]).expect("there is a random source");
        for bit in 0..32 {
            let ones = share.entries.iter().filter(|entry| *entry >> bit & 1 == 1).count() as f64;
            assert!((ones - 2048.0).abs() < 6.0 * 32.0, "bit {bit}: {ones}");
        }
    }
}
