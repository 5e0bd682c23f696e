//! The client's two halves put together, for a host that keeps them in one process. In a page each is a module of its own.

use core::ops::{Deref, DerefMut};

use privet_base::Result;
use privet_model::Backend;
use privet_ranker::Ranker;
use privet_release::{Contribution, Contributor, Ledger, Preview, Unsent};
use privet_terms::{Policy, Terms};
use privet_wire::UploadId;

/// A [`Ranker`], and a [`Contributor`] beside it.
pub struct Device {
    ranker: Ranker,
    contributor: Contributor,
    backend: Backend,
}

impl Deref for Device {
    type Target = Ranker;

    fn deref(&self) -> &Ranker {
        &self.ranker
    }
}

impl DerefMut for Device {
    fn deref_mut(&mut self) -> &mut Ranker {
        &mut self.ranker
    }
}

impl Device {
    /// A device that takes part in this signed round with this head.
    pub fn new(terms: Terms, round: &[u8], head: &[u8], ledger: &[u8], backend: Backend) -> Result<Self> {
        let contributor = Contributor::new(&terms, round, head, ledger)?;
        Ok(Self { ranker: Ranker::new(Some(terms.admit(round)?), terms.policy, head)?, contributor, backend })
    }

    /// A device that ranks by a head that the application vouches for, and has no round: each release is refused.
    pub fn local(policy: Policy, head: &[u8], ledger: &[u8], backend: Backend) -> Result<Self> {
        let contributor = Contributor::local(policy, head, ledger)?;
        Ok(Self { ranker: Ranker::new(None, policy, head)?, contributor, backend })
    }

    /// The half that contributes.
    pub fn contributor(&self) -> &Contributor {
        &self.contributor
    }

    /// [`Contributor::ledger`]
    pub fn ledger(&self) -> &Ledger {
        self.contributor.ledger()
    }

    /// [`Contributor::reserve`]
    pub fn reserve(&mut self, stored: &[u8], id: UploadId, now_ms: u64) -> Result<Vec<u8>> {
        self.contributor.reserve(stored, id, now_ms)
    }

    /// [`Contributor::persisted`]
    pub fn persisted(&mut self) -> Result<()> {
        self.contributor.persisted()
    }

    /// [`Contributor::contribute`], of the examples since the last one, which are spent by it.
    pub async fn contribute(&mut self) -> Result<Contribution> {
        let descended = self.descended().await;
        let contribution = self.contributor.contribute(&descended)?;
        self.ranker.contributed();
        Ok(contribution)
    }

    /// [`Contributor::preview`], of the same.
    pub async fn preview(&mut self) -> Result<Preview> {
        let descended = self.descended().await;
        self.contributor.preview(&descended)
    }

    /// What computes the descents.
    pub fn backend(&mut self) -> &mut Backend {
        &mut self.backend
    }

    async fn descended(&mut self) -> Vec<f32> {
        self.backend.descent(self.contributor.head(), &self.ranker.new_examples()).await
    }

    /// [`Contributor::ready`]
    pub fn ready(&mut self, stored: &[u8]) -> Result<Vec<u8>> {
        self.contributor.ready(stored)
    }

    /// [`Contributor::unsent`]
    pub fn unsent(&mut self, stored: &[u8], now_ms: u64) -> Result<Option<Unsent>> {
        self.contributor.unsent(stored, now_ms)
    }

    /// [`Contributor::sent`]
    pub fn sent(&mut self, stored: &[u8], id: UploadId) -> Result<Vec<u8>> {
        self.contributor.sent(stored, id)
    }
}

#[cfg(test)]
mod slates;

#[cfg(test)]
mod tests {
    use super::*;
    use privet_accounting::NanoRho;
    use privet_model::{Head, Moment, NewExamples, Schema};
    use privet_ranker::Request;
    use privet_release::{Deployment, Storage, Upload, statement};
    use privet_testkit::{Aggregators, event, item, over};
    use privet_wire::{Identity, Round, Signed};

    /// The examples' rounds end two days later.
    const NOW_MS: u64 = 1_799_827_200_000;
    const KEPT: Deployment = Deployment { one_owner: false, storage: Storage::Kept };

    fn head() -> Vec<u8> {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema").encode()
    }

    fn terms() -> Terms {
        Aggregators::default().terms(&Round::example(), Policy::at_once())
    }

    fn signed(round: &Round) -> Vec<u8> {
        Aggregators::default().signed(round)
    }

    fn round() -> Round {
        over(Round::example(), &Head::decode(&head()).expect("our own bytes"))
    }

    fn device_after(ledger: &[u8]) -> Device {
        device_in(1, ledger)
    }

    fn device_in(number: u32, ledger: &[u8]) -> Device {
        let round = Round { number, ..round() };
        Device::new(terms(), &signed(&round), &head(), ledger, Backend::Scalar).expect("all fits")
    }

    fn device() -> Device {
        device_after(&[])
    }

    #[test]
    fn a_release_without_a_debit_is_refused() {
        let mut device = device();
        let refused = at_once(device.contribute()).err();
        assert_eq!(refused, Some(privet_release::Refusal::NotCharged { charged: 0, cost: 31_250_000 }.into()));
    }

    #[test]
    fn a_device_without_a_round_ranks_and_releases_nothing() {
        let mut device = Device::local(Policy::at_once(), &head(), &[], Backend::Scalar).expect("a sound head");
        busy(&mut device);
        let slate = device.rerank(&[item(0, 0.0), item(3, 0.0)], Moment::default(), &Request::default(), [0; 16]);
        assert_eq!(slate.map(|slate| slate.order.len()), Ok(2));
        assert_eq!(code(device.reserve(&[], [9; 16], NOW_MS)), "round-over");
        assert_eq!(code(device.contributor().statement(KEPT)), "round-refused");
        assert_eq!(code(at_once(device.preview())), "round-refused");
        assert_eq!(code(Device::local(Policy::at_once(), &[1], &[], Backend::Scalar)), "wire-malformed");
    }

    #[test]
    fn a_gradient_over_what_was_handed_over_as_bytes_is_the_same_bit_for_bit() {
        let mut device = device();
        busy(&mut device);
        let own = at_once(device.preview()).expect("a plain round").gradient;
        let fresh = NewExamples::decode(device.head(), &device.new_examples().encode()).expect("our own bytes");
        assert!(fresh.count() > 0 && own.iter().any(|&g| g != 0.0));
        let descended = at_once(Backend::Scalar.descent(device.contributor.head(), &fresh));
        let read = device.contributor.preview(&descended).expect("a plain round").gradient;
        assert_eq!(
            read.iter().map(|g| g.to_bits()).collect::<Vec<_>>(),
            own.iter().map(|g| g.to_bits()).collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_longest_that_the_work_may_take_is_the_rounds_and_not_the_devices() {
        let mut device = device();
        let before = device.contributor().longest_ms();
        assert_eq!(before, 1000 + u64::from(round().dimension) / 4);
        busy(&mut device);
        assert_eq!(device.contributor().longest_ms(), before);
    }

    #[test]
    fn one_debit_pays_for_one_release() {
        let mut device = device();
        let stored = device.reserve(&[], [9; 16], NOW_MS).expect("a full budget");
        assert_eq!(code(at_once(device.contribute())), "not-charged", "the debit is not on disk yet");
        device.persisted().expect("it is the next step");
        let contribution = at_once(device.contribute()).expect("reserved");
        let upload = Upload::decode(&contribution.bytes, device.round()).expect("our own bytes");
        assert_eq!(upload.id(), [9; 16]);
        assert_eq!(code(at_once(device.contribute())), "not-charged");
        assert_eq!(device.ready(&stored).map(|_| ()), Ok(()));
    }

    #[test]
    fn a_finished_upload_outlives_the_device_and_a_debit_without_one_is_lost() {
        let mut first = device();
        let stored = first.reserve(&[], [1; 16], NOW_MS).expect("a full budget");
        first.persisted().expect("it is the next step");
        let bytes = at_once(first.contribute()).expect("reserved").bytes;

        let mut second = device_after(&stored);
        assert_eq!(second.ledger().spent().charged(), NanoRho(31_250_000));
        assert_eq!(second.unsent(&stored, NOW_MS), Ok(None));
        assert_eq!(code(second.ready(&stored)), "reservation-lost");

        let stored = first.ready(&stored).expect("it is this device's");
        let mut third = device_after(&stored);
        assert_eq!(third.unsent(&stored, NOW_MS).map(|unsent| unsent.map(|unsent| unsent.bytes)), Ok(Some(bytes)));
        assert_eq!(code(third.reserve(&stored, [2; 16], NOW_MS)), "upload-pending");
        let stored = third.sent(&stored, [1; 16]).expect("it was ready");
        assert_eq!(third.unsent(&stored, NOW_MS), Ok(None));
        assert_eq!(code(third.reserve(&stored, [2; 16], NOW_MS)), "round-contributed");
        assert!(device_in(2, &stored).reserve(&stored, [2; 16], NOW_MS).is_ok());
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
        let reserved = device.reserve(stored, id, NOW_MS).expect("a full budget");
        device.persisted().expect("it is the next step");
        device.contribute().await.expect("reserved");
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
        let device = device();
        let said = device.contributor().statement(KEPT).expect("a plain round");
        assert_eq!(said, statement(&round(), &Policy::at_once(), device.ledger(), KEPT).expect("a plain round"));
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
        assert_eq!(preview.noise.len(), preview.clipped.len());
        assert_ne!(preview.noise, at_once(looked.preview()).expect("a plain round").noise, "each look draws anew");
        assert_eq!(looked.ledger().left(), blind.ledger().left());
        assert_eq!(looked.new_examples(), blind.new_examples());
        let gradient = |device: &mut Device| at_once(device.preview()).expect("a plain round").gradient;
        assert_eq!(gradient(&mut looked), gradient(&mut blind));
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
    fn the_noised_vector_that_is_told_is_the_one_in_the_upload() {
        let mut device = device();
        busy(&mut device);
        device.reserve(&[], [1; 16], NOW_MS).expect("within the budget");
        device.persisted().expect("it is the next step");
        let told = at_once(device.contribute()).expect("reserved");
        let entries: Vec<u8> = told.noised.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        assert!(told.bytes.windows(entries.len()).any(|window| window == entries));
    }

    #[test]
    fn whether_a_device_takes_part_never_depends_on_what_its_user_did() {
        let decisions = |does_much: bool| {
            let mut stored = Vec::new();
            let round = |round: u8| {
                let mut device = device_in(round.into(), &stored);
                if does_much {
                    busy(&mut device);
                }
                let reserved = match device.reserve(&stored, [round; 16], NOW_MS) {
                    Ok(reserved) => reserved,
                    Err(error) => return (0, error.code()),
                };
                device.persisted().expect("it is the next step");
                let size = at_once(device.contribute()).expect("reserved").bytes.len();
                let ready = device.ready(&reserved).expect("it is this device's");
                device.persisted().expect("it is the next step");
                stored = device.sent(&ready, [round; 16]).expect("it was ready");
                device.persisted().expect("it is the next step");
                (size, "contributed")
            };
            (1..=40).map(round).collect::<Vec<_>>()
        };
        assert_eq!(decisions(false), decisions(true));
        assert_eq!(decisions(true).iter().filter(|(_, what)| *what == "contributed").count(), 33);
    }

    /// A leader keeps one round open, and the device comes back to it: k uploads in one sum would cost k² times as much.
    #[test]
    fn a_round_that_stays_open_gets_one_upload() {
        let (mut device, mut stored, mut uploads) = (device(), Vec::new(), 0);
        for id in 0..33 {
            let Ok(reserved) = device.reserve(&stored, [id; 16], NOW_MS) else { continue };
            device.persisted().expect("it is the next step");
            at_once(device.contribute()).expect("reserved");
            let ready = device.ready(&reserved).expect("it is this device's");
            device.persisted().expect("it is the next step");
            stored = device.sent(&ready, [id; 16]).expect("it was ready");
            device.persisted().expect("it is the next step");
            uploads += 1;
        }
        assert_eq!((uploads, device.ledger().spent().charged()), (1, NanoRho(31_250_000)));
    }

    #[test]
    fn a_round_that_is_over_is_refused_with_both_times() {
        let mut device = device();
        let late = device.reserve(&[], [1; 16], 1_800_000_000_000);
        assert_eq!(
            late,
            Err(privet_terms::Refusal::RoundOver { deadline_s: 1_800_000_000, now_s: 1_800_000_000 }.into())
        );
        assert!(device.reserve(&[], [1; 16], 1_799_999_999_999).is_ok());
        let early = device.reserve(&[], [1; 16], 0);
        assert_eq!(code(early), "policy-refused", "a deadline that far ahead");
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
