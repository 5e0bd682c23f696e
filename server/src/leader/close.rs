//! The end of a round: one list, one sum, one head.

use std::time::Instant;

use privet::{AggregateShare, Agreed, Closing, Error, Mode, Norms, Result, Round, Signed, refusal};

use super::{Leader, Served};
use crate::{
    Refusal,
    noised_sum::noised_sum_once,
    peer::{Ask, Peer},
    store::{BatchState, Store, StoredHead, StoredRound},
    version::{manifest_of, next_head},
};

impl<S: Store, P: Peer> Leader<S, P> {
    /// Opens the sum over all agreed batches of a closing round and makes the next head of it, or ends the round
    /// without one where too few devices stand behind it.
    pub(super) async fn close(&self, served: &Served, stored: &StoredRound) -> Result<()> {
        let (round, start) = (&stored.round, Instant::now());
        if self.store.count(stored.id).await? < round.min_cohort {
            tracing::warn!(task = round.task, round = round.number, "a round ended without enough uploads");
            self.metrics.round(&round.task, "ended");
            return self.store.end(stored.id).await;
        }
        self.agree(stored, true).await?;
        // All batches are agreed by now, so a second call comes to the same list.
        let agreed = self.store.batches(stored.id).await?.into_iter().filter(|batch| batch.state == BatchState::Agreed);
        let agreed = agreed.filter_map(|batch| {
            let (number, count) = (batch.number, batch.count);
            batch.digest.map(|digest| Agreed { number, count, digest })
        });
        let closing = Closing::new(round.hash(), agreed.collect());
        let (ours, mean) = self.opened(stored, &closing).await?;
        let previous = self.store.head(&round.task, round.head).await?.ok_or(Refusal::StoreFailed)?;
        let head = next_head(&served.task, round, &previous, &mean, closing.count())?;
        let norms = Norms::new(round, &mean, closing.count())?;
        let head = match norms.objection().or_else(|| self.worse(&previous, &head)) {
            None => self.vouched_or_held(served, round, &ours, head).await?,
            Some(why) => held(head, why),
        };
        self.store.finish(stored.id, &ours.encode(), &head).await?;
        self.metrics.round(&round.task, if head.held.is_some() { "held" } else { "closed" });
        if head.held.is_some() {
            self.metrics.alarm(&round.task, "head-held");
        }
        self.metrics.closed_in(start.elapsed());
        tracing::info!(task = round.task, round = round.number, count = closing.count(), "a round is closed");
        Ok(())
    }

    /// This aggregator's sum, and the mean that both sums open to.
    async fn opened(&self, stored: &StoredRound, closing: &Closing) -> Result<(AggregateShare, Vec<f64>)> {
        let round = &stored.round;
        // With its noise, and durable, before the other aggregator is asked: a leader that starts anew goes on with the same.
        let ours = noised_sum_once(&self.store, &self.keys.spent, stored, closing).await?;
        let ours = AggregateShare::decode(&ours, round.dimension)?;
        let theirs = match round.mode {
            Mode::Device => None,
            Mode::Split => {
                let said = self.helper()?.peer.ask(Ask::Closing, closing.encode()).await?;
                Some(AggregateShare::decode(&said, round.dimension)?)
            }
        };
        let mean = ours.mean(theirs.as_ref(), round)?;
        Ok((ours, mean))
    }

    /// Why a head is held back after this one, if its loss on the public validation file says so.
    fn worse(&self, previous: &StoredHead, head: &StoredHead) -> Option<String> {
        match (self.loss(previous)?, self.loss(head)?) {
            (Ok(before), Ok(after)) => {
                let validation = self.validations.read().expect("nobody panics with it").get(&head.task).cloned()?;
                validation.objection(before, after)
            }
            (Err(why), _) | (_, Err(why)) => Some(why),
        }
    }

    /// The head with its manifest. One that the helper will not sign is held back: rounds go on from the head before, and
    /// an operator may promote it when the reason is gone.
    async fn vouched_or_held(
        &self,
        served: &Served,
        round: &Round,
        ours: &AggregateShare,
        head: StoredHead,
    ) -> Result<StoredHead> {
        match self.vouched(round, ours, head.clone()).await {
            Err(error) if is_no_signature(&error) => Ok(held(head, error.to_string())),
            Err(error) if error.of() == Some(&Refusal::TaskNotAdmitted) => {
                // No round begins before the helper's operator has admitted the task: the head waits as well. If it is
                // admitted, its terms are not the round's.
                self.propose(served).await?;
                Ok(held(head, error.to_string()))
            }
            vouched => vouched,
        }
    }

    /// The head with its manifest, signed by all who have to: the helper signs what it computes by itself.
    pub(super) async fn vouched(&self, round: &Round, ours: &AggregateShare, head: StoredHead) -> Result<StoredHead> {
        let manifest = manifest_of(&head);
        let helper = match round.mode {
            Mode::Device => None,
            Mode::Split => {
                let named = [&round.hash()[..], &head.hash, &ours.encode()].concat();
                let said = self.helper()?.peer.ask(Ask::Head, named).await?;
                Some(said.try_into().map_err(|_| refusal::Base::WireMalformed)?)
            }
        };
        let signed = Signed::manifest(&manifest, self.keys.identity.sign_manifest(&manifest), helper);
        signed.verify_manifest(&self.pins_of(round.mode), round.mode)?;
        Ok(StoredHead { manifest: Some(signed.encode()), held: None, ..head })
    }
}

/// Whether the helper answered, and not with a signature that fits.
fn is_no_signature(error: &Error) -> bool {
    ["helper-refused", "signature-wrong", "wire-malformed"].contains(&error.code())
}

fn held(head: StoredHead, why: String) -> StoredHead {
    tracing::error!(task = head.task, round = head.round, why, "a head is held back");
    StoredHead { held: Some(why), ..head }
}
