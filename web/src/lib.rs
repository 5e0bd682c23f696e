//! The bindings between the core and JavaScript: types change here, and nothing is decided.
//!
//! Numbers, strings and typed arrays cross this line, and one handle, [`Device`]. A gradient never does.

use js_sys::{Reflect, global};
use privet::{Backend, Error, Event, EventKind, Policy, Round, UploadId, hex};
use wasm_bindgen::prelude::*;
use web_sys::{Crypto, Performance};

/// A device: profile, head, ledger and backend.
#[wasm_bindgen]
pub struct Device {
    device: privet::Device,
}

#[wasm_bindgen]
impl Device {
    /// Opens a device for a round and its head. `ledger` is what is stored (empty: nothing yet). An undefined limit is
    /// the default policy's. With `gpu`, shaders compute where there is an adapter that passes its probe.
    pub async fn open(
        head: Vec<u8>,
        round: Vec<u8>,
        ledger: Vec<u8>,
        lifetime_rho: Option<f64>,
        rho_per_round: Option<f64>,
        min_cohort: Option<u32>,
        gpu: bool,
    ) -> Result<Device, JsValue> {
        let default = Policy::default();
        let policy = Policy {
            lifetime: lifetime_rho.map_or(default.lifetime, Policy::limit),
            per_round: rho_per_round.map_or(default.per_round, Policy::limit),
            min_cohort: min_cohort.unwrap_or(default.min_cohort),
            ..default
        };
        let backend = if gpu { Backend::open().await } else { Backend::Scalar };
        let device = privet::Device::new(&head, &round, &ledger, policy, backend).map_err(js_error)?;
        Ok(Self { device })
    }

    /// Remembers what the user did with the item of this embedding.
    pub fn record(&mut self, kind: &str, embedding: Vec<f32>) -> Result<(), JsValue> {
        let event = EventKind::from_name(kind).and_then(|kind| Event::new(kind, embedding));
        event.and_then(|event| self.device.record(&event)).map_err(js_error)
    }

    /// The order in which to show the candidates, as places in `server_scores`.
    pub fn rank(&self, server_scores: &[f32], embeddings: &[f32]) -> Result<Vec<u32>, JsValue> {
        self.device.rank(server_scores, embeddings).map_err(js_error)
    }

    /// Debits the next contribution; the ledger's bytes are to be stored before [`Device::contribute`].
    pub fn reserve(&mut self, stored: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.device.reserve(stored).map_err(js_error)
    }

    /// Gradient, clip, noise, encoding: the bytes to send.
    pub async fn contribute(&mut self) -> Result<Contribution, JsValue> {
        let performance = from_global::<Performance>("performance")?;
        let mut id = UploadId::default();
        from_global::<Crypto>("crypto")?
            .get_random_values_with_u8_array(&mut id)
            .map_err(|_| js_error(Error::RandomSource))?;
        let examples = self.device.pending() as u32;
        let start = performance.now();
        let gradient = self.device.gradient().await;
        let computed = performance.now();
        let contribution = self.device.release(&gradient, id).map_err(js_error)?;
        Ok(Contribution {
            bytes: contribution.bytes,
            id: hex(&id),
            rho: contribution.cost.rho(),
            examples,
            gradient_ms: computed - start,
            release_ms: performance.now() - computed,
        })
    }

    /// `webgpu` or `scalar`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.device.backend().name().into()
    }

    /// The number of the round.
    #[wasm_bindgen(getter)]
    pub fn round(&self) -> u32 {
        self.device.round().number
    }

    /// How many numbers an embedding has, and how many parameters the head.
    #[wasm_bindgen(getter)]
    pub fn dimension(&self) -> u32 {
        self.device.round().dimension
    }

    /// How many events the profile holds.
    #[wasm_bindgen(getter)]
    pub fn events(&self) -> f64 {
        self.device.profile().events() as f64
    }

    /// The rho that was spent.
    #[wasm_bindgen(getter, js_name = rhoSpent)]
    pub fn rho_spent(&self) -> f64 {
        self.device.ledger().spent().rho()
    }

    /// The rho that is left.
    #[wasm_bindgen(getter, js_name = rhoLeft)]
    pub fn rho_left(&self) -> f64 {
        self.device.ledger().left().rho()
    }
}

/// What leaves the device, and what may be told about it.
#[wasm_bindgen(getter_with_clone)]
pub struct Contribution {
    /// The upload, encoded.
    pub bytes: Vec<u8>,
    /// The upload's id in hexadecimal.
    pub id: String,
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

/// A real JavaScript `Error` with the stable `code`.
fn js_error(error: Error) -> JsValue {
    let js = js_sys::Error::new(&error.to_string());
    Reflect::set(&js, &"code".into(), &error.code().into()).expect("an Error takes a property");
    js.into()
}

/// A page and a worker keep these in globals of different types.
fn from_global<T: JsCast>(name: &str) -> Result<T, JsValue> {
    Ok(Reflect::get(&global(), &name.into())?.unchecked_into())
}

/// The hash, in hexadecimal, of the head that a round's configuration names.
#[wasm_bindgen(js_name = headOf)]
pub fn head_of(round: &[u8]) -> Result<String, JsValue> {
    Round::decode(round).map(|round| hex(&round.head)).map_err(js_error)
}
