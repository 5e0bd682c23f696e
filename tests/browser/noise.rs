use privet::{Backend, Device, Head, Policy, Round, Upload};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::vectors;

/// Without getrandom's browser feature every draw fails, though the build succeeds: this is what notices.
#[wasm_bindgen_test]
async fn the_browsers_random_source_gives_noise() {
    let head = Head::starting(16, 4.0).expect("16 is a length").encode();
    let round = Round {
        task: "browser".into(),
        number: 1,
        dimension: 18,
        clip_norm: 1.0,
        grid_scale: 1 << 16,
        noise_multiplier: 8.0,
        min_cohort: 100,
        head: Head::hash(&head),
    };
    let mut device = Device::new(&head, &round.encode(), &[], Policy::at_once(), Backend::Scalar).expect("all fits");
    device.reserve(&[], [1; 16], 0).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let gradient = device.gradient().await;
    let contribution = device.release(&gradient).expect("the noise is drawn");
    let upload = Upload::decode(&contribution.bytes, 18).expect("our own bytes");
    // 18 draws with a deviation of 524,288: all of them under 1,000 in fewer than one run in 10^50.
    assert!(upload.grid().iter().any(|entry| entry.abs() > 1000), "an upload without noise: {:?}", upload.grid());
}

#[wasm_bindgen_test]
fn the_vectors_are_read_here_as_they_are_natively() {
    vectors::check_good();
    vectors::check_bad();
}
