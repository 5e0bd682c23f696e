//! One sum a round, over one list.

use privet::{AggregateShare, Closing, Error, Result, noise_sum};

use super::{Helper, closed};
use crate::{
    clock::APART_S,
    store::{BatchState, Spent, State, Store, StoredRound},
    task::Task,
};

impl<S: Store> Helper<S> {
    /// Gives the sum over a list once: what it was given over is durable before it leaves.
    pub(super) async fn close(&self, closing: &Closing) -> Result<Vec<u8>> {
        let _turning = self.turning.lock().await;
        let stored = self.round(&closing.configuration).await?;
        let (number, proposed) = (stored.round.number, closing.encode());
        if let Some(spent) = self.store.spent(stored.id).await? {
            return if spent.closing == proposed { Ok(spent.sum) } else { Err(Error::BatchSpent { number }) };
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
                return Err(Error::BatchDisagreed { number: batch.number, named, held });
            }
        }
        let (count, least) = (closing.count(), round.min_cohort);
        if count < least {
            return Err(Error::CohortTooSmall { count: count as usize, least: least as usize });
        }
        let numbers: Vec<u32> = closing.batches().iter().map(|batch| batch.number).collect();
        let sum = noise_sum(self.store.sum(stored.id, round, &numbers).await?, round)?;
        let sum = AggregateShare::new(closing, sum).encode();
        let spent = self.store.spend(stored.id, &Spent { closing: proposed.clone(), sum }).await?;
        if spent.closing == proposed { Ok(spent.sum) } else { Err(Error::BatchSpent { number }) }
    }
}

/// A leader that fills rounds by itself moves the head once in the task's least time.
fn check_age(stored: &StoredRound, tasks: &[Task], now_s: u64) -> Result<()> {
    let least_s = tasks.iter().map(|task| task.least_round_s).min().unwrap_or(0);
    // The round began there a little earlier than here.
    let due_s = stored.begun_s.saturating_add(least_s).saturating_sub(APART_S);
    let wait_s = due_s.saturating_sub(now_s);
    if wait_s == 0 { Ok(()) } else { Err(Error::RoundEarly { wait_s }) }
}
