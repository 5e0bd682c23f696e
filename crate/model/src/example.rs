//! What is learnt from: a slate as the profile saw it before its user chose, and what was chosen.

use crate::{Event, Head, Profile, cpu, extend_direction, profile::Seen, propensity::propensity};
use privet_base::{Draws, stored};
use privet_kernels::here as kernels;

/// How many drawn items stand against one that was chosen, where it was not shown among others.
const DRAWN: usize = 4;
/// A choice far down a slate that few look at counts this many times, and no more: Joachims et al. 2017 clip likewise.
const MOST_PROPENSITY_WEIGHT: f32 = 10.0;
/// How many places the personal part has for the values of attributes, which share them by their hash.
pub(crate) const SLOTS: usize = 256;

/// A group of items of which the first was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What the profile had to say about each (rows, features).
    pub(crate) x: Vec<f32>,
    /// The server's score of each.
    pub(crate) server: Vec<f32>,
    /// The direction of each embedding (rows, embedding).
    pub(crate) directions: Vec<f32>,
    /// The places of the values of each row's attributes, one row after the other.
    pub(crate) slots: Vec<u16>,
    /// Where each row's places begin (rows + 1).
    pub(crate) slot_starts: Vec<u16>,
    /// How much the group counts.
    pub(crate) weight: f32,
    /// What was left of the last alarm about drift when it was made.
    pub alarm: f32,
    /// Whether it went into a contribution.
    pub contributed: bool,
}

stored!(Example { x, server, directions, slots, slot_starts, weight, alarm, contributed });

impl Example {
    /// How many items it has.
    pub fn rows(&self) -> usize {
        self.server.len()
    }

    /// What the profile had to say about each item, row after row.
    pub fn features(&self) -> &[f32] {
        &self.x
    }

    /// The server's score of each item.
    pub fn server_scores(&self) -> &[f32] {
        &self.server
    }

    /// How much it counts.
    pub fn weight(&self) -> f32 {
        self.weight
    }

    /// How wrong the published net is about it, with the profile as it was: 1 by chance, whatever the number of rows.
    ///
    /// The device's own copy is not asked: it may not have come so far yet, and what a profile is must not depend on that.
    pub fn loss(&self, head: &Head) -> f64 {
        let rows = self.rows();
        let shape = head.shape(rows as u32, 1);
        let (mut z, mut s, mut r) = (vec![0.0; rows * shape.h as usize], vec![0.0; rows], vec![0.0; rows]);
        let mut loss = [0.0];
        kernels::forward(shape.f as usize, shape.h as usize, &self.x, head.parameters(), &mut z, &mut s);
        cpu::listwise(shape, 1.0, &[0, rows as u32], &[1.0], &self.server, &s, &mut r, &mut loss);
        f64::from(loss[0]) / (rows as f64).ln()
    }

    fn new(head: &Head, rows: &[&Seen], weight: f32) -> Self {
        let mut example = Self {
            x: rows.iter().flat_map(|seen| &seen.features).copied().collect(),
            server: rows.iter().map(|seen| seen.item.score).collect(),
            directions: Vec::with_capacity(rows.len() * head.embedding_length()),
            slots: Vec::new(),
            slot_starts: vec![0],
            weight,
            alarm: 0.0,
            contributed: false,
        };
        for Seen { item, .. } in rows {
            extend_direction(&item.embedding, &mut example.directions);
            example.slots.extend(item.attributes.iter().map(slot));
            example.slot_starts.push(example.slots.len() as u16);
        }
        example
    }
}

/// The place of an attribute's value. Its key is a hash already; the attribute is mixed in.
pub fn slot(&(attribute, value): &(u16, u64)) -> u16 {
    // Knuth's multiplicative hashing: the high bits of a product with 2^64 over the golden ratio.
    let mixed = (value ^ u64::from(attribute).rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u16 % SLOTS as u16
}

/// The example that an event earns. Each of its rows is seen from the profile *before* the event that the row was part
/// of, so that none knows its own answer: neither the event's, nor those that are drawn to stand against it.
///
/// What was chosen stands against what was shown beside it, and counts by how seldom its place is looked at. Where
/// nothing was shown beside it, against up to four items that were passed over; what was pushed away stands against one
/// that was chosen before. Which ones is drawn by a generator seeded with the event's number, so that a rebuild draws
/// the same.
pub fn example_from_event(head: &Head, profile: &Profile, event: &Event, seen: &[Seen]) -> Option<Example> {
    let label = event.label(&head.schema);
    let weight = head.schema.kinds[usize::from(event.kind)].weight * label.abs();
    let mut generator = Draws::of(profile.events());
    let (own, others) = seen.split_first()?;
    let mut rows = Vec::with_capacity(others.len().max(DRAWN) + 1);
    if label > 0.0 {
        rows.push(own);
        if others.is_empty() {
            let pool = profile.passed_over().iter().filter(|passed| passed.item.key != event.item.key);
            rows.extend(drawn(pool, DRAWN, &mut generator));
        } else {
            rows.extend(others);
        }
    } else if label < 0.0 {
        let pool = profile.chosen().iter().filter(|chosen| chosen.item.key != event.item.key);
        rows.extend(drawn(pool, 1, &mut generator));
        rows.push(own);
    }
    let rare = (1.0 / propensity(event.position.into(), head.eta) as f32).min(MOST_PROPENSITY_WEIGHT);
    (rows.len() > 1 && weight > 0.0).then(|| Example::new(head, &rows, weight * rare))
}

fn drawn<'a>(pool: impl Iterator<Item = &'a Seen>, most: usize, generator: &mut Draws) -> Vec<&'a Seen> {
    let mut left: Vec<&Seen> = pool.collect();
    let count = left.len().min(most);
    for place in 0..count {
        let other = generator.place(place..left.len());
        left.swap(place, other);
    }
    left.truncate(count);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ablation, Item, Moment, Schema, layout};

    fn head() -> Head {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema")
    }

    fn item(axis: usize) -> Item {
        let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
        Item { score: axis as f32, ..Item::plain(axis as u64, embedding) }
    }

    fn event(kind: u16, axis: usize) -> Event {
        Event::new(kind, item(axis), Moment::default())
    }

    fn record(profile: &mut Profile, event: &Event) {
        let seen = profile.features_before(&head().schema, event, false, Ablation::default());
        profile.fold(&head().schema, event, seen, false);
    }

    fn profile_after(passed_over: usize) -> Profile {
        let mut profile = Profile::new(&head().schema);
        (0..passed_over).for_each(|axis| record(&mut profile, &event(0, axis)));
        profile
    }

    fn example(profile: &Profile, event: &Event) -> Option<Example> {
        example_from_event(
            &head(),
            profile,
            event,
            &profile.features_before(&head().schema, event, false, Ablation::default()),
        )
    }

    #[test]
    fn a_choice_stands_against_four_that_were_passed_over() {
        let example = example(&profile_after(10), &event(1, 3)).expect("ten to draw from");
        assert_eq!((example.rows(), example.server[0]), (5, 3.0));
        let mut places = example.server[1..].to_vec();
        places.sort_by(f32::total_cmp);
        places.dedup();
        assert!(places.len() == 4 && !places.contains(&3.0), "no item is drawn twice, nor the chosen one: {places:?}");
    }

    #[test]
    fn a_choice_from_a_slate_stands_against_the_slate_and_counts_by_its_place() {
        let shown = Event { others: vec![item(1), item(2)], position: 4, ..event(1, 3) };
        let example = example(&profile_after(10), &shown).expect("a slate");
        assert_eq!(example.server, [3.0, 1.0, 2.0]);
        assert_eq!(example.weight, 4.0, "with an eta of 1 the fourth place is looked at a quarter of the time");
        let far = Event { position: 60_000, ..shown };
        assert_eq!(self::example(&profile_after(0), &far).expect("a slate").weight, MOST_PROPENSITY_WEIGHT);
    }

    #[test]
    fn what_was_pushed_away_stands_against_what_was_chosen() {
        assert_eq!(example(&profile_after(3), &event(3, 5)), None, "nothing was chosen before");
        let mut profile = profile_after(0);
        [8, 9].iter().for_each(|&axis| record(&mut profile, &event(1, axis)));
        let example = example(&profile, &event(3, 5)).expect("two were chosen");
        assert!(example.rows() == 2 && example.server[1] == 5.0 && example.server[0] >= 8.0);
    }

    #[test]
    fn the_same_profile_and_event_give_the_same_example() {
        let draw = || example(&profile_after(12), &event(2, 2));
        assert_eq!(draw(), draw());
        assert_ne!(draw(), example(&profile_after(13), &event(2, 2)));
    }

    #[test]
    fn what_was_only_shown_teaches_nothing_by_itself() {
        assert_eq!(example(&profile_after(5), &event(0, 1)), None);
        assert_eq!(example(&profile_after(0), &event(1, 1)), None, "there is nothing to stand against");
    }

    #[test]
    fn an_example_does_not_know_its_own_answer() {
        let example = example(&profile_after(3), &event(1, 9)).expect("three to draw from");
        assert_eq!(
            example.x[layout::SIMILARITIES],
            [0.0; layout::SIMILARITIES.end],
            "no interest, no recent item: as it was before the click"
        );
    }

    #[test]
    fn nor_does_it_know_what_came_of_those_it_stands_against() {
        // Item 5 was pushed away and 8 chosen: to look at them now would tell, by attention, interests and "seen".
        let mut profile = profile_after(0);
        [event(3, 5), event(1, 8)].iter().for_each(|event| record(&mut profile, event));
        let chosen = example(&profile, &event(1, 9)).expect("one was passed over");
        assert_eq!(
            (chosen.server[1], &chosen.x[chosen.x.len() / 2..][layout::SIMILARITIES]),
            (5.0, &[0.0; layout::SIMILARITIES.end][..])
        );
        let pushed_away = example(&profile, &event(3, 9)).expect("one was chosen");
        let features = head().shape(0, 0).f as usize;
        assert_eq!(
            (pushed_away.server[0], pushed_away.x[layout::SEEN.start]),
            (8.0, 0.0),
            "it was not seen before it was chosen"
        );
        assert_eq!(pushed_away.x[..features], profile.chosen()[0].features);
    }
}
