//! One error for the core, the server's problem documents and the package's `PrivetError`.

use strum::{IntoStaticStr, VariantNames};

/// Everything that can be refused or can fail, with a code that never changes its meaning.
///
/// The name of a variant is its code in kebab case. `docs/errors.md`, the server's table of statuses and
/// `web/ts/error.ts` list the same codes, and a test holds the lists equal. Messages carry numbers, never user data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "a field's name stands in its variant's message")]
pub enum Error {
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
    /// A candidate cannot be ranked.
    #[error("candidate {place} is refused: {why}")]
    CandidateRefused { place: usize, why: String },
    /// More candidates than are ranked at once.
    #[error("{sent} candidates are too many; at most {most} are ranked")]
    TooManyCandidates { sent: usize, most: usize },
    /// The rules for the order do not fit the candidates.
    #[error("the order's rules are refused: {what} is {is} and has to be {must}")]
    OrderRefused { what: &'static str, is: String, must: String },

    /// The exported profile cannot be read: it is left as it is.
    #[error("the exported profile is damaged, or belongs to another schema")]
    StateDamaged,
    /// The exported profile was written by another build, in another way: it is left as it is.
    #[error("the exported profile has version {sent}; this build reads {known}")]
    StateVersion { sent: u32, known: u32 },

    /// The head's bytes are not a head, or not one that can be used.
    #[error("the head is refused: {reason}")]
    HeadRefused { reason: &'static str },
    /// The head is not the one that the round names: fetch the one it names.
    #[error("the head's hash is not the one that round {round} names")]
    HeadStale { round: u32 },

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
    /// The round's deadline has passed: fetch the open round and train again.
    #[error("the round ended at second {deadline_s}; this device's clock says {now_s}")]
    RoundOver { deadline_s: u64, now_s: u64 },
    /// A round of a task is contributed to once: two uploads in one sum would cost four times as much.
    #[error("this device has contributed to round {number} before")]
    #[cfg(feature = "release")]
    RoundContributed { number: u32 },
    /// Rounds of a task are taken upwards: an older one than was seen is a replay, or two stories for two devices.
    #[error("round {sent} is older than round {seen}, which this device has seen")]
    RoundStale { sent: u32, seen: u32 },
    /// The round asks for more than this device's policy allows.
    #[error("the round asks for a {what} of {asked}; this device allows {allowed}")]
    PolicyRefused { what: &'static str, asked: String, allowed: String },
    /// The device's lifetime budget does not cover the contribution.
    #[error("the contribution costs {asked} nano-rho; {left} of the lifetime budget are left")]
    #[cfg(feature = "release")]
    BudgetExhausted { asked: u64, left: u64 },
    /// A task's worst case, where nobody else is honest, does not fit under the cap that the policy names.
    #[error("the contribution costs {asked} nano-rho where nobody else is honest; {left} of that cap are left")]
    #[cfg(feature = "release")]
    AloneExhausted { asked: u64, left: u64 },
    /// A new ledger has not waited long enough for its first contribution.
    #[error("the ledger has waited {waited_ms} of {wanted_ms} ms and seen {sessions} of {least} sessions")]
    #[cfg(feature = "release")]
    LedgerWaiting { waited_ms: u64, wanted_ms: u64, sessions: u32, least: u32 },
    /// The last contribution to this task was not long enough ago.
    #[error("{waited_ms} ms have passed since the last contribution to this task; {wanted_ms} have to")]
    #[cfg(feature = "release")]
    TooSoon { waited_ms: u64, wanted_ms: u64 },
    /// A finished upload is not acknowledged yet: send that one first.
    #[error("a finished upload is unsent")]
    #[cfg(feature = "release")]
    UploadPending,
    /// The reservation was given up, or another tab's or session's took its place.
    #[error("the reservation is lost")]
    #[cfg(feature = "release")]
    ReservationLost,
    /// Something else than exactly this contribution's cost was reserved in the ledger, or nothing.
    #[error("{charged} nano-rho were reserved; the contribution costs {cost}")]
    #[cfg(feature = "release")]
    NotCharged { charged: u64, cost: u64 },
    /// The stored ledger cannot be read: nothing is released until it can.
    #[error("the stored ledger is damaged")]
    #[cfg(feature = "release")]
    LedgerDamaged,
    /// The stored ledger was written by a newer build: it is left as it is.
    #[error("the stored ledger has version {sent}; this build reads {known}")]
    #[cfg(feature = "release")]
    LedgerVersion { sent: u32, known: u32 },
    /// The stored ledger lacks what this tab has seen in it: it was cleared or rolled back.
    #[error("the stored ledger lacks what was stored before")]
    #[cfg(feature = "release")]
    LedgerRolledBack,
    /// The ledger remembers as many contributions as it can.
    #[error("the ledger holds {most} contributions and takes no more")]
    #[cfg(feature = "release")]
    LedgerFull { most: usize },
    /// The platform's random source failed its self-test: nothing is released.
    #[error("the random source is missing or constant")]
    RandomSource,
    /// The noise could not be drawn.
    #[error("the noise could not be drawn")]
    #[cfg(feature = "release")]
    NoiseFailed,

    /// Bytes of another version of the format.
    #[error("format version {sent}; this build reads {known}")]
    WireVersion { sent: u32, known: u32 },
    /// Bytes that are not the one canonical encoding of a message.
    #[error("the message is malformed")]
    WireMalformed,
    /// A vector that does not have the task's dimension.
    #[error("the upload has {sent} entries; the round wants {wanted}")]
    WireLength { sent: usize, wanted: usize },

    /// The upload was made for another configuration: fetch the open round and train again.
    #[error("the upload belongs to another configuration of the round")]
    #[cfg(feature = "release")]
    ConfigurationMismatch,
    /// A sealed share does not open: it was changed, or sealed to someone or something else.
    #[error("a sealed share does not open")]
    #[cfg(feature = "release")]
    SealBroken,
    /// Two shares of a sum do not belong together.
    #[error("the shares of a sum do not cover the same uploads")]
    SharesMismatch,

    /// No task of that name is served here.
    #[error("no such task is served here")]
    TaskUnknown,
    /// The host has moved on: fetch the open round and train again.
    #[error("round {sent} is closed; round {open} is open")]
    #[cfg(feature = "served")]
    RoundClosed { sent: u32, open: u32 },
    /// No round of this number has begun.
    #[error("round {sent} has not begun; round {open} is the newest")]
    #[cfg(feature = "served")]
    RoundUnknown { sent: u32, open: u32 },
    /// Every place of the round is taken or promised; one may become free, or the next round begin.
    #[error("the round has no room now: it takes {most} uploads")]
    #[cfg(feature = "served")]
    RoundFull { most: u32 },
    /// Another upload was stored under this id before.
    #[error("another upload was stored under this id")]
    #[cfg(feature = "release")]
    UploadConflict,
    /// The id in the address is not the id in the body.
    #[error("the id in the address is not the id in the upload")]
    #[cfg(feature = "served")]
    UploadIdMismatch,
    /// An entry that clipping and noise do not make.
    #[error("an entry of the upload is beyond {most} grid units")]
    #[cfg(feature = "release")]
    EntryTooLarge { most: u32 },
    /// Too few devices have contributed for the sum to be opened.
    #[error("{count} devices have contributed; a sum is opened from {least}")]
    CohortTooSmall { count: usize, least: usize },

    /// The helper's operator has not admitted the task.
    #[error("the helper's operator has not admitted this task")]
    #[cfg(feature = "served")]
    TaskNotAdmitted,
    /// The helper's operator took its admission back: no share is held, no batch agreed and no sum given any more.
    #[error("the helper's operator has withdrawn this task")]
    #[cfg(feature = "served")]
    TaskWithdrawn,
    /// Two configurations for one round: the first that was signed stays the only one.
    #[error("another configuration was signed for round {number}")]
    #[cfg(feature = "served")]
    RoundConflict { number: u32 },
    /// The round has not been open for the task's least time.
    #[error("the round may be closed in {wait_s} s")]
    #[cfg(feature = "served")]
    RoundEarly { wait_s: u64 },
    /// The aggregators do not hold the same uploads in a batch.
    #[error("batch {number}: {held} of its {named} uploads are held here")]
    #[cfg(feature = "served")]
    BatchDisagreed { number: u32, named: usize, held: usize },
    /// A batch of so few uploads says too much of each.
    #[error("batch {number} has {named} uploads; at least {least} are agreed on")]
    #[cfg(feature = "served")]
    BatchTooSmall { number: u32, named: usize, least: usize },
    /// A sum over other batches was given for this round before; no second one is.
    #[error("a sum over other batches of round {number} was given before")]
    #[cfg(feature = "served")]
    BatchSpent { number: u32 },
    /// What was asked ends an unfinished round with all it has acknowledged.
    #[error(
        "round {round} holds {uploads} acknowledged uploads, which are lost by this: --discard (over HTTP, discard=true) says that they may be"
    )]
    #[cfg(feature = "served")]
    UploadsAtStake { round: u32, uploads: u32 },
    /// The helper did not answer, so nothing was acknowledged: send the same again later.
    #[error("the helper did not answer")]
    #[cfg(feature = "served")]
    HelperUnreachable,
    /// The helper refused, and will again.
    #[error("the helper refused: {code}")]
    #[cfg(feature = "served")]
    HelperRefused { code: String },
    /// The clocks of the aggregators are too far apart for either to know when a round is over.
    #[error("the clocks of the aggregators differ by {by_s} s")]
    #[cfg(feature = "served")]
    ClocksDiffer { by_s: u64 },
    /// No round is open at this moment: ask again soon.
    #[error("no round is open yet")]
    #[cfg(feature = "served")]
    RoundPending,
    /// The task wants a token of the application's backend, and this is none of it for this round.
    #[error("the upload carries no token of the application for this round")]
    #[cfg(feature = "served")]
    TokenRefused,
    /// The token was used for another upload before.
    #[error("the token was used before")]
    #[cfg(feature = "served")]
    TokenSpent,
    /// The account has had its tokens; those of its interval come again, those of its lifetime do not.
    #[error("an account has {per_interval} tokens in an interval and {lifetime} in all")]
    #[cfg(feature = "served")]
    QuotaSpent { per_interval: u32, lifetime: u32 },
    /// The round wants a token, and this device has none that it may use yet. Raised by the package.
    #[error("the round wants a token, and there is none to use yet")]
    #[cfg(feature = "served")]
    TokenMissing,
    /// The request is not signed by the pinned key, or has no right to what it asks.
    #[error("this request is not authorised")]
    #[cfg(feature = "served")]
    NotAuthorised,
    /// More requests than the server takes at a time.
    #[error("more than {limit} requests at a time")]
    #[cfg(feature = "served")]
    TooManyRequests { limit: usize },
    /// One address asked too often.
    #[error("this address may ask {limit} times in {within_s} s; ask again in {wait_s} s")]
    #[cfg(feature = "served")]
    RateLimited { limit: u32, within_s: u32, wait_s: u32 },
    /// A body was announced and did not come, or not all of it.
    #[error("the body did not come within {within_s} s")]
    #[cfg(feature = "served")]
    BodyLate { within_s: u32 },

    /// The address leads nowhere.
    #[error("nothing is served at this address")]
    #[cfg(feature = "served")]
    RouteUnknown,
    /// The address is served, with another method.
    #[error("this address does not take that method")]
    #[cfg(feature = "served")]
    MethodRefused,
    /// The body is longer than any upload of the open round.
    #[error("the body is longer than {limit} bytes")]
    #[cfg(feature = "release")]
    BodyTooLarge { limit: usize },
    /// The server's store did not answer; what was not acknowledged may be sent again.
    #[error("the store did not answer")]
    #[cfg(feature = "served")]
    StoreFailed,
    /// The store has forgotten sums that were given out of it: it was put back from a copy.
    #[error("the store knows of {store} sums that were given; {counter} were")]
    #[cfg(feature = "served")]
    StoreBehind { store: u64, counter: u64 },

    /// The aggregation server did not answer. Raised by the package.
    #[error("the aggregation server did not answer")]
    #[cfg(feature = "served")]
    ServerUnreachable,
    /// The browser's store refused: nothing can be contributed without a ledger that lasts. Raised by the package.
    #[error("the browser's storage did not answer")]
    #[cfg(feature = "served")]
    StorageUnavailable,
    /// The browser may delete the ledger, and nothing else counts what is spent. Raised by the package.
    #[error("the browser may delete the ledger")]
    #[cfg(feature = "served")]
    StorageEvictable,
    /// A script or a module is not the one that the package was built with. Raised by the package.
    #[error("what was loaded is not what this package was built with")]
    #[cfg(feature = "served")]
    ModuleAltered,
    /// The browser gives the origin no more room. Raised by the package.
    #[error("the browser gives this origin no more room")]
    #[cfg(feature = "served")]
    StorageFull,
    /// The user has not agreed to it. Raised by the package.
    #[error("the user has not agreed to this")]
    #[cfg(feature = "served")]
    ConsentMissing,
    /// It was paused. Raised by the package.
    #[error("this personalizer is paused")]
    #[cfg(feature = "served")]
    Paused,
    /// No aggregators were named. Raised by the package.
    #[error("no aggregators are named")]
    #[cfg(feature = "served")]
    NotTakingPart,
    /// A personalizer of other options is open. Raised by the package.
    #[error("a personalizer of other options is open")]
    #[cfg(feature = "served")]
    OptionsDiffer,
    /// An option or an argument is none that the call takes. Raised by the package.
    #[error("an argument is none that the call takes")]
    #[cfg(feature = "served")]
    ArgumentRefused,
    /// The caller gave up. Raised by the package.
    #[error("the caller gave up")]
    #[cfg(feature = "served")]
    Aborted,
    /// The caller's time was over. Raised by the package.
    #[error("the caller's time was over")]
    #[cfg(feature = "served")]
    TimedOut,
    /// The Wasm module or its worker could not be started. Raised by the package.
    #[error("the worker could not be started")]
    #[cfg(feature = "served")]
    WorkerFailed,
    /// The personalizer was closed before. Raised by the package.
    #[error("this personalizer is closed")]
    #[cfg(feature = "served")]
    Closed,
}

impl Error {
    /// Every code there is.
    pub const CODES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;

    /// Stable: TypeScript, problem documents and tests match on this, never on the text.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_name_in_kebab_case() {
        assert_eq!(Error::RoundClosed { sent: 1, open: 2 }.code(), "round-closed");
        assert!(Error::CODES.contains(&"round-closed"));
    }

    #[test]
    fn a_message_gives_both_numbers() {
        assert_eq!(Error::RoundClosed { sent: 1, open: 2 }.to_string(), "round 1 is closed; round 2 is open");
    }
}
