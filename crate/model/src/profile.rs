//! What the device remembers of its user: the fold over the events, and nothing else.

pub mod layout;
mod view;

use std::collections::VecDeque;

use crate::{
    Attribute, Event, Item, Moment, Schema,
    cpu::{ATTENTIONS, Attention, CLUSTERS, INTERESTS, RECENT},
    power::exp2,
};
use privet_base::{Sorted, stored, stored::goes_on};
use privet_kernels::here::dot;
pub use view::View;

/// Half-lives of the decayed interests in milliseconds: three hours, three days, a month.
const HALF_LIVES_MS: [f64; INTERESTS - 1] = [3.0 * 3.6e6, 3.0 * 8.64e7, 30.0 * 8.64e7];
/// The place of the slowest of them, among the features as well.
pub(crate) const SLOWEST_INTEREST: usize = HALF_LIVES_MS.len() - 1;
/// The half-life of what a device counts about an attribute's values: three weeks.
const COUNTER_HALF_LIFE_MS: f64 = 21.0 * 8.64e7;
/// An item whose cosine with every cluster is less than this begins a cluster of its own, while there is room.
const SAME_CLUSTER: f32 = 0.5;
/// What one positive event leaves of a cluster's older weight.
const DECAY: f32 = 0.98;
/// How many chosen items and how many without a positive answer are kept, to draw each other's opposites from.
const OPPOSITES: usize = 64;
/// How many values of attributes are counted.
const COUNTERS: usize = 1024;
/// A pause of this length ends a session.
const SESSION_MS: u64 = 30 * 60 * 1000;
/// The kinds of attention: to what was chosen, broadly and closely, and to what was pushed away.
const ATTENTION_KINDS: [Attention; ATTENTIONS] = [
    Attention { sharpness: 8.0, fading: 0.0, against: false },
    Attention { sharpness: 16.0, fading: 0.15, against: false },
    Attention { sharpness: 8.0, fading: 0.0, against: true },
];
/// Interests by age and by kind, recent items, counters and context.
///
/// A pure fold: the same events in the same order give the same profile, bit for bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The decayed sums of what was chosen, by half-life, and of what was pushed away (4, embedding).
    interests: Vec<f32>,
    /// One direction of length 1 a row, the oldest first (clusters, embedding).
    clusters: Vec<f32>,
    /// The decayed count of positive events behind each cluster; 0 marks a free row.
    weights: [f32; CLUSTERS],
    recent: VecDeque<Recent>,
    counters: Sorted<(u16, u64), Counter>,
    passed_over: VecDeque<Seen>,
    chosen: VecDeque<Seen>,
    last_ms: u64,
    session: u32,
    events: u64,
    evidence: u64,
}

/// An item, and what the profile had to say about it *before* the event that it was part of: what came of it is not in
/// there, so that nobody who learns from it later can read the answer off.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub(crate) item: Item,
    pub(crate) features: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq)]
struct Recent {
    key: u64,
    label: f32,
    direction: Vec<f32>,
}
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Counter {
    chosen: f32,
    shown: f32,
    ms: u64,
}
stored! {
    Profile {
        interests, clusters, weights, recent, counters, passed_over, chosen, last_ms, session, events, evidence,
    }
    Recent { key, label, direction }
    Counter { chosen, shown, ms }
    Seen { item, features }
    Ablation { attention, counters, interests, drift }
}

/// What the profile has counted of one value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// The attribute's place in the schema.
    pub attribute: u16,
    /// The key of the value.
    pub value: u64,
    /// How much was chosen of it: decayed, and by the labels of events.
    pub chosen: f32,
    /// How much was shown of it: decayed.
    pub shown: f32,
    /// How often it is chosen where it is shown, shrunk to the population's rate.
    pub rate: f32,
}

impl Counter {
    /// Shrunk to the rate of the population, as it is at this moment.
    fn rate(self, attribute: &Attribute, ms: u64) -> f32 {
        let Self { chosen, shown, .. } = self.decayed(ms);
        (chosen + attribute.strength * attribute.rate) / (shown + attribute.strength)
    }

    fn decayed(self, ms: u64) -> Self {
        let left = half(ms.saturating_sub(self.ms), COUNTER_HALF_LIFE_MS);
        Self { chosen: self.chosen * left, shown: self.shown * left, ms: self.ms.max(ms) }
    }
}

impl Seen {
    fn fits(&self, schema: &Schema) -> bool {
        self.item.check(schema).is_ok() && self.features.len() == schema.features()
    }
}

/// What a ranking leaves out, to see what it was worth.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ablation {
    /// No looking back at recent items.
    pub attention: bool,
    /// No counters of attributes.
    pub counters: bool,
    /// One decayed interest in place of several.
    pub interests: bool,
    /// No notice of drift.
    pub drift: bool,
}

impl Profile {
    /// An empty profile.
    pub fn new(schema: &Schema) -> Self {
        let d = schema.embedding as usize;
        Self {
            interests: vec![0.0; INTERESTS * d],
            clusters: vec![0.0; CLUSTERS * d],
            weights: [0.0; CLUSTERS],
            recent: VecDeque::new(),
            counters: Sorted::new(),
            passed_over: VecDeque::new(),
            chosen: VecDeque::new(),
            last_ms: 0,
            session: 0,
            events: 0,
            evidence: 0,
        }
    }

    /// What there was to say about an event's item and those beside it before the event was known. What was shown by
    /// [`Profile::show`] is seen as it was then, whatever has come of it since.
    pub fn features_before(&self, schema: &Schema, event: &Event, shown: bool, ablation: Ablation) -> Vec<Seen> {
        let items = core::iter::once(&event.item).chain(&event.others);
        let before = |item: &Item| if shown { self.seen(item.key) } else { None };
        let mut view = None;
        let mut now = |item| view.get_or_insert_with(|| self.view(schema, event.moment, ablation)).see(item);
        items.map(|item| before(item).unwrap_or_else(|| now(item))).collect()
    }

    /// The profile at a moment, to take features from.
    pub fn view<'a>(&'a self, schema: &'a Schema, moment: Moment, ablation: Ablation) -> View<'a> {
        View::new(self, schema, moment, ablation)
    }

    fn seen(&self, key: u64) -> Option<Seen> {
        let latest = self.passed_over.iter().rev().chain(self.chosen.iter().rev());
        latest.into_iter().find(|seen| seen.item.key == key).cloned()
    }

    /// Folds in what was shown together: all of it was seen, and passed over as long as nothing else is said.
    pub fn show(&mut self, schema: &Schema, items: &[Item], moment: Moment, ablation: Ablation) {
        let view = self.view(schema, moment, ablation);
        let seen: Vec<Seen> = items.iter().map(|item| view.see(item)).collect();
        self.begin(moment.ms);
        self.events += 1;
        seen.into_iter().for_each(|seen| keep(&mut self.passed_over, OPPOSITES, seen));
        items.iter().for_each(|item| self.count(schema, item, 0.0, 1.0, moment.ms));
    }

    /// Folds one event in, of which [`Profile::features_before`] said what was `seen`. [`Event::check`] has passed it. Where its
    /// items were `shown` by [`Profile::show`], they were counted there.
    pub fn fold(&mut self, schema: &Schema, event: &Event, seen: Vec<Seen>, shown: bool) {
        let Event { item, moment, others, .. } = event;
        let mut seen = seen.into_iter();
        let first = seen.next().expect("the event's own item is the first");
        let label = event.label(schema);
        self.begin(moment.ms);
        self.events += 1;
        let direction = direction(&item.embedding);
        self.count(schema, item, label.max(0.0), if shown { 0.0 } else { 1.0 }, moment.ms);
        if !shown {
            seen.for_each(|other| keep(&mut self.passed_over, OPPOSITES, other));
            others.iter().for_each(|other| self.count(schema, other, 0.0, 1.0, moment.ms));
        }
        if label > 0.0 {
            self.evidence += 1;
            self.passed_over.retain(|passed| passed.item.key != item.key);
            keep(&mut self.chosen, OPPOSITES, first);
            for interest in self.interests.chunks_exact_mut(direction.len()).take(HALF_LIVES_MS.len()) {
                add(interest, label, &direction);
            }
            self.update_clusters(&direction);
        } else {
            if !shown {
                keep(&mut self.passed_over, OPPOSITES, first);
            }
            if label < 0.0 {
                add(&mut self.interests[(INTERESTS - 1) * direction.len()..], -label, &direction);
            }
        }
        if label != 0.0 {
            keep(&mut self.recent, RECENT, Recent { key: item.key, label, direction });
        }
    }

    /// The items that were shown and passed over, the oldest first.
    pub(crate) fn passed_over(&self) -> &VecDeque<Seen> {
        &self.passed_over
    }

    /// The items that were chosen, the oldest first.
    pub(crate) fn chosen(&self) -> &VecDeque<Seen> {
        &self.chosen
    }

    /// The key of the recent item that lies so far back.
    pub fn recent_key(&self, back: usize) -> Option<u64> {
        self.recent.iter().rev().nth(back).map(|recent| recent.key)
    }

    /// What was counted of the values of attributes, as it counts at this moment.
    pub fn counted(&self, schema: &Schema, ms: u64) -> impl Iterator<Item = Counted> {
        self.counters.iter().map(move |&((attribute, value), counter)| {
            let Counter { chosen, shown, .. } = counter.decayed(ms);
            let rate = counter.rate(&schema.attributes[usize::from(attribute)], ms);
            Counted { attribute, value, chosen, shown, rate }
        })
    }

    /// How many events the profile was folded from.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many of the events spoke for an item: the evidence on which personalising rests.
    pub fn evidence(&self) -> u64 {
        self.evidence
    }

    /// Whether its sizes are those of this schema.
    pub fn fits(&self, schema: &Schema) -> bool {
        let d = schema.embedding as usize;
        let named = |((place, _), _): &((u16, u64), Counter)| usize::from(*place) < schema.attributes.len();
        self.interests.len() == INTERESTS * d
            && self.clusters.len() == CLUSTERS * d
            && goes_on(self.events.max(self.evidence))
            && self.session < u32::MAX / 2
            && self.recent.len() <= RECENT
            && self.recent.iter().all(|recent| recent.direction.len() == d)
            && self.counters.len() <= COUNTERS
            && self.counters.iter().all(named)
            && self.passed_over.len().max(self.chosen.len()) <= OPPOSITES
            && self.passed_over.iter().chain(&self.chosen).all(|seen| seen.fits(schema))
    }

    /// Takes this part of all that is known of interests away.
    pub fn fade(&mut self, part: f32) {
        if part == 0.0 {
            return;
        }
        let left = 1.0 - part;
        self.interests.iter_mut().chain(&mut self.weights).for_each(|number| *number *= left);
        self.recent.iter_mut().for_each(|recent| recent.label *= left);
        for counter in self.counters.values_mut() {
            counter.chosen *= left;
            counter.shown *= left;
        }
    }

    /// Lets the time since the last event pass. A clock that goes backwards stands still.
    fn begin(&mut self, ms: u64) {
        let passed = if self.events == 0 { 0 } else { ms.saturating_sub(self.last_ms) };
        self.session = if passed < SESSION_MS { self.session + 1 } else { 1 };
        self.last_ms = self.last_ms.max(ms);
        let half_lives = HALF_LIVES_MS.iter().chain(HALF_LIVES_MS.last());
        let d = self.interests.len() / INTERESTS;
        for (interest, &half_life) in self.interests.chunks_exact_mut(d).zip(half_lives) {
            scale(interest, half(passed, half_life));
        }
    }

    fn count(&mut self, schema: &Schema, item: &Item, chosen: f32, shown: f32, ms: u64) {
        for &name in &item.attributes {
            if !self.counters.contains(&name) && self.counters.len() == COUNTERS {
                let least = self.counters.iter().min_by(|(_, a), (_, b)| a.shown.total_cmp(&b.shown));
                let least = least.expect("a full table has an entry").0;
                self.counters.remove(&least);
            }
            let counter = self.counters.entry(name);
            *counter = counter.decayed(ms);
            counter.chosen += chosen;
            // What is chosen again and again on one slate was shown once; a rate over 1 is none.
            counter.shown = (counter.shown + shown).max(counter.chosen);
            debug_assert!(usize::from(name.0) < schema.attributes.len(), "the event was checked");
        }
    }

    /// How like an item is to the cluster nearest to it, and to all of them by their weights, by how like it is to each.
    fn cluster_similarity(&self, cosines: &[f32]) -> [f32; 2] {
        let total: f32 = self.weights.iter().sum();
        if total == 0.0 {
            return [0.0; 2];
        }
        let mut nearest = f32::NEG_INFINITY;
        let mut mean = 0.0;
        for (cosine, &weight) in cosines.iter().zip(&self.weights).filter(|(_, weight)| **weight > 0.0) {
            nearest = nearest.max(*cosine);
            mean += weight * cosine;
        }
        [nearest, mean / total]
    }

    fn update_clusters(&mut self, direction: &[f32]) {
        if direction.iter().all(|&x| x == 0.0) {
            return;
        }
        let free = self.weights.iter().position(|&weight| weight == 0.0);
        let nearest = self
            .clusters
            .chunks_exact(direction.len())
            .enumerate()
            .filter(|&(row, _)| self.weights[row] > 0.0)
            .map(|(row, cluster)| (row, dot(cluster, direction)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let row = match (nearest, free) {
            (Some((row, _)), None) => Some(row),
            (Some((row, cosine)), Some(_)) if cosine >= SAME_CLUSTER => Some(row),
            _ => None,
        };
        self.weights.iter_mut().for_each(|weight| *weight *= DECAY);
        let Some(row) = row.or(free) else { return };
        let cluster = &mut self.clusters[row * direction.len()..][..direction.len()];
        // A free row has no weight, and so none of what stands in it is left.
        scale(cluster, self.weights[row]);
        add(cluster, 1.0, direction);
        let length = dot(cluster, cluster).sqrt();
        if length > 0.0 {
            scale(cluster, 1.0 / length);
        }
        self.weights[row] += 1.0;
    }
}

#[cfg(any(test, feature = "examples"))]
impl Profile {
    /// As many sessions as can be counted.
    pub fn be_at_the_end(&mut self) {
        self.session = u32::MAX;
    }
}

fn scale(row: &mut [f32], factor: f32) {
    row.iter_mut().for_each(|x| *x *= factor);
}

fn add(row: &mut [f32], factor: f32, direction: &[f32]) {
    row.iter_mut().zip(direction).for_each(|(x, y)| *x += factor * y);
}

/// Appends to a queue that forgets its oldest.
fn keep<T>(queue: &mut VecDeque<T>, most: usize, newest: T) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(newest);
}

/// Sine and cosine of a minute's angle on a clock of 24 hours. The library's, for angles of any size, weigh 2 KB more.
fn on_the_clock(minute: u32) -> (f32, f32) {
    let (sine, cosine) = (quarter_sine(minute % 360), quarter_sine(360 - minute % 360));
    match minute / 360 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// Taylor's series over the first 360 minutes, a quarter of the circle: what it leaves out is under 1e-11.
fn quarter_sine(minute: u32) -> f32 {
    let x = f64::from(minute) * (core::f64::consts::FRAC_PI_2 / 360.0);
    let factors = [210.0, 156.0, 110.0, 72.0, 42.0, 20.0, 6.0];
    (x * factors.iter().fold(1.0, |rest, factor| 1.0 - x * x / factor * rest)) as f32
}

/// What is left of 1 after `ms` at this half-life.
fn half(ms: u64, half_life_ms: f64) -> f32 {
    if ms == 0 { 1.0 } else { exp2(-(ms as f64) / half_life_ms) as f32 }
}

/// A vector of the same direction and of length 1; zeros stay zeros.
pub(crate) fn direction(embedding: &[f32]) -> Vec<f32> {
    let mut direction = Vec::new();
    extend_direction(embedding, &mut direction);
    direction
}

/// The same behind others.
pub fn extend_direction(embedding: &[f32], directions: &mut Vec<f32>) {
    let length = dot(embedding, embedding).sqrt();
    let scale = if length > 0.0 && length.is_finite() { 1.0 / length } else { 0.0 };
    directions.extend(embedding.iter().map(|x| x * scale));
}

fn logit(rate: f32) -> f32 {
    (rate / (1.0 - rate)).ln()
}

#[cfg(test)]
mod tests;
