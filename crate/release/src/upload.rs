//! The one thing that leaves a device.

use crate::{Noised, Refusal};
use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
};
use privet_shares::{OVERHEAD, Role, SealingKey, Share, associated, seal};
use privet_wire::{MOST_DIMENSION, Mode, Round, UploadId, VERSION, check_version};

/// A noised vector on its way: in the clear in `device` mode, where it is noised enough for anyone; as two sealed
/// shares in `split` mode. Its size depends on the round alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    configuration: [u8; 32],
    id: UploadId,
    shares: Vec<Vec<u8>>,
}

struct OnWire(u32, [u8; 32], [u8; 16], Vec<Vec<u8>>);
cbor!(OnWire(version, configuration, id, shares));

impl Upload {
    /// The size of the longest upload that a round may ask for.
    pub const LONGEST: usize = 1 + 1 + 34 + 17 + 1 + (3 + 4 * MOST_DIMENSION as usize + OVERHEAD) + (2 + 32 + OVERHEAD);

    /// An upload of a noised vector. Nothing else can be uploaded.
    pub fn new(round: &Round, id: UploadId, noised: Noised) -> Result<Self> {
        let grid = noised.into_grid();
        let configuration = round.hash();
        let shares = match &round.helper {
            None => vec![Share::whole(&grid).to_bytes()],
            Some(helper) => {
                let (share, seed) = Share::split(&grid, &configuration, &id)?;
                let sealed =
                    |to: [u8; 32], plain: &[u8], role| seal(&to, plain, &associated(&configuration, &id, role));
                vec![
                    sealed(round.leader.sealing_key(), &share.to_bytes(), Role::Leader)?,
                    sealed(helper.sealing_key(), &seed, Role::Helper)?,
                ]
            }
        };
        Ok(Self { configuration, id, shares })
    }

    /// SHA-256 of the configuration that it was made for.
    pub fn configuration(&self) -> [u8; 32] {
        self.configuration
    }

    /// Its name.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// The shares as they travel: the leader's, then the helper's.
    pub fn shares(&self) -> &[Vec<u8>] {
        &self.shares
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let shares = self.shares.clone();
        encode(&OnWire(VERSION, self.configuration, self.id, shares))
    }

    /// Reads an upload for this round: of its configuration, with its number of shares, of its sizes.
    pub fn decode(bytes: &[u8], round: &Round) -> Result<Self> {
        let OnWire(version, configuration, id, shares) = decode(bytes)?;
        check_version(version)?;
        if configuration != round.hash() {
            return Err(Refusal::ConfigurationMismatch.into());
        }
        let sizes = share_sizes(round);
        if shares.len() != sizes.len() {
            return Err(privet_base::Refusal::WireMalformed.into());
        }
        for (share, &wanted) in shares.iter().zip(&sizes) {
            if share.len() != wanted {
                return Err(privet_shares::Refusal::WireLength { sent: share.len(), wanted }.into());
            }
        }
        Ok(Self { configuration: round.hash(), id, shares })
    }

    /// The share in the clear, in `device` mode.
    pub fn read(&self, round: &Round) -> Result<Share> {
        match (round.mode, &self.shares[..]) {
            (Mode::Device, [whole]) => Share::from_bytes(whole, round.dimension),
            _ => Err(privet_base::Refusal::WireMalformed.into()),
        }
    }

    /// Refuses what clipping and noise do not make, where an upload can be looked at: an entry beyond S and 12 deviations,
    /// which one honest upload in 10^28 has.
    pub fn check_reach(&self, round: &Round) -> Result<()> {
        let (share, bound) = (self.read(round)?, round.bound()?);
        let most = (f64::from(bound.clip_norm()) + 12.0 * bound.deviation()).min(f64::from(i32::MAX)) as u32;
        if share.centred().all(|entry| entry.unsigned_abs() <= most) {
            Ok(())
        } else {
            Err(Refusal::EntryTooLarge { most }.into())
        }
    }

    /// The share of this role, opened with its key, in `split` mode.
    pub fn open(&self, round: &Round, role: Role, key: &SealingKey) -> Result<Share> {
        let sealed = self
            .shares
            .get(role as usize)
            .filter(|_| round.mode == Mode::Split)
            .ok_or(privet_base::Refusal::WireMalformed)?;
        match role {
            Role::Leader => {
                let plain = key.open(sealed, &associated(&self.configuration, &self.id, role))?;
                Share::from_bytes(&plain, round.dimension)
            }
            Role::Helper => {
                let seed = key.open_seed(sealed, &self.configuration, &self.id)?;
                Ok(Share::from_seed(&seed, &self.configuration, &self.id, round.dimension as usize))
            }
        }
    }

    /// The size of every upload of a round.
    pub fn size(round: &Round) -> usize {
        // The array's head and the version, the hash, the id, the head of the shares; each share with its own head.
        let head = |size: usize| {
            if size < 24 {
                1
            } else if size < 256 {
                2
            } else {
                3
            }
        };
        1 + 1 + 34 + 17 + 1 + share_sizes(round).iter().map(|&size| head(size) + size).sum::<usize>()
    }
}

/// How many bytes each share has.
fn share_sizes(round: &Round) -> Vec<usize> {
    let entries = 4 * round.dimension as usize;
    match round.mode {
        Mode::Device => vec![entries],
        Mode::Split => vec![entries + OVERHEAD, 32 + OVERHEAD],
    }
}

#[cfg(test)]
impl Upload {
    /// An upload as a device with this gradient would make it, and the noised vector inside.
    pub(crate) fn example(round: &Round, id: UploadId, gradient: &[f32]) -> (Self, Vec<i32>) {
        let noised = Noised::example(round, gradient).expect("a plain round");
        let grid = noised.grid().to_vec();
        (Self::new(round, id, noised).expect("a plain round"), grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use privet_aggregate::Aggregate;

    fn made(round: &Round) -> (Upload, Vec<i32>) {
        Upload::example(round, [1; 16], &vec![0.5; round.dimension as usize])
    }

    fn keys() -> [SealingKey; 2] {
        [SealingKey::from_seed(&[1; 32]), SealingKey::from_seed(&[2; 32])]
    }

    #[test]
    fn an_upload_survives_the_wire_in_both_modes() {
        let device = Round::example();
        let (upload, grid) = made(&device);
        let read = Upload::decode(&upload.encode(), &device).expect("our own bytes");
        assert_eq!(read.read(&device).expect("in the clear").centred().collect::<Vec<_>>(), grid);

        let split = Round::split_example();
        let (upload, grid) = made(&split);
        let read = Upload::decode(&upload.encode(), &split).expect("our own bytes");
        let [leader, helper] = keys();
        let mut sum = read.open(&split, Role::Leader, &leader).expect("sealed to it");
        sum.add(&read.open(&split, Role::Helper, &helper).expect("sealed to it"));
        assert_eq!(sum.centred().collect::<Vec<_>>(), grid);
    }

    #[test]
    fn an_entry_that_no_device_makes_is_refused_in_the_clear() {
        let round = Round::example();
        let bound = round.bound().expect("a plain bound");
        let most = (f64::from(bound.clip_norm()) + 12.0 * bound.deviation()) as i32;
        let with = |entry: i32| {
            let mut grid = vec![0; round.dimension as usize];
            grid[3] = entry;
            Upload { shares: vec![Share::whole(&grid).to_bytes()], ..made(&round).0 }
        };
        assert_eq!(made(&round).0.check_reach(&round), Ok(()));
        for (entry, fine) in [(most, true), (-most, true), (most + 1, false), (-most - 1, false), (i32::MIN, false)] {
            let refused = Refusal::EntryTooLarge { most: most.unsigned_abs() }.into();
            assert_eq!(with(entry).check_reach(&round), if fine { Ok(()) } else { Err(refused) }, "{entry}");
        }
    }

    #[test]
    fn the_size_is_the_rounds() {
        for dimension in [1, 5, 18, 54, 64, 300, 4096] {
            for round in [Round::example(), Round::split_example()] {
                let round = Round { dimension, ..round };
                assert_eq!(made(&round).0.encode().len(), Upload::size(&round), "{dimension}");
            }
        }
        let longest = Upload::size(&Round { dimension: 4096, ..Round::split_example() });
        assert!(longest == Upload::LONGEST && longest < 20_480);
    }

    #[test]
    fn an_upload_for_another_configuration_is_refused() {
        let round = Round::split_example();
        let bytes = made(&round).0.encode();
        for other in [Round { number: 2, ..round.clone() }, Round { min_cohort: 99, ..round.clone() }, Round::example()]
        {
            assert_eq!(Upload::decode(&bytes, &other), Err(Refusal::ConfigurationMismatch.into()));
        }
    }

    #[test]
    fn the_shares_do_not_open_for_the_other_role_or_under_another_id() {
        let round = Round::split_example();
        let (upload, _) = made(&round);
        let [leader, helper] = keys();
        assert_eq!(upload.open(&round, Role::Leader, &helper), Err(privet_shares::Refusal::SealBroken.into()));
        assert_eq!(upload.open(&round, Role::Helper, &leader), Err(privet_shares::Refusal::SealBroken.into()));
        let renamed = Upload { id: [2; 16], ..upload.clone() };
        assert_eq!(renamed.open(&round, Role::Leader, &leader), Err(privet_shares::Refusal::SealBroken.into()));
        let turned = Upload { shares: upload.shares.iter().rev().cloned().collect(), ..upload };
        assert_eq!(turned.open(&round, Role::Helper, &leader), Err(privet_shares::Refusal::SealBroken.into()));
    }

    #[test]
    fn a_sealed_share_alone_says_nothing_of_the_vector() {
        let round = Round::split_example();
        let [leader, helper] = keys();
        let opened = || {
            let (upload, grid) = made(&round);
            let share = |role, key| upload.open(&round, role, key).expect("sealed to it");
            (share(Role::Leader, &leader), share(Role::Helper, &helper), grid)
        };
        let (one, other) = (opened(), opened());
        assert_ne!(one.1, other.1, "the seed is fresh");
        for (leaders, helpers, grid) in [one, other] {
            assert_ne!(leaders.centred().collect::<Vec<_>>(), grid);
            assert_ne!(helpers.centred().collect::<Vec<_>>(), grid);
        }
    }

    #[test]
    fn two_halves_make_the_sum_and_different_uploads_do_not() {
        let round = Round { dimension: 2, grid_scale: 100, min_cohort: 2, ..Round::split_example() };
        let keys = [(Role::Leader, SealingKey::from_seed(&[1; 32])), (Role::Helper, SealingKey::from_seed(&[2; 32]))];
        let mut sum = [0.0; 2];
        let uploads = [(1, [5.0, -0.7]), (2, [-1.0, 0.3]), (3, [0.0, 0.0])].map(|(id, gradient)| {
            let (upload, grid) = Upload::example(&round, [id; 16], &gradient);
            sum.iter_mut().zip(grid).for_each(|(sum, entry)| *sum += f64::from(entry));
            upload
        });
        let [leader, helper] = keys.map(|(role, key)| {
            let mut sum = Aggregate::new(&round);
            for upload in &uploads {
                sum.add(upload.id(), &upload.open(&round, role, &key).expect("sealed to it")).expect("fits");
            }
            sum
        });
        assert_eq!(leader.mean(Some(&helper)), Ok(sum.map(|sum| sum / 300.0).to_vec()));
        let mut short = Aggregate::new(&round);
        short.add([1; 16], &Share::zero(2)).expect("fits");
        assert_eq!(leader.mean(Some(&short)), Err(privet_aggregate::Refusal::SharesMismatch.into()));
        (4..=5).for_each(|n| assert_eq!(short.add([n; 16], &Share::zero(2)), Ok(true)));
        assert_eq!(short.count(), leader.count());
        assert_eq!(
            leader.mean(Some(&short)),
            Err(privet_aggregate::Refusal::SharesMismatch.into()),
            "as many, and others"
        );
    }
}
