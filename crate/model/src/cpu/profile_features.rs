use super::attention;
use crate::{Refusal, cpu::Attention, profile::layout};
use privet_base::{Result, stored, stored::read_all};

/// How many decayed interests there are: one for each half-life, and one of what was pushed away.
pub const INTERESTS: usize = 4;
/// How many interests are kept apart by clustering.
pub const CLUSTERS: usize = 4;
/// How many recent items attention looks back at.
pub const RECENT: usize = 64;
/// How many ways of attending to the recent items there are.
pub const ATTENTIONS: usize = 3;

/// Sizes of what is scored, as the shaders read them.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Sizes {
    /// Items.
    pub n: u32,
    /// Features.
    pub f: u32,
    /// Hidden units.
    pub h: u32,
    /// The length of a direction.
    pub d: u32,
    /// Which of the features is the first that comes of the similarities.
    pub at: u32,
    /// How many recent items there are, at most 64.
    pub recent: u32,
}

/// Items to be scored under a profile and two nets, laid out for a GPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoringBatch {
    /// Sizes.
    pub sizes: Sizes,
    /// What an item is compared with (rows, d): interests, clusters, and the recent items, the latest first.
    pub references: Vec<f32>,
    /// The sharpness of each attention; 1 over each interest's length, or 0; each cluster's share; then of each recent item its
    /// fixed weight in each attention, and its label.
    pub factors: Vec<f32>,
    /// Of each item (n, d).
    pub directions: Vec<f32>,
    /// The features of each item (n, f), without those that come of the similarities.
    pub x: Vec<f32>,
    /// The shared net and the device's own.
    pub thetas: Vec<f32>,
}

stored! {
    Sizes { n, f, h, d, at, recent }
    ScoringBatch { sizes, references, factors, directions, x, thetas }
}

impl ScoringBatch {
    /// What `Ranker::scoring_batch` wrote, if all sizes agree.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        read_all(bytes).filter(Self::fits).ok_or_else(|| Refusal::StateDamaged.into())
    }

    fn fits(&self) -> bool {
        let Sizes { n, f, h, d, at, recent } = self.sizes;
        let [n, f, h, d, at, recent] = [n, f, h, d, at, recent].map(u64::from);
        let lists = [&self.references, &self.factors, &self.directions, &self.x, &self.thetas];
        let ring = (INTERESTS + CLUSTERS) as u64;
        let wanted = [
            (ring + recent).checked_mul(d),
            Some(ATTENTIONS as u64 + ring + 4 * recent),
            n.checked_mul(d),
            n.checked_mul(f),
            h.checked_mul(f + 2).and_then(|rest| (rest + f).checked_mul(2)),
        ];
        recent <= RECENT as u64
            && at + layout::SIMILARITIES.end as u64 <= f
            && lists.iter().zip(wanted).all(|(list, wanted)| wanted == Some(list.len() as u64))
    }
}

/// Twin of `profile_features.wgsl`: what is written into the features of an item, and which of the recent items speaks most for it.
pub fn profile_features(batch: &ScoringBatch, item: usize, x: &mut [f32]) -> (f32, f32) {
    let (d, at, recent) = (batch.sizes.d as usize, batch.sizes.at as usize, batch.sizes.recent as usize);
    let direction = &batch.directions[item * d..][..d];
    let mut similarity = vec![0.0; INTERESTS + CLUSTERS + recent];
    for (j, similarity) in similarity.iter_mut().enumerate() {
        let other = &batch.references[j * d..][..d];
        *similarity = other.iter().zip(direction).map(|(other, direction)| other * direction).sum();
    }
    let (interests, rest) = similarity.split_at(INTERESTS);
    let (clusters, ring) = rest.split_at(CLUSTERS);
    let (sharpness, factors) = batch.factors.split_at(ATTENTIONS);
    let (scales, factors) = factors.split_at(INTERESTS);
    let (shares, per_recent) = factors.split_at(CLUSTERS);
    for i in 0..INTERESTS {
        x[at + i] = interests[i] * scales[i];
    }
    let known = || clusters.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    x[at + layout::CLUSTERS.start] = known().map(|(cosine, _)| *cosine).reduce(f32::max).unwrap_or_default();
    x[at + layout::CLUSTERS.start + 1] = known().map(|(cosine, share)| share * cosine).sum();
    for kind in 0..ATTENTIONS {
        let fixed_weights: Vec<f32> = (0..recent).map(|j| per_recent[4 * j + kind]).collect();
        let attending = Attention { sharpness: sharpness[kind], fading: 0.0, against: false };
        x[at + layout::ATTENTION.start + kind] = attention(attending, ring, &fixed_weights);
    }
    let mut strongest = (0.0, f32::NEG_INFINITY);
    for j in (0..recent).rev() {
        let reason = per_recent[4 * j + 3] * ring[j];
        if reason >= strongest.1 {
            strongest = (j as f32, reason);
        }
    }
    strongest
}
