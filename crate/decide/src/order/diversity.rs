//! Maximal marginal relevance: each place goes to who is good and unlike those above.

use privet_kernels::here::dot;

/// Diversity looks at this many first places; further down nobody compares.
pub(super) const PLACES: usize = 128;

/// Each place is chosen among this many of the best candidates that are still allowed …
pub(super) const WINDOW: usize = 256;

/// … out of this many of the best altogether.
pub(super) const SPAN: usize = 1_024;

/// The greedy choice by (1 − λ)·relevance − λ·(greatest likeness to one above) of Carbonell and Goldstein (1998).
///
/// Relevance is the score between the lowest (0) and highest (1) of the span, so that λ means the same for any head;
/// likeness is the cosine. Each pair is compared once and only when needed: at most [`PLACES`] · [`SPAN`] products of
/// embeddings however many candidates there are, and without caps about half of [`PLACES`] · ([`WINDOW`] + [`PLACES`]).
pub(super) struct Diversity<'a> {
    lambda: f32,
    dimension: usize,
    embeddings: &'a [f32],
    /// Those placed, each with its scale.
    placed: Vec<(u32, f32)>,
    span: Vec<Rival>,
}

struct Rival {
    candidate: u32,
    relevance: f32,
    /// One over the length of its embedding, 0 for one of zeros, which is like nothing.
    scale: f32,
    /// Its greatest likeness to the first `compared` of those placed.
    likeness: f32,
    compared: usize,
}

impl<'a> Diversity<'a> {
    /// `ordered` are the candidates by score, best first.
    pub(super) fn new(lambda: f32, embeddings: &'a [f32], scores: &[f32], ordered: &[u32]) -> Self {
        let dimension = embeddings.len() / scores.len().max(1);
        let span = &ordered[..ordered.len().min(SPAN)];
        let finite = || span.iter().map(|&candidate| scores[candidate as usize]).filter(|score| score.is_finite());
        let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
        let mut diversity = Self { lambda, dimension, embeddings, placed: Vec::new(), span: Vec::new() };
        diversity.span = span
            .iter()
            .map(|&candidate| {
                let between = (scores[candidate as usize] - low) / (high - low);
                Rival {
                    candidate,
                    relevance: if between.is_nan() { 0.0 } else { between.clamp(0.0, 1.0) },
                    scale: diversity.scale(candidate),
                    likeness: 0.0,
                    compared: 0,
                }
            })
            .collect();
        diversity
    }

    /// Takes note of who was placed.
    pub(super) fn place(&mut self, candidate: u32) {
        self.placed.push((candidate, self.scale(candidate)));
    }

    /// How good it would be to place the candidate at this place of the order by score now.
    pub(super) fn value(&mut self, position: usize) -> f32 {
        let Rival { candidate, scale, mut likeness, compared, relevance } = self.span[position];
        for (i, &(other, other_scale)) in self.placed.iter().enumerate().skip(compared) {
            let cosine = dot(self.row(candidate), self.row(other)) * scale * other_scale;
            likeness = if i == 0 { cosine } else { likeness.max(cosine) };
        }
        self.span[position].likeness = likeness;
        self.span[position].compared = self.placed.len();
        (1.0 - self.lambda) * relevance - self.lambda * likeness
    }

    fn row(&self, candidate: u32) -> &'a [f32] {
        &self.embeddings[candidate as usize * self.dimension..][..self.dimension]
    }

    fn scale(&self, candidate: u32) -> f32 {
        let length = dot(self.row(candidate), self.row(candidate)).sqrt();
        if length > 0.0 { 1.0 / length } else { 0.0 }
    }
}
