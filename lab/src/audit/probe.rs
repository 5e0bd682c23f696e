//! What the path has to refuse outright: no number of trials shows these where nothing of the noise is missing.

use ::privet::{AggregateShare, Contributor, Share, noise_sum};

use super::{
    path::{COHORT, Setting, World, agreed, id, refused},
    plant::Plant,
};

/// Something that must not happen, and the code that it is refused with; none where it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    /// What was tried.
    pub(crate) what: &'static str,
    /// How it was refused.
    pub(crate) code: Option<&'static str>,
}

/// Tries all of them on a round of two aggregators; on one with this fault, if there is one.
pub(crate) fn probe(setting: &Setting, plant: Option<Plant>) -> Result<Vec<Probed>, String> {
    Ok(vec![
        Probed { what: "a cohort below min_cohort", code: small_cohort(setting, plant == Some(Plant::SmallCohort))? },
        Probed {
            what: "one device twice in one round",
            code: second_contribution(setting, plant == Some(Plant::TwoContributions))?,
        },
    ])
}

/// A round over one device fewer than it promised.
fn small_cohort(setting: &Setting, planted: bool) -> Result<Option<&'static str>, String> {
    let mut sums = [Share::zero(setting.round.dimension), Share::zero(setting.round.dimension)];
    let ids: Vec<_> = (1..COHORT).map(|place| id(0, place)).collect();
    for &id in &ids {
        for (sum, share) in sums.iter_mut().zip(setting.opened(&setting.sent(World::Nothing, id)?)?) {
            sum.add(&share);
        }
    }
    let list = agreed(&setting.round, &ids)?;
    let [leader, helper] = sums
        .map(|sum| noise_sum(sum, &setting.round).map(|noised| AggregateShare::new(&list, noised)).map_err(refused));
    let (leader, helper) = (leader?, helper?);
    if planted {
        // Whoever adds both halves up without counting has opened the sum.
        let mut sum = leader.share().clone();
        sum.add(helper.share());
        return Ok(None);
    }
    Ok(leader.open(Some(&helper), &setting.round).err().map(|error| error.code()))
}

/// A device that is asked for a second upload of the same round.
fn second_contribution(setting: &Setting, planted: bool) -> Result<Option<&'static str>, String> {
    let mut device = setting.joined()?;
    let ready = setting.contributed(&mut device, id(0, 0))?.1;
    let stored = device.sent(&ready, id(0, 0)).map_err(refused)?;
    device.persisted().map_err(refused)?;
    // A device that forgot its ledger is a new one.
    let (mut device, stored): (Contributor, Vec<u8>) =
        if planted { (setting.joined()?, Vec::new()) } else { (device, stored) };
    Ok(device.reserve(&stored, id(0, 1), Setting::NOW_MS).err().map(|error| error.code()))
}
