//! What a gradient is computed from: a pure function of the profile before an event, and the event.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{Event, Profile};

/// How many passed-over items stand against one that was opened.
const NEGATIVES: usize = 4;

/// One labelled item as the head sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    features: Vec<f32>,
    label: f32,
}

impl Example {
    /// How many features an embedding of this length becomes: itself, its affinity to the profile, and a bias.
    pub const fn feature_count(embedding_length: usize) -> usize {
        embedding_length + 2
    }

    /// What the head reads: the item's features, as the profile stands.
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// 1 for an item the user chose, 0 for one passed over.
    pub fn label(&self) -> f32 {
        self.label
    }
}

/// The features of an item as this profile sees it.
pub(crate) fn features_from_profile(profile: &Profile, embedding: &[f32]) -> Vec<f32> {
    let mut features = Vec::with_capacity(Example::feature_count(embedding.len()));
    features.extend_from_slice(embedding);
    features.push(profile.affinity(embedding));
    features.push(1.0);
    features
}

/// The examples that an event earns, seen from the profile *before* it, so that no example knows its own answer.
///
/// A positive event stands against up to four items that were shown and passed over. Which ones is drawn by a
/// generator seeded with the event's number, so that a reload or a replay draws the same.
pub(crate) fn examples_from_event(profile: &Profile, event: &Event) -> Vec<Example> {
    let example = |embedding: &[f32], label| Example { features: features_from_profile(profile, embedding), label };
    if !event.kind().is_positive() {
        return Vec::new();
    }
    let mut generator = ChaCha8Rng::seed_from_u64(profile.events());
    let mut examples = vec![example(event.embedding(), 1.0)];
    examples.extend(drawn(profile.passed_over(), event.embedding(), &mut generator).map(|passed| example(passed, 0.0)));
    examples
}

fn drawn<'a>(pool: &'a [Vec<f32>], chosen: &[f32], generator: &mut impl Rng) -> impl Iterator<Item = &'a [f32]> {
    let mut left: Vec<&[f32]> = pool.iter().map(Vec::as_slice).filter(|passed| *passed != chosen).collect();
    let count = left.len().min(NEGATIVES);
    for place in 0..count {
        let other = generator.random_range(place..left.len());
        left.swap(place, other);
    }
    left.truncate(count);
    left.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventKind;

    fn event(kind: EventKind, axis: usize) -> Event {
        let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
        Event::new(kind, embedding).expect("16 finite numbers are an event")
    }

    fn profile_after(passed_over: usize) -> Profile {
        let mut profile = Profile::new(16).expect("16 is a length");
        (0..passed_over).for_each(|axis| profile.record(&event(EventKind::Impression, axis)));
        profile
    }

    #[test]
    fn a_choice_stands_against_four_that_were_passed_over() {
        let examples = examples_from_event(&profile_after(10), &event(EventKind::Click, 3));
        assert_eq!(examples.iter().map(Example::label).collect::<Vec<_>>(), [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(examples[1..].iter().all(|example| example.features()[3] == 0.0), "the chosen item is no negative");
        let mut places: Vec<_> = examples[1..].iter().map(|e| e.features().iter().position(|&f| f > 0.0)).collect();
        places.dedup();
        assert_eq!(places.len(), 4, "no item is drawn twice");
    }

    #[test]
    fn the_same_profile_and_event_give_the_same_examples() {
        let draw = || examples_from_event(&profile_after(12), &event(EventKind::Like, 2));
        assert_eq!(draw(), draw());
        assert_ne!(draw(), examples_from_event(&profile_after(13), &event(EventKind::Like, 2)));
    }

    #[test]
    fn what_was_only_shown_teaches_nothing_by_itself() {
        assert!(examples_from_event(&profile_after(5), &event(EventKind::Impression, 1)).is_empty());
        assert_eq!(examples_from_event(&profile_after(0), &event(EventKind::Click, 1)).len(), 1);
    }

    #[test]
    fn an_example_does_not_know_its_own_answer() {
        let chosen = event(EventKind::Click, 1);
        let example = &examples_from_event(&profile_after(0), &chosen)[0];
        assert_eq!(example.features()[16..], [0.0, 1.0], "affinity as it was before the click, and the bias");
    }
}
