//! What a share is refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// A vector that does not have the task's dimension.
    #[error("the upload has {sent} entries; the round wants {wanted}")]
    WireLength { sent: usize, wanted: usize },
    /// A sealed share does not open: it was changed, or sealed to someone or something else.
    #[error("a sealed share does not open")]
    SealBroken,
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
