//! The aggregator that devices do not talk to. It believes the leader nothing that it can check.

use std::sync::OnceLock;

use privet::{Batch, Closing, Error, Forward, Identity, Operator, Pins, Result, Round, hex, refusal, unhex};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    Refusal,
    clock::Clock,
    keys::Keys,
    listen::Connections,
    metrics::HelperMetrics,
    peer::Ask,
    store::{Store, StoredRound, StoredTask},
    task::Task,
    version::first_head,
};

mod shares;
mod sign;
mod sum;

/// Tasks that wait for this operator: a leader that proposes more is not listened to.
const PROPOSALS: usize = 64;

/// The helper's half of the protocol.
pub struct Helper<S> {
    store: S,
    keys: Keys,
    name: String,
    /// What rounds may call the leader: any name where none is said.
    leader_name: Option<String>,
    /// Rounds begin and end one at a time.
    round_lock: Mutex<()>,
    metrics: HelperMetrics,
    /// The leader that it is served to: tokens name it.
    leader: OnceLock<[u8; 32]>,
    clock: Clock,
}

/// A task that the leader proposes, with its first head in hexadecimal.
#[derive(Serialize, Deserialize)]
pub struct Proposal {
    /// The task's text.
    pub task: String,
    /// The head's bytes.
    pub head: String,
}

impl Proposal {
    /// The task and its head, if they are whole and belong together.
    pub fn read(&self) -> Result<(Task, Vec<u8>)> {
        let task = Task::read(&self.task)?;
        let (pairs, rest) = self.head.as_bytes().as_chunks::<2>();
        let byte = |pair| core::str::from_utf8(pair).ok().and_then(unhex::<1>).map(|[byte]| byte);
        let head: Option<Vec<u8>> = pairs.iter().map(|pair| byte(&pair[..])).collect();
        let head = head.filter(|_| rest.is_empty()).ok_or(refusal::Base::WireMalformed)?;
        task.check_first(&head)?;
        Ok((task, head))
    }
}

/// The answer to a [`Proposal`].
#[derive(Serialize, Deserialize)]
pub struct Standing {
    /// Whether this operator admitted the task.
    pub admitted: bool,
    /// What rounds call the helper.
    pub name: String,
    /// What they seal to, in hexadecimal.
    pub sealing_key: String,
    /// The number of the last round that the helper signed; 0 for none.
    pub last: u32,
}

impl<S: Store> Helper<S> {
    /// A helper of this name.
    pub fn new(store: S, keys: Keys, name: &str) -> Self {
        let (leader_name, round_lock) = (None, Mutex::new(()));
        let (metrics, clock) = (HelperMetrics::default(), Clock::default());
        Self { store, keys, name: name.into(), leader_name, round_lock, metrics, leader: OnceLock::new(), clock }
    }

    /// One that signs only rounds whose leader has this name: devices are told it over this helper's signature.
    #[must_use]
    pub fn of_leader(self, name: &str) -> Self {
        Self { leader_name: Some(name.into()), ..self }
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Its clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// It is served to the leader of this key, and to no other.
    pub fn serve_leader(&self, key: [u8; 32]) {
        self.leader.get_or_init(|| key);
    }

    /// The keys that applications pin, where it is served.
    fn pins(&self) -> Option<Pins> {
        self.leader.get().map(|&leader| Pins { leader, helper: Some(self.keys.identity.public()) })
    }

    /// What the leader and applications pin.
    pub fn identity(&self) -> &Identity {
        &self.keys.identity
    }

    /// What a listener counts is printed, too.
    pub fn watch(&self, connections: &Connections) {
        self.metrics.watch(connections);
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &HelperMetrics {
        &self.metrics
    }

    /// Its store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Answers a request that was sent at this time by the leader's clock, if the two clocks agree.
    pub async fn answer_at(&self, at_s: u64, ask: Ask, body: &[u8]) -> Result<Vec<u8>> {
        if let Err(error) = self.clock.check(at_s) {
            tracing::error!(%error, "one of the two clocks is wrong: nothing is answered");
            return Err(error);
        }
        self.answer(ask, body).await
    }

    /// Answers a request of the leader; that it is the leader's is for the caller to know.
    pub async fn answer(&self, ask: Ask, body: &[u8]) -> Result<Vec<u8>> {
        match ask {
            Ask::Task => self.task(body).await,
            Ask::Round => self.sign_round(&Round::decode(body)?).await,
            Ask::Shares => self.hold(&Forward::decode(body)?).await,
            Ask::Batch => self.agree(&Batch::decode(body)?).await,
            Ask::Closing => self.close(&Closing::decode(body)?).await,
            Ask::Head => self.sign_head(body).await,
        }
    }

    /// The round's operator for this helper now.
    fn operator(&self) -> Operator {
        Operator::new(&self.name, self.keys.newest().public())
    }

    async fn task(&self, body: &[u8]) -> Result<Vec<u8>> {
        let proposal: Proposal = serde_json::from_slice(body).map_err(|_| refusal::Base::WireMalformed)?;
        let (task, head) = proposal.read()?;
        let known = self.store.tasks().await?;
        let admitted = known.iter().any(|known| known.hash == task.hash() && known.admitted);
        if !known.iter().any(|known| known.hash == task.hash()) {
            if known.iter().filter(|known| !known.admitted).count() >= PROPOSALS {
                return Err(Refusal::TooManyRequests { limit: PROPOSALS }.into());
            }
            let (hash, name, text) = (task.hash(), task.name.clone(), proposal.task);
            self.store.put_task(&StoredTask { hash, name, text, admitted: false }).await?;
        }
        if admitted && self.store.head(&task.name, task.first_head()?).await?.is_none() {
            self.store.put_head(&first_head(&task, &head)).await?;
        }
        let operator = self.operator();
        let sealing_key = hex(&operator.sealing_key());
        let last = self.store.last_number(&task.name).await?;
        let standing = Standing { admitted, name: self.name.clone(), sealing_key, last };
        Ok(serde_json::to_vec(&standing).expect("plain data always encodes"))
    }

    /// The admitted tasks whose terms these are, field by field; at least one. They differ in what a round does not
    /// name: how it moves the head.
    async fn admitted(&self, round: &Round) -> Result<Vec<Task>> {
        let tasks = self.store.tasks().await?;
        let tasks = tasks.iter().filter(|task| task.admitted && task.name == round.task);
        let tasks: Vec<Task> = tasks.map(|stored| Task::read(&stored.text)).collect::<Result<_>>()?;
        let of_task = |task: &Task| {
            let (leader, helper) = (round.leader.clone(), round.helper.clone());
            task.round(round.number, round.head, round.deadline_s, leader, helper) == *round
        };
        let tasks: Vec<Task> = tasks.into_iter().filter(of_task).collect();
        if tasks.is_empty() { Err(Refusal::TaskNotAdmitted.into()) } else { Ok(tasks) }
    }

    async fn round(&self, configuration: &[u8; 32]) -> Result<StoredRound> {
        self.store.round(configuration).await?.ok_or_else(|| refusal::Release::ConfigurationMismatch.into())
    }

    /// A round, and the admitted tasks that it is of. A task that was withdrawn is withdrawn from its open round, too.
    async fn live(&self, configuration: &[u8; 32]) -> Result<(StoredRound, Vec<Task>)> {
        let stored = self.round(configuration).await?;
        let tasks = self.admitted(&stored.round).await.map_err(|error| match error.of() {
            Some(Refusal::TaskNotAdmitted) => Refusal::TaskWithdrawn.into(),
            _ => error,
        })?;
        Ok((stored, tasks))
    }
}

fn closed(round: &Round) -> Error {
    Refusal::RoundClosed { sent: round.number, open: round.number.saturating_add(1) }.into()
}
