//! Rollback and promotion: an operator goes back to an older head, or on to one that was held back.

use privet::{AggregateShare, Result};

use super::{Leader, advance::set_open};
use crate::{
    Refusal,
    peer::Peer,
    store::{State, Store, StoredHead, StoredRound, least_batch},
};

impl<S: Store, P: Peer> Leader<S, P> {
    /// All versions of a task's head, by round, and the current one.
    pub async fn versions(&self, name: &str) -> Result<(Vec<StoredHead>, [u8; 32])> {
        self.served(name)?;
        let current = self.store.current(name).await?.ok_or(Refusal::StoreFailed)?;
        Ok((self.store.heads(name).await?, current))
    }

    /// The next round starts from this head. A round that is open over another head, or that the helper will not let close,
    /// ends without a sum; where that costs acknowledged uploads, only if `discard` says so.
    pub async fn promote(&self, name: &str, hash: [u8; 32], discard: bool) -> Result<()> {
        let lock = self.task_lock(name)?;
        let _held = lock.lock().await;
        let served = self.served(name)?;
        let head = self.store.head(name, hash).await?.ok_or(Refusal::RouteUnknown)?;
        let unfinished = self.store.latest(name).await?.filter(|latest| match latest.state {
            State::Draft | State::Open => latest.round.head != hash,
            State::Closing => true,
            State::Closed | State::Ended => false,
        });
        if let Some(round) = &unfinished {
            self.at_stake(round, discard).await?;
        }
        if head.held.is_some() {
            let made = self.store.numbered(name, head.round).await?.ok_or(Refusal::StoreFailed)?;
            let sum = made.sum.ok_or(Refusal::StoreFailed)?;
            let ours = AggregateShare::decode(&sum, made.round.dimension)?;
            self.store.put_head(&self.vouched(&made.round, &ours, head).await?).await?;
        }
        self.store.set_current(name, hash).await?;
        if let Some(round) = unfinished {
            // What arrived in the meantime is counted before it is lost.
            self.store.close(round.id, least_batch(&round.round)).await?;
            set_open(&served, None);
            self.at_stake(&round, discard).await?;
            let uploads = self.store.count(round.id).await?;
            tracing::warn!(task = name, round = round.round.number, uploads, "a round is given up");
            self.store.end(round.id).await?;
        }
        Ok(())
    }

    /// Refuses to lose what a round has acknowledged, unless told.
    async fn at_stake(&self, stored: &StoredRound, discard: bool) -> Result<()> {
        let uploads = self.store.count(stored.id).await?;
        if uploads == 0 || discard {
            return Ok(());
        }
        Err(Refusal::UploadsAtStake { round: stored.round.number, uploads }.into())
    }

    /// Back to the head before the current one.
    pub async fn rollback(&self, name: &str, discard: bool) -> Result<[u8; 32]> {
        let (versions, current) = self.versions(name).await?;
        let head = versions.iter().find(|head| head.hash == current).ok_or(Refusal::StoreFailed)?;
        if head.round == 0 {
            return Err(Refusal::RouteUnknown.into());
        }
        self.promote(name, head.previous, discard).await?;
        Ok(head.previous)
    }
}
