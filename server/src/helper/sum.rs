//! One sum a round, over one list.

use privet::{Closing, Result, refusal};

use super::{Helper, closed};
use crate::{
    Refusal,
    clock::APART_S,
    noised_sum::noised_sum_once,
    store::{BatchState, State, Store, StoredRound},
    task::Task,
};

impl<S: Store> Helper<S> {
    /// Gives the sum over a list once: what it was given over is durable before it leaves.
    pub(super) async fn close(&self, closing: &Closing) -> Result<Vec<u8>> {
        let _held = self.round_lock.lock().await;
        let stored = self.round(&closing.configuration).await?;
        if self.store.spent(stored.id).await?.is_some() {
            return noised_sum_once(&self.store, &self.keys.spent, &stored, closing).await;
        }
        let (stored, tasks) = self.live(&closing.configuration).await?;
        let round = &stored.round;
        if stored.state != State::Open {
            return Err(closed(round));
        }
        check_age(&stored, &tasks, self.clock.now_s())?;
        let agreed = self.store.batches(stored.id).await?;
        for batch in closing.batches() {
            let held = agreed.iter().find(|agreed| agreed.number == batch.number && agreed.state == BatchState::Agreed);
            if held.is_none_or(|held| held.count != batch.count || held.digest != Some(batch.digest)) {
                let (named, held) = (batch.count as usize, held.map_or(0, |held| held.count as usize));
                return Err(Refusal::BatchDisagreed { number: batch.number, named, held }.into());
            }
        }
        let (count, least) = (closing.count(), round.min_cohort);
        if count < least {
            return Err(refusal::Aggregate::CohortTooSmall { count: count as usize, least: least as usize }.into());
        }
        noised_sum_once(&self.store, &self.keys.spent, &stored, closing).await
    }
}

/// A leader that fills rounds by itself moves the head once in the task's least time.
fn check_age(stored: &StoredRound, tasks: &[Task], now_s: u64) -> Result<()> {
    let least_s = tasks.iter().map(|task| task.least_round_s).min().unwrap_or(0);
    // The round began there a little earlier than here.
    let open_s = now_s.saturating_sub(stored.begun_s).saturating_add(APART_S);
    let wait_s = least_s.saturating_sub(open_s);
    if wait_s == 0 { Ok(()) } else { Err(Refusal::RoundEarly { wait_s }.into()) }
}
