//! What the helper signs: the next round of an admitted task, and the head that comes of its sum.

use privet::{AggregateShare, Result, Round, refusal};

use super::{Helper, closed};
use crate::{
    Refusal,
    clock::APART_S,
    store::{State, Store, StoredHead},
    task::Task,
    version::{manifest_of, next_head},
};

/// By how much a number may rise where rounds may have been forgotten: more than a restored copy is ever behind, and
/// so little that nobody uses the numbers up.
const FORGOTTEN: u32 = 1000;

impl<S: Store> Helper<S> {
    /// Signs the configuration of an admitted task's next round: over a head that the task starts from or that was
    /// signed here, with the key that is held here, of the next number, and over soon enough. One configuration a number; a
    /// new round ends those before it.
    pub(super) async fn sign_round(&self, round: &Round) -> Result<Vec<u8>> {
        let _held = self.round_lock.lock().await;
        let (tasks, now_s) = (self.admitted(round).await?, self.clock.now_s());
        let known = self.store.round(&round.hash()).await?;
        if known.is_none() {
            if round.helper != Some(self.operator()) {
                return Err(refusal::Wire::RoundRefused {
                    what: "the helper's name or key",
                    is: "another".into(),
                    must: format!("{} with its newest key", self.name),
                }
                .into());
            }
            if let Some(name) = &self.leader_name
                && round.leader.name() != name
            {
                let (is, must) = (round.leader.name().to_owned(), name.clone());
                return Err(refusal::Wire::RoundRefused { what: "the leader's name", is, must }.into());
            }
            let head = self.store.head(&round.task, round.head).await?;
            let first = |hash| tasks.iter().any(|task| task.first_head() == Ok(hash));
            let ours = head.is_some_and(|head| head.round > 0 || first(head.hash));
            if !ours {
                return Err(refusal::Terms::HeadStale { round: round.number }.into());
            }
            let last = self.store.last_number(&round.task).await?;
            let before = self.store.latest(&round.task).await?;
            check_number(round.number, last, before.as_ref().is_none_or(|before| self.forgot(&before.round)))?;
            check_deadline(round.deadline_s, &tasks, now_s)?;
            if let Some(before) = before {
                self.store.end(before.id).await?;
            }
            self.store.forget_before(&round.task, last).await?;
        }
        let begun = self.store.begin(round, now_s).await?;
        let signature = self.keys.identity.sign_round(round);
        match begun.state {
            State::Draft => self.store.publish(begun.id, &signature).await?,
            State::Open => {}
            State::Closing | State::Closed | State::Ended => return Err(closed(round)),
        }
        Ok(signature.to_vec())
    }

    /// Whether rounds after this one may have been signed here and forgotten. A store that is put back from a copy has
    /// its sealing keys replaced.
    fn forgot(&self, last: &Round) -> bool {
        last.helper.as_ref().is_none_or(|helper| self.keys.sealing(&helper.sealing_key()).is_none())
    }

    /// Computes the head out of both sums, by the admitted terms that come to the one that is asked for, and signs its
    /// manifest: one head a round.
    pub(super) async fn sign_head(&self, body: &[u8]) -> Result<Vec<u8>> {
        let _held = self.round_lock.lock().await;
        let (configuration, rest) = body.split_first_chunk().ok_or(refusal::Base::WireMalformed)?;
        let (wanted, share) = rest.split_first_chunk::<32>().ok_or(refusal::Base::WireMalformed)?;
        let stored = self.round(configuration).await?;
        let round = &stored.round;
        let ours = stored.sum.as_deref().ok_or(refusal::Aggregate::SharesMismatch)?;
        let ours = AggregateShare::decode(ours, round.dimension)?;
        let mean = ours.mean(Some(&AggregateShare::decode(share, round.dimension)?), round)?;
        let tasks = self.admitted(round).await?;
        let stale = refusal::Terms::HeadStale { round: round.number };
        let previous = self.store.head(&round.task, round.head).await?.ok_or(stale)?;
        let heads = tasks.iter().map(|task| next_head(task, round, &previous, &mean, ours.count));
        let heads: Vec<StoredHead> = heads.collect::<Result<_>>()?;
        let head = heads.into_iter().find(|head| head.hash == *wanted).ok_or(Refusal::TaskNotAdmitted)?;
        let made = self.store.heads(&round.task).await?;
        if made.iter().any(|made| made.round == round.number && made.hash != head.hash) {
            return Err(Refusal::RoundConflict { number: round.number }.into());
        }
        let signature = self.keys.identity.sign_manifest(&manifest_of(&head));
        self.store.put_head(&StoredHead { manifest: Some(signature.to_vec()), ..head }).await?;
        Ok(signature.to_vec())
    }
}

/// Numbers rise by one: a leader that skips them uses them up, and devices take them only upwards. A draft that is refused
/// keeps none (the leader takes it back), so an honest leader skips none.
fn check_number(number: u32, last: u32, forgot: bool) -> Result<()> {
    if number <= last {
        return Err(Refusal::RoundConflict { number }.into());
    }
    let most = last.saturating_add(if forgot { FORGOTTEN } else { 1 });
    if number <= most {
        return Ok(());
    }
    let must = if forgot { format!("{} to {most}", last.saturating_add(1)) } else { most.to_string() };
    Err(refusal::Wire::RoundRefused { what: "the round's number", is: number.to_string(), must }.into())
}

/// A round is over in the future, and no later than the task says by this clock.
fn check_deadline(deadline_s: u64, tasks: &[Task], now_s: u64) -> Result<()> {
    let longest_s = tasks.iter().map(|task| task.round_s).max().unwrap_or(0);
    let latest_s = now_s.saturating_add(longest_s).saturating_add(APART_S);
    if now_s < deadline_s && deadline_s <= latest_s {
        return Ok(());
    }
    let must = format!("after {now_s} and at most {latest_s}");
    Err(refusal::Wire::RoundRefused { what: "the deadline", is: deadline_s.to_string(), must }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_by_one_unless_some_may_be_forgotten() {
        for (number, last, forgot, fine) in [
            (1, 0, true, true),
            (8, 7, false, true),
            (9, 7, false, false),
            (7, 7, false, false),
            (57, 50, true, true),
            (1051, 50, true, false),
            (u32::MAX, 50, true, false),
            (u32::MAX, u32::MAX - 1, false, true),
        ] {
            assert_eq!(check_number(number, last, forgot).is_ok(), fine, "{number} after {last}");
        }
        assert_eq!(check_number(u32::MAX, u32::MAX, true), Err(Refusal::RoundConflict { number: u32::MAX }.into()));
    }
}
