//! A round's life, one step at a time. Every step can be cut off anywhere and taken again.

use std::sync::Arc;

use privet::{Agreed, Batch, Error, Mode, Operator, Result, Signed, hex, refusal, unhex};

use super::{Leader, Open, Served};
use crate::{
    Refusal,
    helper::{Proposal, Standing},
    peer::{Ask, Peer},
    store::{BatchState, State, Store, StoredRound, least_batch},
};

/// By how many rounds this store may be behind the helper's: a copy that was put back is not more.
const FORGOTTEN: u32 = 1000;

impl<S: Store, P: Peer> Leader<S, P> {
    /// Takes the step that a task's round is due: begins, publishes, agrees on batches, closes. To be called now and
    /// then; an error is for the next call to mend.
    pub async fn advance_round(&self, name: &str, now_s: u64) -> Result<()> {
        let lock = self.task_lock(name)?;
        let _held = lock.lock().await;
        let served = self.served(name)?;
        let Some(stored) = self.store.latest(name).await? else { return self.begin(&served, now_s).await };
        match stored.state {
            State::Draft => self.publish(&served, &stored).await,
            State::Open => {
                if served.is_shut() {
                    // It was published, and the store's answer was lost.
                    set_open(&served, Open::of(stored.clone()));
                }
                let agreed = self.agree(&stored, false).await;
                if !self.due(&served, &stored, now_s).await? {
                    return agreed;
                }
                // From here on no upload is added: the store refuses what is still on its way.
                self.store.close(stored.id, least_batch(&stored.round)).await?;
                set_open(&served, None);
                self.finish(&served, &stored, now_s).await
            }
            State::Closing => {
                set_open(&served, None);
                self.finish(&served, &stored, now_s).await
            }
            State::Closed | State::Ended => self.begin(&served, now_s).await,
        }
    }

    /// Closes a round that takes no more, and begins the next.
    async fn finish(&self, served: &Served, stored: &StoredRound, now_s: u64) -> Result<()> {
        self.close(served, stored).await.inspect_err(|error| {
            // What was acknowledged stays where it is. The next step asks again, and the operator may give the round up.
            let (task, round) = (&stored.round.task, stored.round.number);
            tracing::error!(task, round, %error, "a round cannot be closed and waits");
            self.metrics.alarm(task, error.code());
        })?;
        self.begin(served, now_s).await
    }

    async fn due(&self, served: &Served, stored: &StoredRound, now_s: u64) -> Result<bool> {
        if now_s >= stored.round.deadline_s {
            self.compare_clocks(served).await?;
            return Ok(true);
        }
        let least_s = served.task.least_round_s;
        let ripe = now_s.saturating_sub(stored.begun_s) >= least_s;
        Ok(ripe && self.store.count(stored.id).await? >= served.goal(&stored.round))
    }

    /// Nothing ends by a clock that the helper's contradicts.
    async fn compare_clocks(&self, served: &Served) -> Result<()> {
        if served.task.mode == Mode::Device {
            return Ok(());
        }
        match self.propose(served).await {
            Err(error) if matches!(error.of(), Some(Refusal::ClocksDiffer { .. })) => {
                let task = &served.task.name;
                tracing::error!(task, %error, "no round ends while one of the two clocks is wrong");
                self.metrics.alarm(task, error.code());
                Err(error)
            }
            // Whatever else is in the way is met again where the round is closed.
            _ => Ok(()),
        }
    }

    /// Begins the next round over the current head, and publishes it.
    async fn begin(&self, served: &Served, now_s: u64) -> Result<()> {
        let task = &served.task;
        let (helper, theirs) = match task.mode {
            Mode::Device => (None, 0),
            Mode::Split => self.propose(served).await.map(|(helper, last)| (Some(helper), last))?,
        };
        let head = self.store.current(&task.name).await?.ok_or(Refusal::StoreFailed)?;
        let ours = self.store.last_number(&task.name).await?;
        // The helper may have signed what this store forgot, or a draft whose answer came late.
        let number = ours.max(theirs.min(ours.saturating_add(FORGOTTEN))) + 1;
        let round = task.round(number, head, now_s.saturating_add(task.round_s), self.operator(), helper);
        let stored = self.store.begin(&round, now_s).await?;
        // The round before is kept for replays of what it acknowledged.
        self.store.forget_before(&task.name, number - 1).await?;
        self.publish(served, &stored).await
    }

    /// Shows the helper the task; whom its rounds name as the helper, if its operator admits it, and the number of the last
    /// one that it signed.
    pub(super) async fn propose(&self, served: &Served) -> Result<(Operator, u32)> {
        let proposal = Proposal { task: served.task.text(), head: hex(&served.first_head) };
        let proposal = serde_json::to_vec(&proposal).expect("plain data always encodes");
        let said = self.helper()?.peer.ask(Ask::Task, proposal).await?;
        let standing: Standing = serde_json::from_slice(&said).map_err(|_| refusal::Base::WireMalformed)?;
        if !standing.admitted {
            return Err(Refusal::TaskNotAdmitted.into());
        }
        if let Some(name) = &self.helper()?.name
            && *name != standing.name
        {
            return Err(refusal::Wire::RoundRefused {
                what: "the helper's name",
                is: standing.name,
                must: name.clone(),
            }
            .into());
        }
        let sealing_key = unhex(&standing.sealing_key).ok_or(refusal::Base::WireMalformed)?;
        Ok((Operator::new(&standing.name, sealing_key), standing.last))
    }

    /// Has a draft signed by all who have to, and opens it. A draft that the helper will not sign is taken back, and its number
    /// with it: numbers rise by one.
    async fn publish(&self, served: &Served, stored: &StoredRound) -> Result<()> {
        let round = &stored.round;
        let helper = match round.mode {
            Mode::Device => None,
            Mode::Split => match self.helper()?.peer.ask(Ask::Round, round.encode()).await.map_err(Error::from) {
                Ok(signature) => Some(signature.try_into().map_err(|_| refusal::Base::WireMalformed)?),
                Err(error) => {
                    if matches!(error.of(), Some(Refusal::HelperRefused { .. })) {
                        self.store.withdraw_draft(stored.id).await?;
                    }
                    return Err(error);
                }
            },
        };
        let signed = Signed::round(round, self.keys.identity.sign_round(round), helper);
        // Whatever a device would refuse is refused here first.
        signed.verify_round(&self.pins_of(round.mode))?;
        let signed = signed.encode();
        self.store.publish(stored.id, &signed).await?;
        set_open(served, Some(Open::new(stored.id, round.clone(), signed)));
        tracing::info!(task = round.task, round = round.number, "a round is open");
        Ok(())
    }

    /// Agrees on every sealed batch, but for the last one of an open round: the tail of the round may have to join it. One
    /// that the helper refuses stays as it is, to be asked for again.
    pub(super) async fn agree(&self, stored: &StoredRound, closing: bool) -> Result<()> {
        let batches = self.store.batches(stored.id).await?;
        for (place, batch) in batches.iter().enumerate().filter(|(_, batch)| batch.state == BatchState::Sealed) {
            let followed = batches.get(place + 1).is_some_and(|next| next.count >= least_batch(&stored.round));
            if !closing && !followed {
                continue;
            }
            let ids = self.store.ids(stored.id, batch.number).await?;
            let batch = Batch::new(stored.round.hash(), batch.number, ids);
            let (number, count, digest) = (batch.number, batch.ids().len() as u32, batch.digest());
            if stored.round.mode == Mode::Split {
                let said = self.helper()?.peer.ask(Ask::Batch, batch.encode()).await.map_err(Error::from);
                let (task, round) = (&stored.round.task, stored.round.number);
                let said = said.inspect_err(|error| {
                    tracing::error!(task, round, batch = number, %error, "a batch is not agreed on");
                    self.metrics.alarm(task, error.code());
                })?;
                if said != digest {
                    return Err(refusal::Aggregate::SharesMismatch.into());
                }
            }
            self.store.agree(stored.id, Agreed { number, count, digest }).await?;
        }
        Ok(())
    }

    pub(super) fn pins_of(&self, mode: Mode) -> privet::Pins {
        let pins = self.pins();
        privet::Pins { helper: pins.helper.filter(|_| mode == Mode::Split), ..pins }
    }
}

pub(super) fn set_open(served: &Served, open: Option<Open>) {
    *served.open.write().expect("nobody panics with it") = open.map(Arc::new);
}
