//! A round's life, one step at a time. Every step can be cut off anywhere and taken again.

use std::sync::Arc;

use privet::{Agreed, Batch, Error, Mode, Operator, Result, Signed, hex, unhex};

use super::{Leader, Open, Served};
use crate::{
    helper::{Proposal, Standing},
    peer::{Ask, Peer},
    store::{BatchState, State, Store, StoredRound},
};

impl<S: Store, P: Peer> Leader<S, P> {
    /// Takes the step that a task's round is due: begins, publishes, agrees on batches, closes. To be called now and
    /// then; an error is for the next call to mend.
    pub async fn turn(&self, name: &str, now_s: u64) -> Result<()> {
        let turning = self.turning(name)?;
        let _turning = turning.lock().await;
        let served = self.served(name)?;
        let Some(stored) = self.store.latest(name).await? else { return self.begin(&served, now_s).await };
        match stored.state {
            State::Draft => self.publish(&served, &stored).await,
            State::Open => {
                if served.is_shut() {
                    // It was published, and the store's answer was lost.
                    set_open(&served, Open::of(stored.clone()));
                }
                self.agree(&stored).await?;
                if !self.due(&served, &stored, now_s).await? {
                    return Ok(());
                }
                // From here on no upload is added: the store refuses what is still on its way.
                self.store.close(stored.id).await?;
                set_open(&served, None);
                self.close(&served, &stored).await?;
                self.begin(&served, now_s).await
            }
            State::Closing => {
                set_open(&served, None);
                self.close(&served, &stored).await?;
                self.begin(&served, now_s).await
            }
            State::Closed | State::Ended => self.begin(&served, now_s).await,
        }
    }

    async fn due(&self, served: &Served, stored: &StoredRound, now_s: u64) -> Result<bool> {
        let count = self.store.count(stored.id).await?;
        Ok(count >= served.goal(&stored.round) || now_s >= stored.round.deadline_s)
    }

    /// Begins the next round over the current head, and publishes it.
    async fn begin(&self, served: &Served, now_s: u64) -> Result<()> {
        let task = &served.task;
        let helper = if task.mode == Mode::Split { Some(self.propose(served).await?) } else { None };
        let head = self.store.current(&task.name).await?.ok_or(Error::StoreFailed)?;
        let number = self.store.last_number(&task.name).await? + 1;
        let round = task.round(number, head, now_s.saturating_add(task.round_s), self.operator(), helper);
        let stored = self.store.begin(&round, now_s).await?;
        // The round before is kept for replays of what it acknowledged.
        self.store.forget_before(&task.name, number - 1).await?;
        self.publish(served, &stored).await
    }

    /// Shows the helper the task; whom its rounds name as the helper, if its operator admits it.
    pub(super) async fn propose(&self, served: &Served) -> Result<Operator> {
        let proposal = Proposal { task: served.task.text(), head: hex(&served.first_head) };
        let proposal = serde_json::to_vec(&proposal).expect("plain data always encodes");
        let said = self.helper()?.peer.ask(Ask::Task, proposal).await?;
        let standing: Standing = serde_json::from_slice(&said).map_err(|_| Error::WireMalformed)?;
        if !standing.admitted {
            return Err(Error::TaskNotAdmitted);
        }
        if let Some(name) = &self.helper()?.name
            && *name != standing.name
        {
            return Err(Error::RoundRefused { what: "the helper's name", is: standing.name, must: name.clone() });
        }
        Ok(Operator::new(&standing.name, unhex(&standing.sealing_key).ok_or(Error::WireMalformed)?))
    }

    /// Has a draft signed by all who have to, and opens it. A draft that the helper will not sign is given up.
    async fn publish(&self, served: &Served, stored: &StoredRound) -> Result<()> {
        let round = &stored.round;
        let helper = match round.mode {
            Mode::Device => None,
            Mode::Split => match self.helper()?.peer.ask(Ask::Round, round.encode()).await.map_err(Error::from) {
                Ok(signature) => Some(signature.try_into().map_err(|_| Error::WireMalformed)?),
                Err(error @ Error::HelperRefused { .. }) => {
                    self.store.end(stored.id).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            },
        };
        let signed = Signed::round(round, self.keys.identity.sign_round(round), helper);
        // Whatever a device would refuse is refused here first.
        signed.verify_round(&self.pins_of(round.mode))?;
        let signed = signed.encode();
        self.store.publish(stored.id, &signed).await?;
        let open = Open { id: stored.id, configuration: round.hash(), round: round.clone(), signed };
        set_open(served, Some(open));
        tracing::info!(task = round.task, round = round.number, "a round is open");
        Ok(())
    }

    /// Agrees on every sealed batch. One whose uploads the helper does not hold is in no sum: the helper has lost what it
    /// acknowledged.
    pub(super) async fn agree(&self, stored: &StoredRound) -> Result<()> {
        let sealed = self.store.batches(stored.id).await?.into_iter().filter(|batch| batch.state == BatchState::Sealed);
        for batch in sealed {
            let ids = self.store.ids(stored.id, batch.number).await?;
            let batch = Batch::new(stored.round.hash(), batch.number, ids);
            let (number, count, digest) = (batch.number, batch.ids().len() as u32, batch.digest());
            if stored.round.mode == Mode::Split {
                match self.helper()?.peer.ask(Ask::Batch, batch.encode()).await.map_err(Error::from) {
                    Ok(said) if said == digest => {}
                    Err(error) if !matches!(error, Error::HelperRefused { .. }) => return Err(error),
                    refused => {
                        let code = refused.map_or_else(|error| error.to_string(), |_| "another digest".into());
                        tracing::error!(task = stored.round.task, number, code, "a batch is lost");
                        self.store.refuse(stored.id, number).await?;
                        continue;
                    }
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
