//! The module that releases, but for [`crate::participation`]: the GPU, and what an audit reads.

use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use privet::{Backend, NanoRho, Value, accounting::epsilon_from_rho, gpu::backend};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::js_error;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(call: &Function, ms: u32);
}

/// So long a GPU may take for an answer. A browser under load starts the process of its GPU in seconds.
const PATIENCE_MS: u32 = 10_000;

async fn patience() {
    _ = JsFuture::from(Promise::new(&mut |resolve, _| set_timeout(&resolve, PATIENCE_MS))).await;
}

/// A GPU that has passed its probe, or what was wrong with it.
#[wasm_bindgen]
pub struct Shaders {
    pub(crate) backend: Backend,
}

/// Looks for a GPU, and tries it.
#[wasm_bindgen(js_name = openShaders)]
pub async fn open_shaders() -> Shaders {
    Shaders { backend: backend(Box::new(|| Box::pin(patience()))).await }
}

/// What a rho is as an epsilon at a delta.
#[wasm_bindgen]
pub fn epsilon(rho: f64, delta: f64) -> f64 {
    epsilon_from_rho(NanoRho::from_rho(rho), delta)
}

/// A message of the wire format as an object of its fields. `round` is the configuration that an upload or an aggregate
/// share belongs to.
#[wasm_bindgen(unchecked_return_type = "Record<string, number | string | Uint8Array | null>")]
pub fn inspect(kind: &str, bytes: &[u8], round: &[u8]) -> Result<Object, JsValue> {
    let fields = Object::new();
    for (name, value) in privet::inspect(kind, bytes, round).map_err(js_error)? {
        let value = match value {
            Value::Number(number) => number.into(),
            Value::Text(text) => text.into(),
            Value::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
            Value::Nothing => JsValue::NULL,
        };
        Reflect::set(&fields, &name.into(), &value)?;
    }
    Ok(fields)
}
