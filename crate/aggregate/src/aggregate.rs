//! The sum of a round's uploads: opened once enough devices stand behind it.

use std::collections::BTreeSet;

use privet_base::Result;
use privet_mechanism::draw;
use privet_shares::Share;
use privet_wire::{Round, UploadId};

use crate::Refusal;

/// An aggregator's sum with its own noise added: the only thing that may leave it.
///
/// No public way makes one but [`noise_sum`]; an [`crate::AggregateShare`] takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoisedSum(Share);

impl NoisedSum {
    pub(crate) fn into_share(self) -> Share {
        self.0
    }
}

/// Adds this aggregator's noise to its sum, a discrete Gaussian of deviation z · S on every entry: so that one honest
/// aggregator hides each device from the other and from all other devices together.
///
/// Once for a list of batches: the caller stores what comes of it before it leaves, and gives that again when asked
/// again, for two draws over one sum would be twice as dear. In `device` mode the devices have added all of the noise.
pub fn noise_sum(mut sum: Share, round: &Round) -> Result<NoisedSum> {
    let sent = sum.entries().len();
    if sent != round.dimension as usize {
        return Err(privet_shares::Refusal::WireLength { sent, wanted: round.dimension as usize }.into());
    }
    if let Some(deviation) = round.bound()?.sum_deviation() {
        sum.add(&Share::whole(&draw(deviation, round.dimension)?));
    }
    Ok(NoisedSum(sum))
}

/// The running sum of one round at one aggregator, modulo 2^32. Order and repeats change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    least: usize,
    grid_scale: u32,
    sum: Share,
    ids: BTreeSet<UploadId>,
}

impl Aggregate {
    /// An empty sum for this round.
    pub fn new(round: &Round) -> Self {
        Self {
            least: round.min_cohort as usize,
            grid_scale: round.grid_scale,
            sum: Share::zero(round.dimension),
            ids: BTreeSet::new(),
        }
    }

    /// Adds the share of an upload; whether it was new.
    pub fn add(&mut self, id: UploadId, share: &Share) -> Result<bool> {
        let (sent, wanted) = (share.entries().len(), self.sum.entries().len());
        if sent != wanted {
            return Err(privet_shares::Refusal::WireLength { sent, wanted }.into());
        }
        let new = self.ids.insert(id);
        if new {
            self.sum.add(share);
        }
        Ok(new)
    }

    /// How many uploads stand behind the sum.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// The mean contribution in units of the head: the sum divided once, by the count. Under the least cohort there is
    /// none. In `split` mode the other aggregator's half is added first.
    pub fn mean(&self, other: Option<&Self>) -> Result<Vec<f64>> {
        let count = self.count();
        if count < self.least {
            return Err(Refusal::CohortTooSmall { count, least: self.least }.into());
        }
        let mut sum = self.sum.clone();
        if let Some(other) = other {
            if self.ids != other.ids {
                return Err(Refusal::SharesMismatch.into());
            }
            sum.add(&other.sum);
        }
        let divisor = count as f64 * f64::from(self.grid_scale);
        Ok(sum.centred().map(|entry| f64::from(entry) / divisor).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round() -> Round {
        Round { dimension: 2, grid_scale: 10, min_cohort: 2, ..Round::example() }
    }

    fn sum_of(uploads: &[(UploadId, [i32; 2])]) -> Aggregate {
        let round = round();
        let mut aggregate = Aggregate::new(&round);
        for (id, grid) in uploads {
            aggregate.add(*id, &Share::whole(grid)).expect("fits the round");
        }
        aggregate
    }

    /// Both aggregators' noise over nothing, read as the opened sum: mean within 5 and variance within 6 standard errors
    /// of 2(zS)², a false alarm in fewer than one run in a million. One alone has half of that variance.
    #[test]
    fn each_aggregator_adds_the_noise_that_devices_were_promised() {
        let round = Round { dimension: 4096, grid_scale: 100, noise_multiplier: 4.0, ..Round::split_example() };
        let noise = || -> Vec<f64> {
            let draws = (0..5).map(|_| noise_sum(Share::zero(4096), &round).expect("a plain round").into_share());
            draws.flat_map(|share| share.centred().map(f64::from).collect::<Vec<_>>()).collect()
        };
        let (leader, helper) = (noise(), noise());
        let both: Vec<f64> = leader.iter().zip(&helper).map(|(a, b)| a + b).collect();
        for (draws, variance) in [(&leader, 160_000.0), (&helper, 160_000.0), (&both, 320_000.0)] {
            let count = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / count;
            assert!(mean.abs() < 5.0 * f64::sqrt(variance / count), "mean {mean}");
            let square = draws.iter().map(|x| x * x).sum::<f64>() / count;
            assert!((square / variance - 1.0).abs() < 6.0 * (2.0 / count).sqrt(), "variance {square} for {variance}");
        }
    }

    #[test]
    fn a_sum_that_devices_have_noised_is_left_as_it_is_and_a_wrong_length_is_refused() {
        let sum = Share::whole(&[3, -4]);
        assert_eq!(noise_sum(sum.clone(), &round()).map(NoisedSum::into_share), Ok(sum));
        assert_eq!(
            noise_sum(Share::zero(1), &round()),
            Err(privet_shares::Refusal::WireLength { sent: 1, wanted: 2 }.into())
        );
    }

    #[test]
    fn order_and_repeats_change_nothing() {
        let [a, b] = [([1; 16], [30, -10]), ([2; 16], [10, i32::MAX])];
        let once = sum_of(&[a, b]);
        assert_eq!(once, sum_of(&[b, a, a, b]));
        assert_eq!(once.count(), 2);
        assert_eq!(once.mean(None).expect("two of two")[0], 2.0);
    }

    #[test]
    fn too_few_give_nothing() {
        let one = sum_of(&[([1; 16], [30, -10])]);
        assert_eq!(one.mean(None), Err(Refusal::CohortTooSmall { count: 1, least: 2 }.into()));
    }

    #[test]
    fn a_share_of_another_length_is_refused() {
        let mut aggregate = Aggregate::new(&round());
        assert_eq!(
            aggregate.add([1; 16], &Share::zero(1)),
            Err(privet_shares::Refusal::WireLength { sent: 1, wanted: 2 }.into())
        );
        assert_eq!(aggregate.count(), 0);
    }
}
