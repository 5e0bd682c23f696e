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
