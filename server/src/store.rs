//! Durable storage. One trait in three parts, so that another database can stand below without a change above.
//!
//! Every function is one transaction, and what it answers is durable. Sums are kept per batch. An upload goes into the
//! last batch of its round while that one is being filled, whoever began it: writers over one database fill the same
//! batches and take turns, each from its look at the last one to the end of its transaction.

use std::future::Future;

use privet::{Agreed, Batch, Result, Round, Share, UploadId};

mod sqlite;
#[cfg(test)]
mod suite;

pub use sqlite::SqliteStore;

/// A batch of fewer uploads is never agreed on by itself: a sum over so few says too much of each, wherever it is kept.
const LEAST_BATCH: u32 = 8;

/// The fewest uploads of a batch of this round. A round that may be over fewer has one batch.
pub(crate) fn least_batch(round: &Round) -> u32 {
    LEAST_BATCH.min(round.min_cohort)
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
    /// The task's name.
    pub name: String,
    /// Its terms.
    pub text: String,
    /// Whether this aggregator's operator wants it.
    pub admitted: bool,
}

/// A version of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    /// SHA-256 of `body`.
    pub hash: [u8; 32],
    /// The task's name.
    pub task: String,
    /// The round that made it; 0 for the first.
    pub round: u32,
    /// The head before it; zeros for the first.
    pub previous: [u8; 32],
    /// How many uploads it was made of.
    pub count: u32,
    /// The head, as published.
    pub body: Vec<u8>,
    /// What the optimiser remembers with it.
    pub memory: Vec<u8>,
    /// The signed manifest; none for the first head, which the rounds name, and none while it is held back.
    pub manifest: Option<Vec<u8>>,
    /// Why it is held back, if it is.
    pub held: Option<String>,
}

/// Where a round is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Begun, and not signed by all who have to.
    Draft,
    /// Takes uploads.
    Open,
    /// Takes no more; its sum is not opened yet.
    Closing,
    /// Its sum was opened.
    Closed,
    /// Over without a sum.
    Ended,
}

/// A round as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRound {
    /// The store's own name for it.
    pub id: i64,
    /// Its configuration.
    pub round: Round,
    /// What is published, once it is.
    pub signed: Option<Vec<u8>>,
    /// Where it is.
    pub state: State,
    /// When it began, in seconds of Unix time.
    pub begun_s: u64,
    /// This aggregator's [`privet::AggregateShare`], once its sum was given.
    pub sum: Option<Vec<u8>>,
}

/// A closing that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The list, as it was proposed.
    pub closing: Vec<u8>,
    /// The answer.
    pub sum: Vec<u8>,
}

/// Where a batch is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Takes uploads.
    Filling,
    /// Takes no more.
    Sealed,
    /// The other aggregator holds the same uploads.
    Agreed,
}

/// A batch as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBatch {
    /// Its number within the round.
    pub number: u32,
    /// How many uploads it holds.
    pub count: u32,
    /// Where it is.
    pub state: BatchState,
    /// SHA-256 over its sorted ids, once it is agreed.
    pub digest: Option<[u8; 32]>,
}

/// An upload on its way into a sum.
#[derive(Debug, Clone)]
pub struct Addend {
    /// Its name.
    pub id: UploadId,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// This aggregator's share of it.
    pub share: Share,
}

/// A helper's share that waits for its batch.
#[derive(Debug, Clone)]
pub struct Held {
    /// The upload's name.
    pub id: UploadId,
    /// SHA-256 of the sealed share.
    pub digest: [u8; 32],
    /// What was sealed.
    pub seed: [u8; 32],
    /// The token that it came with, where the task wants one.
    pub token: Option<[u8; 32]>,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is stored now.
    New,
    /// It was stored before, with the same bytes.
    Known,
    /// Other bytes were stored under its id before; these were not.
    Conflict,
    /// The round is not open.
    Over,
    /// The round has no room.
    Full,
    /// Its token was used for another upload.
    Spent,
}

/// How much a round and a batch take.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Uploads in the round.
    pub round: u32,
    /// Uploads in a batch, before the next one begins.
    pub batch: u32,
}

/// Tasks and the versions of their heads.
pub trait HeadStore: Send + Sync {
    /// Stores a task; one that is there keeps its admission, or gains it.
    fn put_task(&self, task: &StoredTask) -> impl Future<Output = Result<()>> + Send;
    /// Takes back the admission of the task of this hash.
    fn withdraw(&self, hash: &str) -> impl Future<Output = Result<()>> + Send;
    /// Every task, in the order in which they were stored last.
    fn tasks(&self) -> impl Future<Output = Result<Vec<StoredTask>>> + Send;
    /// Stores a head; one that is there stays, but for its manifest and what holds it back.
    fn put_head(&self, head: &StoredHead) -> impl Future<Output = Result<()>> + Send;
    /// The head of this task and hash.
    fn head(&self, task: &str, hash: [u8; 32]) -> impl Future<Output = Result<Option<StoredHead>>> + Send;
    /// The bytes of a head of any task, and its manifest.
    fn published(&self, hash: [u8; 32]) -> impl Future<Output = Result<Option<StoredHead>>> + Send;
    /// All heads of a task, by round.
    fn heads(&self, task: &str) -> impl Future<Output = Result<Vec<StoredHead>>> + Send;
    /// The head that the task's next round starts from.
    fn current(&self, task: &str) -> impl Future<Output = Result<Option<[u8; 32]>>> + Send;
    /// Makes this the head that the task's next round starts from.
    fn set_current(&self, task: &str, hash: [u8; 32]) -> impl Future<Output = Result<()>> + Send;
}

/// Rounds.
pub trait RoundStore: Send + Sync {
    /// Begins a round as a draft. The same configuration again is the round that was begun; another one under its task
    /// and number is refused as `round-conflict`.
    fn begin(&self, round: &Round, now_s: u64) -> impl Future<Output = Result<StoredRound>> + Send;
    /// Takes back a draft that nobody else signed, and its number with it.
    fn withdraw_draft(&self, id: i64) -> impl Future<Output = Result<()>> + Send;
    /// Opens a draft with what is published of it.
    fn publish(&self, id: i64, signed: &[u8]) -> impl Future<Output = Result<()>> + Send;
    /// The round of the task with the highest number.
    fn latest(&self, task: &str) -> impl Future<Output = Result<Option<StoredRound>>> + Send;
    /// The round of this configuration.
    fn round(&self, configuration: &[u8; 32]) -> impl Future<Output = Result<Option<StoredRound>>> + Send;
    /// The round of this number.
    fn numbered(&self, task: &str, number: u32) -> impl Future<Output = Result<Option<StoredRound>>> + Send;
    /// The rounds that are neither closed nor ended.
    fn unfinished(&self) -> impl Future<Output = Result<Vec<StoredRound>>> + Send;
    /// The highest number that is taken; 0 for none.
    fn last_number(&self, task: &str) -> impl Future<Output = Result<u32>> + Send;
    /// No more uploads: seals the batch that is being filled. One of fewer than `least` uploads joins the one before.
    fn close(&self, id: i64, least: u32) -> impl Future<Output = Result<()>> + Send;
    /// Ends it without a sum, and with all that was gathered for one.
    fn end(&self, id: i64) -> impl Future<Output = Result<()>> + Send;
    /// The sum of a closing round was opened: stores it and the head that came of it, which becomes the current one unless
    /// it is held back. The batches' sums are deleted in the same transaction.
    fn finish(&self, id: i64, sum: &[u8], head: &StoredHead) -> impl Future<Output = Result<()>> + Send;
    /// Records for good over which batches a sum is given, and the sum, unless that was done before; what is recorded. The
    /// batches' sums are deleted in the same transaction. A helper's round is closed by it; a leader's, which is closing, stays
    /// so until its head is made.
    fn spend(&self, id: i64, spent: &Spent) -> impl Future<Output = Result<Spent>> + Send;
    /// What [`RoundStore::spend`] recorded.
    fn spent(&self, id: i64) -> impl Future<Output = Result<Option<Spent>>> + Send;
    /// How many sums were given out of this store.
    fn spent_count(&self) -> impl Future<Output = Result<u64>> + Send;
    /// Forgets the ids and batches of rounds before this number: their replays are refused by the number alone.
    fn forget_before(&self, task: &str, number: u32) -> impl Future<Output = Result<()>> + Send;
}

/// Uploads, and their sums.
pub trait UploadStore: Send + Sync {
    /// Adds uploads to the batch that is being filled, each once; and how many the open round has.
    fn add(&self, id: i64, room: Room, addends: &[Addend]) -> impl Future<Output = Result<(Vec<Added>, u32)>> + Send;
    /// Holds shares until a batch names them.
    fn hold(&self, id: i64, room: u32, shares: &[Held]) -> impl Future<Output = Result<Vec<Added>>> + Send;
    /// The digest of the bytes that are stored under this id.
    fn known(&self, id: i64, upload: UploadId) -> impl Future<Output = Result<Option<[u8; 32]>>> + Send;
    /// Reserves tokens, each for one upload of this round and of no other: whether it is that upload's now, or was before.
    fn reserve(&self, id: i64, tokens: &[([u8; 32], UploadId)]) -> impl Future<Output = Result<Vec<bool>>> + Send;
    /// Those of these uploads that are held and in no batch yet, with their seeds.
    fn seeds(&self, id: i64, of: &Batch) -> impl Future<Output = Result<Vec<(UploadId, [u8; 32])>>> + Send;
    /// Stores the sum over a batch of held shares and deletes the shares; whether all were held and in no batch.
    fn gather(&self, id: i64, batch: &Batch, sum: &Share) -> impl Future<Output = Result<bool>> + Send;
    /// A round's batches, by number.
    fn batches(&self, id: i64) -> impl Future<Output = Result<Vec<StoredBatch>>> + Send;
    /// The ids of a batch.
    fn ids(&self, id: i64, number: u32) -> impl Future<Output = Result<Vec<UploadId>>> + Send;
    /// A sealed batch is agreed.
    fn agree(&self, id: i64, agreed: Agreed) -> impl Future<Output = Result<()>> + Send;
    /// The sum over these batches.
    fn sum(&self, id: i64, round: &Round, numbers: &[u32]) -> impl Future<Output = Result<Share>> + Send;
    /// How many uploads the round's batches hold.
    fn count(&self, id: i64) -> impl Future<Output = Result<u32>> + Send;
}

/// All of it, and an end.
pub trait Store: HeadStore + RoundStore + UploadStore + Clone + 'static {
    /// Whether it answers, and can be written to.
    fn ready(&self) -> impl Future<Output = bool> + Send;
    /// Writes something of no meaning, as durably as an upload, and says whether that succeeds. Asked often, it tells what
    /// it found up to a second ago.
    fn test_write(&self) -> impl Future<Output = bool> + Send;
    /// Ends every connection, so that what is stored is whole.
    fn shut(&self) -> impl Future<Output = ()> + Send;
}
