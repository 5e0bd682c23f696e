//! What a head, an item, an event or a stored profile is refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// The schema names no kind like that.
    #[error("unknown kind of event")]
    EventKindUnknown,
    /// The schema names no attribute like that.
    #[error("the schema names no such attribute")]
    AttributeUnknown,
    /// The operator's schema asks for what no device could obey.
    #[error("the schema's {path} has to be {must}")]
    SchemaRefused { path: String, must: &'static str },
    /// An embedding does not have the length that the head was trained for.
    #[error("an embedding has {sent} numbers; the head wants {wanted}")]
    EmbeddingLength { sent: usize, wanted: usize },
    /// An embedding or a server score holds NaN or an infinity.
    #[error("number {position} is not finite")]
    NotFinite { position: usize },
    /// An item does not carry the dense numbers that the schema names.
    #[error("an item has {sent} dense numbers; the schema names {wanted}")]
    DenseLength { sent: usize, wanted: usize },
    /// More items beside the one that an event is about than are kept.
    #[error("an event names {sent} items beside its own; at most {most} are kept")]
    SlateTooLong { sent: usize, most: usize },
    /// The exported profile cannot be read: it is left as it is.
    #[error("the exported profile is damaged, or belongs to another schema")]
    StateDamaged,
    /// The head's bytes are not a head, or not one that can be used.
    #[error("the head is refused: {reason}")]
    HeadRefused { reason: &'static str },
}

impl Refusal {
    /// The codes of this list.
    pub const CODES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        self.into()
    }
}
