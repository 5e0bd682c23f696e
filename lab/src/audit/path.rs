//! The path that ships, from where a descent ended to what somebody sees, with a canary on it or not.
//!
//! Devices, seals, batches and aggregators are those that ship: nothing is written anew but the two stores, which hold a
//! round's shares and sums in a variable. How the server's store keeps them is what `tests/rounds` and `tests/faults` hold.

use ::privet::{
    AggregateShare, Agreed, Batch, Closing, Contribution, Contributor, Cost, Head, Mode, NanoRho, Operator, Policy,
    Preview, Role, Round, Schema, SealingKey, Share, Terms, Upload, UploadId, cost, noise_sum,
};
use privet_testkit::{Aggregators, EMBEDDING, over};

/// What the device holds whose data are the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// The canary.
    Canary,
    /// Nothing new: a contribution of zeros.
    Nothing,
    /// The canary, every entry with the other sign.
    Opposite,
}

/// How many devices a round of the audit has. The claim does not rest on it: one of them is audited, the others belong to
/// whoever attacks.
pub(crate) const COHORT: u8 = 8;

/// How much longer the canary is than a contribution may be.
const CANARY: f64 = 10.0;
const CLIP_NORM: f64 = 1.0;
/// So fine that a clip in whole units costs a canary nothing that shows, so coarse that sums are far from wrapping.
const GRID_SCALE: u32 = 1 << 12;
const DEADLINE_S: u64 = 1_800_000_000;

/// A round, and all that is the same in each of its trials.
pub(crate) struct Setting {
    /// The round.
    pub(crate) round: Round,
    /// What the device's ledger charges for it.
    pub(crate) cost: Cost,
    signed: Vec<u8>,
    head: Vec<u8>,
    terms: Terms,
    keys: [SealingKey; 2],
    /// Where the descent of a device ended, by world.
    ends: [Vec<f32>; 3],
}

impl Setting {
    /// A round in which each device adds all of the noise.
    pub(crate) fn device(multiplier: f64, delta: f64) -> Result<Self, String> {
        Self::of(Mode::Device, (multiplier, 0.0), 1, delta)
    }

    /// A round of two aggregators.
    pub(crate) fn split(multiplier: f64, part: f64, delta: f64) -> Result<Self, String> {
        Self::of(Mode::Split, (multiplier, part), 1, delta)
    }

    /// A round of two aggregators over a head with at least so many parameters.
    pub(crate) fn split_over(least: u32, multiplier: f64, part: f64, delta: f64) -> Result<Self, String> {
        Self::of(Mode::Split, (multiplier, part), least, delta)
    }

    fn of(mode: Mode, (noise_multiplier, part_multiplier): (f64, f64), least: u32, delta: f64) -> Result<Self, String> {
        let starting = |hidden| Head::starting(Schema::plain(EMBEDDING as u32), hidden, 4.0).map_err(refused);
        // Each hidden unit has as many weights as there are features, and two more.
        let each = starting(2)?.parameters().len() - starting(1)?.parameters().len();
        let head = starting((least as usize).div_ceil(each) as u32)?;
        let aggregators = Aggregators::default();
        let keys = [SealingKey::from_seed(&[1; 32]), SealingKey::from_seed(&[2; 32])];
        let [leader, helper] = [("leader.example", &keys[0]), ("helper.example", &keys[1])]
            .map(|(name, key)| Operator::new(name, key.public()));
        let round = Round {
            task: "audit".into(),
            number: 1,
            mode,
            clip_norm: CLIP_NORM,
            grid_scale: GRID_SCALE,
            noise_multiplier,
            part_multiplier,
            n_max: 10_000,
            delta,
            deadline_s: DEADLINE_S,
            leader,
            helper: (mode == Mode::Split).then_some(helper),
            ..Round::none(0)
        };
        let round = Round { min_cohort: COHORT.into(), ..over(round, &head) };
        // What is audited is what a round costs, not whether a policy lets a device take part in it.
        let most = NanoRho(u64::MAX);
        let policy = Policy {
            lifetime: most,
            per_round: most,
            alone_per_round: most,
            noise_multiplier: 0.0,
            part_multiplier: 0.0,
            min_cohort: COHORT.into(),
            delta,
            ..Policy::at_once()
        };
        let cost = round.bound().and_then(cost).map_err(refused)?;
        let ends = [World::Canary, World::Nothing, World::Opposite].map(|world| {
            let canary = canary(world, round.dimension);
            head.parameters().iter().zip(canary).map(|(published, canary)| published - canary).collect()
        });
        Ok(Self {
            cost,
            signed: aggregators.signed(&round),
            head: head.encode(),
            terms: aggregators.terms(&round, policy),
            keys,
            ends,
            round,
        })
    }

    /// A minute before the round ends.
    pub(crate) const NOW_MS: u64 = 1000 * DEADLINE_S - 60_000;

    /// A new device that takes part in the round.
    pub(crate) fn joined(&self) -> Result<Contributor, String> {
        Contributor::new(&self.terms, &self.signed, &self.head, &[]).map_err(refused)
    }

    /// What this device sends, which has nothing new, and its ledger as it is stored then.
    pub(crate) fn contributed(&self, device: &mut Contributor, id: UploadId) -> Result<(Vec<u8>, Vec<u8>), String> {
        Self::released(device, &self.ends[World::Nothing as usize], id).map(|(sent, ready)| (sent.bytes, ready))
    }

    /// The stages of a release that nobody but the device sees.
    pub(crate) fn preview(&self, world: World) -> Result<Preview, String> {
        self.joined()?.preview(&self.ends[world as usize]).map_err(refused)
    }

    /// Debited, stored, released, stored: as a host does it.
    fn released(device: &mut Contributor, end: &[f32], id: UploadId) -> Result<(Contribution, Vec<u8>), String> {
        let reserved = device.reserve(&[], id, Self::NOW_MS).map_err(refused)?;
        device.persisted().map_err(refused)?;
        let sent = device.contribute(end).map_err(refused)?;
        let ready = device.ready(&reserved).map_err(refused)?;
        device.persisted().map_err(refused)?;
        Ok((sent, ready))
    }

    /// What a device sends in this world: a new device each time, with a ledger of its own.
    pub(crate) fn sent(&self, world: World, id: UploadId) -> Result<Upload, String> {
        self.sent_from(&self.ends[world as usize], id).map(|(upload, _)| upload)
    }

    /// What a device sends whose canary is on this coordinate alone, or which has nothing new, and its noised vector.
    pub(crate) fn sent_on_coordinate(&self, place: Option<usize>, id: UploadId) -> Result<(Upload, Vec<i32>), String> {
        let mut end = self.ends[World::Nothing as usize].clone();
        if let Some(place) = place {
            end[place] -= (CANARY * CLIP_NORM) as f32;
        }
        self.sent_from(&end, id)
    }

    /// What is left of that when it is clipped.
    pub(crate) fn clipped_on_coordinate(&self, place: Option<usize>) -> Share {
        let mut entries = vec![0; self.round.dimension as usize];
        if let Some(place) = place {
            entries[place] = (CLIP_NORM * f64::from(GRID_SCALE)) as i32;
        }
        Share::whole(&entries)
    }

    fn sent_from(&self, end: &[f32], id: UploadId) -> Result<(Upload, Vec<i32>), String> {
        let (sent, _) = Self::released(&mut self.joined()?, end, id)?;
        Ok((Upload::decode(&sent.bytes, &self.round).map_err(refused)?, sent.noised))
    }

    /// What the server of a `device` round sees of one device, as a guess: the larger, the more of the canary is in it.
    pub(crate) fn seen_by_server(&self, world: World, trial: u64) -> Result<f64, String> {
        let upload = self.sent(world, id(trial, 0))?;
        upload.check_reach(&self.round).map_err(refused)?;
        Ok(self.score(&upload.read(&self.round).map_err(refused)?))
    }

    /// What both aggregators of a `split` round see together of one device.
    pub(crate) fn seen_by_both(&self, world: World, trial: u64) -> Result<f64, String> {
        let [mut whole, other] = self.opened(&self.sent(world, id(trial, 0))?)?;
        whole.add(&other);
        Ok(self.score(&whole))
    }

    /// What is seen of a whole round: by the leader, who takes its own noise away, and by whoever has the opened sum alone.
    /// Both run all devices but one, and know what those sent.
    pub(crate) fn seen_of_round(&self, world: World, trial: u64) -> Result<[f64; 2], String> {
        let nothing = || Share::zero(self.round.dimension);
        let (mut sums, mut others, mut ids) = ([nothing(), nothing()], nothing(), Vec::new());
        for place in 0..COHORT {
            let world = if place == 0 { world } else { World::Nothing };
            let upload = self.sent(world, id(trial, place))?;
            ids.push(upload.id());
            for (sum, share) in sums.iter_mut().zip(self.opened(&upload)?) {
                sum.add(&share);
                if place > 0 {
                    others.add(&share);
                }
            }
        }
        let (opened, own_noise) = self.closed(sums, &ids)?;
        let of_one = less(&opened, &others);
        Ok([self.score(&less(&of_one, &own_noise)), self.score(&of_one)])
    }

    /// What the leader sees of a round of these uploads when it has taken its own noise away.
    pub(crate) fn seen_by_leader(&self, uploads: &[&[Share; 2]]) -> Result<Share, String> {
        let mut sums = [Share::zero(self.round.dimension), Share::zero(self.round.dimension)];
        for shares in uploads {
            sums.iter_mut().zip(*shares).for_each(|(sum, share)| sum.add(share));
        }
        let ids: Vec<UploadId> = (0..uploads.len() as u64).map(|place| id(place, 0)).collect();
        let (opened, own_noise) = self.closed(sums, &ids)?;
        Ok(less(&opened, &own_noise))
    }

    /// Both aggregators agree, add their noise and open: the opened sum, and the leader's own noise.
    fn closed(&self, sums: [Share; 2], ids: &[UploadId]) -> Result<(Share, Share), String> {
        let list = agreed(&self.round, ids)?;
        let raw = sums[0].clone();
        let noised = sums.map(|sum| {
            let noised = noise_sum(sum, &self.round).map_err(refused)?;
            let bytes = AggregateShare::new(&list, noised).encode();
            AggregateShare::decode(&bytes, self.round.dimension).map_err(refused)
        });
        let [leader, helper] = noised;
        let (leader, helper) = (leader?, helper?);
        let opened = Share::whole(&leader.open(Some(&helper), &self.round).map_err(refused)?);
        Ok((opened, less(leader.share(), &raw)))
    }

    pub(crate) fn opened(&self, upload: &Upload) -> Result<[Share; 2], String> {
        let share = |role, key| upload.open(&self.round, role, key).map_err(refused);
        Ok([share(Role::Leader, &self.keys[0])?, share(Role::Helper, &self.keys[1])?])
    }

    /// How far a vector lies in the direction of the canary, in units of S.
    pub(crate) fn score(&self, share: &Share) -> f64 {
        let norm = CLIP_NORM * f64::from(GRID_SCALE) * f64::from(self.round.dimension).sqrt();
        share.centred().enumerate().map(|(place, entry)| sign(place) * f64::from(entry)).sum::<f64>() / norm
    }
}

/// All entries of one length, and every other one with the other sign: so that noise that is the same in all of them
/// hides nothing, too.
fn canary(world: World, dimension: u32) -> Vec<f32> {
    let length = CANARY * CLIP_NORM / f64::from(dimension).sqrt();
    let length = match world {
        World::Canary => length,
        World::Nothing => 0.0,
        World::Opposite => -length,
    };
    (0..dimension as usize).map(|place| (sign(place) * length) as f32).collect()
}

fn sign(place: usize) -> f64 {
    if place.is_multiple_of(2) { 1.0 } else { -1.0 }
}

/// No two uploads of a trial have the same.
pub(crate) fn id(trial: u64, place: u8) -> UploadId {
    let mut id = [place; 16];
    id[..8].copy_from_slice(&trial.to_le_bytes());
    id
}

/// The list that both aggregators hold, of one batch whose digest is the same at both.
pub(crate) fn agreed(round: &Round, ids: &[UploadId]) -> Result<Closing, String> {
    let turned = ids.iter().rev().copied().collect();
    let [leader, helper] = [ids.to_vec(), turned].map(|ids| Batch::new(round.hash(), 1, ids));
    if leader.digest() != helper.digest() {
        return Err("the aggregators disagree on a batch".to_owned());
    }
    let batch = Agreed { number: leader.number, count: leader.ids().len() as u32, digest: leader.digest() };
    Closing::decode(&Closing::new(round.hash(), vec![batch]).encode()).map_err(refused)
}

pub(crate) fn less(from: &Share, what: &Share) -> Share {
    let entries = from.entries().iter().zip(what.entries());
    Share::whole(&entries.map(|(from, what)| from.wrapping_sub(*what).cast_signed()).collect::<Vec<_>>())
}

pub(crate) fn refused(error: ::privet::Error) -> String {
    format!("the path refuses its own trial: {error} ({})", error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest multipliers of a round hide nothing of the mean: 100 trials of each world come within 6 deviations of
    /// it, a false alarm in fewer than one run in a hundred million.
    fn mean(multiple: f64, see: impl Fn(u64) -> f64) -> (f64, f64) {
        let mean = (0..100).map(see).sum::<f64>() / 100.0;
        (mean, 6.0 * multiple / 10.0)
    }

    #[test]
    fn a_canary_is_clipped_to_the_bound_and_seen_in_its_direction() {
        let setting = Setting::device(1.0, 1e-5).expect("a plain round");
        for (world, wanted) in [(World::Canary, 1.0), (World::Nothing, 0.0), (World::Opposite, -1.0)] {
            let (mean, far) = mean(1.0, |trial| setting.seen_by_server(world, trial).expect("a plain trial"));
            assert!((mean - wanted).abs() < far, "{world:?}: {mean}");
        }
    }

    #[test]
    fn of_a_round_the_leader_sees_less_noise_than_others_do() {
        let setting = Setting::split(4.0, 0.25, 1e-5).expect("a plain round");
        let seen: Vec<[f64; 2]> =
            (0..60).map(|trial| setting.seen_of_round(World::Nothing, trial).expect("a plain trial")).collect();
        let variance = |who: usize| seen.iter().map(|seen| seen[who].powi(2)).sum::<f64>() / 60.0;
        // 16 and 32 of 60 draws each: within 6 deviations of a variance, which are its own size.
        assert!(variance(0) > 3.0 && variance(0) < 32.0 && variance(1) > 6.0 && variance(1) < 64.0);
        let difference = seen.iter().map(|seen| (seen[1] - seen[0]).powi(2)).sum::<f64>() / 60.0;
        assert!(difference > 3.0 && difference < 32.0, "the leader's own noise: {difference}");
    }

    #[test]
    fn of_one_device_both_aggregators_see_its_own_part_of_the_noise() {
        let setting = Setting::split(4.0, 0.25, 1e-5).expect("a plain round");
        let (mean, far) = mean(0.25, |trial| setting.seen_by_both(World::Opposite, trial).expect("a plain trial"));
        assert!((mean + 1.0).abs() < far, "{mean}");
    }
}
