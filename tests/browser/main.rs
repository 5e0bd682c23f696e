//! What only a browser can show: the random source, the bindings, and the shaders on WebGPU.
#![cfg(target_arch = "wasm32")]

#[path = "../twins/cases.rs"]
mod cases;
mod device;
mod noise;
mod shaders;
#[path = "../wire/vectors.rs"]
mod vectors;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_dedicated_worker);
