use js_sys::Reflect;
use privet::{
    Attribute, Backend, Contribution, Contributor, Dense, Head, Identity, Mode, NewExamples, Operator, Pins, Policy,
    Role, Round, Schema, SealingKey, Signed, Upload, gpu,
};
use privet_web::{Items, Ranker, Slate, Terms, key};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

/// A minute before the deadline of these rounds.
const NOW_MS: u64 = 4_102_444_740_000;

/// A round that both have signed, and its head.
pub(crate) fn published(mode: Mode, min_cohort: u32) -> (Round, Vec<u8>, Vec<u8>) {
    let mut schema = Schema::plain(16);
    schema.dense.push(Dense { name: "age".into(), offset: 0.0, scale: 1.0 });
    schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
    let head = Head::starting(schema, 2, 4.0).expect("a plain schema");
    let dimension = head.parameters().len() as u32;
    let head = head.encode();
    let key = |seed| SealingKey::from_seed(&[seed; 32]).public();
    let round = Round {
        task: "browser".into(),
        number: 3,
        mode,
        dimension,
        clip_norm: 1.0,
        grid_scale: 1 << 16,
        noise_multiplier: 8.0,
        part_multiplier: if mode == Mode::Split { 1.0 } else { 0.0 },
        min_cohort,
        n_max: 10_000,
        delta: 1e-6,
        deadline_s: 4_102_444_800,
        head: Head::hash(&head),
        leader: Operator::new("leader.example", key(1)),
        helper: (mode == Mode::Split).then(|| Operator::new("helper.example", key(2))),
        token_key: None,
    };
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).sign_round(&round));
    let signed = Signed::round(&round, leader, Some(helper)).encode();
    (round, signed, head)
}

/// Limits by their places: no waiting, one session, no time between two contributions.
const AT_ONCE: [f64; 6] = [9.0, 0.0, 10.0, 0.0, 11.0, 0.0];

fn terms_with(limits: &[f64]) -> Terms {
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).public());
    Terms::new("browser".into(), &leader, Some(helper.to_vec()), limits)
}

fn terms() -> Terms {
    terms_with(&AT_ONCE)
}

fn open(mode: Mode, min_cohort: u32) -> Result<Ranker, JsValue> {
    let (_, round, head) = published(mode, min_cohort);
    Ranker::open(&terms().admit(&round)?, &head)
}

/// The other half of the same device.
fn contributor(mode: Mode) -> Contributor {
    contributor_under(mode, Policy::at_once()).expect("the default policy admits it")
}

fn contributor_under(mode: Mode, policy: Policy) -> privet::Result<Contributor> {
    let (_, round, head) = published(mode, 100);
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).public());
    let pins = Pins { leader, helper: Some(helper) };
    Contributor::new(&privet::Terms { task: "browser".into(), pins, policy }, &round, &head, &[])
}

/// A contribution out of what the half that ranks hands over, and how many examples that was.
async fn contribute(
    contributor: &mut Contributor,
    backend: &mut Backend,
    bytes: &[u8],
) -> privet::Result<(Contribution, usize)> {
    let new = NewExamples::decode(contributor.head(), bytes)?;
    let descended = backend.descent(contributor.head(), &new).await;
    Ok((contributor.contribute(&descended)?, new.count()))
}

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into()).expect("an object").as_string().unwrap_or_default()
}

/// Items of one axis each, the first with the highest score, as the package flattens them.
fn items(axes: &[usize]) -> Items {
    let names = axes.iter().flat_map(|axis| [format!("item-{axis}"), format!("topic-{}", axis % 3)]).collect();
    let embedding = |axis: usize| (0..16).map(move |i| if i == axis { 1.0 } else { 0.0 });
    let numbers: Vec<f32> = (axes.iter().zip(0..))
        .flat_map(|(&axis, place)| [-(place as f32)].into_iter().chain(embedding(axis)).chain([0.5]))
        .collect();
    Items::new(&[16, 1, 1].repeat(axes.len()), &numbers, &vec![0; axes.len()], names)
}

/// Something done with the first of these items, on a slate of all of them where there are several.
fn record(device: &mut Ranker, kind: &str, axes: &[usize]) -> Result<(), JsValue> {
    let slate = (axes.len() > 1).then(|| rerank(device, axes).id);
    device.record(kind, items(&axes[..1]), 0.0, slate, 1.8e12, 60)
}

fn rerank(device: &mut Ranker, axes: &[usize]) -> Slate {
    device.rerank(items(axes), 0, 0.0, &[], &[], &[], 1.8e12, 60, None).expect("fits")
}

#[wasm_bindgen_test]
async fn a_datum_goes_all_the_way_to_an_upload() {
    let wants_gpu = option_env!("NO_GPU") != Some("1");
    let mut device = open(Mode::Device, 100).expect("the default policy admits it");
    let mut contributor = contributor(Mode::Device);
    let mut backend = if wants_gpu { gpu::backend(gpu::without_end()).await } else { Backend::simd() };
    record(&mut device, "impression", &[1]).expect("fits");
    record(&mut device, "click", &[2]).expect("fits");
    record(&mut device, "click", &[3, 4, 5]).expect("fits");
    let stored = contributor.reserve(&[], [7; 16], NOW_MS).expect("a full budget");
    contributor.persisted().expect("nobody else writes");
    let fresh = device.fresh();
    let (contribution, examples) = contribute(&mut contributor, &mut backend, &fresh).await.expect("it was reserved");
    assert_eq!((examples, contribution.cost.rho()), (2, 0.03125));
    assert_eq!(backend.name() == "webgpu", wants_gpu);
    device.contributed();
    let left = NewExamples::decode(contributor.head(), &device.fresh()).expect("our own bytes");
    assert_eq!(left.count(), 0, "all of it is spent");
    let (round, ..) = published(Mode::Device, 100);
    let upload = Upload::decode(&contribution.bytes, &round).expect("our own bytes");
    assert_eq!((upload.id(), contribution.id), ([7; 16], [7; 16]));
    assert_eq!(contributor.ledger().spent().charged().rho(), 0.03125);
    let stored = contributor.ready(&stored).expect("it was reserved");
    contributor.persisted().expect("nobody else writes");
    let unsent = contributor.unsent(&stored, NOW_MS).expect("readable").expect("it is ready");
    assert_eq!((unsent.bytes, unsent.debit.round), (contribution.bytes, 3));
    let stored = contributor.sent(&stored, [7; 16]).expect("it was ready");
    assert!(contributor.unsent(&stored, NOW_MS).expect("readable").is_none());
}

#[wasm_bindgen_test]
async fn what_was_chosen_rises_is_learnt_explained_and_forgotten() {
    let mut device = open(Mode::Device, 100).expect("the default policy admits it");
    assert_eq!((device.names(0), device.names(1)), (vec!["age".into()], vec!["topic".into()]));
    assert_eq!(rerank(&mut device, &[1, 2, 3]).order, [0, 1, 2], "as the server has it");
    assert!(!device.personal());
    for _ in 0..20 {
        record(&mut device, "like", &[3, 1, 2]).expect("fits");
    }
    assert!(device.owed() > 0.0);
    while device.train(1.0) {}
    assert_eq!(device.owed(), 0.0);
    let ranking = rerank(&mut device, &[1, 2, 3]);
    assert_eq!((ranking.because[2], ranking.likeness[2]), (key("item-3"), 1.0));
    let place = |candidate| ranking.order.iter().position(|&other| other == candidate);
    assert!(device.personal() && (ranking.kind == 2 || place(2) < place(1)), "{:?}", ranking.order);
    assert_eq!(ranking.server, [0.0, -1.0, -2.0]);
    assert!(ranking.personal[2] > ranking.personal[1], "{:?}", ranking.personal);

    let kept = device.export();
    assert_eq!(device.forget_item("item-3"), 20);
    assert!(!device.personal(), "it is put together anew");
    while device.train(1.0) {}
    assert_eq!(rerank(&mut device, &[1, 2, 3]).order, [0, 1, 2]);
    device.import(&kept, false).expect("our own bytes");
    assert_eq!(rerank(&mut device, &[1, 2, 3]).personal, ranking.personal);
    assert_eq!(device.forget_attribute("topic", "topic-0").expect("the schema has it"), 20);
    device.import(&kept, false).expect("our own bytes");
    assert_eq!((device.forget_time(0.0, 1.8e12), device.forget_time(1.8e12, 1.9e12)), (0, 40));
}

#[wasm_bindgen_test]
async fn rules_and_slates_cross_whole() {
    let mut device = open(Mode::Device, 100).expect("the default policy admits it");
    let all = [1, 2, 3, 4, 5, 6];
    let slate = device.rerank(items(&all), 3, 0.5, &[0, 1], &[5, 0, 9, 9], &[], 1.8e12, 60, None).expect("fits");
    assert_eq!((slate.order.len(), slate.order[0], slate.unmet), (3, 5, vec![1, 0, 0]));
    let fresh =
        device.rerank(items(&all), 2, 0.0, &[], &[], &[0.0, 0.4, 0.0, 2.0, 2.0], 1.8e12, 60, None).expect("fits");
    assert_eq!(fresh.unmet, [0, 0, 2], "all ages are a half");
    assert!(device.shown(slate.id) && !device.shown(slate.id));
    assert_eq!(device.events(), 1.0);
    let bare = Items::new(&[0, 0, 0], &[0.0], &[], vec!["item-6".into()]);
    device.record("click", bare, 0.0, Some(slate.id), 1.8e12, 60).expect("the slate knows the item");
    let report = device.report();
    assert!(report.len() == 8 && report[0].is_nan() && report[3..] == [0.0, 0.0, 0.0, 0.0, 1.0], "{report:?}");
    let unknown = Items::new(&[0, 0, 0], &[0.0], &[], vec!["elsewhere".into()]);
    let refused = device.record("click", unknown, 0.0, Some(slate.id), 1.8e12, 60).expect_err("it is not on it");
    assert_eq!(code(&refused), "embedding-length");
    let refused = device.rerank(items(&all), 0, 0.0, &[7, 1], &[], &[], 0.0, 0, None).err().expect("no such attribute");
    assert_eq!(code(&refused), "order-refused");
}

#[wasm_bindgen_test]
async fn learning_stops_when_its_time_is_over() {
    let mut device = open(Mode::Device, 100).expect("the default policy admits it");
    for n in 0..50 {
        record(&mut device, "click", &[n % 16, (n + 1) % 16]).expect("fits");
    }
    let owed = device.owed();
    assert!(device.train(0.0), "it was stopped");
    assert_eq!(device.owed(), owed - 1.0, "after one step");
}

#[wasm_bindgen_test]
async fn two_sealed_shares_open_to_a_noised_vector() {
    let (device, mut contributor) = (open(Mode::Split, 100).expect("admitted"), contributor(Mode::Split));
    contributor.reserve(&[], [7; 16], NOW_MS).expect("a full budget");
    contributor.persisted().expect("nobody else writes");
    let made = contribute(&mut contributor, &mut Backend::simd(), &device.fresh()).await;
    let (contribution, _) = made.expect("it was reserved");
    let (round, ..) = published(Mode::Split, 100);
    let upload = Upload::decode(&contribution.bytes, &round).expect("our own bytes");
    let [leader, helper] = [(Role::Leader, 1), (Role::Helper, 2)]
        .map(|(role, seed)| upload.open(&round, role, &SealingKey::from_seed(&[seed; 32])).expect("sealed to it"));
    let sum = leader.entries().iter().zip(helper.entries()).map(|(a, b)| a.wrapping_add(*b).cast_signed());
    // A part's deviation is 58,617: all entries within 100 of 0 in fewer than one run in 10^40.
    assert!(sum.clone().any(|entry| entry.abs() > 100), "without noise");
    assert!(sum.clone().all(|entry| entry.abs() < 1_000_000), "not the two halves of one vector");
}

#[wasm_bindgen_test]
async fn a_limit_that_is_no_number_allows_nothing() {
    let (_, round, _) = published(Mode::Device, 100);
    let policy = Policy { lifetime: Policy::limit(f64::NAN), ..Policy::at_once() };
    let mut contributor = contributor_under(Mode::Device, policy).expect("the round itself is admitted");
    assert_eq!(contributor.reserve(&[], [7; 16], NOW_MS).expect_err("a budget of nothing").code(), "budget-exhausted");
    let unknown = terms_with(&[99.0, 1.0]).admit(&round).err().expect("a limit that this build cannot keep");
    assert_eq!(code(&unknown), "policy-refused");
}

#[wasm_bindgen_test]
fn every_limit_is_kept_by_its_place() {
    let (_, round, _) = published(Mode::Device, 100);
    let refused = |limit: f64, value: f64| {
        let refused = terms_with(&[limit, value]).admit(&round).err()?;
        Reflect::get(&refused, &"message".into()).expect("an error").as_string()
    };
    for (limit, value, says) in [
        (1.0, 0.03, "rho of 0.03125"),
        (2.0, 0.03, "rho where nobody else is honest of 0.03125"),
        (3.0, 101.0, "cohort of 100; this device allows at least 101"),
        (4.0, 99.0, "cohort of 100; this device allows at most 99"),
        (5.0, 9.0, "dimension of"),
        (6.0, 1e-9, "delta of"),
        (7.0, 9.0, "noise multiplier of 8"),
        (8.0, 2.0, "mode of device; this device allows split"),
        (14.0, 0.03, "rho where nobody else is honest of 0.03125"),
    ] {
        let said = refused(limit, value).unwrap_or_default();
        assert!(said.contains(says), "{limit}: {said}");
    }
    assert_eq!(refused(8.0, 1.0), None);
}

#[wasm_bindgen_test]
async fn an_error_crosses_with_its_code() {
    let mut device = open(Mode::Device, 100).expect("the default policy admits it");
    assert_eq!(code(&record(&mut device, "clack", &[1]).expect_err("no such kind")), "event-kind-unknown");
    let odd = |lengths: &[u32; 3], numbers: usize, place| {
        Items::new(lengths, &vec![0.0; numbers], &[place], vec!["item".into(), "value".into()])
    };
    for (lengths, numbers, place, expected) in [
        ([20, 1, 1], 22, 0, "embedding-length"),
        ([16, 1, 1], 9, 0, "embedding-length"),
        ([16, 0, 1], 17, 0, "dense-length"),
        ([16, 1, 1], 18, u16::MAX, "attribute-unknown"),
    ] {
        let refused = device.record("click", odd(&lengths, numbers, place), 0.0, None, 0.0, 0).expect_err("odd");
        assert_eq!(code(&refused), expected);
        let refused =
            device.rerank(odd(&lengths, numbers, place), 0, 0.0, &[], &[], &[], 0.0, 0, None).err().expect("odd");
        assert_eq!(code(&refused), "candidate-refused");
    }
    assert_eq!(code(&device.forget_attribute("colour", "red").expect_err("no such name")), "attribute-unknown");
    assert_eq!(code(&device.import(&[1, 2, 3], false).expect_err("no export")), "state-damaged");
    assert_eq!(device.events(), 0.0, "nothing refused was remembered");
    let mut contributor = contributor(Mode::Device);
    assert_eq!(contributor.reserve(&[0], [7; 16], NOW_MS).expect_err("no ledger").code(), "ledger-damaged");
    for (bytes, expected) in [(device.fresh(), "not-charged"), (vec![1, 2, 3], "state-damaged")] {
        let refused =
            contribute(&mut contributor, &mut Backend::simd(), &bytes).await.err().expect("nothing is reserved");
        assert_eq!(refused.code(), expected);
    }
    assert_eq!(code(&open(Mode::Device, 99).err().expect("too small a cohort")), "policy-refused");
    assert_eq!(code(&terms().admit(&[]).err().expect("no round")), "wire-malformed");
    let (_, round, _) = published(Mode::Device, 100);
    let stranger = Terms::new("browser".into(), &[7; 32], None, &[]);
    assert_eq!(code(&stranger.admit(&round).err().expect("signed by others")), "signature-wrong");
    let no_key = Terms::new("browser".into(), &[], None, &[]);
    assert_eq!(code(&no_key.admit(&round).err().expect("no key")), "signature-wrong");
}
