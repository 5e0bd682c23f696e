//! One upload: checked, held by the helper, added, acknowledged.

use privet::{Error, Mode, Result, Role, Upload, UploadId, unhex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Leader, Open};
use crate::{
    peer::{Peer, Verdict},
    store::{Added, Addend, Room, Store},
    token::{Token, verify_token},
};

/// What a device is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Whether it was not there before.
    pub new: bool,
    /// How far the round is.
    pub progress: Progress,
}

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Its number.
    pub round: u32,
    /// How many uploads it has.
    pub count: u32,
    /// The sum is opened over at least this many.
    pub min_cohort: u32,
}

impl<S: Store, P: Peer> Leader<S, P> {
    /// Takes an upload to the address of this task, round and id. When this returns, both aggregators hold it durably.
    pub async fn accept(
        &self,
        task: &str,
        number: u32,
        id: &str,
        body: &[u8],
        token: Option<&str>,
    ) -> Result<Accepted> {
        let id: UploadId = unhex(id).ok_or(Error::UploadIdMismatch)?;
        let digest: [u8; 32] = Sha256::digest(body).into();
        let open = self.open(task);
        let Ok(open) = open.as_ref().map_err(Clone::clone) else {
            return self.replayed(task, number, id, digest).await;
        };
        if open.round.number != number {
            return self.replayed(task, number, id, digest).await;
        }
        let upload = Upload::decode(body, &open.round)?;
        if upload.id() != id {
            return Err(Error::UploadIdMismatch);
        }
        let token = self.token(open, id, token).await?;
        let share = match open.round.mode {
            Mode::Device => upload.read(&open.round)?,
            Mode::Split => {
                let named = open.round.leader.sealing_key();
                let key = self.keys.sealing(&named).ok_or(Error::SealBroken)?;
                // Ours first: what does not open here is never held there.
                let share = upload.open(&open.round, Role::Leader, key)?;
                self.forward(open, &upload).await?;
                share
            }
        };
        let room = Room { round: open.round.n_max, batch: self.batch };
        let (added, count) = self.writer.add(open.id, room, Addend { id, digest, share, token }).await?;
        match added {
            Added::New | Added::Known => {
                let progress = Progress { round: number, count, min_cohort: open.round.min_cohort };
                Ok(Accepted { new: added == Added::New, progress })
            }
            Added::Conflict => Err(Error::UploadConflict),
            Added::Over => Err(closed(number)),
            Added::Spent => Err(Error::TokenSpent),
        }
    }

    /// The token that an upload is accepted with, where the task wants one. A spent one is refused before the helper
    /// holds anything for it; the store has the last word.
    async fn token(&self, open: &Open, id: UploadId, text: Option<&str>) -> Result<Option<Token>> {
        let round = &open.round;
        let Some(key) = self.served(&round.task)?.task.token_key()? else { return Ok(None) };
        let token = verify_token(&key, &round.task, round.number, text)?;
        if self.store.token_spent(open.id, token).await? && self.store.known(open.id, id).await?.is_none() {
            return Err(Error::TokenSpent);
        }
        Ok(Some(token))
    }

    async fn forward(&self, open: &Open, upload: &Upload) -> Result<()> {
        let sealed = upload.shares()[Role::Helper as usize].clone();
        match self.helper()?.forwarder.send(open.configuration, upload.id(), sealed).await? {
            Verdict::Held => Ok(()),
            Verdict::Broken => Err(Error::SealBroken),
            Verdict::Conflict => Err(Error::UploadConflict),
            Verdict::Over => Err(closed(open.round.number)),
        }
    }

    /// An upload to a round that is not open: what was acknowledged then is acknowledged again, and nothing else is.
    async fn replayed(&self, task: &str, number: u32, id: UploadId, digest: [u8; 32]) -> Result<Accepted> {
        let open = self.open(task).map_or(number.saturating_add(1), |open| open.round.number);
        self.served(task)?;
        let closed = Error::RoundClosed { sent: number, open };
        let stored = self.store.numbered(task, number).await?.ok_or_else(|| closed.clone())?;
        match self.store.known(stored.id, id).await? {
            Some(known) if known == digest => {
                let count = self.store.count(stored.id).await?;
                let progress = Progress { round: number, count, min_cohort: stored.round.min_cohort };
                Ok(Accepted { new: false, progress })
            }
            Some(_) => Err(Error::UploadConflict),
            None => Err(closed),
        }
    }

    /// How far a round is.
    pub async fn progress(&self, task: &str, number: u32) -> Result<Progress> {
        self.served(task)?;
        let open = self.open(task).map_or(number.saturating_add(1), |open| open.round.number);
        let stored = self.store.numbered(task, number).await?.ok_or(Error::RoundClosed { sent: number, open })?;
        let count = self.store.count(stored.id).await?;
        Ok(Progress { round: number, count, min_cohort: stored.round.min_cohort })
    }
}

fn closed(number: u32) -> Error {
    Error::RoundClosed { sent: number, open: number.saturating_add(1) }
}
