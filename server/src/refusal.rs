//! What an aggregator refuses by itself. What the core refuses has its codes there.

use std::any::Any;

use privet::Coded;
use strum::{IntoStaticStr, VariantNames};

/// A variant's name in kebab case is its code, for ever: see [`Coded`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Refusal {
    /// The host has moved on: fetch the open round and train again.
    #[error("round {sent} is closed; round {open} is open")]
    RoundClosed { sent: u32, open: u32 },
    /// No round of this number has begun.
    #[error("round {sent} has not begun; round {open} is the newest")]
    RoundUnknown { sent: u32, open: u32 },
    /// Every place of the round is taken or promised; one may become free, or the next round begin.
    #[error("the round has no room now: it takes {most} uploads")]
    RoundFull { most: u32 },
    /// The id in the address is not the id in the body.
    #[error("the id in the address is not the id in the upload")]
    UploadIdMismatch,
    /// The helper's operator has not admitted the task.
    #[error("the helper's operator has not admitted this task")]
    TaskNotAdmitted,
    /// The helper's operator took its admission back: no share is held, no batch agreed and no sum given any more.
    #[error("the helper's operator has withdrawn this task")]
    TaskWithdrawn,
    /// Two configurations for one round: the first that was signed stays the only one.
    #[error("another configuration was signed for round {number}")]
    RoundConflict { number: u32 },
    /// The round has not been open for the task's least time.
    #[error("the round may be closed in {wait_s} s")]
    RoundEarly { wait_s: u64 },
    /// The aggregators do not hold the same uploads in a batch.
    #[error("batch {number}: {held} of its {named} uploads are held here")]
    BatchDisagreed { number: u32, named: usize, held: usize },
    /// A batch of so few uploads says too much of each.
    #[error("batch {number} has {named} uploads; at least {least} are agreed on")]
    BatchTooSmall { number: u32, named: usize, least: usize },
    /// A sum over other batches was given for this round before; no second one is.
    #[error("a sum over other batches of round {number} was given before")]
    BatchSpent { number: u32 },
    /// What was asked ends an unfinished round with all it has acknowledged.
    #[error(
        "round {round} holds {uploads} acknowledged uploads, which are lost by this: --discard (over HTTP, discard=true) says that they may be"
    )]
    UploadsAtStake { round: u32, uploads: u32 },
    /// The helper did not answer, so nothing was acknowledged: send the same again later.
    #[error("the helper did not answer")]
    HelperUnreachable,
    /// The helper refused, and will again.
    #[error("the helper refused: {code}")]
    HelperRefused { code: String },
    /// The clocks of the aggregators are too far apart for either to know when a round is over.
    #[error("the clocks of the aggregators differ by {by_s} s")]
    ClocksDiffer { by_s: u64 },
    /// No round is open at this moment: ask again soon.
    #[error("no round is open yet")]
    RoundPending,
    /// The task wants a token of the application's backend, and this is none of it for this round.
    #[error("the upload carries no token of the application for this round")]
    TokenRefused,
    /// The token was used for another upload before.
    #[error("the token was used before")]
    TokenSpent,
    /// The account has had its tokens; those of its interval come again, those of its lifetime do not.
    #[error("an account has {per_interval} tokens in an interval and {lifetime} in all")]
    QuotaSpent { per_interval: u32, lifetime: u32 },
    /// The request is not signed by the pinned key, or has no right to what it asks.
    #[error("this request is not authorised")]
    NotAuthorised,
    /// More requests than the server takes at a time.
    #[error("more than {limit} requests at a time")]
    TooManyRequests { limit: usize },
    /// One address asked too often.
    #[error("this address may ask {limit} times in {within_s} s; ask again in {wait_s} s")]
    RateLimited { limit: u32, within_s: u32, wait_s: u32 },
    /// A body was announced and did not come, or not all of it.
    #[error("the body did not come within {within_s} s")]
    BodyLate { within_s: u32 },
    /// The address leads nowhere.
    #[error("nothing is served at this address")]
    RouteUnknown,
    /// The address is served, with another method.
    #[error("this address does not take that method")]
    MethodRefused,
    /// The server's store did not answer; what was not acknowledged may be sent again.
    #[error("the store did not answer")]
    StoreFailed,
    /// The store has forgotten sums that were given out of it: it was put back from a copy.
    #[error("the store knows of {store} sums that were given; {counter} were")]
    StoreBehind { store: u64, counter: u64 },
}

impl Refusal {
    /// The codes of this list.
    pub const CODES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn entry(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
