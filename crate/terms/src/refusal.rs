//! What a round is refused for under what the application and the device allow.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// The head is not the one that the round names: fetch the one it names.
    #[error("the head's hash is not the one that round {round} names")]
    HeadStale { round: u32 },
    /// The round's deadline has passed: fetch the open round and train again.
    #[error("the round ended at second {deadline_s}; this device's clock says {now_s}")]
    RoundOver { deadline_s: u64, now_s: u64 },
    /// The round asks for more than this device's policy allows.
    #[error("the round asks for a {what} of {asked}; this device allows {allowed}")]
    PolicyRefused { what: &'static str, asked: String, allowed: String },
    /// No task of that name is served here.
    #[error("no such task is served here")]
    TaskUnknown,
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
