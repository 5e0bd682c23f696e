//! Which step comes next, and which examples it goes over: the one rule for whoever takes steps, here or elsewhere.

use crate::Head;
use privet_base::Draws;

/// How many examples are kept to be learnt from again.
const POOL: usize = 256;
/// How many of them are left right after an alarm about drift.
const LEAST_POOL: usize = 16;

/// The pool is a window over the examples in their order. All steps of an example are taken before the next one is admitted,
/// and what a step goes over is drawn by a generator seeded with the step's number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Schedule {
    /// The place of the first example of the pool.
    pub(super) from: usize,
    /// One past the last: what comes from here on waits.
    pub(super) to: usize,
    /// How many steps the newest of the pool has still earned.
    pub(super) owed: u32,
    /// How many were taken in all.
    pub(super) steps: u64,
}

impl Schedule {
    /// Goes on by one step, and tells its number; nothing where none is owed. Of `count` examples it asks what is left of the
    /// last alarm at those that it admits.
    pub(super) fn next(&mut self, head: &Head, alarm: impl Fn(usize) -> f32, count: usize) -> Option<u64> {
        while self.owed == 0 {
            if self.to == count {
                return None;
            }
            self.to += 1;
            self.from = self.from.max(self.to.saturating_sub(pool_size(alarm(self.to - 1))));
            self.owed = head.local.steps;
        }
        self.owed -= 1;
        self.steps += 1;
        Some(self.steps - 1)
    }
}

/// How many examples are kept beside one with so much left of an alarm: what is older than that is of another time.
fn pool_size(alarm: f32) -> usize {
    LEAST_POOL.max((POOL as f32 * (1.0 - alarm)) as usize)
}

/// What the step of this number goes over, by places in a pool of that size: the newest, and others as they are drawn.
pub(super) fn drawn(step: u64, pool: usize, batch: u32) -> impl Iterator<Item = usize> {
    let mut generator = Draws::of(step);
    let others = move |place| if place == 0 { pool - 1 } else { generator.place(0..pool) };
    (0..pool.min(batch as usize)).map(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_in_every_batch_and_the_others_are_drawn_from_all() {
        let mut counts = [0_u32; 16];
        for step in 0..4000 {
            let places: Vec<usize> = drawn(step, counts.len(), 4).collect();
            assert_eq!((places.len(), places[0]), (4, 15), "step {step}");
            places[1..].iter().for_each(|&place| counts[place] += 1);
        }
        // Seeds are step numbers, so this cannot fail by chance. Of even draws, one set of 10,000 would.
        let square: f64 = counts.iter().map(|&count| (f64::from(count) - 750.0).powi(2) / 750.0).sum();
        assert!(square < 44.3, "{square} at 15 degrees of freedom: {counts:?}");
        assert_eq!(drawn(3, 2, 8).count(), 2, "no more than there are");
    }
}
