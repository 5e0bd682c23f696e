//! The aggregator that devices talk to: it takes uploads, and advances rounds.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock, atomic::AtomicU32},
};

use privet::{Identity, Mode, Operator, Pins, Result, Round, refusal};
use tokio::sync::Mutex;

use crate::{
    Refusal,
    keys::Keys,
    metrics::Metrics,
    peer::Peer,
    store::{Store, StoredHead, StoredRound, StoredTask},
    task::Task,
    validation::Validation,
    version::first_head,
};

mod accept;
mod advance;
mod close;
mod forwarder;
mod gauges;
mod promote;
mod writer;

pub use accept::{Accepted, Progress};
use forwarder::Forwarder;
use writer::Writer;

/// Uploads of a batch: enough that agreeing costs each little, few enough that one request names them all.
const BATCH: u32 = 1024;

/// The leader's half of the protocol, and all of it in `device` mode.
pub struct Leader<S, P> {
    store: S,
    keys: Keys,
    name: String,
    helper: Option<HelperLink<P>>,
    tasks: RwLock<BTreeMap<String, Arc<Served>>>,
    /// A lock a task: whoever advances its round or changes the task holds it.
    task_locks: RwLock<BTreeMap<String, Arc<Mutex<()>>>>,
    /// What new heads of a task are tried on.
    validations: RwLock<BTreeMap<String, Arc<Validation>>>,
    writer: Writer,
    batch: u32,
    metrics: Arc<Metrics>,
}

/// How the leader reaches the helper, and what it knows of it.
struct HelperLink<P> {
    peer: Arc<P>,
    /// Its pinned identity.
    key: [u8; 32],
    /// What it may call itself: any name where none is said.
    name: Option<String>,
    forwarder: Forwarder,
}

/// A task with its open round.
struct Served {
    task: Task,
    first_head: Vec<u8>,
    open: RwLock<Option<Arc<Open>>>,
}

/// A round that takes uploads.
#[derive(Debug)]
pub struct Open {
    id: i64,
    /// Its configuration.
    pub round: Round,
    configuration: [u8; 32],
    /// What is published.
    pub signed: Vec<u8>,
    /// Uploads that this process knows to be in it.
    count: AtomicU32,
    /// Uploads between their arrival and their answer.
    on_their_way: AtomicU32,
}

impl<S: Store, P: Peer> Leader<S, P> {
    /// A leader of this name; with a helper's peer and pinned key where it serves `split` tasks.
    pub fn new(store: S, keys: Keys, name: &str, helper: Option<(P, [u8; 32])>) -> Self {
        let helper = helper.map(|(peer, key)| {
            let peer = Arc::new(peer);
            HelperLink { forwarder: Forwarder::start(peer.clone()), peer, key, name: None }
        });
        let metrics = Arc::new(Metrics::default());
        let writer = Writer::start(store.clone(), metrics.clone());
        Self {
            store,
            keys,
            name: name.into(),
            helper,
            tasks: RwLock::default(),
            task_locks: RwLock::default(),
            validations: RwLock::default(),
            writer,
            batch: BATCH,
            metrics,
        }
    }

    /// Batches of at least this many uploads, the last one of a round aside.
    #[must_use]
    pub fn with_batches_of(self, batch: u32) -> Self {
        Self { batch, ..self }
    }

    /// One whose rounds name the helper so and not otherwise: devices are told it over this leader's signature.
    #[must_use]
    pub fn with_helper_named(mut self, name: Option<&str>) -> Self {
        if let Some(helper) = &mut self.helper {
            helper.name = name.map(str::to_owned);
        }
        self
    }

    /// What the helper and applications pin.
    pub fn identity(&self) -> &Identity {
        &self.keys.identity
    }

    /// The keys that applications pin.
    pub fn pins(&self) -> Pins {
        Pins { leader: self.keys.identity.public(), helper: self.helper.as_ref().map(|helper| helper.key) }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Its store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Serves a task from its next round on. Terms that are new to a task count from then on.
    pub async fn serve(&self, task: Task, head: &[u8]) -> Result<()> {
        task.check()?;
        if task.mode == Mode::Split && self.helper.is_none() {
            return Err(refusal::Wire::KeyNotPinned { signer: "helper" }.into());
        }
        task.check_first(head)?;
        let first = first_head(&task, head);
        let lock = {
            let mut all = self.task_locks.write().expect("nobody panics with it");
            all.entry(task.name.clone()).or_default().clone()
        };
        let _held = lock.lock().await;
        if self.store.head(&task.name, first.hash).await?.is_none() {
            self.store.put_head(&first).await?;
        }
        if self.store.current(&task.name).await?.is_none() {
            self.store.set_current(&task.name, first.hash).await?;
        }
        if task.token_key.is_none() {
            tracing::warn!(task = task.name, "anybody may upload to this task: it has no token_key");
        }
        let (hash, name, text) = (task.hash(), task.name.clone(), task.text());
        self.store.put_task(&StoredTask { hash, name: name.clone(), text, admitted: true }).await?;
        let open = self.store.latest(&name).await?.and_then(Open::of);
        let (open, first_head) = (RwLock::new(open.map(Arc::new)), head.to_vec());
        let served = Served { task, first_head, open };
        self.tasks.write().expect("nobody panics with it").insert(name, Arc::new(served));
        Ok(())
    }

    /// Tries new heads of a task on this before they count.
    pub fn try_heads_on(&self, task: &str, validation: Option<Validation>) {
        let mut all = self.validations.write().expect("nobody panics with it");
        validation.map(|validation| all.insert(task.to_owned(), Arc::new(validation)));
    }

    /// What a head loses on the task's public validation file, where there is one.
    pub fn loss(&self, head: &StoredHead) -> Option<Result<f64, String>> {
        let validation = self.validations.read().expect("nobody panics with it").get(&head.task).cloned()?;
        Some(tokio::task::block_in_place(|| validation.loss(head.hash, &head.body)))
    }

    /// Serves what an operator added over HTTP before this start, with the terms that came last.
    pub async fn serve_again(&self) -> Result<()> {
        let (tasks, served) = (self.store.tasks().await?, self.names());
        for stored in tasks.iter().filter(|stored| !served.contains(&stored.name)) {
            let task = Task::read(&stored.text)?;
            let head = self.store.head(&task.name, task.first_head()?).await?.ok_or(Refusal::StoreFailed)?;
            self.serve(task, &head.body).await?;
        }
        Ok(())
    }

    /// The names of what is served.
    pub fn names(&self) -> Vec<String> {
        self.tasks.read().expect("nobody panics with it").keys().cloned().collect()
    }

    /// The terms of what is served.
    pub fn terms(&self, name: &str) -> Result<Task> {
        Ok(self.served(name)?.task.clone())
    }

    fn served(&self, name: &str) -> Result<Arc<Served>> {
        self.tasks
            .read()
            .expect("nobody panics with it")
            .get(name)
            .cloned()
            .ok_or_else(|| refusal::Terms::TaskUnknown.into())
    }

    /// The lock of a task that is served.
    fn task_lock(&self, name: &str) -> Result<Arc<Mutex<()>>> {
        self.task_locks
            .read()
            .expect("nobody panics with it")
            .get(name)
            .cloned()
            .ok_or_else(|| refusal::Terms::TaskUnknown.into())
    }

    /// The open round of a task.
    pub fn open(&self, name: &str) -> Result<Arc<Open>> {
        self.served(name)?
            .open
            .read()
            .expect("nobody panics with it")
            .clone()
            .ok_or_else(|| Refusal::RoundPending.into())
    }

    /// A head that devices may fetch.
    pub async fn head(&self, hash: [u8; 32]) -> Result<StoredHead> {
        self.store.published(hash).await?.ok_or_else(|| Refusal::RouteUnknown.into())
    }

    fn helper(&self) -> Result<&HelperLink<P>> {
        self.helper.as_ref().ok_or_else(|| refusal::Wire::KeyNotPinned { signer: "helper" }.into())
    }

    fn operator(&self) -> Operator {
        Operator::new(&self.name, self.keys.newest().public())
    }
}

impl Served {
    /// How many uploads close this round. A round keeps its own bounds when the task's are changed.
    fn goal(&self, round: &Round) -> u32 {
        self.task.goal.clamp(round.min_cohort, round.n_max)
    }

    fn is_shut(&self) -> bool {
        self.open.read().expect("nobody panics with it").is_none()
    }
}

impl Open {
    fn new(id: i64, round: Round, signed: Vec<u8>) -> Self {
        let (count, on_their_way) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { id, configuration: round.hash(), round, signed, count, on_their_way }
    }

    fn of(stored: StoredRound) -> Option<Self> {
        let open = stored.state == crate::store::State::Open;
        let signed = stored.signed.filter(|_| open)?;
        Some(Self::new(stored.id, stored.round, signed))
    }
}
