use privet::{
    Backend,
    gpu::{Gpu, backend, without_end},
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::cases;

#[wasm_bindgen_test]
async fn shaders_compute_what_their_twins_compute_on_webgpu() {
    if option_env!("NO_GPU") == Some("1") {
        return;
    }
    let gpu = Gpu::open(without_end()).await.unwrap_or_else(|trouble| {
        panic!("{}: a WebGPU adapter that passes its probe is wanted (NO_GPU=1 goes without)", trouble.code())
    });
    cases::check(&gpu).await;
    cases::check_descent(Backend::WebGpu(Box::new(gpu))).await;
}

#[wasm_bindgen_test]
async fn an_order_that_webgpu_has_scored_is_the_rankers_own() {
    if option_env!("NO_GPU") != Some("1") {
        cases::check_order(backend(without_end()).await).await;
    }
}

#[wasm_bindgen_test]
async fn a_whole_fine_tuning_on_webgpu_is_the_one_on_the_cpu() {
    if option_env!("NO_GPU") != Some("1") {
        cases::check_tuning(backend(without_end()).await).await;
    }
}
