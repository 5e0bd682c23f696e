//! From scores to the order that is shown: diversity, and rules that the application sets.

mod arrange;
mod diversity;
#[cfg(test)]
mod tests;

pub use arrange::{arrange, unmet};

/// What is known of the candidates: one number of each slice, or one row, for each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Candidates<'a> {
    /// The scores to order by, highest first. One that is NaN is the lowest.
    pub scores: &'a [f32],
    /// The server's own scores, which decide between equal ones; after them the place among the candidates does.
    pub server: &'a [f32],
    /// Embeddings, one after the other; read only where there is diversity.
    pub embeddings: &'a [f32],
    /// One column for each attribute that a rule names.
    pub attributes: &'a [&'a [u64]],
    /// Ages, in whatever unit; read only where there is freshness.
    pub ages: &'a [f32],
}

/// At most so many candidates of one attribute's value among the places that are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Which column of [`Candidates::attributes`].
    pub attribute: usize,
    /// How many candidates may share a value in it.
    pub most: usize,
}

/// A candidate that stands at a place whatever its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Which candidate.
    pub candidate: u32,
    /// Which place, from 0.
    pub place: usize,
}

/// What younger candidates are granted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Freshness {
    /// Younger than this is fresh.
    pub younger_than: f32,
    /// Added to the score of a fresh candidate.
    pub bonus: f32,
    /// At least so many fresh candidates …
    pub least: usize,
    /// … stand among so many first places.
    pub within: usize,
}

/// How the first places are arranged.
///
/// Rules are wishes: where they contradict each other or the candidates, pins go before caps, caps before freshness,
/// and freshness before diversity; the places are filled all the same, and [`Unmet`] counts what was not granted. One
/// place is filled after the other and none is taken back, so that caps over one attribute are met wherever they
/// can be, and caps over several may not be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    /// How many places are arranged; after them the rest of the candidates follow by score.
    pub limit: usize,
    /// From 0, the scores alone, to 1, nothing but unlikeness to what stands above.
    pub diversity: f32,
    /// At most so many of a kind.
    pub caps: Vec<Cap>,
    /// Who stands where.
    pub pins: Vec<Pin>,
    /// What younger candidates are granted.
    pub freshness: Option<Freshness>,
}

impl Rules {
    /// So many places in the order of the scores, and no rule yet.
    pub fn of(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What of them an order is held to that was drafted out of two which keep them: places and counts, and nothing that is
    /// mixed into scores. Nothing where there is no such rule.
    pub fn of_places(&self) -> Option<Self> {
        let freshness = self.freshness.map(|freshness| Freshness { bonus: 0.0, ..freshness });
        let none = self.caps.is_empty() && self.pins.is_empty() && freshness.is_none();
        (!none).then(|| Self { diversity: 0.0, freshness, ..self.clone() })
    }
}

/// How often a rule could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unmet {
    /// Pins whose candidate does not stand at its place.
    pub pins: usize,
    /// Candidates beyond a cap among the arranged places.
    pub caps: usize,
    /// Fresh candidates that are missing.
    pub freshness: usize,
}

/// All candidates, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Best first; the first [`Rules::limit`] are arranged.
    pub order: Vec<u32>,
    /// What the rules could not have.
    pub unmet: Unmet,
}

/// The order of the scores alone: highest first, between equal ones as the server has it, then as they came.
pub fn plain(scores: &[f32], server: &[f32]) -> Vec<u32> {
    let key = |of: &[f32], i: usize| u64::from(descending(of.get(i).copied().unwrap_or_default()));
    let mut order: Vec<(u64, usize)> = (0..scores.len()).map(|i| (key(scores, i) << 32 | key(server, i), i)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, i)| i as u32).collect()
}

/// A number that is the lower the higher the score. NaN is the lowest score, and -0 and 0 are the tie that they are.
fn descending(score: f32) -> u32 {
    let bits = if score.is_nan() { f32::NEG_INFINITY } else { score + 0.0 }.to_bits();
    // The bits of floats are in their order but for the sign, which turns it round.
    if bits >> 31 == 1 { bits } else { bits ^ 0x7fff_ffff }
}
