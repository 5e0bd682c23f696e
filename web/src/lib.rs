//! The bindings between the core and JavaScript: types change here, and nothing is decided.
//!
//! Numbers, strings and typed arrays cross this line, and a few handles: a [`Device`] in the module that ranks, a
//! [`Contributor`] and [`Shaders`] in the one that releases. A gradient does in [`Contributor::preview`] alone, for the
//! eyes of the person whose data it is.

#[cfg(feature = "full")]
mod full;
#[cfg(feature = "rank")]
mod items;
#[cfg(feature = "rank")]
mod rank;

use privet::{Error, Pins, Policy};
use wasm_bindgen::prelude::*;

#[cfg(feature = "full")]
pub use full::{Contribution, Contributor, Preview, Shaders, Tuned, Upload, epsilon, inspect, open_shaders};
#[cfg(feature = "rank")]
pub use items::{Items, Slate, key};
#[cfg(feature = "rank")]
pub use rank::{Device, Round};

/// A quarter of what std's own weighs.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What the application fixes, and no server can change: the task, the pinned keys, and the device's policy.
#[wasm_bindgen]
pub struct Terms {
    terms: privet::Terms,
}

#[wasm_bindgen]
impl Terms {
    /// Keys are 32 bytes; any other length is a key that nobody can have signed with. `limits` are pairs: which limit of
    /// the policy, by its place in the package's list of them, and its value. What is left out is the default's.
    #[wasm_bindgen(constructor)]
    pub fn new(task: String, leader: &[u8], helper: Option<Vec<u8>>, limits: &[f64]) -> Self {
        let key = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
        let pins = Pins { leader: key(leader), helper: helper.map(|bytes| key(&bytes)) };
        let mut policy = Policy::default();
        for &[limit, value] in limits.as_chunks().0 {
            set(&mut policy, limit as u32, value);
        }
        Self { terms: privet::Terms { task, pins, policy } }
    }
}

/// `LIMITS` in `worker/terms.ts` has the same order.
fn set(policy: &mut Policy, limit: u32, value: f64) {
    match limit {
        0 => policy.lifetime = Policy::limit(value),
        1 => policy.per_round = Policy::limit(value),
        2 => policy.alone = Some(Policy::limit(value)),
        3 => policy.min_cohort = value as u32,
        4 => policy.max_cohort = value as u32,
        5 => policy.dimension = value as u32,
        6 => policy.delta = value,
        7 => policy.noise_multiplier = value,
        // A bit for rounds that have this device add all of the noise, and one for those that split it.
        8 => (policy.device, policy.split) = (value as u32 & 1 != 0, value as u32 & 2 != 0),
        9 => policy.wait_ms = span(value),
        10 => policy.sessions = value as u32,
        11 => policy.interval_ms = span(value),
        12 => policy.interleave_every = value as u32,
        13 => policy.part_multiplier = value,
        14 => policy.alone_per_round = Policy::limit(value),
        15 => policy.deadline_ms = span(value),
        // A limit of a later package: it is no limit here, and so nothing is allowed.
        _ => (policy.device, policy.split) = (false, false),
    }
}

/// JavaScript's milliseconds are a double. One that is negative or no number is 0: a clock at its beginning.
fn whole(ms: f64) -> u64 {
    ms as u64
}

/// A span that an application wrote: what is no number never ends.
fn span(ms: f64) -> u64 {
    if ms.is_nan() { u64::MAX } else { ms as u64 }
}

#[wasm_bindgen]
extern "C" {
    /// By name, as a page, a worker and Node have it alike: to look for the global object takes more code than this.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;

    #[wasm_bindgen(js_name = Error)]
    type CodedError;
    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> CodedError;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &CodedError, code: &str);
}

/// A real JavaScript `Error` with the stable `code`.
fn js_error(error: Error) -> JsValue {
    let js = CodedError::new(&error.to_string());
    js.set_code(error.code());
    js.into()
}
