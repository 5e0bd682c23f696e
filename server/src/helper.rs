//! The aggregator that devices do not talk to. It believes the leader nothing that it can check.

use privet::{
    AggregateShare, Batch, Closing, Error, Forward, Identity, Operator, Result, Round, Share, hex, noise_sum, unhex,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    keys::Keys,
    listen::Connections,
    metrics::HelperMetrics,
    peer::{Ask, Verdict},
    store::{Added, BatchState, Held, Spent, State, Store, StoredBatch, StoredHead, StoredRound, StoredTask},
    task::Task,
    version::{first_head, manifest_of, next_head},
};

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
    turning: Mutex<()>,
    metrics: HelperMetrics,
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
        let head = head.filter(|_| rest.is_empty()).ok_or(Error::WireMalformed)?;
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
}

impl<S: Store> Helper<S> {
    /// A helper of this name.
    pub fn new(store: S, keys: Keys, name: &str) -> Self {
        let (name, metrics) = (name.into(), HelperMetrics::default());
        Self { store, keys, name, leader_name: None, turning: Mutex::new(()), metrics }
    }

    /// One that signs only rounds whose leader has this name: devices are told it over this helper's signature.
    #[must_use]
    pub fn of_leader(self, name: &str) -> Self {
        Self { leader_name: Some(name.into()), ..self }
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
        let proposal: Proposal = serde_json::from_slice(body).map_err(|_| Error::WireMalformed)?;
        let (task, head) = proposal.read()?;
        let known = self.store.tasks().await?;
        let admitted = known.iter().any(|known| known.hash == task.hash() && known.admitted);
        if !known.iter().any(|known| known.hash == task.hash()) {
            if known.iter().filter(|known| !known.admitted).count() >= PROPOSALS {
                return Err(Error::TooManyRequests { limit: PROPOSALS });
            }
            let (hash, name, text) = (task.hash(), task.name.clone(), proposal.task);
            self.store.put_task(&StoredTask { hash, name, text, admitted: false }).await?;
        }
        if admitted && self.store.head(&task.name, task.first_head()?).await?.is_none() {
            self.store.put_head(&first_head(&task, &head)).await?;
        }
        let operator = self.operator();
        let sealing_key = hex(&operator.sealing_key());
        let standing = Standing { admitted, name: self.name.clone(), sealing_key };
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
        if tasks.is_empty() { Err(Error::TaskNotAdmitted) } else { Ok(tasks) }
    }

    /// Signs the configuration of an admitted task's next round: over a head that the task starts from or that was
    /// signed here, with the key that is held here. One configuration a number; a new round ends those before it.
    async fn sign_round(&self, round: &Round) -> Result<Vec<u8>> {
        let _turning = self.turning.lock().await;
        let tasks = self.admitted(round).await?;
        let known = self.store.round(&round.hash()).await?;
        if known.is_none() {
            if round.helper != Some(self.operator()) {
                return Err(Error::RoundRefused {
                    what: "the helper's name or key",
                    is: "another".into(),
                    must: format!("{} with its newest key", self.name),
                });
            }
            if let Some(name) = &self.leader_name
                && round.leader.name() != name
            {
                let (is, must) = (round.leader.name().to_owned(), name.clone());
                return Err(Error::RoundRefused { what: "the leader's name", is, must });
            }
            let head = self.store.head(&round.task, round.head).await?;
            let first = |hash| tasks.iter().any(|task| task.first_head() == Ok(hash));
            let ours = head.is_some_and(|head| head.round > 0 || first(head.hash));
            if !ours {
                return Err(Error::HeadStale { round: round.number });
            }
            let last = self.store.last_number(&round.task).await?;
            if round.number <= last {
                return Err(Error::RoundConflict { number: round.number });
            }
            if let Some(before) = self.store.latest(&round.task).await? {
                self.store.end(before.id).await?;
            }
            self.store.forget_before(&round.task, last).await?;
        }
        let begun = self.store.begin(round, 0).await?;
        let signature = self.keys.identity.sign_round(round);
        match begun.state {
            State::Draft => self.store.publish(begun.id, &signature).await?,
            State::Open => {}
            State::Closing | State::Closed | State::Ended => return Err(closed(round)),
        }
        Ok(signature.to_vec())
    }

    async fn round(&self, configuration: &[u8; 32]) -> Result<StoredRound> {
        self.store.round(configuration).await?.ok_or(Error::ConfigurationMismatch)
    }

    /// Opens shares and keeps the seeds until a batch names them.
    async fn hold(&self, forward: &Forward) -> Result<Vec<u8>> {
        let stored = self.round(&forward.configuration).await?;
        let named = stored.round.helper.as_ref().ok_or(Error::ConfigurationMismatch)?.sealing_key();
        let key = self.keys.sealing(&named).ok_or(Error::SealBroken)?;
        let held: Vec<Option<Held>> = tokio::task::block_in_place(|| {
            let open = |(id, sealed): (_, &[u8])| {
                let seed = key.open_seed(sealed, &forward.configuration, &id).ok()?;
                Some(Held { id, digest: Sha256::digest(sealed).into(), seed })
            };
            forward.shares().map(open).collect()
        });
        let opened: Vec<Held> = held.iter().flatten().cloned().collect();
        // A share that waits may never be named: its device was not answered. There is room for as many again.
        let room = stored.round.n_max.saturating_mul(2);
        let mut added = self.store.hold(stored.id, room, &opened).await?.into_iter();
        let verdicts = held.iter().map(|held| match held.as_ref().and_then(|_| added.next()) {
            None => Verdict::Broken,
            Some(Added::New | Added::Known) => Verdict::Held,
            Some(Added::Conflict | Added::Spent) => Verdict::Conflict,
            Some(Added::Over) => Verdict::Over,
        });
        Ok(verdicts.map(|verdict| verdict as u8).collect())
    }

    /// Agrees on a batch of exactly these uploads; one that is agreed stays so, whoever asks again and when.
    async fn agree(&self, batch: &Batch) -> Result<Vec<u8>> {
        let stored = self.round(&batch.configuration).await?;
        let digest = batch.digest().to_vec();
        if self.is_agreed(&stored, batch).await? {
            return Ok(digest);
        }
        match self.gather(&stored, batch).await {
            Ok(()) => Ok(digest),
            // The request that this one repeats may have been slow, and have gathered them in the meantime.
            Err(_) if self.is_agreed(&stored, batch).await? => Ok(digest),
            Err(refused) => Err(refused),
        }
    }

    async fn is_agreed(&self, stored: &StoredRound, batch: &Batch) -> Result<bool> {
        let same = |known: &StoredBatch| known.number == batch.number && known.digest == Some(batch.digest());
        Ok(self.store.batches(stored.id).await?.iter().any(same))
    }

    /// Sums the shares of exactly these uploads, and deletes them with the same stroke.
    async fn gather(&self, stored: &StoredRound, batch: &Batch) -> Result<()> {
        let (number, named) = (batch.number, batch.ids().len());
        if stored.state != State::Open {
            return Err(closed(&stored.round));
        }
        let known = self.store.batches(stored.id).await?;
        let so_far: u64 = known.iter().map(|known| u64::from(known.count)).sum();
        if named == 0 || so_far + named as u64 > u64::from(stored.round.n_max) {
            return Err(Error::BatchDisagreed { number, named, held: 0 });
        }
        let seeds = self.store.seeds(stored.id, batch).await?;
        if seeds.len() != named {
            return Err(Error::BatchDisagreed { number, named, held: seeds.len() });
        }
        let sum = tokio::task::block_in_place(|| {
            let dimension = stored.round.dimension;
            let mut sum = Share::zero(dimension);
            for (id, seed) in &seeds {
                sum.add(&Share::from_seed(seed, &batch.configuration, id, dimension as usize));
            }
            sum
        });
        let whole = self.store.gather(stored.id, batch, &sum).await?;
        if whole { Ok(()) } else { Err(Error::BatchDisagreed { number, named, held: 0 }) }
    }

    /// Gives the sum over a list once: what it was given over is durable before it leaves.
    async fn close(&self, closing: &Closing) -> Result<Vec<u8>> {
        let _turning = self.turning.lock().await;
        let stored = self.round(&closing.configuration).await?;
        let (round, number) = (&stored.round, stored.round.number);
        let proposed = closing.encode();
        if let Some(spent) = self.store.spent(stored.id).await? {
            return if spent.closing == proposed { Ok(spent.sum) } else { Err(Error::BatchSpent { number }) };
        }
        if stored.state != State::Open {
            return Err(closed(round));
        }
        let agreed = self.store.batches(stored.id).await?;
        for batch in closing.batches() {
            let held = agreed.iter().find(|agreed| agreed.number == batch.number && agreed.state == BatchState::Agreed);
            if held.is_none_or(|held| held.count != batch.count || held.digest != Some(batch.digest)) {
                let (named, held) = (batch.count as usize, held.map_or(0, |held| held.count as usize));
                return Err(Error::BatchDisagreed { number: batch.number, named, held });
            }
        }
        let (count, least) = (closing.count(), round.min_cohort);
        if count < least {
            return Err(Error::CohortTooSmall { count: count as usize, least: least as usize });
        }
        let numbers: Vec<u32> = closing.batches().iter().map(|batch| batch.number).collect();
        let sum =
            AggregateShare::new(closing, noise_sum(self.store.sum(stored.id, round, &numbers).await?, round)?).encode();
        let spent = self.store.spend(stored.id, &Spent { closing: proposed.clone(), sum }).await?;
        if spent.closing == proposed { Ok(spent.sum) } else { Err(Error::BatchSpent { number }) }
    }

    /// Computes the head out of both sums, by the admitted terms that come to the one that is asked for, and signs its
    /// manifest: one head a round.
    async fn sign_head(&self, body: &[u8]) -> Result<Vec<u8>> {
        let _turning = self.turning.lock().await;
        let (configuration, rest) = body.split_first_chunk().ok_or(Error::WireMalformed)?;
        let (wanted, share) = rest.split_first_chunk::<32>().ok_or(Error::WireMalformed)?;
        let stored = self.round(configuration).await?;
        let round = &stored.round;
        let ours = stored.sum.as_deref().ok_or(Error::SharesMismatch)?;
        let ours = AggregateShare::decode(ours, round.dimension)?;
        let mean = ours.mean(Some(&AggregateShare::decode(share, round.dimension)?), round)?;
        let tasks = self.admitted(round).await?;
        let stale = Error::HeadStale { round: round.number };
        let previous = self.store.head(&round.task, round.head).await?.ok_or(stale)?;
        let heads = tasks.iter().map(|task| next_head(task, round, &previous, &mean, ours.count));
        let heads: Vec<StoredHead> = heads.collect::<Result<_>>()?;
        let head = heads.into_iter().find(|head| head.hash == *wanted).ok_or(Error::TaskNotAdmitted)?;
        let made = self.store.heads(&round.task).await?;
        if made.iter().any(|made| made.round == round.number && made.hash != head.hash) {
            return Err(Error::RoundConflict { number: round.number });
        }
        let signature = self.keys.identity.sign_manifest(&manifest_of(&head));
        self.store.put_head(&StoredHead { manifest: Some(signature.to_vec()), ..head }).await?;
        Ok(signature.to_vec())
    }
}

fn closed(round: &Round) -> Error {
    Error::RoundClosed { sent: round.number, open: round.number + 1 }
}
