//! The client's half put together: what a host (a browser's worker, a test) drives.

use crate::{
    Backend, Charge, Error, Event, Example, Gradient, Head, Ledger, NanoRho, Pins, Policy, Profile, Result, Round,
    Signed, Upload, UploadId, clip, cost, event,
    example::{examples_from_event, features_from_profile},
    noise,
};

/// One device's profile, head, ledger and the examples that it has not contributed yet.
pub struct Device {
    head: Head,
    round: Round,
    policy: Policy,
    profile: Profile,
    pending: Vec<Example>,
    ledger: Ledger,
    reserved: Option<Charge>,
    backend: Backend,
}

/// What the application fixes, and no server can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The task to take part in.
    pub task: String,
    /// Who has to have signed its rounds.
    pub pins: Pins,
    /// What may be asked of this device.
    pub policy: Policy,
}

/// What a release has become: the bytes to send, and what may be said about them.
pub struct Contribution {
    /// The upload, encoded: exactly what is to be sent.
    pub bytes: Vec<u8>,
    /// What it cost.
    pub cost: NanoRho,
}

impl Device {
    /// A device that takes part in this signed round with this head. Signatures, task, policy and head are checked, in
    /// this order; an empty `ledger` is a new one, any other must be the bytes that were stored last.
    pub fn new(terms: Terms, round: &[u8], head: &[u8], ledger: &[u8], backend: Backend) -> Result<Self> {
        let Terms { task, pins, policy } = terms;
        let round = Signed::decode(round)?.verify_round(&pins)?;
        if round.task != task {
            return Err(Error::TaskUnknown);
        }
        policy.admit(&round)?;
        if Head::hash(head) != round.head {
            return Err(Error::HeadStale { round: round.number });
        }
        let head = Head::decode(head)?;
        if head.parameters().len() != round.dimension as usize {
            return Err(Error::HeadRefused { reason: "its parameters are not as many as the round's dimension" });
        }
        let ledger = Ledger::decode(ledger, policy.lifetime)?;
        let profile = Profile::new(head.embedding_length())?;
        Ok(Self { head, round, policy, profile, pending: Vec::new(), ledger, reserved: None, backend })
    }

    /// The round that this device takes part in.
    pub fn round(&self) -> &Round {
        &self.round
    }

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How many examples the next contribution is computed from.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What computes the gradients.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Remembers an event and earns its examples.
    pub fn record(&mut self, event: &Event) -> Result<()> {
        self.check_embedding(event.embedding())?;
        self.pending.extend(examples_from_event(&self.profile, event));
        self.profile.record(event);
        Ok(())
    }

    /// The order in which to show the candidates: places in `server_scores`, the best first. `embeddings` holds theirs
    /// one after the other; equal scores keep the server's order.
    pub fn rank(&self, server_scores: &[f32], embeddings: &[f32]) -> Result<Vec<u32>> {
        let rows = embeddings.chunks_exact(self.head.embedding_length());
        if rows.len() != server_scores.len() || !rows.remainder().is_empty() {
            let embeddings = embeddings.len().div_ceil(self.head.embedding_length());
            return Err(Error::CandidatesMismatch { scores: server_scores.len(), embeddings });
        }
        event::check_finite(server_scores)?;
        event::check_finite(embeddings)?;
        let evidence = self.profile.evidence();
        let scores: Vec<f32> = server_scores
            .iter()
            .zip(rows)
            .map(|(server, row)| server + self.head.score(evidence, &features_from_profile(&self.profile, row)))
            .collect();
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        Ok(order)
    }

    /// Debits the next contribution from the ledger whose bytes are `stored` now, and returns the bytes to store. The
    /// host stores them durably *before* it calls [`Device::release`], and lets nobody else write in between.
    pub fn reserve(&mut self, stored: &[u8]) -> Result<Vec<u8>> {
        let cost = cost(self.round.bound()?)?;
        self.ledger.catch_up(&Ledger::decode(stored, self.policy.lifetime)?);
        self.reserved = Some(self.ledger.reserve(cost)?);
        Ok(self.ledger.encode())
    }

    /// The gradient over the examples since the last contribution. It stays in this process: only
    /// [`Device::release`] takes it.
    pub async fn gradient(&mut self) -> Gradient {
        self.backend.gradient_from_examples(&self.head, &self.pending).await
    }

    /// Clips, noises and encodes, against the debit that [`Device::reserve`] made. The examples are spent.
    pub fn release(&mut self, gradient: &Gradient, id: UploadId) -> Result<Contribution> {
        let bound = self.round.bound()?;
        let charge = self.reserved.take().ok_or(Error::NotCharged { charged: 0, cost: cost(bound)?.trusted.0 })?;
        let paid = charge.amount();
        let noised = noise(clip(gradient, bound), charge)?;
        let upload = Upload::new(&self.round, id, noised)?;
        self.pending.clear();
        Ok(Contribution { bytes: upload.encode(), cost: paid })
    }

    fn check_embedding(&self, embedding: &[f32]) -> Result<()> {
        let (sent, wanted) = (embedding.len(), self.head.embedding_length());
        if sent == wanted { Ok(()) } else { Err(Error::EmbeddingLength { sent, wanted }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventKind, Identity};

    fn head() -> Vec<u8> {
        Head::starting(16, 4.0).expect("16 is a length").encode()
    }

    fn terms() -> Terms {
        let pins = Pins { leader: Identity::from_seed(&[1; 32]).public(), helper: None };
        Terms { task: "demo".into(), pins, policy: Policy::default() }
    }

    fn signed(round: &Round) -> Vec<u8> {
        Signed::round(round, Identity::from_seed(&[1; 32]).sign_round(round), None).encode()
    }

    fn round() -> Round {
        Round { head: Head::hash(&head()), min_cohort: 100, ..Round::example() }
    }

    fn device_after(ledger: &[u8]) -> Device {
        Device::new(terms(), &signed(&round()), &head(), ledger, Backend::Scalar).expect("all fits")
    }

    fn device() -> Device {
        device_after(&[])
    }

    fn event(kind: EventKind, axis: usize) -> Event {
        let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
        Event::new(kind, embedding).expect("16 finite numbers are an event")
    }

    #[test]
    fn a_release_without_a_debit_is_refused() {
        let mut device = device();
        let refused = device.release(&Gradient::from_values(&[0.0; 18]), [0; 16]).err();
        assert_eq!(refused, Some(Error::NotCharged { charged: 0, cost: 31_250_000 }));
    }

    #[test]
    fn one_debit_pays_for_one_release() {
        let mut device = device();
        device.reserve(&[]).expect("a full budget");
        let gradient = Gradient::from_values(&[0.0; 18]);
        let contribution = device.release(&gradient, [9; 16]).expect("reserved");
        let upload = Upload::decode(&contribution.bytes, device.round()).expect("our own bytes");
        assert_eq!(upload.id(), [9; 16]);
        assert_eq!(device.release(&gradient, [9; 16]).err().map(|error| error.code()), Some("not-charged"));
    }

    #[test]
    fn a_debit_outlives_the_device() {
        let stored = device().reserve(&[]).expect("a full budget");
        let second = device_after(&stored);
        assert_eq!(second.ledger().spent(), NanoRho(31_250_000));
    }

    #[test]
    fn what_was_not_agreed_is_refused_each_with_its_code() {
        let refused = |round: &[u8], head: &[u8]| {
            let device = Device::new(terms(), round, head, &[], Backend::Scalar);
            device.err().map(|error| error.code())
        };
        let fine = round();
        let forged = Signed::round(&fine, Identity::from_seed(&[2; 32]).sign_round(&fine), None).encode();
        assert_eq!(refused(&forged, &head()), Some("signature-wrong"));
        assert_eq!(refused(&signed(&Round { task: "other".into(), ..round() }), &head()), Some("task-unknown"));
        assert_eq!(refused(&signed(&Round { min_cohort: 99, ..round() }), &head()), Some("policy-refused"));
        assert_eq!(refused(&signed(&Round { head: [0; 32], ..round() }), &head()), Some("head-stale"));
        assert_eq!(refused(&signed(&Round { dimension: 19, ..round() }), &head()), Some("head-refused"));
        assert_eq!(refused(&fine.encode(), &head()), Some("wire-malformed"), "a round without an envelope");
    }

    #[test]
    fn without_evidence_the_servers_order_stands() {
        let mut device = device();
        let embeddings: Vec<f32> = (0..3).flat_map(|axis| event(EventKind::Click, axis).embedding().to_vec()).collect();
        assert_eq!(device.rank(&[0.5, 0.9, 0.5], &embeddings), Ok(vec![1, 0, 2]));
        (0..12).for_each(|_| device.record(&event(EventKind::Like, 2)).expect("fits"));
        assert_eq!(device.rank(&[0.5, 0.9, 0.5], &embeddings), Ok(vec![2, 1, 0]), "0.5 + 12/16 beats 0.9");
    }

    #[test]
    fn candidates_that_do_not_fit_are_refused() {
        let device = device();
        assert_eq!(device.rank(&[], &[]), Ok(vec![]));
        assert_eq!(device.rank(&[1.0], &[0.0; 17]), Err(Error::CandidatesMismatch { scores: 1, embeddings: 2 }));
        assert_eq!(device.rank(&[f32::NAN], &[0.0; 16]), Err(Error::NotFinite { position: 0 }));
    }
}
