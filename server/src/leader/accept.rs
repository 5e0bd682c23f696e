//! One upload: checked, held by the helper, added, acknowledged.

use std::sync::{Arc, atomic::Ordering};

use privet::{Error, Mode, Result, Role, Upload, UploadId, refusal, unhex};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::{Leader, Open};
use crate::{
    Refusal,
    peer::{Peer, Verdict},
    store::{Added, Addend, Room, State, Store, StoredRound},
    token::{token_bytes, verify_token},
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
        let id: UploadId = unhex(id).ok_or(Refusal::UploadIdMismatch)?;
        let digest: [u8; 32] = Sha256::digest(body).into();
        let open = self.open(task);
        let Ok(open) = open.as_ref().map_err(Clone::clone) else {
            return self.replayed(task, number, id, digest).await;
        };
        if open.round.number != number {
            return self.replayed(task, number, id, digest).await;
        }
        let (min_cohort, n_max) = (open.round.min_cohort, open.round.n_max);
        let upload = Upload::decode(body, &open.round)?;
        if upload.id() != id {
            return Err(Refusal::UploadIdMismatch.into());
        }
        let token = self.reserved(open, id, token).await?;
        let places = self.places(open, id).await?;
        let (share, sealed) = match open.round.mode {
            Mode::Device => {
                upload.check_reach(&open.round)?;
                (upload.read(&open.round)?, None)
            }
            Mode::Split => {
                let named = open.round.leader.sealing_key();
                let key = self.keys.sealing(&named).ok_or(refusal::Shares::SealBroken)?;
                // Ours first: what does not open here is never held there.
                let share = upload.open(&open.round, Role::Leader, key)?;
                (share, Some(upload.shares()[Role::Helper as usize].clone()))
            }
        };
        let addend = Addend { id, digest, share };
        let room = Room { round: open.round.n_max, batch: self.batch };
        let (open, place) = (open.clone(), self.writer.place()?);
        let forwarder = self.helper.as_ref().map(|helper| helper.forwarder.clone());
        // A task of its own: whoever asked may go, and what the helper holds is added here all the same.
        let added: JoinHandle<Result<_>> = tokio::spawn(async move {
            if let Some(sealed) = sealed {
                let forwarder = forwarder.ok_or(refusal::Wire::KeyNotPinned { signer: "helper" })?;
                let verdict = forwarder.send(open.configuration, id, sealed, token).await?;
                held(verdict, &open)?;
            }
            let (added, count) = place.add(open.id, room, addend).await?;
            open.count.fetch_max(count, Ordering::Relaxed);
            drop(places);
            Ok((added, count))
        });
        let (added, count) = added.await.unwrap_or(Err(Refusal::StoreFailed.into()))?;
        match added {
            Added::New | Added::Known => {
                let progress = Progress { round: number, count, min_cohort };
                Ok(Accepted { new: added == Added::New, progress })
            }
            Added::Conflict => Err(refusal::Release::UploadConflict.into()),
            Added::Over => Err(closed(number)),
            Added::Full => Err(Refusal::RoundFull { most: n_max }.into()),
            Added::Spent => Err(Refusal::TokenSpent.into()),
        }
    }

    /// The token that an upload is accepted with, where the task wants one: durably this upload's, before the helper hears
    /// of it. One token is one place there as here, however often and under however many ids it is sent.
    async fn reserved(&self, open: &Open, id: UploadId, text: Option<&str>) -> Result<Option<Vec<u8>>> {
        let round = &open.round;
        if round.token_key.is_none() {
            return Ok(None);
        }
        let bytes = token_bytes(text)?;
        let token = verify_token(round, &self.pins(), &bytes)?;
        if self.writer.reserve(open.id, token, id).await? { Ok(Some(bytes)) } else { Err(Refusal::TokenSpent.into()) }
    }

    /// A place in the round for an upload on its way, before the helper holds anything for it.
    async fn places(&self, open: &Arc<Open>, id: UploadId) -> Result<OnItsWay> {
        let on_its_way = OnItsWay::new(open.clone());
        let promised = open.on_their_way.load(Ordering::Relaxed) + open.count.load(Ordering::Relaxed);
        if promised > open.round.n_max && self.store.known(open.id, id).await?.is_none() {
            return Err(Refusal::RoundFull { most: open.round.n_max }.into());
        }
        Ok(on_its_way)
    }

    /// An upload to a round that is not open: what was acknowledged then is acknowledged again, and nothing else is.
    async fn replayed(&self, task: &str, number: u32, id: UploadId, digest: [u8; 32]) -> Result<Accepted> {
        let stored = self.begun(task, number).await?;
        match self.store.known(stored.id, id).await? {
            Some(known) if known == digest => Ok(Accepted { new: false, progress: self.progress(task, number).await? }),
            Some(_) => Err(refusal::Release::UploadConflict.into()),
            None => Err(Refusal::RoundClosed { sent: number, open: self.newest(task).await? }.into()),
        }
    }

    /// How far a round is. What was closed keeps its count; what ended without a sum has none.
    pub async fn progress(&self, task: &str, number: u32) -> Result<Progress> {
        let stored = self.begun(task, number).await?;
        let count = match stored.state {
            State::Closed => {
                let heads = self.store.heads(task).await?;
                heads.iter().find(|head| head.round == number).map_or(0, |head| head.count)
            }
            _ => self.store.count(stored.id).await?,
        };
        Ok(Progress { round: number, count, min_cohort: stored.round.min_cohort })
    }

    /// The round of this number, if it has begun.
    async fn begun(&self, task: &str, number: u32) -> Result<StoredRound> {
        self.served(task)?;
        let Some(stored) = self.store.numbered(task, number).await? else {
            let open = self.newest(task).await?;
            // A number that was passed over is over.
            let over = number <= open;
            return Err(if over {
                Refusal::RoundClosed { sent: number, open }.into()
            } else {
                Refusal::RoundUnknown { sent: number, open }.into()
            });
        };
        Ok(stored)
    }

    /// The number of the newest round that devices may have seen.
    async fn newest(&self, task: &str) -> Result<u32> {
        match self.open(task) {
            Ok(open) => Ok(open.round.number),
            Err(_) => self.store.last_number(task).await,
        }
    }
}

/// An upload between its arrival and its answer.
struct OnItsWay(Arc<Open>);

impl OnItsWay {
    fn new(open: Arc<Open>) -> Self {
        open.on_their_way.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.on_their_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn held(verdict: Verdict, open: &Open) -> Result<()> {
    match verdict {
        Verdict::Held => Ok(()),
        Verdict::Broken => Err(refusal::Shares::SealBroken.into()),
        Verdict::Conflict => Err(refusal::Release::UploadConflict.into()),
        Verdict::Over => Err(closed(open.round.number)),
        Verdict::Full => Err(Refusal::RoundFull { most: open.round.n_max }.into()),
        Verdict::NoToken => Err(Refusal::TokenRefused.into()),
        Verdict::Spent => Err(Refusal::TokenSpent.into()),
    }
}

fn closed(number: u32) -> Error {
    Refusal::RoundClosed { sent: number, open: number.saturating_add(1) }.into()
}
