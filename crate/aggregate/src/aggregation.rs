//! What aggregators say to each other.
use sha2::{Digest, Sha256};

use crate::{NoisedSum, Refusal};
use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
};
use privet_shares::Share;
use privet_wire::{Closing, Mode, Round, UploadId, VERSION, check_version};

/// A numbered batch of uploads. Two aggregators agree on it when count and digest are the same at both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// SHA-256 of the round's configuration.
    pub configuration: [u8; 32],
    /// Counts up from 1 within the round.
    pub number: u32,
    ids: Vec<UploadId>,
}

struct BatchOnWire(u32, [u8; 32], u32, Vec<u8>);
cbor!(BatchOnWire(version, configuration, number, ids));

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
        let ids = self.ids.as_flattened().to_vec();
        encode(&BatchOnWire(VERSION, self.configuration, self.number, ids))
    }

    /// Reads a batch; ids that are not sorted or not different are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let BatchOnWire(version, configuration, number, ids) = decode(bytes)?;
        check_version(version)?;
        let (ids, rest) = ids.as_chunks::<16>();
        if number == 0 || !rest.is_empty() || !ids.is_sorted_by(|a, b| a < b) {
            return Err(privet_base::Refusal::WireMalformed.into());
        }
        Ok(Self { configuration, number, ids: ids.to_vec() })
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

struct AggregateShareOnWire(u32, [u8; 32], [u8; 32], u32, Vec<u8>);
cbor!(AggregateShareOnWire(version, configuration, batches, count, entries));

impl AggregateShare {
    /// The sum over the batches of this list. That `sum` is that sum is for its store to hold.
    pub fn new(closing: &Closing, sum: NoisedSum) -> Self {
        let (configuration, batches, count) = (closing.configuration, closing.digest(), closing.count());
        Self { configuration, batches, count, share: sum.into_share() }
    }

    /// This aggregator's sum.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// The sum as centred representatives, in `split` mode with the other aggregator's half. Refused unless both cover
    /// the same uploads of this round and those are at least its least cohort.
    pub fn open(&self, other: Option<&Self>, round: &Round) -> Result<Vec<i32>> {
        let covers = |other: &Self| (other.configuration, other.batches, other.count);
        let wanted = usize::from(round.mode == Mode::Split);
        let alike = other.iter().all(|other| covers(other) == covers(self));
        if other.iter().count() != wanted || !alike || self.configuration != round.hash() {
            return Err(Refusal::SharesMismatch.into());
        }
        if self.count < round.min_cohort {
            return Err(Refusal::CohortTooSmall { count: self.count as usize, least: round.min_cohort as usize }.into());
        }
        let mut sum = self.share.clone();
        if let Some(other) = other {
            sum.add(&other.share);
        }
        Ok(sum.centred().collect())
    }

    /// The mean contribution in units of the head: the opened sum divided once, by the agreed count.
    pub fn mean(&self, other: Option<&Self>, round: &Round) -> Result<Vec<f64>> {
        let divisor = f64::from(self.count) * f64::from(round.grid_scale);
        Ok(self.open(other, round)?.into_iter().map(|entry| f64::from(entry) / divisor).collect())
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        encode(&AggregateShareOnWire(VERSION, self.configuration, self.batches, self.count, self.share.to_bytes()))
    }

    /// Reads a sum for a round of this dimension.
    pub fn decode(bytes: &[u8], dimension: u32) -> Result<Self> {
        let AggregateShareOnWire(version, configuration, batches, count, entries) = decode(bytes)?;
        check_version(version)?;
        let share = Share::from_bytes(&entries, dimension)?;
        Ok(Self { configuration, batches, count, share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use privet_wire::Agreed;

    fn round() -> Round {
        Round { dimension: 3, min_cohort: 2, ..Round::split_example() }
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
        let unsorted = BatchOnWire(VERSION, [1; 32], 1, [[3; 16], [1; 16]].as_flattened().to_vec());
        assert_eq!(Batch::decode(&encode(&unsorted)), Err(privet_base::Refusal::WireMalformed.into()));
        let repeated = BatchOnWire(VERSION, [1; 32], 1, [[3; 16], [3; 16]].as_flattened().to_vec());
        assert_eq!(Batch::decode(&encode(&repeated)), Err(privet_base::Refusal::WireMalformed.into()));
    }

    fn sum_over(ids: Vec<UploadId>, round: &Round, grid: [i32; 3]) -> AggregateShare {
        let batch = Batch::new(round.hash(), 1, ids);
        let agreed = Agreed { number: 1, count: batch.ids().len() as u32, digest: batch.digest() };
        let closing = Closing::new(round.hash(), vec![agreed]);
        let (configuration, batches, count) = (closing.configuration, closing.digest(), closing.count());
        AggregateShare { configuration, batches, count, share: whole(grid) }
    }

    #[test]
    fn two_sums_over_the_same_uploads_make_the_sum() {
        let round = round();
        let leader = sum_over(vec![[1; 16], [2; 16]], &round, [2, -4, 8]);
        let helper = sum_over(vec![[1; 16], [2; 16]], &round, [3, 0, -9]);
        let sent = AggregateShare::decode(&helper.encode(), 3).expect("our own bytes");
        assert_eq!(leader.open(Some(&sent), &round), Ok(vec![5, -4, -1]));
        let divisor = 2.0 * f64::from(round.grid_scale);
        assert_eq!(leader.mean(Some(&sent), &round), Ok([5.0, -4.0, -1.0].map(|entry| entry / divisor).to_vec()));
        let fewer = Round { min_cohort: 3, ..round.clone() };
        assert_eq!(leader.open(Some(&sent), &fewer), Err(Refusal::SharesMismatch.into()), "another configuration");
        assert_eq!(leader.open(None, &round), Err(Refusal::SharesMismatch.into()), "a half");
    }

    #[test]
    fn sums_over_different_uploads_are_not_joined() {
        let round = round();
        let ours = sum_over(vec![[1; 16], [2; 16]], &round, [3; 3]);
        let theirs = sum_over(vec![[1; 16], [3; 16]], &round, [3; 3]);
        assert_eq!(ours.open(Some(&theirs), &round), Err(Refusal::SharesMismatch.into()));
        let lonely = sum_over(vec![[1; 16]], &round, [1; 3]);
        assert_eq!(lonely.open(Some(&lonely), &round), Err(Refusal::CohortTooSmall { count: 1, least: 2 }.into()));
    }

    #[test]
    fn a_sum_in_the_clear_is_opened_alone() {
        let round = Round { dimension: 3, ..Round::example() };
        let sum = sum_over(vec![[1; 16], [2; 16]], &round, [5, -4, -1]);
        assert_eq!(sum.open(None, &round), Ok(vec![5, -4, -1]));
        assert_eq!(sum.open(Some(&sum), &round), Err(Refusal::SharesMismatch.into()));
        let lonely = sum_over(vec![[1; 16]], &round, [1; 3]);
        assert_eq!(lonely.open(None, &round), Err(Refusal::CohortTooSmall { count: 1, least: 2 }.into()));
    }
}
