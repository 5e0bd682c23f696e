//! What a list of candidates or an exported profile is refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// A candidate cannot be ranked.
    #[error("candidate {place} is refused: {why}")]
    CandidateRefused { place: usize, why: String },
    /// More candidates than are ranked at once.
    #[error("{sent} candidates are too many; at most {most} are ranked")]
    TooManyCandidates { sent: usize, most: usize },
    /// The exported profile was written by another build, in another way: it is left as it is.
    #[error("the exported profile has version {sent}; this build reads {known}")]
    StateVersion { sent: u32, known: u32 },
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
