//! The client's half put together: what a host (a browser's worker, a test) drives.

use crate::{
    Backend, Charge, Cost, Error, Event, Gradient, Head, Item, Ledger, Memory, Moment, NanoRho, Pins, Policy, Profile,
    Request, Result, Round, Scratch, Selector, Signed, Slate, Step, Unsent, Upload, UploadId, Without, clip, cost,
    noise,
    running::{Report, Setting, Verdict},
    slate, statement,
};

/// One device's memory, head and ledger.
pub struct Device {
    head: Head,
    round: Round,
    policy: Policy,
    memory: Memory,
    scratch: Scratch,
    ledger: Ledger,
    step: Option<Taken>,
    reserved: Option<(UploadId, Charge)>,
    finished: Option<Contribution>,
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

/// A dry run: the stages before the noise. It has no bytes of its own and lives as long as someone looks at it.
pub struct Preview {
    /// The gradient over the new examples, in units of the head.
    pub gradient: Vec<f32>,
    /// The same, shortened and on the grid.
    pub clipped: Vec<i32>,
    /// The standard deviation of the noise that this device would add, in grid units.
    pub deviation: f64,
    /// How many bytes would be sent.
    pub upload_bytes: usize,
    /// What releasing it would cost.
    pub cost: Cost,
    /// What is left of the lifetime budget before that.
    pub left: NanoRho,
}

/// A step of the ledger whose bytes the host has not said to be durable yet.
enum Taken {
    Reserve(UploadId, Step<Charge>),
    Ready(Step<Unsent>),
    Other(Step<()>),
}

/// What a release has become: the bytes to send, and what may be said about them.
#[derive(Debug, Clone)]
pub struct Contribution {
    /// The upload, encoded: exactly what is to be sent.
    pub bytes: Vec<u8>,
    /// The upload's id.
    pub id: UploadId,
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
        Self::with(round, head, policy, ledger, backend)
    }

    /// A device that ranks by a head that the application vouches for, and has no round: each release is refused.
    pub fn local(policy: Policy, head: &[u8], ledger: &[u8], backend: Backend) -> Result<Self> {
        let head = Head::decode(head)?;
        Self::with(Round::none(head.parameters().len() as u32), head, policy, ledger, backend)
    }

    fn with(round: Round, head: Head, policy: Policy, ledger: &[u8], backend: Backend) -> Result<Self> {
        let ledger = Ledger::open(ledger, policy.limits())?;
        let memory = Memory::new(&head, Without::default());
        Ok(Self {
            head,
            round,
            policy,
            memory,
            scratch: Scratch::default(),
            ledger,
            step: None,
            reserved: None,
            finished: None,
            backend,
        })
    }

    /// The round that this device takes part in.
    pub fn round(&self) -> &Round {
        &self.round
    }

    /// What taking part means, in plain words out of the round's numbers.
    pub fn statement(&self) -> Result<String> {
        statement(&self.round, &self.policy)
    }

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The head, with the schema that items and events have to keep to.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        self.memory.profile()
    }

    /// How many examples the next contribution is computed from.
    pub fn pending(&self) -> usize {
        self.memory.learner().fresh().count()
    }

    /// What computes the gradients.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Candidates in an order that keeps the rules of the request: this device's order, the server's while that does
    /// better or while there is nothing personal, or now and then an interleaving of both.
    ///
    /// `draw` is the host's, and random. The slate counts once it is shown ([`Device::shown`]).
    pub fn rerank(&mut self, candidates: &[Item], moment: Moment, request: &Request, draw: [u8; 16]) -> Result<Slate> {
        let setting = Setting { eta: self.head.eta, interleave_every: self.policy.interleave_every };
        slate::rerank(&self.head, &mut self.memory, setting, (candidates, moment), request, draw)
    }

    /// The slate of this id was on the screen; whether that was not known before. Only the latest slates are known.
    pub fn shown(&mut self, slate: u32) -> bool {
        self.memory.shown(&self.head, slate)
    }

    /// Remembers an event. What it earns is learnt by [`Device::train`].
    pub fn record(&mut self, event: Event) -> Result<()> {
        self.memory.record(&self.head, event)
    }

    /// Remembers an event with an item of a slate, which was shown then. Of the item its key is enough; its place and
    /// what stood beside it are known. With a slate that is not known any more the event counts as it is.
    pub fn record_on(&mut self, slate: u32, event: Event) -> Result<()> {
        self.memory.record_on(&self.head, slate, event)
    }

    /// Which order is shown but for interleavings.
    pub fn verdict(&self) -> Verdict {
        if self.memory.personalises(&self.head) { self.memory.running().verdict() } else { Verdict::Server }
    }

    /// How both orders did.
    pub fn report(&self) -> Report {
        self.memory.running().report()
    }

    /// Learns until nothing is left to learn or `enough` says so; whether there is more. It is asked after every step,
    /// and a step takes some microseconds: a host stops by its clock, and the result is the same whenever it does.
    pub fn train(&mut self, mut enough: impl FnMut() -> bool) -> bool {
        while self.memory.advance(&self.head, &mut self.scratch) {
            if enough() {
                return true;
            }
        }
        false
    }

    /// How many steps there are to take.
    pub fn owed(&self) -> u64 {
        self.memory.owed(&self.head)
    }

    /// Forgets, and begins to put the rest together anew: [`Device::train`] ends it, and until then the server's order
    /// stands. How many events were dropped.
    pub fn forget(&mut self, selector: Selector) -> usize {
        self.memory.forget(&self.head, selector)
    }

    /// All that is remembered, to be kept or taken elsewhere. It holds what the user did: it is for the user alone.
    pub fn export(&self) -> Vec<u8> {
        self.memory.export()
    }

    /// Takes back what [`Device::export`] wrote. Where it cannot be read nothing changes.
    pub fn import(&mut self, bytes: &[u8]) -> Result<()> {
        self.memory = Memory::import(&self.head, bytes)?;
        Ok(())
    }

    /// Takes over what a device of another round exported: it is learnt anew from this round's head ([`Device::train`]
    /// ends that, and until then the server's order stands).
    pub fn adopt(&mut self, bytes: &[u8]) -> Result<()> {
        self.memory = Memory::adopt(&self.head, bytes)?;
        Ok(())
    }

    /// A session starts. Like every step of the ledger it takes the bytes that are stored now and returns those to
    /// store in their place; the host lets nobody else write in between, and then calls [`Device::persisted`].
    pub fn session(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.session(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Time passes: to be said now and then, at the latest before [`Device::reserve`].
    pub fn tick(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.tick(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Debits the next contribution, whose id is random; not where there is nothing random to noise it with.
    pub fn reserve(&mut self, stored: &[u8], id: UploadId, now_ms: u64) -> Result<Vec<u8>> {
        let (deadline_s, now_s) = (self.round.deadline_s, now_ms / 1000);
        if now_s >= deadline_s {
            return Err(Error::RoundOver { deadline_s, now_s });
        }
        noise::test_random_source()?;
        let cost = cost(self.round.bound()?)?;
        let step = self.ledger.reserve(stored, (&self.round.task, self.round.number, id), cost, now_ms)?;
        Ok(self.take(Taken::Reserve(id, step)))
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

    /// The gradient over the examples since the last contribution. It stays in this process: only
    /// [`Device::release`] takes it.
    pub async fn gradient(&mut self) -> Gradient {
        let evidence = self.memory.profile().evidence();
        self.backend.gradient(&self.head, self.memory.learner(), evidence).await
    }

    /// What the next contribution would be before it is noised, and what it would cost. Nothing is debited, stored or
    /// spent; it is for the eyes of the person whose data it is, and for nothing else.
    pub async fn preview(&mut self) -> Result<Preview> {
        let gradient = self.gradient().await;
        let bound = self.round.bound()?;
        Ok(Preview {
            gradient: gradient.values().to_vec(),
            clipped: clip(&gradient, bound).grid().to_vec(),
            deviation: bound.deviation(),
            upload_bytes: Upload::size(&self.round),
            cost: cost(bound)?,
            left: self.ledger.left(),
        })
    }

    /// Clips, noises and encodes, against the debit that [`Device::reserve`] made. The examples are spent.
    pub fn release(&mut self, gradient: &Gradient) -> Result<Contribution> {
        let bound = self.round.bound()?;
        let Some((id, charge)) = self.reserved.take() else {
            return Err(Error::NotCharged { charged: 0, cost: cost(bound)?.trusted.0 });
        };
        let paid = charge.cost().trusted;
        let noised = noise(clip(gradient, bound), charge)?;
        let upload = Upload::new(&self.round, id, noised)?;
        self.memory.contributed();
        let contribution = Contribution { bytes: upload.encode(), id, cost: paid };
        self.finished = Some(contribution.clone());
        Ok(contribution)
    }

    /// Stores what was released last: it is sent ([`Device::unsent`]) only when it is durable.
    pub fn ready(&mut self, stored: &[u8]) -> Result<Vec<u8>> {
        let finished = self.finished.as_ref().ok_or(Error::ReservationLost)?;
        let step = self.ledger.ready(stored, finished.id, &finished.bytes)?;
        Ok(self.take(Taken::Ready(step)))
    }

    /// What is finished and was not acknowledged, by this session or an earlier one.
    pub fn unsent(&mut self, stored: &[u8]) -> Result<Option<Unsent>> {
        self.ledger.unsent(stored)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, Schema};

    fn head() -> Vec<u8> {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema").encode()
    }

    fn terms() -> Terms {
        let pins = Pins { leader: Identity::from_seed(&[1; 32]).public(), helper: None };
        Terms { task: "demo".into(), pins, policy: Policy::at_once() }
    }

    fn signed(round: &Round) -> Vec<u8> {
        Signed::round(round, Identity::from_seed(&[1; 32]).sign_round(round), None).encode()
    }

    fn round() -> Round {
        Round {
            head: Head::hash(&head()),
            dimension: Head::decode(&head()).expect("our own bytes").parameters().len() as u32,
            min_cohort: 100,
            ..Round::example()
        }
    }

    fn device_after(ledger: &[u8]) -> Device {
        Device::new(terms(), &signed(&round()), &head(), ledger, Backend::Scalar).expect("all fits")
    }

    fn device() -> Device {
        device_after(&[])
    }

    fn item(axis: usize, score: f32) -> Item {
        let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
        Item { score, ..Item::plain(axis as u64, embedding) }
    }

    fn event(kind: &str, axis: usize) -> Event {
        let kind = Schema::plain(16).kind(kind).expect("a plain kind");
        Event::new(kind, item(axis, 0.0), Moment::default())
    }

    #[test]
    fn a_release_without_a_debit_is_refused() {
        let mut device = device();
        let refused = device.release(&Gradient::from_values(&vec![0.0; round().dimension as usize])).err();
        assert_eq!(refused, Some(Error::NotCharged { charged: 0, cost: 31_250_000 }));
    }

    #[test]
    fn a_device_without_a_round_ranks_and_releases_nothing() {
        let mut device = Device::local(Policy::at_once(), &head(), &[], Backend::Scalar).expect("a sound head");
        busy(&mut device);
        let slate = device.rerank(&[item(0, 0.0), item(3, 0.0)], Moment::default(), &Request::default(), [0; 16]);
        assert_eq!(slate.map(|slate| slate.order.len()), Ok(2));
        assert_eq!(code(device.reserve(&[], [9; 16], 0)), "round-over");
        assert_eq!(code(device.statement()), "round-refused");
        assert_eq!(code(at_once(device.preview())), "round-refused");
        assert_eq!(code(Device::local(Policy::at_once(), &[1], &[], Backend::Scalar)), "wire-malformed");
    }

    #[test]
    fn one_debit_pays_for_one_release() {
        let mut device = device();
        let stored = device.reserve(&[], [9; 16], 0).expect("a full budget");
        let gradient = Gradient::from_values(&vec![0.0; round().dimension as usize]);
        assert_eq!(code(device.release(&gradient)), "not-charged", "the debit is not on disk yet");
        device.persisted().expect("it is the next step");
        let contribution = device.release(&gradient).expect("reserved");
        let upload = Upload::decode(&contribution.bytes, device.round()).expect("our own bytes");
        assert_eq!(upload.id(), [9; 16]);
        assert_eq!(code(device.release(&gradient)), "not-charged");
        assert_eq!(device.ready(&stored).map(|_| ()), Ok(()));
    }

    #[test]
    fn a_finished_upload_outlives_the_device_and_a_debit_without_one_is_lost() {
        let mut first = device();
        let stored = first.reserve(&[], [1; 16], 0).expect("a full budget");
        first.persisted().expect("it is the next step");
        let bytes =
            first.release(&Gradient::from_values(&vec![0.0; round().dimension as usize])).expect("reserved").bytes;

        let mut second = device_after(&stored);
        assert_eq!(second.ledger().spent().trusted, NanoRho(31_250_000));
        assert_eq!(second.unsent(&stored), Ok(None));
        assert_eq!(code(second.ready(&stored)), "reservation-lost");

        let stored = first.ready(&stored).expect("it is this device's");
        let mut third = device_after(&stored);
        assert_eq!(third.unsent(&stored).map(|unsent| unsent.map(|unsent| unsent.bytes)), Ok(Some(bytes)));
        assert_eq!(code(third.reserve(&stored, [2; 16], 0)), "upload-pending");
        let stored = third.sent(&stored, [1; 16]).expect("it was ready");
        assert_eq!(third.unsent(&stored), Ok(None));
        assert!(third.reserve(&stored, [2; 16], 0).is_ok());
    }

    fn code<T>(result: Result<T>) -> &'static str {
        result.err().map_or("none", |error| error.code())
    }

    /// A device that has seen items and chosen one twice: what it knew at the second choice makes a gradient.
    fn busy(device: &mut Device) {
        (0..6).for_each(|axis| device.record(event("impression", axis)).expect("fits"));
        [3, 3].iter().for_each(|&axis| device.record(event("click", axis)).expect("fits"));
    }

    async fn contributed(device: &mut Device, stored: &[u8], id: UploadId) -> Vec<Vec<u8>> {
        let reserved = device.reserve(stored, id, 0).expect("a full budget");
        device.persisted().expect("it is the next step");
        let gradient = device.gradient().await;
        device.release(&gradient).expect("reserved");
        let ready = device.ready(&reserved).expect("it is this device's");
        device.persisted().expect("it is the next step");
        let sent = device.sent(&ready, id).expect("it was ready");
        device.persisted().expect("it is the next step");
        vec![reserved, ready, sent]
    }

    /// Runs a future that never waits: the twins answer at once.
    fn at_once<T>(future: impl Future<Output = T>) -> T {
        let mut future = core::pin::pin!(future);
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            core::task::Poll::Ready(value) => value,
            core::task::Poll::Pending => panic!("the twins never wait"),
        }
    }

    #[test]
    fn the_statement_is_the_rounds_under_this_devices_policy() {
        let said = device().statement().expect("a plain round");
        assert_eq!(said, statement(&round(), &Policy::at_once()).expect("a plain round"));
    }

    #[test]
    fn a_preview_changes_nothing() {
        let (mut looked, mut blind) = (device(), device());
        busy(&mut looked);
        busy(&mut blind);
        let preview = at_once(looked.preview()).expect("a plain round");
        assert!(preview.gradient.iter().any(|&g| g != 0.0) && preview.clipped.iter().any(|&q| q != 0));
        assert_eq!((preview.cost.trusted.0, preview.left.0), (31_250_000, 1_052_000_000));
        assert!((preview.deviation / (8.0 * 4096.0) - 1.0).abs() < 1e-9);
        assert_eq!(preview.upload_bytes, Upload::size(looked.round()));
        assert_eq!(looked.ledger().left(), blind.ledger().left());
        assert_eq!(looked.pending(), blind.pending());
        assert_eq!(at_once(looked.gradient()).values(), at_once(blind.gradient()).values());
    }

    /// Every byte that the host is ever asked to store, searched for any number of the gradient or of its clipped form.
    #[test]
    fn nothing_before_the_noise_is_ever_stored() {
        let mut device = device();
        busy(&mut device);
        let preview = at_once(device.preview()).expect("a plain round");
        let stored = at_once(contributed(&mut device, &[], [1; 16]));
        let raw = preview.gradient.iter().filter(|g| g.abs() > 1e-3).flat_map(|g| [g.to_le_bytes(), g.to_be_bytes()]);
        let grid = preview.clipped.iter().filter(|q| q.abs() > 255);
        let grid = grid.flat_map(|q| [q.to_le_bytes(), q.to_be_bytes()]);
        for needle in raw.chain(grid) {
            for bytes in &stored {
                assert!(!bytes.windows(4).any(|window| window == needle), "{needle:?} is stored");
            }
        }
    }

    #[test]
    fn whether_a_device_takes_part_never_depends_on_what_its_user_did() {
        let decisions = |does_much: bool| {
            let (mut device, mut stored) = (device(), Vec::new());
            let round = |round: u8| {
                if does_much {
                    busy(&mut device);
                }
                let reserved = match device.reserve(&stored, [round; 16], 0) {
                    Ok(reserved) => reserved,
                    Err(error) => return (0, error.code()),
                };
                device.persisted().expect("it is the next step");
                let gradient = at_once(device.gradient());
                let size = device.release(&gradient).expect("reserved").bytes.len();
                let ready = device.ready(&reserved).expect("it is this device's");
                device.persisted().expect("it is the next step");
                stored = device.sent(&ready, [round; 16]).expect("it was ready");
                device.persisted().expect("it is the next step");
                (size, "contributed")
            };
            (0..40).map(round).collect::<Vec<_>>()
        };
        assert_eq!(decisions(false), decisions(true));
        assert_eq!(decisions(true).iter().filter(|(_, what)| *what == "contributed").count(), 33);
    }

    #[test]
    fn a_round_that_is_over_is_refused_with_both_times() {
        let mut device = device();
        let late = device.reserve(&[], [1; 16], 1_800_000_000_000);
        assert_eq!(late, Err(Error::RoundOver { deadline_s: 1_800_000_000, now_s: 1_800_000_000 }));
        assert!(device.reserve(&[], [1; 16], 1_799_999_999_999).is_ok());
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
}
