//! What bytes and the random source are refused for.

use strum::{IntoStaticStr, VariantNames};

use crate::Coded;

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// The platform's random source failed its self-test: nothing is released.
    #[error("the random source is missing or constant")]
    RandomSource,
    /// Bytes of another version of the format.
    #[error("format version {sent}; this build reads {known}")]
    WireVersion { sent: u32, known: u32 },
    /// Bytes that are not the one canonical encoding of a message.
    #[error("the message is malformed")]
    WireMalformed,
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
