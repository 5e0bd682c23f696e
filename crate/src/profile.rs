//! What the device remembers of its user: the fold over the events, and nothing else.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::{Event, EventKind, Result, event::check_embedding_length};

/// How many interests a profile keeps apart.
const INTERESTS: usize = 4;
/// An item that is less like every interest than this founds an interest of its own, while there is room.
const KINSHIP: f32 = 0.5;
/// What one positive event leaves of an interest's older weight.
const DECAY: f32 = 0.98;
/// How many shown items without a positive answer are kept to draw negatives from.
const PASSED_OVER: usize = 64;

/// Interests found by online clustering, and the items that were shown and passed over.
///
/// A pure fold: the same events in the same order give the same profile, bit for bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// One direction of length 1 a row, the oldest first (interests, embedding).
    interests: Array2<f32>,
    /// The decayed count of positive events behind each interest; 0 marks a free row.
    weights: Array1<f32>,
    passed_over: Vec<Vec<f32>>,
    events: u64,
    positives: u64,
}

impl Profile {
    /// An empty profile over embeddings of this length.
    pub fn new(embedding_length: usize) -> Result<Self> {
        check_embedding_length(embedding_length)?;
        Ok(Self {
            interests: Array2::zeros((INTERESTS, embedding_length)),
            weights: Array1::zeros(INTERESTS),
            passed_over: Vec::new(),
            events: 0,
            positives: 0,
        })
    }

    /// Folds one event in. Its embedding has the profile's length: [`crate::Device`] has checked it.
    pub fn record(&mut self, event: &Event) {
        self.events += 1;
        let embedding = ArrayView1::from(event.embedding());
        match event.kind() {
            EventKind::Click | EventKind::Like => {
                self.positives += 1;
                self.passed_over.retain(|passed| passed != event.embedding());
                self.strengthen(embedding);
            }
            EventKind::Impression | EventKind::Dismiss => {
                if self.passed_over.len() == PASSED_OVER {
                    self.passed_over.remove(0);
                }
                self.passed_over.push(event.embedding().to_vec());
            }
        }
    }

    /// How like the item is to the interest nearest to it: a cosine, 0 while there is no interest.
    pub fn affinity(&self, embedding: &[f32]) -> f32 {
        let embedding = ArrayView1::from(embedding);
        self.nearest(embedding).map_or(0.0, |(_, cosine)| cosine)
    }

    /// The items that were shown and passed over, the oldest first.
    pub fn passed_over(&self) -> &[Vec<f32>] {
        &self.passed_over
    }

    /// How many events the profile was folded from.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many of the events spoke for an item: the evidence on which personalising rests.
    pub fn evidence(&self) -> u64 {
        self.positives
    }

    fn strengthen(&mut self, embedding: ArrayView1<'_, f32>) {
        let length = embedding.dot(&embedding).sqrt();
        if length == 0.0 {
            return;
        }
        let free = self.weights.iter().position(|&weight| weight == 0.0);
        let row = match (self.nearest(embedding), free) {
            (Some((row, cosine)), None) => Some((row, cosine)),
            (Some((row, cosine)), Some(_)) if cosine >= KINSHIP => Some((row, cosine)),
            _ => None,
        };
        self.weights *= DECAY;
        if let Some((row, _)) = row {
            let weight = self.weights[row];
            let mut interest = self.interests.row_mut(row);
            interest *= weight;
            interest.scaled_add(1.0 / length, &embedding);
            let length = interest.dot(&interest).sqrt();
            if length > 0.0 {
                interest /= length;
            }
            self.weights[row] = weight + 1.0;
        } else if let Some(row) = free {
            self.interests.row_mut(row).assign(&embedding);
            let mut interest = self.interests.row_mut(row);
            interest /= length;
            self.weights[row] = 1.0;
        }
    }

    fn nearest(&self, embedding: ArrayView1<'_, f32>) -> Option<(usize, f32)> {
        let length = embedding.dot(&embedding).sqrt();
        if length == 0.0 {
            return None;
        }
        self.interests
            .axis_iter(Axis(0))
            .enumerate()
            .filter(|&(row, _)| self.weights[row] > 0.0)
            .map(|(row, interest)| (row, interest.dot(&embedding) / length))
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(axis: usize) -> Vec<f32> {
        (0..16).map(|i| if i == axis { 2.0 } else { 0.0 }).collect()
    }

    fn event(kind: EventKind, axis: usize) -> Event {
        Event::new(kind, item(axis)).expect("16 finite numbers are an event")
    }

    fn fold(events: &[Event]) -> Profile {
        let mut profile = Profile::new(16).expect("16 is a length");
        events.iter().for_each(|event| profile.record(event));
        profile
    }

    #[test]
    fn the_same_events_give_the_same_profile() {
        let events: Vec<Event> =
            (0..200).map(|i| event([EventKind::Click, EventKind::Dismiss][i % 2], i % 7)).collect();
        assert_eq!(fold(&events), fold(&events));
    }

    #[test]
    fn interests_stay_apart_until_there_is_no_room() {
        let profile = fold(&[0, 1, 2, 3].map(|axis| event(EventKind::Click, axis)));
        for axis in 0..4 {
            assert!((profile.affinity(&item(axis)) - 1.0).abs() < 1e-6);
        }
        assert_eq!(profile.affinity(&item(9)), 0.0);
        let crowded = fold(&[0, 1, 2, 3, 4].map(|axis| event(EventKind::Click, axis)));
        assert!(crowded.affinity(&item(4)) > 0.5);
    }

    #[test]
    fn an_item_is_no_longer_passed_over_once_it_is_opened() {
        let profile =
            fold(&[event(EventKind::Impression, 1), event(EventKind::Impression, 2), event(EventKind::Click, 1)]);
        assert_eq!(profile.passed_over(), &[item(2)]);
        assert_eq!((profile.events(), profile.evidence()), (3, 1));
    }

    #[test]
    fn the_memory_of_passed_over_items_is_bounded() {
        let profile = fold(&vec![event(EventKind::Impression, 3); PASSED_OVER + 10]);
        assert_eq!(profile.passed_over().len(), PASSED_OVER);
    }

    #[test]
    fn an_embedding_of_zeros_is_like_nothing() {
        let profile = fold(&[event(EventKind::Click, 0), Event::new(EventKind::Click, vec![0.0; 16]).expect("finite")]);
        assert_eq!(profile.affinity(&[0.0; 16]), 0.0);
    }
}
