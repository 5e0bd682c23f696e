//! The module that releases: ledger, gradients, noise, uploads, and what an audit reads. It has the GPU, which may score and
//! learn for the one that ranks; it makes no order itself.

use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use privet::{
    Adjacency, Backend, Debit, Deployment, Fate, Limits, NanoRho, NewExamples, Storage, Unsent, UploadId, Value,
    accounting::epsilon_from_rho, gpu::backend, hex, refusal,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::{Terms, js_error, now, whole};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(call: &Function, ms: u32);
}

/// So long a GPU may take for an answer. A browser under load starts the process of its GPU in seconds.
const PATIENCE_MS: u32 = 10_000;

/// The contributing half of a device: the ledger, and what it takes to release something on it.
#[wasm_bindgen]
pub struct Contributor {
    contributor: privet::Contributor,
}

#[wasm_bindgen]
impl Contributor {
    /// Opens it for a signed round and its head, or, where the round is empty, for a head that the application vouches for:
    /// then nothing is ever released. `ledger` is what is stored (empty: nothing yet). Kernels compute, or, if it is
    /// `plain`, the twins that define what these compute.
    pub fn open(terms: &Terms, round: &[u8], head: &[u8], ledger: &[u8], plain: bool) -> Result<Contributor, JsValue> {
        let contributor = if round.is_empty() {
            privet::Contributor::local(terms.terms.policy, head, ledger)
        } else {
            privet::Contributor::new(&terms.terms, round, head, ledger)
        };
        let mut contributor = contributor.map_err(js_error)?;
        if plain {
            contributor.compute_by(Backend::Scalar);
        }
        Ok(Self { contributor })
    }

    /// Debits the next contribution under a fresh id, to be persisted before [`Contributor::contribute`].
    pub fn reserve(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        let mut id = UploadId::default();
        get_random_values(&mut id).map_err(|_| js_error(refusal::Base::RandomSource.into()))?;
        self.contributor.reserve(stored, id, whole(now_ms)).map_err(js_error)
    }

    /// What was contributed last is finished: to be persisted before it is sent.
    pub fn ready(&mut self, stored: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.contributor.ready(stored).map_err(js_error)
    }

    /// Gradient over what is `fresh`, clip, noise, encoding: the bytes to send.
    pub async fn contribute(&mut self, fresh: Vec<u8>) -> Result<Contribution, JsValue> {
        let fresh = self.fresh(&fresh)?;
        let start = now();
        let mut computed = start;
        let contribution = self.contributor.contribute(&fresh, || computed = now()).await.map_err(js_error)?;
        Ok(Contribution {
            bytes: contribution.bytes,
            id: hex(&contribution.id),
            noised: contribution.noised,
            rho: contribution.cost.rho(),
            examples: fresh.count() as u32,
            gradient_ms: computed - start,
            release_ms: now() - computed,
        })
    }

    /// What the GPU makes of candidates, for the ranking module; nothing where there is none that computes.
    pub async fn score(&mut self, sight: Vec<u8>) -> Result<Option<Vec<f32>>, JsValue> {
        self.contributor.computing().1.score(&sight).await.map_err(js_error)
    }

    /// The stages before the noise, and what releasing them would cost: for the eyes of the person whose data they are.
    /// Nothing changes, and the caller keeps none of it.
    pub async fn preview(&mut self, fresh: Vec<u8>) -> Result<Preview, JsValue> {
        let fresh = self.fresh(&fresh)?;
        let preview = self.contributor.preview(&fresh).await.map_err(js_error)?;
        Ok(Preview {
            examples: fresh.count() as u32,
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

    /// What taking part means, in plain words: `one_owner` where the application says that one owner runs both aggregators;
    /// `storage` is `kept`, `tokens` or `evictable`, and what is none of them is taken for the worst.
    pub fn statement(&self, one_owner: bool, storage: &str) -> Result<String, JsValue> {
        let storage = match storage {
            "kept" => Storage::Kept,
            "tokens" => Storage::Tokens,
            _ => Storage::Evictable,
        };
        self.contributor.statement(Deployment { one_owner, storage }).map_err(js_error)
    }

    /// What an issuer signs for a token, with 32 zeros in the place of its nonce; nothing where the round wants none.
    #[wasm_bindgen(getter, js_name = tokenBlank)]
    pub fn token_blank(&self) -> Option<Vec<u8>> {
        self.contributor.token_context().map(|context| context.message(&[0; 32]).to_vec())
    }

    /// Whose tokens the round wants, as a modulus; nothing where it wants none.
    #[wasm_bindgen(getter, js_name = tokenKey)]
    pub fn token_key(&self) -> Option<Vec<u8>> {
        self.contributor.round().token_key.map(Vec::from)
    }

    /// `webgpu`, `simd` or `scalar`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.contributor.backend().name().into()
    }

    /// What was wrong with the GPU, where there was something.
    #[wasm_bindgen(getter)]
    pub fn trouble(&self) -> Option<String> {
        self.contributor.backend().trouble().map(|trouble| trouble.code().into())
    }

    /// From here on these compute.
    #[wasm_bindgen(js_name = computeBy)]
    pub fn compute_by(&mut self, shaders: Shaders) {
        self.contributor.compute_by(shaders.backend);
    }

    /// From here on the CPU computes; what computed till now is given back.
    #[wasm_bindgen(js_name = giveBack)]
    pub fn give_back(&mut self) -> Shaders {
        Shaders { backend: self.contributor.give_back() }
    }

    /// At most so many steps of what the ranking module lent, by the GPU; nothing where there is none that computes, or no
    /// step to take.
    pub async fn tune(&mut self, lent: Vec<u8>, most: u32) -> Result<Option<Tuned>, JsValue> {
        let (head, backend) = self.contributor.computing();
        let tuned = backend.tune(head, &lent, most).await.map_err(js_error)?;
        Ok(tuned.map(|tuned| Tuned { steps: tuned.steps, state: tuned.state }))
    }

    /// A session starts. Each of these takes the stored ledger and returns the bytes to store in its place; when they
    /// are durable, [`Contributor::persisted`] says so.
    pub fn session(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        self.contributor.session(stored, whole(now_ms)).map_err(js_error)
    }

    /// Time passes.
    pub fn tick(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        self.contributor.tick(stored, whole(now_ms)).map_err(js_error)
    }

    /// The user agreed by name to limits wider than those that the ledger was opened under.
    pub fn widen(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        self.contributor.widen(stored, whole(now_ms)).map_err(js_error)
    }

    /// What is to be sent, if anything is.
    pub fn unsent(&mut self, stored: &[u8], now_ms: f64) -> Result<Option<Upload>, JsValue> {
        Ok(self.contributor.unsent(stored, whole(now_ms)).map_err(js_error)?.map(|unsent| Upload { unsent }))
    }

    /// The server holds the upload.
    pub fn sent(&mut self, stored: &[u8], upload: &Upload) -> Result<Vec<u8>, JsValue> {
        self.contributor.sent(stored, upload.unsent.debit.id).map_err(js_error)
    }

    /// The server refused the upload for good.
    pub fn refused(&mut self, stored: &[u8], upload: &Upload, code: &str) -> Result<Vec<u8>, JsValue> {
        self.contributor.refused(stored, upload.unsent.debit.id, code).map_err(js_error)
    }

    /// The bytes returned last are durable.
    pub fn persisted(&mut self) -> Result<(), JsValue> {
        self.contributor.persisted().map_err(js_error)
    }

    /// Of each contribution that was ever debited, one line: its task, round and id, what it cost where one aggregator
    /// is honest and where nobody else is (both in nano-rho), what has become of it, and what the cost is between.
    pub fn entries(&self) -> Vec<String> {
        let entries = self.contributor.ledger().entries().iter();
        let line = |entry: &privet::Entry| {
            let Debit { task, round, id, cost, .. } = &entry.debit;
            let kind = match cost.adjacency {
                Adjacency::Zeroed => "zeroed",
                Adjacency::Replaced => "replaced",
            };
            let (trusted, alone, fate) = (cost.trusted.0, cost.alone.0, name(entry.fate));
            format!("{task} {round} {} {trusted} {alone} {fate} {kind}", hex(id))
        };
        entries.map(line).collect()
    }

    /// How long the work before a release may take on a slow device, in milliseconds.
    #[wasm_bindgen(getter, js_name = longestMs)]
    pub fn longest_ms(&self) -> f64 {
        self.contributor.longest_ms() as f64
    }

    /// When the round ends, in milliseconds since 1970.
    #[wasm_bindgen(getter, js_name = deadlineMs)]
    pub fn deadline_ms(&self) -> f64 {
        self.contributor.round().deadline_s as f64 * 1000.0
    }

    /// The limits that the ledger records and those that the application's policy asks for, where the user has not agreed
    /// to what is wider in these; nothing where that holds anyway. Of each, its seven numbers in the order of `numbers`.
    #[wasm_bindgen(getter, js_name = wantsWider)]
    pub fn wants_wider(&self) -> Vec<f64> {
        self.contributor.ledger().wants_wider().into_iter().flat_map(both).collect()
    }

    /// What the user agreed to by name, one after the other: the limits before, and those from there on, likewise.
    #[wasm_bindgen(getter)]
    pub fn widenings(&self) -> Vec<f64> {
        self.contributor.ledger().widenings().flat_map(both).collect()
    }

    /// The rho that was charged against the lifetime budget.
    #[wasm_bindgen(getter, js_name = rhoSpent)]
    pub fn rho_spent(&self) -> f64 {
        self.contributor.ledger().spent().charged().rho()
    }

    /// The rho of all that was spent between this device's data and nothing.
    #[wasm_bindgen(getter, js_name = rhoAgainstNothing)]
    pub fn rho_against_nothing(&self) -> f64 {
        self.contributor.ledger().spent().against_nothing().rho()
    }

    /// The rho of all that was spent between this device's data and any other.
    #[wasm_bindgen(getter, js_name = rhoAgainstAnyOther)]
    pub fn rho_against_any_other(&self) -> f64 {
        self.contributor.ledger().spent().against_any_other().rho()
    }

    /// The rho that is left.
    #[wasm_bindgen(getter, js_name = rhoLeft)]
    pub fn rho_left(&self) -> f64 {
        self.contributor.ledger().left().rho()
    }
}

impl Contributor {
    fn fresh(&self, bytes: &[u8]) -> Result<NewExamples, JsValue> {
        NewExamples::decode(self.contributor.head(), bytes).map_err(js_error)
    }
}

fn both((from, into): (Limits, Limits)) -> impl Iterator<Item = f64> {
    numbers(from).into_iter().chain(numbers(into))
}

/// `limitsFrom` in `worker/contribution.ts` has the same order. A cap that is none is endless.
fn numbers(limits: Limits) -> [f64; 7] {
    let Limits { lifetime, per_round, alone_per_round, alone, wait_ms, sessions, interval_ms } = limits;
    let [lifetime, per_round, alone_per_round] = [lifetime, per_round, alone_per_round].map(NanoRho::rho);
    let alone = alone.map_or(f64::INFINITY, NanoRho::rho);
    [lifetime, per_round, alone_per_round, alone, wait_ms as f64, sessions.into(), interval_ms as f64]
}

async fn patience() {
    _ = JsFuture::from(Promise::new(&mut |resolve, _| set_timeout(&resolve, PATIENCE_MS))).await;
}

/// A GPU that has passed its probe, or what was wrong with it.
#[wasm_bindgen]
pub struct Shaders {
    backend: Backend,
}

/// Looks for a GPU, and tries it.
#[wasm_bindgen(js_name = openShaders)]
pub async fn open_shaders() -> Shaders {
    Shaders { backend: backend(Box::new(|| Box::pin(patience()))).await }
}

/// Steps that were taken for the ranking module.
#[wasm_bindgen(getter_with_clone)]
pub struct Tuned {
    /// How many.
    #[wasm_bindgen(readonly)]
    pub steps: u32,
    /// What the parameters have become, and the sums of their squared slopes.
    #[wasm_bindgen(readonly)]
    pub state: Vec<f32>,
}

/// A finished upload that the server has not acknowledged, as the ledger holds it.
#[wasm_bindgen]
pub struct Upload {
    unsent: Unsent,
}

#[wasm_bindgen]
impl Upload {
    /// The task that it belongs to.
    #[wasm_bindgen(getter)]
    pub fn task(&self) -> String {
        self.unsent.debit.task.clone()
    }

    /// The round that it belongs to.
    #[wasm_bindgen(getter)]
    pub fn round(&self) -> u32 {
        self.unsent.debit.round
    }

    /// Its id in hexadecimal.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        hex(&self.unsent.debit.id)
    }

    /// Exactly what is to be sent.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.unsent.bytes.clone()
    }

    /// What it cost.
    #[wasm_bindgen(getter)]
    pub fn rho(&self) -> f64 {
        self.unsent.debit.cost.trusted.rho()
    }
}

/// What leaves the device, and what may be told about it.
#[wasm_bindgen(getter_with_clone)]
pub struct Contribution {
    /// The upload, encoded.
    #[wasm_bindgen(readonly)]
    pub bytes: Vec<u8>,
    /// The upload's id in hexadecimal.
    #[wasm_bindgen(readonly)]
    pub id: String,
    /// The noised vector before it was cut into shares and sealed, in grid units. It stays here.
    #[wasm_bindgen(readonly)]
    pub noised: Vec<i32>,
    /// What it cost.
    #[wasm_bindgen(readonly)]
    pub rho: f64,
    /// How many examples the gradient was computed from. It stays here.
    #[wasm_bindgen(readonly)]
    pub examples: u32,
    /// How long the gradient took. It stays here.
    #[wasm_bindgen(readonly, js_name = gradientMs)]
    pub gradient_ms: f64,
    /// How long clip, noise and encoding took. It stays here.
    #[wasm_bindgen(readonly, js_name = releaseMs)]
    pub release_ms: f64,
}

/// A dry run. The one thing that shows what lies before the noise.
#[wasm_bindgen(getter_with_clone)]
pub struct Preview {
    /// How many examples the gradient is computed from.
    #[wasm_bindgen(readonly)]
    pub examples: u32,
    /// The gradient.
    #[wasm_bindgen(readonly)]
    pub gradient: Vec<f32>,
    /// The same, shortened, in grid units.
    #[wasm_bindgen(readonly)]
    pub clipped: Vec<i32>,
    /// Noise as this device would add it, in grid units: a draw of its own, which no contribution ever uses.
    #[wasm_bindgen(readonly)]
    pub noise: Vec<i32>,
    /// The standard deviation of that.
    #[wasm_bindgen(readonly)]
    pub deviation: f64,
    /// How many bytes would be sent.
    #[wasm_bindgen(readonly, js_name = uploadBytes)]
    pub upload_bytes: u32,
    /// What it would cost where enough others are honest.
    #[wasm_bindgen(readonly)]
    pub rho: f64,
    /// What it would cost where nobody else is.
    #[wasm_bindgen(readonly, js_name = rhoAlone)]
    pub rho_alone: f64,
    /// What is left of the budget before it.
    #[wasm_bindgen(readonly, js_name = rhoLeft)]
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

/// Not by `Debug`: the module that ships has none.
fn name(fate: Fate) -> &'static str {
    match fate {
        Fate::Reserved => "Reserved",
        Fate::Lost => "Lost",
        Fate::Ready => "Ready",
        Fate::Sent => "Sent",
        Fate::Refused => "Refused",
        Fate::Dropped => "Dropped",
    }
}
