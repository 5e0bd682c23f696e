//! What a sum is refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// Two shares of a sum do not belong together.
    #[error("the shares of a sum do not cover the same uploads")]
    SharesMismatch,
    /// Too few devices have contributed for the sum to be opened.
    #[error("{count} devices have contributed; a sum is opened from {least}")]
    CohortTooSmall { count: usize, least: usize },
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
