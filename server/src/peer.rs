//! Signed requests of the leader to the helper, and their answers.

use std::future::Future;

use privet::{Error, Identity, Result, refusal, verify_message};
use sha2::{Digest, Sha256};

use crate::Refusal;

/// The requests there are. Each may be repeated: the answer is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Proposes a task with its first head; answered with whether it is admitted, and whom rounds name as the helper.
    Task,
    /// A round's configuration; answered with the helper's signature over it.
    Round,
    /// Sealed shares ([`privet::Forward`]); answered with a [`Verdict`] each, when they are durable.
    Shares,
    /// The ids of a batch ([`privet::Batch`]); answered with their digest, when their sum is durable.
    Batch,
    /// The list to open the sum over ([`privet::Closing`]); answered with a [`privet::AggregateShare`].
    Closing,
    /// The hashes of the configuration and of the head, and the leader's sum; answered with the helper's signature over
    /// the head's manifest.
    Head,
}

impl Ask {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Task, Self::Round, Self::Shares, Self::Batch, Self::Closing, Self::Head];

    /// Its place in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Round => "round",
            Self::Shares => "shares",
            Self::Batch => "batch",
            Self::Closing => "closing",
            Self::Head => "head",
        }
    }
}

/// What became of a forwarded share: one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// It is durable.
    Held,
    /// It does not open.
    Broken,
    /// Another share was stored under its id before.
    Conflict,
    /// The round is not open.
    Over,
    /// The round has no room now.
    Full,
    /// It came without a token of the application for this round.
    NoToken,
    /// Its token was used for another upload.
    Spent,
}

impl Verdict {
    /// Reads a byte.
    pub fn of(byte: u8) -> Result<Self> {
        let all = [Self::Held, Self::Broken, Self::Conflict, Self::Over, Self::Full, Self::NoToken, Self::Spent];
        all.into_iter().find(|&verdict| verdict as u8 == byte).ok_or_else(|| refusal::Base::WireMalformed.into())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerError {
    /// Nobody answered, or not the one who was asked.
    Unreachable,
    /// The helper refused, with this code.
    Said(String),
    /// The helper's clock is another, by so many seconds.
    Clocks(u64),
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Unreachable => Refusal::HelperUnreachable.into(),
            PeerError::Clocks(by_s) => Refusal::ClocksDiffer { by_s }.into(),
            PeerError::Said(code) if code == "task-not-admitted" => Refusal::TaskNotAdmitted.into(),
            PeerError::Said(code) if code == "task-withdrawn" => Refusal::TaskWithdrawn.into(),
            // A helper whose store is gone for a while is as good as one that is.
            PeerError::Said(code) if code == "store-failed" => Refusal::HelperUnreachable.into(),
            PeerError::Said(code) => Refusal::HelperRefused { code }.into(),
        }
    }
}

/// The way to the helper.
pub trait Peer: Send + Sync + 'static {
    /// Asks, and waits for the answer.
    fn ask(&self, ask: Ask, body: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, PeerError>> + Send;
}

/// What a request's signature covers: what is asked, of whom, when by the leader's clock, and the body.
fn request(ask: Ask, to: &[u8; 32], at_s: u64, body: &[u8]) -> Vec<u8> {
    [ask.name().as_bytes(), b"\0", to, &at_s.to_le_bytes(), body].concat()
}

/// What an answer's signature covers: the request, the status, and the body. An answer to another request is none.
fn answer(request: &[u8], status: u16, body: &[u8]) -> Vec<u8> {
    [&Sha256::digest(request)[..], &status.to_le_bytes(), body].concat()
}

/// Signs a request to the aggregator of this key.
pub fn sign_request(by: &Identity, ask: Ask, to: &[u8; 32], at_s: u64, body: &[u8]) -> [u8; 64] {
    by.sign_message(&request(ask, to, at_s, body))
}

/// Refuses a request to `to` that the leader of this key has not signed.
pub fn verify_request(
    leader: &[u8; 32],
    ask: Ask,
    to: &[u8; 32],
    at_s: u64,
    body: &[u8],
    signature: &[u8; 64],
) -> Result<()> {
    verify_message("leader", &request(ask, to, at_s, body), signature, leader)
        .map_err(|_| Refusal::NotAuthorised.into())
}

/// Signs the answer to a request.
pub fn sign_answer(by: &Identity, ask: Ask, at_s: u64, asked: &[u8], status: u16, body: &[u8]) -> [u8; 64] {
    by.sign_message(&answer(&request(ask, &by.public(), at_s, asked), status, body))
}

/// Refuses an answer that the helper of this key has not given to this request.
pub fn verify_answer(
    helper: &[u8; 32],
    ask: Ask,
    at_s: u64,
    asked: &[u8],
    status: u16,
    body: &[u8],
    signature: &[u8; 64],
) -> Result<()> {
    verify_message("helper", &answer(&request(ask, helper, at_s, asked), status, body), signature, helper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_of_its_signer_to_its_addressee() {
        let (leader, helper) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let (from, to) = (leader.public(), helper.public());
        let signature = sign_request(&leader, Ask::Batch, &to, 9, b"body");
        assert_eq!(verify_request(&from, Ask::Batch, &to, 9, b"body", &signature), Ok(()));
        for refused in [
            verify_request(&to, Ask::Batch, &to, 9, b"body", &signature),
            verify_request(&from, Ask::Closing, &to, 9, b"body", &signature),
            verify_request(&from, Ask::Batch, &[3; 32], 9, b"body", &signature),
            verify_request(&from, Ask::Batch, &to, 8, b"body", &signature),
            verify_request(&from, Ask::Batch, &to, 9, b"other", &signature),
        ] {
            assert_eq!(refused, Err(Refusal::NotAuthorised.into()));
        }
    }

    #[test]
    fn an_answer_is_to_its_request_alone() {
        let helper = Identity::from_seed(&[2; 32]);
        let key = helper.public();
        let signature = sign_answer(&helper, Ask::Batch, 9, b"asked", 200, b"said");
        assert_eq!(verify_answer(&key, Ask::Batch, 9, b"asked", 200, b"said", &signature), Ok(()));
        for refused in [
            verify_answer(&[3; 32], Ask::Batch, 9, b"asked", 200, b"said", &signature),
            verify_answer(&key, Ask::Head, 9, b"asked", 200, b"said", &signature),
            verify_answer(&key, Ask::Batch, 8, b"asked", 200, b"said", &signature),
            verify_answer(&key, Ask::Batch, 9, b"other", 200, b"said", &signature),
            verify_answer(&key, Ask::Batch, 9, b"asked", 409, b"said", &signature),
            verify_answer(&key, Ask::Batch, 9, b"asked", 200, b"other", &signature),
        ] {
            assert_eq!(refused, Err(refusal::Wire::SignatureWrong { signer: "helper" }.into()));
        }
    }

    #[test]
    fn a_verdict_is_one_of_seven_bytes() {
        assert_eq!(Verdict::of(Verdict::Conflict as u8), Ok(Verdict::Conflict));
        assert_eq!(Verdict::of(7), Err(refusal::Base::WireMalformed.into()));
    }
}
