//! Group commit: uploads that arrive while the disk is busy share the next transaction.
//!
//! A token is reserved before anything is forwarded, in a transaction of its own.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use privet::{Error, Result, UploadId};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    Refusal,
    metrics::Metrics,
    store::{Added, Addend, Room, UploadStore},
    token::Token,
};

/// Uploads that wait; more are told to come again.
const QUEUE: usize = 1024;
/// Uploads of one transaction.
const MOST: usize = 256;

/// What became of an upload, and how many the round has.
type Outcome = Result<(Added, u32)>;

struct Entry {
    round: i64,
    room: Room,
    addend: Addend,
    reply: oneshot::Sender<Outcome>,
}

struct Reservation {
    round: i64,
    token: Token,
    upload: UploadId,
    reply: oneshot::Sender<Result<bool>>,
}

enum Work {
    Add(Entry),
    Reserve(Reservation),
}

/// The one writer of this process.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Work>,
}

/// A place in the queue, for an upload that is held elsewhere before it is stored here.
pub(super) struct Place(mpsc::OwnedPermit<Work>);

impl Writer {
    /// Starts it over a store. It ends with the last of its handles.
    pub(super) fn start<S: UploadStore + 'static>(store: S, metrics: Arc<Metrics>) -> Self {
        let (queue, work) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, metrics, work));
        Self { queue }
    }

    /// A place for an upload.
    pub(super) fn place(&self) -> Result<Place> {
        let place = self.queue.clone().try_reserve_owned();
        place.map(Place).map_err(|refused| untaken(&refused))
    }

    /// Reserves a token for an upload, and waits until that is durable: whether it is that upload's.
    pub(super) async fn reserve(&self, round: i64, token: Token, upload: UploadId) -> Result<bool> {
        let (reply, owns) = oneshot::channel();
        let queued = self.queue.try_send(Work::Reserve(Reservation { round, token, upload, reply }));
        queued.map_err(|refused| untaken(&refused))?;
        owns.await.unwrap_or(Err(Refusal::StoreFailed.into()))
    }
}

/// Too much waits; or nobody writes any more, which no waiting mends.
fn untaken<T>(refused: &TrySendError<T>) -> Error {
    match refused {
        TrySendError::Full(_) => Refusal::TooManyRequests { limit: QUEUE }.into(),
        TrySendError::Closed(_) => Refusal::StoreFailed.into(),
    }
}

impl Place {
    /// Adds the upload, and waits until it is durable.
    pub(super) async fn add(self, round: i64, room: Room, addend: Addend) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        self.0.send(Work::Add(Entry { round, room, addend, reply }));
        outcome.await.unwrap_or(Err(Refusal::StoreFailed.into()))
    }
}

async fn write<S: UploadStore>(store: S, metrics: Arc<Metrics>, mut work: mpsc::Receiver<Work>) {
    let mut waiting = Vec::new();
    while work.recv_many(&mut waiting, MOST).await > 0 {
        let mut rounds: BTreeMap<i64, (Vec<Reservation>, Vec<Entry>)> = BTreeMap::new();
        for work in waiting.drain(..) {
            match work {
                Work::Reserve(reservation) => rounds.entry(reservation.round).or_default().0.push(reservation),
                Work::Add(entry) => rounds.entry(entry.round).or_default().1.push(entry),
            }
        }
        for (round, (reservations, entries)) in rounds {
            if !reservations.is_empty() {
                reserve(&store, round, reservations).await;
            }
            if !entries.is_empty() {
                let start = Instant::now();
                add(&store, round, entries).await;
                metrics.stored_in(start.elapsed());
            }
        }
    }
}

async fn reserve<S: UploadStore>(store: &S, round: i64, reservations: Vec<Reservation>) {
    let tokens: Vec<_> = reservations.iter().map(|reserved| (reserved.token, reserved.upload)).collect();
    let owned = store.reserve(round, &tokens).await;
    for (place, reservation) in reservations.into_iter().enumerate() {
        let owns = owned.as_ref().map(|owned| owned[place]).map_err(Clone::clone);
        // Whoever asked may have gone; the same upload finds its token reserved.
        drop(reservation.reply.send(owns));
    }
}

async fn add<S: UploadStore>(store: &S, round: i64, entries: Vec<Entry>) {
    let room = entries[0].room;
    let (addends, replies): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.addend, entry.reply)).unzip();
    let stored = store.add(round, room, &addends).await;
    for (place, reply) in replies.into_iter().enumerate() {
        let outcome = stored.as_ref().map(|(added, count)| (added[place], *count)).map_err(Clone::clone);
        // Whoever asked may have gone; the upload is stored all the same.
        drop(reply.send(outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use privet::{Mode, Operator, Share};

    use super::*;
    use crate::{SqliteStore, Store, Task, store::RoundStore};

    /// The writer has this thread only when it is waited for: until then nothing leaves the queue.
    #[tokio::test]
    async fn a_full_queue_takes_no_more_and_loses_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open_hasty(&folder.path().join("store.sqlite")).await.expect("a new file opens");
        let (task, _) = Task::demo(Mode::Device, 3).expect("the demo's numbers fit");
        let round = task.round(1, [0; 32], 9, Operator::new("someone", [0; 32]), None);
        let id = store.begin(&round, 0).await.expect("a free number").id;
        store.publish(id, b"signed").await.expect("it answers");
        let writer = Writer::start(store.clone(), Arc::default());
        let room = Room { round: 2000, batch: 2000 };
        let add = |n: usize| {
            let share = Share::zero(round.dimension);
            let addend = Addend { id: (n as u128).to_le_bytes(), digest: [0; 32], share };
            Box::pin(async { writer.place()?.add(id, room, addend).await })
        };
        let mut waiting: Vec<_> = (0..1024).map(add).collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.iter_mut().all(|added| added.as_mut().poll(&mut context).is_pending()));
        assert_eq!(add(1024).await, Err(Refusal::TooManyRequests { limit: 1024 }.into()));
        for added in waiting {
            assert_eq!(added.await.map(|(added, _)| added), Ok(Added::New));
        }
        assert_eq!(add(1024).await, Ok((Added::New, 1025)), "there is room again");
        store.shut().await;
    }
}
