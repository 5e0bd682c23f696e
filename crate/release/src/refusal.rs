//! What a contribution, its ledger or its upload is refused for.

use privet_base::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// A round of a task is contributed to once: two uploads in one sum would cost four times as much.
    #[error("this device has contributed to round {number} before")]
    RoundContributed { number: u32 },
    /// Rounds of a task are taken upwards: an older one than was seen is a replay, or two stories for two devices.
    #[error("round {sent} is older than round {seen}, which this device has seen")]
    RoundStale { sent: u32, seen: u32 },
    /// The device's lifetime budget does not cover the contribution.
    #[error("the contribution costs {asked} nano-rho; {left} of the lifetime budget are left")]
    BudgetExhausted { asked: u64, left: u64 },
    /// A task's worst case, where nobody else is honest, does not fit under the cap that the policy names.
    #[error("the contribution costs {asked} nano-rho where nobody else is honest; {left} of that cap are left")]
    AloneExhausted { asked: u64, left: u64 },
    /// A new ledger has not waited long enough for its first contribution.
    #[error("the ledger has waited {waited_ms} of {wanted_ms} ms and seen {sessions} of {least} sessions")]
    LedgerWaiting { waited_ms: u64, wanted_ms: u64, sessions: u32, least: u32 },
    /// The last contribution to this task was not long enough ago.
    #[error("{waited_ms} ms have passed since the last contribution to this task; {wanted_ms} have to")]
    TooSoon { waited_ms: u64, wanted_ms: u64 },
    /// A finished upload is not acknowledged yet: send that one first.
    #[error("a finished upload is unsent")]
    UploadPending,
    /// The reservation was given up, or another tab's or session's took its place.
    #[error("the reservation is lost")]
    ReservationLost,
    /// Something else than exactly this contribution's cost was reserved in the ledger, or nothing.
    #[error("{charged} nano-rho were reserved; the contribution costs {cost}")]
    NotCharged { charged: u64, cost: u64 },
    /// The stored ledger cannot be read: nothing is released until it can.
    #[error("the stored ledger is damaged")]
    LedgerDamaged,
    /// The stored ledger was written by a newer build: it is left as it is.
    #[error("the stored ledger has version {sent}; this build reads {known}")]
    LedgerVersion { sent: u32, known: u32 },
    /// The stored ledger lacks what this tab has seen in it: it was cleared or rolled back.
    #[error("the stored ledger lacks what was stored before")]
    LedgerRolledBack,
    /// The ledger remembers as many contributions as it can.
    #[error("the ledger holds {most} contributions and takes no more")]
    LedgerFull { most: usize },
    /// The upload was made for another configuration: fetch the open round and train again.
    #[error("the upload belongs to another configuration of the round")]
    ConfigurationMismatch,
    /// Another upload was stored under this id before.
    #[error("another upload was stored under this id")]
    UploadConflict,
    /// An entry that clipping and noise do not make.
    #[error("an entry of the upload is beyond {most} grid units")]
    EntryTooLarge { most: u32 },
    /// The body is longer than any upload of the open round.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge { limit: usize },
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
