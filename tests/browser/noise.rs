use privet::{Backend, Device, Identity, Mode, Pins, Policy, Terms, Upload};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{device::published, vectors};

/// Without getrandom's browser feature every draw fails, though the build succeeds: this is what notices.
#[wasm_bindgen_test]
async fn the_browsers_random_source_gives_noise() {
    let (round, signed, head) = published(Mode::Device, 100);
    let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).public());
    let pins = Pins { leader, helper: Some(helper) };
    let terms = Terms { task: "browser".into(), pins, policy: Policy::at_once() };
    let mut device = Device::new(terms, &signed, &head, &[], Backend::Scalar).expect("all fits");
    device.reserve(&[], [1; 16], 1000 * device.round().deadline_s - 60_000).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let contribution = device.contribute().await.expect("the noise is drawn");
    let upload = Upload::decode(&contribution.bytes, &round).expect("our own bytes");
    let share = upload.read(&round).expect("in the clear");
    // All draws with a deviation of 524,288: all of them under 1,000 in fewer than one run in 10^50.
    let noised = share.entries().iter().any(|entry| entry.cast_signed().abs() > 1000);
    assert!(noised, "an upload without noise: {share:?}");
}

#[wasm_bindgen_test]
fn the_vectors_are_read_here_as_they_are_natively() {
    vectors::check_good();
    vectors::check_bad();
    vectors::check_aggregation();
}
