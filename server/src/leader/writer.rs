//! Many uploads, one transaction: what arrives while the disk is busy is stored together next.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use privet::{Error, Result};
use tokio::sync::{mpsc, oneshot};

use crate::{
    metrics::Metrics,
    store::{Added, Addend, Room, Tally},
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

/// The one writer of this process.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Entry>,
}

impl Writer {
    /// Starts it over a store. It ends with the last of its handles.
    pub(super) fn start<S: Tally + 'static>(store: S, metrics: Arc<Metrics>) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, metrics, entries));
        Self { queue }
    }

    /// Adds an upload, and waits until it is durable.
    pub(super) async fn add(&self, round: i64, room: Room, addend: Addend) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let queued = self.queue.try_send(Entry { round, room, addend, reply });
        queued.map_err(|_| Error::TooManyRequests { limit: QUEUE })?;
        outcome.await.unwrap_or(Err(Error::StoreFailed))
    }
}

async fn write<S: Tally>(store: S, metrics: Arc<Metrics>, mut entries: mpsc::Receiver<Entry>) {
    let mut waiting = Vec::new();
    while entries.recv_many(&mut waiting, MOST).await > 0 {
        let mut rounds: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        waiting.drain(..).for_each(|entry| rounds.entry(entry.round).or_default().push(entry));
        for (round, entries) in rounds {
            let room = entries[0].room;
            let (addends, replies): (Vec<_>, Vec<_>) =
                entries.into_iter().map(|entry| (entry.addend, entry.reply)).unzip();
            let start = Instant::now();
            let stored = store.add(round, room, &addends).await;
            metrics.stored_in(start.elapsed());
            for (place, reply) in replies.into_iter().enumerate() {
                let outcome = stored.as_ref().map(|(added, count)| (added[place], *count)).map_err(Clone::clone);
                // Whoever asked may have gone; the upload is stored all the same.
                drop(reply.send(outcome));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use privet::{Mode, Operator, Share};

    use super::*;
    use crate::{SqliteStore, Store, Task, store::Calendar};

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
            let addend = Addend { id: (n as u128).to_le_bytes(), digest: [0; 32], share, token: None };
            Box::pin(writer.add(id, room, addend))
        };
        let mut waiting: Vec<_> = (0..1024).map(add).collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.iter_mut().all(|added| added.as_mut().poll(&mut context).is_pending()));
        assert_eq!(add(1024).await, Err(Error::TooManyRequests { limit: 1024 }));
        for added in waiting {
            assert_eq!(added.await.map(|(added, _)| added), Ok(Added::New));
        }
        assert_eq!(add(1024).await, Ok((Added::New, 1025)), "there is room again");
        store.shut().await;
    }
}
