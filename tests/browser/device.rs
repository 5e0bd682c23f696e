use js_sys::Reflect;
use privet::{Head, Identity, Mode, Operator, Role, Round, SealingKey, Signed, Upload};
use privet_web::{Device, Terms};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

/// A round that both have signed, and its head.
pub(crate) fn published(mode: Mode, min_cohort: u32) -> (Round, Vec<u8>, Vec<u8>) {
    let head = Head::starting(16, 4.0).expect("16 is a length").encode();
    let key = |seed| SealingKey::from_seed(&[seed; 32]).public();
    let round = Round {
        task: "browser".into(),
        number: 3,
        mode,
        dimension: 18,
        clip_norm: 1.0,
        grid_scale: 1 << 16,
        noise_multiplier: 8.0,
        tolerated_permille: 200,
        min_cohort,
        n_max: 10_000,
        delta: 1e-6,
        deadline_s: 4_102_444_800,
        head: Head::hash(&head),
        leader: Operator::new("leader.example", key(1)),
        helper: (mode == Mode::Split).then(|| Operator::new("helper.example", key(2))),
    };
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).sign_round(&round));
    let signed = Signed::round(&round, leader, Some(helper)).encode();
    (round, signed, head)
}

fn terms() -> Terms {
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).public());
    let mut terms = Terms::new("browser".into(), &leader, Some(helper.to_vec()));
    terms.set_wait_ms(0.0);
    terms.set_sessions(0);
    terms.set_interval_ms(0.0);
    terms
}

async fn open(mode: Mode, min_cohort: u32, gpu: bool) -> Result<Device, JsValue> {
    let (_, round, head) = published(mode, min_cohort);
    Device::open(terms(), round, head, Vec::new(), gpu).await
}

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into()).expect("an object").as_string().unwrap_or_default()
}

fn embedding(axis: usize) -> Vec<f32> {
    (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect()
}

#[wasm_bindgen_test]
async fn a_datum_goes_all_the_way_to_an_upload() {
    let gpu = option_env!("NO_GPU") != Some("1");
    let mut device = open(Mode::Device, 100, gpu).await.expect("the default policy admits it");
    assert_eq!(device.backend(), if gpu { "webgpu" } else { "scalar" });
    device.record("impression", embedding(1)).expect("fits");
    device.record("click", embedding(2)).expect("fits");
    let stored = device.reserve(&[], 0.0).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let contribution = device.contribute().await.expect("it was reserved");
    assert_eq!((contribution.examples, contribution.rho), (2, 0.03125));
    let (round, ..) = published(Mode::Device, 100);
    let upload = Upload::decode(&contribution.bytes, &round).expect("our own bytes");
    assert_eq!(privet::hex(&upload.id()), contribution.id);
    assert_eq!(device.rho_spent(), 0.03125);
    let stored = device.ready(&stored).expect("it was reserved");
    device.persisted().expect("nobody else writes");
    let unsent = device.unsent(&stored).expect("readable").expect("it is ready");
    assert_eq!((unsent.bytes(), unsent.round()), (contribution.bytes, 3));
    let stored = device.sent(&stored, &unsent).expect("it was ready");
    assert!(device.unsent(&stored).expect("readable").is_none());
}

#[wasm_bindgen_test]
async fn two_sealed_shares_open_to_a_noised_vector() {
    let mut device = open(Mode::Split, 100, false).await.expect("the default policy admits it");
    device.reserve(&[], 0.0).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let contribution = device.contribute().await.expect("it was reserved");
    let (round, ..) = published(Mode::Split, 100);
    let upload = Upload::decode(&contribution.bytes, &round).expect("our own bytes");
    let [leader, helper] = [(Role::Leader, 1), (Role::Helper, 2)]
        .map(|(role, seed)| upload.open(&round, role, &SealingKey::from_seed(&[seed; 32])).expect("sealed to it"));
    let sum = leader.entries().iter().zip(helper.entries()).map(|(a, b)| a.wrapping_add(*b).cast_signed());
    // A part's deviation is 58,617: all 18 entries within 100 of 0 in fewer than one run in 10^40.
    assert!(sum.clone().any(|entry| entry.abs() > 100), "without noise");
    assert!(sum.clone().all(|entry| entry.abs() < 1_000_000), "not the two halves of one vector");
}

#[wasm_bindgen_test]
async fn a_limit_that_is_no_number_allows_nothing() {
    let (_, round, head) = published(Mode::Device, 100);
    let mut terms = terms();
    terms.set_lifetime_rho(f64::NAN);
    let mut device = Device::open(terms, round, head, Vec::new(), false).await.expect("the round itself is admitted");
    assert_eq!(code(&device.reserve(&[], 0.0).expect_err("a budget of nothing")), "budget-exhausted");
}

#[wasm_bindgen_test]
async fn two_uploads_never_share_an_id() {
    let mut device = open(Mode::Device, 100, false).await.expect("the default policy admits it");
    let mut ids = Vec::new();
    let mut stored = Vec::new();
    for _ in 0..4 {
        stored = device.reserve(&stored, 0.0).expect("a full budget");
        device.persisted().expect("nobody else writes");
        ids.push(device.contribute().await.expect("it was reserved").id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[wasm_bindgen_test]
async fn an_error_crosses_with_its_code() {
    let mut device = open(Mode::Device, 100, false).await.expect("the default policy admits it");
    assert_eq!(code(&device.record("clack", embedding(1)).expect_err("no such kind")), "event-kind-unknown");
    assert_eq!(code(&device.record("click", vec![0.0; 20]).expect_err("too long")), "embedding-length");
    assert_eq!(code(&device.reserve(&[0], 0.0).expect_err("no ledger")), "ledger-damaged");
    assert_eq!(code(&device.contribute().await.err().expect("nothing reserved")), "not-charged");
    assert_eq!(code(&open(Mode::Device, 99, false).await.err().expect("too small a cohort")), "policy-refused");
    assert_eq!(code(&terms().head_of(&[]).expect_err("no round")), "wire-malformed");
    let (_, round, _) = published(Mode::Device, 100);
    let stranger = Terms::new("browser".into(), &[7; 32], None);
    assert_eq!(code(&stranger.head_of(&round).expect_err("signed by others")), "signature-wrong");
    let no_key = Terms::new("browser".into(), &[], None);
    assert_eq!(code(&no_key.head_of(&round).expect_err("no key")), "signature-wrong");
}
