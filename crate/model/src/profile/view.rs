//! A profile at one moment, ready to give the features of items: what each item is compared with, and what is the same for all.

use super::{
    ATTENTION_KINDS, Ablation, Profile, RECENT, SESSION_MS, SLOWEST_INTEREST, Seen, direction, dot, extend_direction,
    layout::{self, FIXED, PER_ATTRIBUTE},
    logit, on_the_clock,
};
use crate::{
    Item, Moment, Schema,
    cpu::{ATTENTIONS, CLUSTERS, INTERESTS, ScoringBatch, Sizes},
};
use privet_kernels::here as kernels;

/// A profile at a moment.
pub struct View<'a> {
    profile: &'a Profile,
    schema: &'a Schema,
    moment: Moment,
    ablation: Ablation,
    /// What an item is compared with (rows, embedding): the interests, the clusters, and the recent items, the latest first.
    rows: Vec<f32>,
    /// The length of each interest.
    lengths: [f32; INTERESTS],
    /// The weight of each recent item in each attention, but for how like the scored item is.
    fixed_weights: [[f32; RECENT]; ATTENTIONS],
    context: Context,
}

/// What is the same for all items.
#[derive(Clone, Copy)]
struct Context {
    hour: [f32; 2],
    weekend: f32,
    session: f32,
    evidence: f32,
}

impl<'a> View<'a> {
    pub(super) fn new(profile: &'a Profile, schema: &'a Schema, moment: Moment, ablation: Ablation) -> Self {
        let mut rows = [&profile.interests[..], &profile.clusters].concat();
        let mut fixed_weights = [[0.0; RECENT]; ATTENTIONS];
        for (j, recent) in profile.recent.iter().rev().enumerate() {
            rows.extend_from_slice(&recent.direction);
            for (kind, fixed_weights) in ATTENTION_KINDS.iter().zip(&mut fixed_weights) {
                fixed_weights[j] = kind.fixed_weight(j, recent.label);
            }
        }
        let mut lengths = [0.0; INTERESTS];
        let interests = profile.interests.chunks_exact(schema.embedding as usize);
        lengths.iter_mut().zip(interests).for_each(|(length, interest)| *length = dot(interest, interest).sqrt());
        Self { profile, schema, moment, ablation, rows, lengths, fixed_weights, context: Context::of(profile, moment) }
    }

    /// How many similarities there are of each item: one to each of the rows.
    pub fn width(&self) -> usize {
        INTERESTS + CLUSTERS + self.profile.recent.len()
    }

    /// The similarity of each of these directions to each of the rows, `out` (n, width): their products.
    pub fn compare(&self, directions: &[f32], out: &mut [f32]) {
        kernels::dots(self.schema.embedding as usize, directions, &self.rows, out);
    }

    /// An item by itself.
    pub(crate) fn see(&self, item: &Item) -> Seen {
        let (mut similarity, mut features) = (vec![0.0; self.width()], vec![0.0; self.schema.features()]);
        self.compare(&direction(&item.embedding), &mut similarity);
        self.features(item, &similarity, &mut features);
        Seen { item: item.clone(), features }
    }

    /// The features of an item, given its similarity to each of the rows.
    pub fn features(&self, item: &Item, similarity: &[f32], out: &mut [f32]) {
        let Self { profile, schema, ablation, .. } = self;
        let (interests, similarity) = similarity.split_at(INTERESTS);
        let (clusters, recent) = similarity.split_at(CLUSTERS);
        let (dense, rest) = out.split_at_mut(item.dense.len());
        for (place, (out, &number)) in dense.iter_mut().zip(&item.dense).enumerate() {
            *out = schema.normalised(place, number);
        }
        let Some((fixed, counted)) = rest.split_first_chunk_mut::<FIXED>() else { return };
        fixed.fill(0.0);
        counted.fill(0.0);
        let by_age = fixed[layout::INTERESTS].iter_mut().zip(interests.iter().zip(self.lengths));
        for (i, (out, (interest, length))) in by_age.enumerate() {
            if length > 0.0 && (i == SLOWEST_INTEREST || !ablation.interests) {
                *out = interest / length;
            }
        }
        if !ablation.interests {
            fixed[layout::CLUSTERS].copy_from_slice(&profile.cluster_similarity(clusters));
        }
        if !ablation.attention {
            let fixed_weights = self.fixed_weights.iter().map(|fixed_weights| &fixed_weights[..recent.len()]);
            for ((kind, fixed_weights), out) in
                ATTENTION_KINDS.iter().zip(fixed_weights).zip(&mut fixed[layout::ATTENTION])
            {
                *out = kernels::attention(kind.sharpness, recent, fixed_weights);
            }
        }
        let Context { hour, weekend, session, evidence } = self.context;
        fixed[layout::HOUR].copy_from_slice(&hour);
        fixed[layout::WEEKEND].fill(weekend);
        fixed[layout::SESSION].fill(session);
        fixed[layout::SEEN].fill(if profile.recent.iter().any(|recent| recent.key == item.key) { 1.0 } else { 0.0 });
        fixed[layout::EVIDENCE].fill(evidence);
        if !ablation.counters {
            for (place, out) in counted.chunks_exact_mut(PER_ATTRIBUTE).enumerate() {
                self.odds(item, place, out);
            }
        }
    }

    /// All that it takes to score these items elsewhere. Those features that come of similarities are zeros:
    /// [`crate::cpu::profile_features`] writes them.
    pub fn scoring_batch(&self, items: &[Item], h: u32, thetas: Vec<f32>) -> ScoringBatch {
        let (profile, schema) = (self.profile, self.schema);
        let f = schema.features();
        let ablation = Ablation { interests: true, attention: true, ..self.ablation };
        let blind = Self { rows: Vec::new(), ablation, lengths: [0.0; INTERESTS], ..*self };
        let (nothing, mut x) = (vec![0.0; self.width()], vec![0.0; items.len() * f]);
        items.iter().zip(x.chunks_exact_mut(f)).for_each(|(item, x)| blind.features(item, &nothing, x));
        let mut directions = Vec::with_capacity(items.len() * schema.embedding as usize);
        items.iter().for_each(|item| extend_direction(&item.embedding, &mut directions));
        let mut factors: Vec<f32> = ATTENTION_KINDS.iter().map(|kind| kind.sharpness).collect();
        let over = |share: f32, all: f32| if all > 0.0 { share / all } else { 0.0 };
        factors.extend(self.lengths.map(|length| over(1.0, length)));
        let total = profile.weights.iter().sum();
        factors.extend(profile.weights.map(|weight| over(weight, total)));
        for (j, recent) in profile.recent.iter().rev().enumerate() {
            factors.extend(self.fixed_weights.iter().map(|fixed_weights| fixed_weights[j]));
            factors.push(recent.label);
        }
        let (n, d, recent) = (items.len() as u32, schema.embedding, profile.recent.len() as u32);
        let sizes = Sizes { n, f: f as u32, h, d, at: schema.dense.len() as u32, recent };
        ScoringBatch { sizes, references: self.rows.clone(), factors, directions, x, thetas }
    }

    /// The reason to show beside an item: the recent item with the largest label times similarity, and that product.
    pub fn reason(&self, similarity: &[f32]) -> Option<(u64, f32)> {
        let cosines = similarity[INTERESTS + CLUSTERS..].iter().rev();
        let reasons = self.profile.recent.iter().zip(cosines).map(|(recent, k)| (recent.key, recent.label * k));
        reasons.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    fn odds(&self, item: &Item, place: usize, out: &mut [f32]) {
        let (attribute, ms) = (&self.schema.attributes[place], self.moment.ms);
        let (mut sum, mut largest, mut known, mut n) = (0.0, f32::NEG_INFINITY, 0.0, 0.0f32);
        for name in item.attributes.iter().filter(|(field, _)| usize::from(*field) == place) {
            let counter = self.profile.counters.get(name).copied().unwrap_or_default();
            let odds = logit(counter.rate(attribute, ms)) - logit(attribute.rate);
            sum += odds;
            largest = largest.max(odds);
            known += amount(counter.decayed(ms).shown);
            n += 1.0;
        }
        if n > 0.0 {
            out.copy_from_slice(&[sum / n, largest, known / n]);
        }
    }
}

impl Context {
    fn of(profile: &Profile, moment: Moment) -> Self {
        let minute = (moment.ms / 60_000).cast_signed() + i64::from(moment.offset_min);
        // 1970 began on a Thursday.
        let weekend = (minute.div_euclid(24 * 60) + 3).rem_euclid(7) >= 5;
        let (sine, cosine) = on_the_clock(minute.rem_euclid(24 * 60) as u32);
        let same = moment.ms.saturating_sub(profile.last_ms) < SESSION_MS;
        Self {
            hour: [sine, cosine],
            weekend: if weekend { 1.0 } else { 0.0 },
            session: if same { amount(profile.session as f32) } else { 0.0 },
            evidence: amount(profile.evidence as f32),
        }
    }
}

/// How much a count is, as a feature: more of it says less and less.
fn amount(count: f32) -> f32 {
    (1.0 + count).ln() / 4.0
}
