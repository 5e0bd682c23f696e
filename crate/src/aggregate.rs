//! The sum of a round's uploads: opened once enough devices stand behind it.

use std::collections::BTreeSet;

use crate::{Error, Result, Round, Upload, UploadId};

/// The running sum of one round. Order and repeats change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    round: u32,
    least: usize,
    grid_scale: u32,
    sum: Vec<i64>,
    ids: BTreeSet<UploadId>,
}

impl Aggregate {
    /// An empty sum for this round.
    pub fn new(round: &Round) -> Self {
        Self {
            round: round.number,
            least: round.min_cohort as usize,
            grid_scale: round.grid_scale,
            sum: vec![0; round.dimension as usize],
            ids: BTreeSet::new(),
        }
    }

    /// Adds an upload; whether it was new.
    pub fn add(&mut self, upload: &Upload) -> Result<bool> {
        if upload.round() != self.round {
            return Err(Error::RoundClosed { sent: upload.round(), open: self.round });
        }
        if upload.grid().len() != self.sum.len() {
            return Err(Error::WireLength { sent: upload.grid().len(), wanted: self.sum.len() });
        }
        if !self.ids.insert(upload.id()) {
            return Ok(false);
        }
        for (sum, &entry) in self.sum.iter_mut().zip(upload.grid()) {
            *sum += i64::from(entry);
        }
        Ok(true)
    }

    /// How many uploads stand behind the sum.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// The mean contribution in units of the head: the sum divided once, by the count. Under the least cohort there is
    /// none.
    pub fn mean(&self) -> Result<Vec<f64>> {
        let count = self.count();
        if count < self.least {
            return Err(Error::CohortTooSmall { count, least: self.least });
        }
        let divisor = count as f64 * f64::from(self.grid_scale);
        Ok(self.sum.iter().map(|&entry| entry as f64 / divisor).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round() -> Round {
        Round { dimension: 2, grid_scale: 10, min_cohort: 2, ..Round::example() }
    }

    fn sum_of(uploads: &[Upload]) -> Aggregate {
        let mut aggregate = Aggregate::new(&round());
        for upload in uploads {
            aggregate.add(upload).expect("fits the round");
        }
        aggregate
    }

    #[test]
    fn order_and_repeats_change_nothing() {
        let [a, b] = [Upload::from_grid(1, [1; 16], &[30, -10]), Upload::from_grid(1, [2; 16], &[10, i32::MAX])];
        let once = sum_of(&[a.clone(), b.clone()]);
        assert_eq!(once, sum_of(&[b.clone(), a.clone(), a, b]));
        assert_eq!(once.count(), 2);
        assert_eq!(once.mean().expect("two of two")[0], 2.0);
    }

    #[test]
    fn too_few_give_nothing() {
        let one = sum_of(&[Upload::from_grid(1, [1; 16], &[30, -10])]);
        assert_eq!(one.mean(), Err(Error::CohortTooSmall { count: 1, least: 2 }));
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        let mut aggregate = Aggregate::new(&round());
        let other_round = Upload::from_grid(2, [1; 16], &[0, 0]);
        assert_eq!(aggregate.add(&other_round), Err(Error::RoundClosed { sent: 2, open: 1 }));
        let other_length = Upload::from_grid(1, [1; 16], &[0]);
        assert_eq!(aggregate.add(&other_length), Err(Error::WireLength { sent: 1, wanted: 2 }));
        assert_eq!(aggregate.count(), 0);
    }
}
