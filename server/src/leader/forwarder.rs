//! Batched requests: shares for the helper that arrive while a request is under way go with the next one.

use std::{collections::BTreeMap, sync::Arc};

use privet::{Forward, Result, UploadId, refusal};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Refusal,
    peer::{Ask, Peer, Verdict},
};

/// Shares that wait; more are told to come again.
const QUEUE: usize = 1024;
/// Shares of one request.
const MOST: usize = 512;

struct Parcel {
    configuration: [u8; 32],
    id: UploadId,
    sealed: Vec<u8>,
    /// What lets the upload in at the helper, too.
    token: Option<Vec<u8>>,
    reply: oneshot::Sender<Result<Verdict>>,
}

/// Sends one request at a time.
#[derive(Debug, Clone)]
pub(super) struct Forwarder {
    queue: mpsc::Sender<Parcel>,
}

impl Forwarder {
    /// Starts it. It ends with the last of its handles.
    pub(super) fn start<P: Peer>(peer: Arc<P>) -> Self {
        let (queue, parcels) = mpsc::channel(QUEUE);
        tokio::spawn(forward(peer, parcels));
        Self { queue }
    }

    /// Forwards a share, and waits until the helper holds it or says why not.
    pub(super) async fn send(
        &self,
        configuration: [u8; 32],
        id: UploadId,
        sealed: Vec<u8>,
        token: Option<Vec<u8>>,
    ) -> Result<Verdict> {
        let (reply, verdict) = oneshot::channel();
        let queued = self.queue.try_send(Parcel { configuration, id, sealed, token, reply });
        queued.map_err(|_| Refusal::TooManyRequests { limit: QUEUE })?;
        verdict.await.unwrap_or(Err(Refusal::HelperUnreachable.into()))
    }
}

async fn forward<P: Peer>(peer: Arc<P>, mut parcels: mpsc::Receiver<Parcel>) {
    let mut waiting = Vec::new();
    while parcels.recv_many(&mut waiting, MOST).await > 0 {
        let mut rounds: BTreeMap<[u8; 32], Vec<Parcel>> = BTreeMap::new();
        waiting.drain(..).for_each(|parcel| rounds.entry(parcel.configuration).or_default().push(parcel));
        for (configuration, parcels) in rounds {
            let verdicts = ask(&*peer, configuration, &parcels).await;
            for (place, parcel) in parcels.into_iter().enumerate() {
                let verdict = verdicts.as_ref().map(|verdicts| verdicts[place]).map_err(Clone::clone);
                // Whoever asked may have gone; the share is held all the same.
                drop(parcel.reply.send(verdict));
            }
        }
    }
}

async fn ask<P: Peer>(peer: &P, configuration: [u8; 32], parcels: &[Parcel]) -> Result<Vec<Verdict>> {
    let shares = parcels.iter().map(|parcel| (parcel.id, &parcel.sealed[..]));
    // All of a task's uploads carry a token, or none does; one that was served with both is refused at the helper.
    let tokens: Option<Vec<Vec<u8>>> = parcels.iter().map(|parcel| parcel.token.clone()).collect();
    let forward = Forward::new(configuration, shares)?.with_tokens(tokens.unwrap_or_default());
    let said = peer.ask(Ask::Shares, forward.encode()).await?;
    if said.len() != parcels.len() {
        return Err(refusal::Base::WireMalformed.into());
    }
    said.into_iter().map(Verdict::of).collect()
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::peer::PeerError;

    struct Holds;

    impl Peer for Holds {
        async fn ask(&self, _: Ask, body: Vec<u8>) -> Result<Vec<u8>, PeerError> {
            let shares = Forward::decode(&body).expect("our own bytes").shares().count();
            Ok(vec![Verdict::Held as u8; shares])
        }
    }

    /// The forwarder has this thread only when it is waited for: until then nothing leaves the queue.
    #[tokio::test]
    async fn a_full_queue_takes_no_more_and_loses_nothing() {
        let forwarder = Forwarder::start(Arc::new(Holds));
        let send = |n: usize| {
            let id = (n as u128).to_le_bytes();
            Box::pin(forwarder.send([0; 32], id, vec![0; 80], None))
        };
        let mut waiting: Vec<_> = (0..1024).map(send).collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.iter_mut().all(|sent| sent.as_mut().poll(&mut context).is_pending()));
        assert_eq!(send(1024).await, Err(Refusal::TooManyRequests { limit: 1024 }.into()));
        for sent in waiting {
            assert_eq!(sent.await, Ok(Verdict::Held));
        }
        assert_eq!(send(1024).await, Ok(Verdict::Held), "there is room again");
    }
}
