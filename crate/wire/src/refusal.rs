//! What a round and its signatures are refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// The round's configuration cannot be kept.
    #[error("the round is refused: {what} is {is} and has to be {must}")]
    RoundRefused { what: &'static str, is: String, must: String },
    /// A configuration lacks a signature that its mode needs.
    #[error("the signature of the {signer} is missing")]
    SignatureMissing { signer: &'static str },
    /// A signature is not one of the pinned key over these bytes: something was changed, or someone else signed.
    #[error("the signature of the {signer} does not fit")]
    SignatureWrong { signer: &'static str },
    /// The application pins no key for an aggregator that the mode needs.
    #[error("no key is pinned for the {signer}")]
    KeyNotPinned { signer: &'static str },
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
