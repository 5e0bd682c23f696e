//! What aggregators say to each other, and the manifest of a head.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};

use super::{Round, Share, UploadId, VERSION, check_version, decode, encode};
use crate::{Error, Result};

/// A numbered batch of uploads. Two aggregators agree on it when count and digest are the same at both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// SHA-256 of the round's configuration.
    pub configuration: [u8; 32],
    /// Counts up from 1 within the round.
    pub number: u32,
    ids: Vec<UploadId>,
}

#[derive(Serialize, Deserialize)]
struct BatchOnWire(u32, ByteArray<32>, u32, ByteBuf);

impl Batch {
    /// A batch of these uploads, in any order; a repeated id counts once.
    pub fn new(configuration: [u8; 32], number: u32, mut ids: Vec<UploadId>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self { configuration, number, ids }
    }

    /// The ids, sorted.
    pub fn ids(&self) -> &[UploadId] {
        &self.ids
    }

    /// SHA-256 over the sorted ids.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.ids.as_flattened()).into()
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        let ids = ByteBuf::from(self.ids.as_flattened());
        encode(&BatchOnWire(VERSION, ByteArray::new(self.configuration), self.number, ids))
    }

    /// Reads a batch; ids that are not sorted or not different are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let BatchOnWire(version, configuration, number, ids) = decode(bytes)?;
        check_version(version)?;
        let (ids, rest) = ids.as_chunks::<16>();
        if number == 0 || !rest.is_empty() || !ids.is_sorted_by(|a, b| a < b) {
            return Err(Error::WireMalformed);
        }
        Ok(Self { configuration: configuration.into_array(), number, ids: ids.to_vec() })
    }
}

/// One aggregator's sum over a list of agreed batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateShare {
    /// SHA-256 of the round's configuration.
    pub configuration: [u8; 32],
    /// SHA-256 over the digests of the batches, in the order of their numbers.
    pub batches: [u8; 32],
    /// How many uploads the batches hold.
    pub count: u32,
    share: Share,
}

#[derive(Serialize, Deserialize)]
struct AggregateShareOnWire(u32, ByteArray<32>, ByteArray<32>, u32, ByteBuf);

impl AggregateShare {
    /// The sum of `shares` over these batches.
    pub fn new<'a>(round: &Round, batches: &[Batch], shares: impl IntoIterator<Item = &'a Share>) -> Result<Self> {
        let mut sum = Share::zero(round.dimension);
        let mut count = 0;
        for share in shares {
            let (sent, wanted) = (share.entries().len(), round.dimension as usize);
            if sent != wanted {
                return Err(Error::WireLength { sent, wanted });
            }
            sum.add(share);
            count += 1;
        }
        let mut digest = Sha256::new();
        batches.iter().for_each(|batch| digest.update(batch.digest()));
        let agreed: usize = batches.iter().map(|batch| batch.ids.len()).sum();
        if agreed != count as usize {
            return Err(Error::SharesMismatch);
        }
        Ok(Self { configuration: round.hash(), batches: digest.finalize().into(), count, share: sum })
    }

    /// This aggregator's sum.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Both sums as one: each entry's centred representative. Refused unless both cover the same uploads of this round
    /// and those are at least its least cohort.
    pub fn join(&self, other: &Self, round: &Round) -> Result<Vec<i32>> {
        let same = self.configuration == other.configuration && self.batches == other.batches;
        if !same || self.count != other.count || self.configuration != round.hash() {
            return Err(Error::SharesMismatch);
        }
        if self.count < round.min_cohort {
            return Err(Error::CohortTooSmall { count: self.count as usize, least: round.min_cohort as usize });
        }
        let mut sum = self.share.clone();
        sum.add(&other.share);
        Ok(sum.centred().collect())
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        encode(&AggregateShareOnWire(
            VERSION,
            ByteArray::new(self.configuration),
            ByteArray::new(self.batches),
            self.count,
            ByteBuf::from(self.share.to_bytes()),
        ))
    }

    /// Reads a sum for a round of this dimension.
    pub fn decode(bytes: &[u8], dimension: u32) -> Result<Self> {
        let AggregateShareOnWire(version, configuration, batches, count, entries) = decode(bytes)?;
        check_version(version)?;
        let share = Share::from_bytes(&entries, dimension)?;
        Ok(Self { configuration: configuration.into_array(), batches: batches.into_array(), count, share })
    }
}

/// Where a head comes from. Both aggregators sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The task's name.
    pub task: String,
    /// The round that made it; 0 for the first head.
    pub round: u32,
    /// SHA-256 of the head.
    pub head: [u8; 32],
    /// SHA-256 of the head before it; zeros for the first.
    pub previous: [u8; 32],
    /// How many uploads it was made of.
    pub count: u32,
}

#[derive(Serialize, Deserialize)]
struct ManifestOnWire(u32, String, u32, ByteArray<32>, ByteArray<32>, u32);

impl Manifest {
    /// The bytes that are signed.
    pub fn encode(&self) -> Vec<u8> {
        encode(&ManifestOnWire(
            VERSION,
            self.task.clone(),
            self.round,
            ByteArray::new(self.head),
            ByteArray::new(self.previous),
            self.count,
        ))
    }

    /// Reads a manifest.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let ManifestOnWire(version, task, round, head, previous, count) = decode(bytes)?;
        check_version(version)?;
        Ok(Self { task, round, head: head.into_array(), previous: previous.into_array(), count })
    }
}

#[cfg(test)]
impl Manifest {
    pub(crate) fn example() -> Self {
        Self { task: "demo".into(), round: 1, head: [1; 32], previous: [0; 32], count: 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round() -> Round {
        Round { dimension: 3, min_cohort: 2, tolerated_permille: 0, ..Round::split_example() }
    }

    fn whole(grid: [i32; 3]) -> Share {
        Share::whole(&grid)
    }

    #[test]
    fn a_batch_is_known_by_its_sorted_ids() {
        let batch = Batch::new([1; 32], 1, vec![[3; 16], [1; 16], [3; 16]]);
        assert_eq!(batch.ids(), [[1; 16], [3; 16]]);
        assert_eq!(batch.digest(), Batch::new([2; 32], 9, vec![[1; 16], [3; 16]]).digest());
        assert_ne!(batch.digest(), Batch::new([1; 32], 1, vec![[1; 16]]).digest());
        assert_eq!(Batch::decode(&batch.encode()), Ok(batch.clone()));
        let unsorted = BatchOnWire(1, ByteArray::new([1; 32]), 1, ByteBuf::from([[3; 16], [1; 16]].as_flattened()));
        assert_eq!(Batch::decode(&encode(&unsorted)), Err(Error::WireMalformed));
        let repeated = BatchOnWire(1, ByteArray::new([1; 32]), 1, ByteBuf::from([[3; 16], [3; 16]].as_flattened()));
        assert_eq!(Batch::decode(&encode(&repeated)), Err(Error::WireMalformed));
    }

    #[test]
    fn two_sums_over_the_same_uploads_make_the_sum() {
        let round = round();
        let batches = [Batch::new(round.hash(), 1, vec![[1; 16], [2; 16]])];
        let leader = AggregateShare::new(&round, &batches, &[whole([1, -5, 7]), whole([1, 1, 1])]).expect("two of two");
        let helper = AggregateShare::new(&round, &batches, &[whole([0, 0, -9]), whole([3, 0, 0])]).expect("two of two");
        let sent = AggregateShare::decode(&helper.encode(), 3).expect("our own bytes");
        assert_eq!(leader.join(&sent, &round), Ok(vec![5, -4, -1]));
        let fewer = Round { min_cohort: 3, ..round.clone() };
        assert_eq!(leader.join(&sent, &fewer), Err(Error::SharesMismatch), "another configuration");
    }

    #[test]
    fn sums_over_different_uploads_are_not_joined() {
        let round = round();
        let one = |ids| {
            let batches = [Batch::new(round.hash(), 1, ids)];
            AggregateShare::new(&round, &batches, &[whole([1; 3]), whole([2; 3])]).expect("two of two")
        };
        let (ours, theirs) = (one(vec![[1; 16], [2; 16]]), one(vec![[1; 16], [3; 16]]));
        assert_eq!(ours.join(&theirs, &round), Err(Error::SharesMismatch));
        let lonely = [Batch::new(round.hash(), 1, vec![[1; 16]])];
        let lonely = AggregateShare::new(&round, &lonely, &[whole([1; 3])]).expect("one of one");
        assert_eq!(lonely.join(&lonely, &round), Err(Error::CohortTooSmall { count: 1, least: 2 }));
    }

    #[test]
    fn a_sum_that_does_not_cover_its_batches_is_refused() {
        let round = round();
        let batches = [Batch::new(round.hash(), 1, vec![[1; 16], [2; 16]])];
        assert_eq!(AggregateShare::new(&round, &batches, &[whole([1; 3])]), Err(Error::SharesMismatch));
    }

    #[test]
    fn a_manifest_survives_the_wire() {
        assert_eq!(Manifest::decode(&Manifest::example().encode()), Ok(Manifest::example()));
    }
}
