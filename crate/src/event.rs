//! An interaction of the user with one item. It never leaves the device.

use crate::{Error, Result};

/// The least and the largest number of entries in an item's embedding.
const EMBEDDING_LENGTHS: core::ops::RangeInclusive<usize> = 16..=384;

/// What the user did, or was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The item was on the screen, and nothing more is known yet.
    Impression,
    /// The item was opened.
    Click,
    /// The item was marked as liked.
    Like,
    /// The item was pushed away.
    Dismiss,
}

impl EventKind {
    /// The kind of that name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "impression" => Ok(Self::Impression),
            "click" => Ok(Self::Click),
            "like" => Ok(Self::Like),
            "dismiss" => Ok(Self::Dismiss),
            _ => Err(Error::EventKindUnknown),
        }
    }

    /// Whether the kind speaks for the item.
    pub fn is_positive(self) -> bool {
        matches!(self, Self::Click | Self::Like)
    }
}

/// One interaction, with the embedding of the item it was about.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    kind: EventKind,
    embedding: Vec<f32>,
}

impl Event {
    /// An event about the item with this embedding; an odd length or a number that is not finite is refused.
    pub fn new(kind: EventKind, embedding: Vec<f32>) -> Result<Self> {
        check_embedding_length(embedding.len())?;
        check_finite(&embedding)?;
        Ok(Self { kind, embedding })
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The item's embedding.
    pub fn embedding(&self) -> &[f32] {
        &self.embedding
    }
}

/// Embeddings have 16 to 384 entries, a multiple of 4, so that kernels need no tail.
pub(crate) fn check_embedding_length(length: usize) -> Result<()> {
    if EMBEDDING_LENGTHS.contains(&length) && length.is_multiple_of(4) {
        return Ok(());
    }
    let nearest = length.next_multiple_of(4).clamp(*EMBEDDING_LENGTHS.start(), *EMBEDDING_LENGTHS.end());
    Err(Error::EmbeddingLength { sent: length, wanted: nearest })
}

/// Refuses NaN and infinities, and says where.
pub(crate) fn check_finite(numbers: &[f32]) -> Result<()> {
    numbers.iter().position(|number| !number.is_finite()).map_or(Ok(()), |position| Err(Error::NotFinite { position }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_kinds_and_sizes_are_refused() {
        assert_eq!(EventKind::from_name("clack"), Err(Error::EventKindUnknown));
        for (length, nearest) in [(0, 16), (15, 16), (18, 20), (388, 384)] {
            let refused = Event::new(EventKind::Click, vec![0.0; length]);
            assert_eq!(refused, Err(Error::EmbeddingLength { sent: length, wanted: nearest }));
        }
        assert!(Event::new(EventKind::Click, vec![0.0; 16]).is_ok());
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_with_its_place() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut embedding = vec![0.0; 16];
            embedding[5] = odd;
            assert_eq!(Event::new(EventKind::Like, embedding), Err(Error::NotFinite { position: 5 }));
        }
    }
}
