//! Shares, held until a batch names them.

use privet::{Batch, Forward, Result, Share, refusal};
use sha2::{Digest, Sha256};

use super::{Helper, closed};
use crate::{
    Refusal,
    peer::Verdict,
    store::{Added, Held, State, Store, StoredBatch, StoredRound, least_batch},
    token::verify_token,
};

impl<S: Store> Helper<S> {
    /// Opens shares and keeps the seeds until a batch names them.
    pub(super) async fn hold(&self, forward: &Forward) -> Result<Vec<u8>> {
        let (stored, _) = self.live(&forward.configuration).await?;
        let named = stored.round.helper.as_ref().ok_or(refusal::Release::ConfigurationMismatch)?.sealing_key();
        let key = self.keys.sealing(&named).ok_or(refusal::Shares::SealBroken)?;
        let wants = stored.round.token_key.is_some();
        let pins = self.pins();
        let held: Vec<Result<Held, Verdict>> = tokio::task::block_in_place(|| {
            let open = |(place, (id, sealed)): (usize, (_, &[u8]))| {
                let token = || {
                    let (pins, sent) = (pins.as_ref()?, forward.tokens().get(place)?);
                    verify_token(&stored.round, pins, sent).ok()
                };
                let token = if wants { Some(token().ok_or(Verdict::NoToken)?) } else { None };
                let seed = key.open_seed(sealed, &forward.configuration, &id).map_err(|_| Verdict::Broken)?;
                Ok(Held { id, digest: Sha256::digest(sealed).into(), seed, token })
            };
            forward.shares().enumerate().map(open).collect()
        });
        let opened: Vec<Held> = held.iter().flatten().cloned().collect();
        // A share that waits may never be named: its device was not answered. Where each costs a token, tokens are the limit;
        // else there is room for as many again as the round takes.
        let room = if wants { u32::MAX } else { stored.round.n_max.saturating_mul(2) };
        let mut added = self.store.hold(stored.id, room, &opened).await?.into_iter();
        let verdicts = held.iter().map(|held| match held.as_ref().map(|_| added.next()) {
            Err(&verdict) => verdict,
            Ok(Some(Added::New | Added::Known)) => Verdict::Held,
            Ok(Some(Added::Conflict)) => Verdict::Conflict,
            Ok(Some(Added::Spent)) => Verdict::Spent,
            Ok(Some(Added::Full)) => Verdict::Full,
            Ok(Some(Added::Over) | None) => Verdict::Over,
        });
        Ok(verdicts.map(|verdict| verdict as u8).collect())
    }

    /// Agrees on a batch of exactly these uploads; one that is agreed stays so, whoever asks again and when.
    pub(super) async fn agree(&self, batch: &Batch) -> Result<Vec<u8>> {
        let (stored, _) = self.live(&batch.configuration).await?;
        let digest = batch.digest().to_vec();
        if self.is_agreed(&stored, batch).await? {
            return Ok(digest);
        }
        match self.gather(&stored, batch).await {
            Ok(()) => Ok(digest),
            // The request that this one repeats may have been slow, and have gathered them in the meantime.
            Err(_) if self.is_agreed(&stored, batch).await? => Ok(digest),
            Err(refused) => Err(refused),
        }
    }

    async fn is_agreed(&self, stored: &StoredRound, batch: &Batch) -> Result<bool> {
        let same = |known: &StoredBatch| known.number == batch.number && known.digest == Some(batch.digest());
        Ok(self.store.batches(stored.id).await?.iter().any(same))
    }

    /// Sums the shares of exactly these uploads, and deletes them with the same stroke.
    async fn gather(&self, stored: &StoredRound, batch: &Batch) -> Result<()> {
        let (number, named) = (batch.number, batch.ids().len());
        if stored.state != State::Open {
            return Err(closed(&stored.round));
        }
        let least = least_batch(&stored.round) as usize;
        if named < least {
            return Err(Refusal::BatchTooSmall { number, named, least }.into());
        }
        let known = self.store.batches(stored.id).await?;
        let so_far: u64 = known.iter().map(|known| u64::from(known.count)).sum();
        if so_far + named as u64 > u64::from(stored.round.n_max) {
            return Err(Refusal::BatchDisagreed { number, named, held: 0 }.into());
        }
        let seeds = self.store.seeds(stored.id, batch).await?;
        if seeds.len() != named {
            return Err(Refusal::BatchDisagreed { number, named, held: seeds.len() }.into());
        }
        let sum = tokio::task::block_in_place(|| {
            let dimension = stored.round.dimension;
            let mut sum = Share::zero(dimension);
            for (id, seed) in &seeds {
                sum.add(&Share::from_seed(seed, &batch.configuration, id, dimension as usize));
            }
            sum
        });
        let whole = self.store.gather(stored.id, batch, &sum).await?;
        if whole { Ok(()) } else { Err(Refusal::BatchDisagreed { number, named, held: 0 }.into()) }
    }
}
