use js_sys::Reflect;
use privet::{Head, Round, Upload};
use privet_web::{Device, head_of};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

fn published(min_cohort: u32) -> (Vec<u8>, Vec<u8>) {
    let head = Head::starting(16, 4.0).expect("16 is a length").encode();
    let round = Round {
        task: "browser".into(),
        number: 3,
        dimension: 18,
        clip_norm: 1.0,
        grid_scale: 1 << 16,
        noise_multiplier: 8.0,
        min_cohort,
        head: Head::hash(&head),
    };
    (head, round.encode())
}

async fn open(min_cohort: u32, gpu: bool) -> Result<Device, JsValue> {
    let (head, round) = published(min_cohort);
    Device::open(head, round, Vec::new(), None, None, None, gpu).await
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
    let mut device = open(100, gpu).await.expect("the default policy admits it");
    assert_eq!(device.backend(), if gpu { "webgpu" } else { "scalar" });
    device.record("impression", embedding(1)).expect("fits");
    device.record("click", embedding(2)).expect("fits");
    let ledger = device.reserve(&[]).expect("a full budget");
    assert!(!ledger.is_empty());
    let contribution = device.contribute().await.expect("it was reserved");
    assert_eq!((contribution.examples, contribution.rho), (2, 0.03125));
    let upload = Upload::decode(&contribution.bytes, 18).expect("our own bytes");
    assert_eq!((upload.round(), privet::hex(&upload.id())), (3, contribution.id));
    assert_eq!(device.rho_spent(), 0.03125);
}

#[wasm_bindgen_test]
async fn a_limit_that_is_no_number_allows_nothing() {
    let (head, round) = published(100);
    let refused = Device::open(head, round, Vec::new(), Some(f64::NAN), None, None, false).await;
    let mut device = refused.expect("the round itself is admitted");
    assert_eq!(code(&device.reserve(&[]).expect_err("a budget of nothing")), "budget-exhausted");
}

#[wasm_bindgen_test]
async fn two_uploads_never_share_an_id() {
    let mut device = open(100, false).await.expect("the default policy admits it");
    let mut ids = Vec::new();
    for _ in 0..4 {
        device.reserve(&[]).expect("a full budget");
        ids.push(device.contribute().await.expect("it was reserved").id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[wasm_bindgen_test]
async fn an_error_crosses_with_its_code() {
    let mut device = open(100, false).await.expect("the default policy admits it");
    assert_eq!(code(&device.record("clack", embedding(1)).expect_err("no such kind")), "event-kind-unknown");
    assert_eq!(code(&device.record("click", vec![0.0; 20]).expect_err("too long")), "embedding-length");
    assert_eq!(code(&device.reserve(&[0]).expect_err("no ledger")), "ledger-damaged");
    assert_eq!(code(&device.contribute().await.err().expect("nothing reserved")), "not-charged");
    assert_eq!(code(&open(99, false).await.err().expect("too small a cohort")), "policy-refused");
    assert_eq!(code(&head_of(&[]).expect_err("no round")), "wire-malformed");
}
