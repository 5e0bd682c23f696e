//! An operator's choice of a head: back to an older one, or on to one that was held back.

use privet::{AggregateShare, Error, Result};

use super::{Leader, turn::set_open};
use crate::{
    peer::Peer,
    store::{State, Store, StoredHead},
};

impl<S: Store, P: Peer> Leader<S, P> {
    /// All versions of a task's head, by round, and the current one.
    pub async fn versions(&self, name: &str) -> Result<(Vec<StoredHead>, [u8; 32])> {
        self.served(name)?;
        let current = self.store.current(name).await?.ok_or(Error::StoreFailed)?;
        Ok((self.store.heads(name).await?, current))
    }

    /// The next round starts from this head. The open round is about another head and ends without a sum.
    pub async fn promote(&self, name: &str, hash: [u8; 32]) -> Result<()> {
        let turning = self.turning(name)?;
        let _turning = turning.lock().await;
        let served = self.served(name)?;
        let head = self.store.head(name, hash).await?.ok_or(Error::RouteUnknown)?;
        if head.held.is_some() {
            let made = self.store.numbered(name, head.round).await?.ok_or(Error::StoreFailed)?;
            let sum = made.sum.ok_or(Error::StoreFailed)?;
            let ours = AggregateShare::decode(&sum, made.round.dimension)?;
            self.store.put_head(&self.vouched(&made.round, &ours, head).await?).await?;
        }
        self.store.set_current(name, hash).await?;
        if let Some(open) = self.store.latest(name).await?
            && matches!(open.state, State::Draft | State::Open | State::Closing)
            && open.round.head != hash
        {
            self.store.end(open.id).await?;
            set_open(&served, None);
        }
        Ok(())
    }

    /// Back to the head before the current one.
    pub async fn rollback(&self, name: &str) -> Result<[u8; 32]> {
        let (versions, current) = self.versions(name).await?;
        let head = versions.iter().find(|head| head.hash == current).ok_or(Error::StoreFailed)?;
        if head.round == 0 {
            return Err(Error::RouteUnknown);
        }
        self.promote(name, head.previous).await?;
        Ok(head.previous)
    }
}
