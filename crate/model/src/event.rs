//! An interaction of the user with an item. It never leaves the device.

use sha2::{Digest, Sha256};

use crate::{Refusal, Schema};
use privet_base::{Result, stored};

/// The least and the largest number of entries in an item's embedding.
const EMBEDDING_LENGTHS: core::ops::RangeInclusive<usize> = 16..=384;
/// How many of the items beside it an event keeps.
pub const MOST_OTHERS: usize = 15;

/// A name as the core knows it: the first 64 bits of its SHA-256. Of a million names two meet by chance in fewer than one
/// case in ten million; who looks for a pair finds one, and has two items that a device takes for one.
pub fn key(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

/// Something that a feed shows, with the server's score for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The [`key`] of its id.
    pub key: u64,
    /// The server's own score; 0 where it gave none.
    pub score: f32,
    /// As many numbers as the schema says.
    pub embedding: Vec<f32>,
    /// As many as the schema names.
    pub dense: Vec<f32>,
    /// Pairs of an attribute's place in the schema and the [`key`] of a value.
    pub attributes: Vec<(u16, u64)>,
}

stored! {
    Item { key, score, embedding, dense, attributes }
    Moment { ms, offset_min }
    Event { kind, item, value, moment, position, others }
}

impl Item {
    /// An item that has nothing but an embedding.
    pub fn plain(key: u64, embedding: Vec<f32>) -> Self {
        Self { key, score: 0.0, embedding, dense: Vec::new(), attributes: Vec::new() }
    }

    /// Refuses an item that the schema does not describe.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let (sent, wanted) = (self.embedding.len(), schema.embedding as usize);
        if sent != wanted {
            return Err(Refusal::EmbeddingLength { sent, wanted }.into());
        }
        let (sent, wanted) = (self.dense.len(), schema.dense.len());
        if sent != wanted {
            return Err(Refusal::DenseLength { sent, wanted }.into());
        }
        if self.attributes.iter().any(|&(place, _)| usize::from(place) >= schema.attributes.len()) {
            return Err(Refusal::AttributeUnknown.into());
        }
        check_finite(&self.embedding)?;
        check_finite(&self.dense)?;
        check_finite(&[self.score])
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        48 + 4 * (self.embedding.len() + self.dense.len()) + 16 * self.attributes.len()
    }
}

/// When something happened, by the clock on the user's wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Milliseconds since 1970 in UTC.
    pub ms: u64,
    /// What the user's clock adds to that, in minutes.
    pub offset_min: i16,
}

/// One interaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The kind's place in the schema.
    pub kind: u16,
    /// What it was about.
    pub item: Item,
    /// The number it carries, where its kind has one: the milliseconds of a dwell.
    pub value: f32,
    /// When.
    pub moment: Moment,
    /// The place at which the item was shown, the first being 1; 0 where nobody knows.
    pub position: u16,
    /// The items that were shown beside it and not chosen.
    pub others: Vec<Item>,
}

impl Event {
    /// An event about an item that was shown by itself.
    pub fn new(kind: u16, item: Item, moment: Moment) -> Self {
        Self { kind, item, value: 0.0, moment, position: 0, others: Vec::new() }
    }

    /// Refuses an event that the schema does not describe.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        if usize::from(self.kind) >= schema.kinds.len() {
            return Err(Refusal::EventKindUnknown.into());
        }
        check_finite(&[self.value])?;
        if self.others.len() > MOST_OTHERS {
            return Err(Refusal::SlateTooLong { sent: self.others.len(), most: MOST_OTHERS }.into());
        }
        core::iter::once(&self.item).chain(&self.others).try_for_each(|item| item.check(schema))
    }

    /// How much it speaks for (to 1) or against (to −1) its item.
    pub fn label(&self, schema: &Schema) -> f32 {
        let kind = &schema.kinds[usize::from(self.kind)];
        if kind.full > 0.0 { kind.label * (self.value / kind.full).clamp(0.0, 1.0) } else { kind.label }
    }
}

/// Embeddings have 16 to 384 entries, a multiple of 4, so that kernels need no tail.
pub(crate) fn check_embedding_length(length: usize) -> Result<()> {
    if EMBEDDING_LENGTHS.contains(&length) && length.is_multiple_of(4) {
        return Ok(());
    }
    let nearest = length.next_multiple_of(4).clamp(*EMBEDDING_LENGTHS.start(), *EMBEDDING_LENGTHS.end());
    Err(Refusal::EmbeddingLength { sent: length, wanted: nearest }.into())
}

/// Refuses NaN and infinities, and says where.
pub(crate) fn check_finite(numbers: &[f32]) -> Result<()> {
    numbers
        .iter()
        .position(|number| !number.is_finite())
        .map_or(Ok(()), |position| Err(Refusal::NotFinite { position }.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let mut schema = Schema::plain(16);
        schema.dense.push(crate::Dense { name: "age".into(), offset: 0.0, scale: 1.0 });
        schema.attributes.push(crate::Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
        schema
    }

    fn event() -> Event {
        let item = Item { dense: vec![1.0], attributes: vec![(0, 7)], ..Item::plain(1, vec![0.5; 16]) };
        Event { others: vec![item.clone()], ..Event::new(1, item, Moment::default()) }
    }

    #[test]
    fn odd_kinds_and_sizes_are_refused() {
        assert_eq!(event().check(&schema()), Ok(()));
        let refused = |change: fn(&mut Event)| {
            let mut event = event();
            change(&mut event);
            event.check(&schema()).expect_err("it was changed for the worse")
        };
        assert_eq!(refused(|event| event.kind = 4), Refusal::EventKindUnknown.into());
        assert_eq!(refused(|event| event.value = f32::NAN), Refusal::NotFinite { position: 0 }.into());
        assert_eq!(refused(|event| event.item.dense.clear()), Refusal::DenseLength { sent: 0, wanted: 1 }.into());
        assert_eq!(refused(|event| event.others[0].attributes[0].0 = 1), Refusal::AttributeUnknown.into());
        assert_eq!(
            refused(|event| event.others[0].embedding[5] = f32::INFINITY),
            Refusal::NotFinite { position: 5 }.into()
        );
        assert_eq!(
            refused(|event| event.item.embedding.truncate(15)),
            Refusal::EmbeddingLength { sent: 15, wanted: 16 }.into()
        );
        assert_eq!(
            refused(|event| event.others = vec![event.item.clone(); 16]),
            Refusal::SlateTooLong { sent: 16, most: 15 }.into()
        );
        for (length, nearest) in [(0, 16), (15, 16), (18, 20), (388, 384)] {
            assert_eq!(
                check_embedding_length(length),
                Err(Refusal::EmbeddingLength { sent: length, wanted: nearest }.into())
            );
        }
    }

    #[test]
    fn a_dwell_counts_by_its_length() {
        let mut schema = schema();
        schema.kinds[1].full = 10_000.0;
        let label = |value| Event { value, ..event() }.label(&schema);
        assert_eq!([label(-5.0), label(0.0), label(2_500.0), label(99_999.0)], [0.0, 0.0, 0.25, 1.0]);
    }

    #[test]
    fn a_key_is_the_beginning_of_a_hash() {
        // SHA-256 of the empty string: FIPS 180-4's well-known example.
        assert_eq!(key(""), 0xe3b0_c442_98fc_1c14);
        assert_ne!(key("a"), key("b"));
    }
}
