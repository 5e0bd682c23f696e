//! The list of batches that a round is closed with.
use sha2::{Digest, Sha256};

use crate::{VERSION, check_version};
use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
};

/// An agreed batch in short: both aggregators hold these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Its number within the round.
    pub number: u32,
    /// How many uploads it holds.
    pub count: u32,
    /// SHA-256 over their sorted ids.
    pub digest: [u8; 32],
}

/// What the leader proposes to open the sum over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// SHA-256 of the round's configuration.
    pub configuration: [u8; 32],
    batches: Vec<Agreed>,
}

struct OnWire(u32, [u8; 32], Vec<(u32, u32, [u8; 32])>);
cbor!(OnWire(version, configuration, batches));

impl Closing {
    /// A list over these batches, in any order; every number stands in it once.
    pub fn new(configuration: [u8; 32], mut batches: Vec<Agreed>) -> Self {
        batches.sort_unstable_by_key(|batch| batch.number);
        batches.dedup_by_key(|batch| batch.number);
        Self { configuration, batches }
    }

    /// The batches, by number.
    pub fn batches(&self) -> &[Agreed] {
        &self.batches
    }

    /// How many uploads the batches hold.
    pub fn count(&self) -> u32 {
        self.batches.iter().fold(0, |sum, batch| sum.saturating_add(batch.count))
    }

    /// SHA-256 over the digests of the batches.
    pub fn digest(&self) -> [u8; 32] {
        let digests: Vec<u8> = self.batches.iter().flat_map(|batch| batch.digest).collect();
        Sha256::digest(digests).into()
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        let batches = self.batches.iter().map(|batch| (batch.number, batch.count, batch.digest));
        encode(&OnWire(VERSION, self.configuration, batches.collect()))
    }

    /// Reads a list; numbers that do not rise, and empty batches, are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let OnWire(version, configuration, batches) = decode(bytes)?;
        check_version(version)?;
        let batches: Vec<Agreed> =
            batches.into_iter().map(|(number, count, digest)| Agreed { number, count, digest }).collect();
        let rising = batches.is_sorted_by(|a, b| a.number < b.number);
        if !rising || batches.iter().any(|batch| batch.number == 0 || batch.count == 0) {
            return Err(privet_base::Refusal::WireMalformed.into());
        }
        Ok(Self { configuration, batches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_the_wire_in_one_order() {
        let batch = |number, count| Agreed { number, count, digest: [number as u8; 32] };
        let list = Closing::new([1; 32], vec![batch(2, 5), batch(1, 3), batch(2, 5)]);
        assert_eq!(list.batches(), [batch(1, 3), batch(2, 5)]);
        assert_eq!(list.count(), 8);
        assert_eq!(Closing::decode(&list.encode()), Ok(list.clone()));
        assert_ne!(list.digest(), Closing::new([1; 32], vec![batch(1, 3)]).digest());
        let many = Closing::new([1; 32], vec![batch(1, u32::MAX), batch(2, 2)]);
        assert_eq!(many.count(), u32::MAX, "a forged count does not wrap around");
        for odd in [vec![(2, 1), (1, 1)], vec![(1, 1), (1, 1)], vec![(0, 1)], vec![(1, 0)]] {
            let odd = odd.into_iter().map(|(number, count)| (number, count, [0; 32])).collect();
            let odd = encode(&OnWire(VERSION, [1; 32], odd));
            assert_eq!(Closing::decode(&odd), Err(privet_base::Refusal::WireMalformed.into()));
        }
    }
}
