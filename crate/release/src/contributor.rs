//! The contributing half of a device: the ledger, and all that happens between a debit and the bytes to send.

use crate::{
    Charge, Debit, Deployment, Gradient, Ledger, Refusal, Step, Unsent, Upload, clip, cost, gradient::moved, noise,
    statement,
};
use privet_accounting::{Cost, NanoRho};
use privet_base::Result;
use privet_mechanism::test_random_source;
use privet_model::Head;
use privet_terms::{Admitted, Policy, Terms};
use privet_wire::{Bound, Round, TokenContext, UploadId};

/// One device's ledger, and what it takes to release something on it. It remembers nothing of what the user did: what a
/// contribution is computed from is handed to it each time, and is gone with the gradient.
pub struct Contributor {
    head: Head,
    admitted: Admitted,
    ledger: Ledger,
    step: Option<Taken>,
    /// What was debited durably, for the upload of this id.
    reserved: Option<(UploadId, Charge)>,
    finished: Option<(UploadId, Vec<u8>)>,
}

/// A step of the ledger whose bytes the host has not said to be durable yet.
enum Taken {
    Reserve(UploadId, Step<Charge>),
    Ready(Step<Unsent>),
    Other(Step<()>),
}

/// A dry run: the stages before the noise. It has no bytes of its own and lives as long as someone looks at it.
pub struct Preview {
    /// The gradient over the new examples, in units of the head.
    pub gradient: Vec<f32>,
    /// The same, shortened and on the grid.
    pub clipped: Vec<i32>,
    /// Noise as this device would add it, in grid units: a draw of its own, which no contribution ever uses.
    pub noise: Vec<i32>,
    /// The standard deviation of that.
    pub deviation: f64,
    /// How many bytes would be sent.
    pub upload_bytes: usize,
    /// What releasing it would cost.
    pub cost: Cost,
    /// What is left of the lifetime budget before that.
    pub left: NanoRho,
}

/// What a release has become: the bytes to send, and what may be said about them.
#[derive(Debug, Clone)]
pub struct Contribution {
    /// The upload, encoded: exactly what is to be sent.
    pub bytes: Vec<u8>,
    /// The upload's id.
    pub id: UploadId,
    /// The noised vector before it was cut into shares and sealed, in grid units. It stays here.
    pub noised: Vec<i32>,
    /// What it cost.
    pub cost: NanoRho,
}

impl Contributor {
    /// Takes part in this signed round with its head. What a ranker checks is checked, and the policy once more, with the
    /// exact cost. An empty `ledger` is a new one, any other must be the bytes that were stored last.
    pub fn new(terms: &Terms, round: &[u8], head: &[u8], ledger: &[u8]) -> Result<Self> {
        let admitted = terms.admit(round)?;
        terms.policy.admit(admitted.round(), cost(admitted.round().bound()?)?)?;
        Self::with(Some(admitted), terms.policy, head, ledger)
    }

    /// Has a head that the application vouches for, and no round: each release is refused.
    pub fn local(policy: Policy, head: &[u8], ledger: &[u8]) -> Result<Self> {
        Self::with(None, policy, head, ledger)
    }

    fn with(admitted: Option<Admitted>, policy: Policy, head: &[u8], ledger: &[u8]) -> Result<Self> {
        let (admitted, head) = Admitted::or_local(admitted, policy, head)?;
        let ledger = Ledger::open(ledger, policy.limits())?;
        Ok(Self { head, admitted, ledger, step: None, reserved: None, finished: None })
    }

    /// The round that this device takes part in.
    pub fn round(&self) -> &Round {
        self.admitted.round()
    }

    /// What the round's tokens are made for, if it wants any.
    pub fn token_context(&self) -> Option<TokenContext> {
        self.admitted.token_context()
    }

    /// The head that gradients start from.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The longest that a host has to reckon with between the look at a round and bytes that are ready, whatever this device
    /// has to say. By the round and the head alone: so that a moment after it tells nothing about the device.
    ///
    /// What takes no longer with more parameters (the profile's bytes, the noise, two writes to a disk) is given a second.
    /// Forward and backward take six operations a row, parameter and epoch, over at most 256 examples of 16 rows; a slow
    /// phone's plain code does 10^8 a second: a quarter of a millisecond for all rows.
    pub fn longest_ms(&self) -> u64 {
        1000 + u64::from(self.head.upload.epochs) * self.head.parameters().len() as u64 / 4
    }

    /// What taking part means, in plain words out of the round's and the ledger's numbers.
    pub fn statement(&self, deployment: Deployment) -> Result<String> {
        statement(self.round(), self.admitted.policy(), &self.ledger, deployment)
    }

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A session starts. Like every step of the ledger it takes the bytes that are stored now and returns those to
    /// store in their place; the host lets nobody else write in between, and then calls [`Contributor::persisted`].
    pub fn session(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.session(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Time passes: to be said now and then, at the latest before a contribution is paid for.
    pub fn tick(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.tick(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// The user agreed by name to limits wider than those that the ledger was opened under.
    pub fn widen(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.widen(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Debits the next contribution, whose id is random; not where there is nothing random to noise it with.
    pub fn reserve(&mut self, stored: &[u8], id: UploadId, now_ms: u64) -> Result<Vec<u8>> {
        self.admitted.policy().in_time(self.round(), now_ms)?;
        test_random_source()?;
        let cost = cost(self.bound()?)?;
        let &Round { number: round, deadline_s, ref task, .. } = self.round();
        let debit = Debit { task: task.clone(), round, deadline_s, id, cost };
        let step = self.ledger.reserve(stored, debit, now_ms)?;
        Ok(self.take(Taken::Reserve(id, step)))
    }

    /// Gradient, clip, noise, encoding, against the debit that [`Contributor::reserve`] made. `descended` is where a descent
    /// from the round's head over the examples since the last contribution has ended ([`privet_model::Backend::descent`]).
    /// The host has the examples spent (`Ranker::contributed`).
    pub fn contribute(&mut self, descended: &[f32]) -> Result<Contribution> {
        self.release(&moved(&self.head, descended))
    }

    /// What the next contribution would be before it is noised, and what it would cost. Nothing is debited, stored or
    /// spent; it is for the eyes of the person whose data it is, and for nothing else.
    pub fn preview(&mut self, descended: &[f32]) -> Result<Preview> {
        let gradient = moved(&self.head, descended);
        let bound = self.bound()?;
        Ok(Preview {
            gradient: gradient.values().to_vec(),
            clipped: clip(&gradient, bound).grid().to_vec(),
            noise: noise::sample(bound)?,
            deviation: bound.deviation(),
            upload_bytes: Upload::size(self.round()),
            cost: cost(bound)?,
            left: self.ledger.left(),
        })
    }

    fn release(&mut self, gradient: &Gradient) -> Result<Contribution> {
        let bound = self.bound()?;
        let Some((id, charge)) = self.reserved.take() else {
            return Err(Refusal::NotCharged { charged: 0, cost: cost(bound)?.trusted.0 }.into());
        };
        let paid = charge.cost().trusted;
        let released = noise(clip(gradient, bound), charge)?;
        let noised = released.grid().to_vec();
        let bytes = Upload::new(self.round(), id, released)?.encode();
        self.finished = Some((id, bytes.clone()));
        Ok(Contribution { bytes, id, noised, cost: paid })
    }

    /// Stores what was released last: it is sent ([`Contributor::unsent`]) only when it is durable.
    pub fn ready(&mut self, stored: &[u8]) -> Result<Vec<u8>> {
        let (id, bytes) = self.finished.as_ref().ok_or(Refusal::ReservationLost)?;
        let step = self.ledger.ready(stored, *id, bytes)?;
        Ok(self.take(Taken::Ready(step)))
    }

    /// The host says that the bytes of the last step are durable: only then does it count, and only then is there
    /// anything to release.
    pub fn persisted(&mut self) -> Result<()> {
        match self.step.take() {
            Some(Taken::Reserve(id, step)) => self.reserved = Some((id, self.ledger.persisted(step)?)),
            Some(Taken::Ready(step)) => drop(self.ledger.persisted(step)?),
            Some(Taken::Other(step)) => self.ledger.persisted(step)?,
            None => {}
        }
        Ok(())
    }

    /// What is finished and was not acknowledged, by this session or an earlier one.
    pub fn unsent(&mut self, stored: &[u8], now_ms: u64) -> Result<Option<Unsent>> {
        self.ledger.unsent(stored, now_ms)
    }

    /// The server holds the upload of this id.
    pub fn sent(&mut self, stored: &[u8], id: UploadId) -> Result<Vec<u8>> {
        let step = self.ledger.sent(stored, id)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// The server refused the upload of this id for good.
    pub fn refused(&mut self, stored: &[u8], id: UploadId, code: &str) -> Result<Vec<u8>> {
        let step = self.ledger.refused(stored, id, code)?;
        Ok(self.take(Taken::Other(step)))
    }

    fn bound(&self) -> Result<Bound> {
        self.round().bound()
    }

    /// Keeps a step until it is persisted. One that never was is forgotten with what it was worth.
    fn take(&mut self, step: Taken) -> Vec<u8> {
        let bytes = match &step {
            Taken::Reserve(_, step) => step.bytes(),
            Taken::Ready(step) => step.bytes(),
            Taken::Other(step) => step.bytes(),
        }
        .to_vec();
        self.step = Some(step);
        bytes
    }
}
