use privet::{Backend, gpu::Gpu};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::cases;

#[wasm_bindgen_test]
async fn shaders_compute_what_their_twins_compute_on_webgpu() {
    if option_env!("NO_GPU") == Some("1") {
        return;
    }
    let gpu = Gpu::open().await.expect("a WebGPU adapter that passes its probe (NO_GPU=1 goes without)");
    cases::check(&gpu).await;
    cases::check_descent(Backend::WebGpu(gpu)).await;
}
