//! What the full module has and the one that ranks has not: gradients by WebGPU, releases, and what an audit reads.

use js_sys::{Object, Reflect, Uint8Array};
use privet::{Backend, Error, NanoRho, UploadId, Value, accounting::epsilon_from_rho, hex};
use wasm_bindgen::prelude::*;
use web_sys::{Crypto, Performance};

use crate::{Device, Terms, from_global, js_error, whole};

pub(crate) type Core = privet::Device;

#[wasm_bindgen]
impl Device {
    /// Opens a device for a signed round and its head, or, where the round is empty, for a head that the application
    /// vouches for: then nothing is ever released. `ledger` is what is stored (empty: nothing yet). With `gpu`, shaders
    /// compute where there is an adapter that passes its probe.
    pub async fn open(
        terms: Terms,
        round: Vec<u8>,
        head: Vec<u8>,
        ledger: Vec<u8>,
        gpu: bool,
    ) -> Result<Device, JsValue> {
        let backend = if gpu { Backend::open().await } else { Backend::Scalar };
        let device = if round.is_empty() {
            privet::Device::local(terms.terms.policy, &head, &ledger, backend)
        } else {
            privet::Device::new(terms.terms, &round, &head, &ledger, backend)
        };
        Ok(Self { device: device.map_err(js_error)? })
    }

    /// Debits the next contribution under a fresh id, to be persisted before [`Device::contribute`].
    pub fn reserve(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        let mut id = UploadId::default();
        from_global::<Crypto>("crypto")?
            .get_random_values_with_u8_array(&mut id)
            .map_err(|_| js_error(Error::RandomSource))?;
        self.device.reserve(stored, id, whole(now_ms)).map_err(js_error)
    }

    /// What was contributed last is finished: to be persisted before it is sent.
    pub fn ready(&mut self, stored: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.device.ready(stored).map_err(js_error)
    }

    /// Gradient, clip, noise, encoding: the bytes to send.
    pub async fn contribute(&mut self) -> Result<Contribution, JsValue> {
        let performance = from_global::<Performance>("performance")?;
        let examples = self.device.pending() as u32;
        let start = performance.now();
        let gradient = self.device.gradient().await;
        let computed = performance.now();
        let contribution = self.device.release(&gradient).map_err(js_error)?;
        Ok(Contribution {
            bytes: contribution.bytes,
            id: hex(&contribution.id),
            noised: contribution.noised,
            rho: contribution.cost.rho(),
            examples,
            gradient_ms: computed - start,
            release_ms: performance.now() - computed,
        })
    }

    /// The stages before the noise, and what releasing them would cost: for the eyes of the person whose data they are.
    /// Nothing changes, and the caller keeps none of it.
    pub async fn preview(&mut self) -> Result<Preview, JsValue> {
        let examples = self.device.pending() as u32;
        let preview = self.device.preview().await.map_err(js_error)?;
        Ok(Preview {
            examples,
            gradient: preview.gradient,
            clipped: preview.clipped,
            noise: preview.noise,
            deviation: preview.deviation,
            upload_bytes: preview.upload_bytes as u32,
            rho: preview.cost.trusted.rho(),
            rho_alone: preview.cost.alone.rho(),
            rho_left: preview.left.rho(),
        })
    }

    /// What taking part means, in plain words.
    pub fn statement(&self) -> Result<String, JsValue> {
        self.device.statement().map_err(js_error)
    }

    /// `webgpu` or `scalar`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.device.backend().name().into()
    }
}

/// What leaves the device, and what may be told about it.
#[wasm_bindgen(getter_with_clone)]
pub struct Contribution {
    /// The upload, encoded.
    pub bytes: Vec<u8>,
    /// The upload's id in hexadecimal.
    pub id: String,
    /// The noised vector before it was cut into shares and sealed, in grid units. It stays here.
    pub noised: Vec<i32>,
    /// What it cost.
    pub rho: f64,
    /// How many examples the gradient was computed from. It stays here.
    pub examples: u32,
    /// How long the gradient took. It stays here.
    #[wasm_bindgen(js_name = gradientMs)]
    pub gradient_ms: f64,
    /// How long clip, noise and encoding took. It stays here.
    #[wasm_bindgen(js_name = releaseMs)]
    pub release_ms: f64,
}

/// A dry run. The one thing that shows what lies before the noise.
#[wasm_bindgen(getter_with_clone)]
pub struct Preview {
    /// How many examples the gradient is computed from.
    pub examples: u32,
    /// The gradient.
    pub gradient: Vec<f32>,
    /// The same, shortened, in grid units.
    pub clipped: Vec<i32>,
    /// Noise as this device would add it, in grid units: a draw of its own, which no contribution ever uses.
    pub noise: Vec<i32>,
    /// The standard deviation of that.
    pub deviation: f64,
    /// How many bytes would be sent.
    #[wasm_bindgen(js_name = uploadBytes)]
    pub upload_bytes: u32,
    /// What it would cost where enough others are honest.
    pub rho: f64,
    /// What it would cost where nobody else is.
    #[wasm_bindgen(js_name = rhoAlone)]
    pub rho_alone: f64,
    /// What is left of the budget before it.
    #[wasm_bindgen(js_name = rhoLeft)]
    pub rho_left: f64,
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
