//! The bindings between the core and JavaScript: types change here, and nothing is decided.
//!
//! Numbers, strings and typed arrays cross this line, and a few handles, first of all [`Device`]. A gradient does in
//! [`Device::preview`] alone, for the eyes of the person whose data it is.

mod entries;
#[cfg(feature = "full")]
mod full;
mod items;
#[cfg(not(feature = "full"))]
mod rank;

use js_sys::{Math, Reflect, global};
use privet::{
    Error, Event, Moment, Pins, Policy, Request, Selector, Signed, Unsent, hex,
    order::{Cap, Freshness, Pin},
    running::{Interval, Verdict},
};
use wasm_bindgen::prelude::*;
use web_sys::Performance;

#[cfg(feature = "full")]
use full::Core;
#[cfg(feature = "full")]
pub use full::{Contribution, Preview, epsilon, inspect};
pub use items::{Items, Slate, key};
#[cfg(not(feature = "full"))]
use rank::Core;

/// What the application fixes, and no server can change: the task, the pinned keys, and the device's policy.
#[wasm_bindgen]
#[derive(Clone)]
pub struct Terms {
    terms: privet::Terms,
}

#[wasm_bindgen]
impl Terms {
    /// The default policy. Keys are 32 bytes; any other length is a key that nobody can have signed with.
    #[wasm_bindgen(constructor)]
    pub fn new(task: String, leader: &[u8], helper: Option<Vec<u8>>) -> Self {
        let key = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
        let pins = Pins { leader: key(leader), helper: helper.map(|bytes| key(&bytes)) };
        Self { terms: privet::Terms { task, pins, policy: Policy::default() } }
    }

    /// All that this device ever spends.
    #[wasm_bindgen(setter, js_name = lifetimeRho)]
    pub fn set_lifetime_rho(&mut self, rho: f64) {
        self.terms.policy.lifetime = Policy::limit(rho);
    }

    /// The most that one round may cost.
    #[wasm_bindgen(setter, js_name = rhoPerRound)]
    pub fn set_rho_per_round(&mut self, rho: f64) {
        self.terms.policy.per_round = Policy::limit(rho);
    }

    /// The most that one round may cost where nobody else is honest. Left out: that is recorded and not limited.
    #[wasm_bindgen(setter, js_name = rhoAlone)]
    pub fn set_rho_alone(&mut self, rho: f64) {
        self.terms.policy.alone = Some(Policy::limit(rho));
    }

    /// The least number of devices over which a round may be opened.
    #[wasm_bindgen(setter, js_name = minCohort)]
    pub fn set_min_cohort(&mut self, devices: u32) {
        self.terms.policy.min_cohort = devices;
    }

    /// The largest number of devices that a round may wait for.
    #[wasm_bindgen(setter, js_name = maxCohort)]
    pub fn set_max_cohort(&mut self, devices: u32) {
        self.terms.policy.max_cohort = devices;
    }

    /// The largest number of parameters that a head may have.
    #[wasm_bindgen(setter, js_name = maxDimension)]
    pub fn set_max_dimension(&mut self, parameters: u32) {
        self.terms.policy.dimension = parameters;
    }

    /// The largest delta.
    #[wasm_bindgen(setter, js_name = maxDelta)]
    pub fn set_max_delta(&mut self, delta: f64) {
        self.terms.policy.delta = delta;
    }

    /// The least noise multiplier.
    #[wasm_bindgen(setter, js_name = minNoiseMultiplier)]
    pub fn set_min_noise_multiplier(&mut self, multiplier: f64) {
        self.terms.policy.noise_multiplier = multiplier;
    }

    /// Whether rounds may have this device add all of the noise, and whether they may split it between devices.
    #[wasm_bindgen(js_name = allowModes)]
    pub fn allow_modes(&mut self, device: bool, split: bool) {
        self.terms.policy.device = device;
        self.terms.policy.split = split;
    }

    /// How long a new ledger waits before its first contribution.
    #[wasm_bindgen(setter, js_name = waitMs)]
    pub fn set_wait_ms(&mut self, ms: f64) {
        self.terms.policy.wait_ms = span(ms);
    }

    /// How many sessions must have started before it.
    #[wasm_bindgen(setter)]
    pub fn set_sessions(&mut self, sessions: u32) {
        self.terms.policy.sessions = sessions;
    }

    /// How far apart two contributions to one task are.
    #[wasm_bindgen(setter, js_name = intervalMs)]
    pub fn set_interval_ms(&mut self, ms: f64) {
        self.terms.policy.interval_ms = span(ms);
    }

    /// One slate in this many is an interleaving of both orders; 0 for none.
    #[wasm_bindgen(setter, js_name = interleaveEvery)]
    pub fn set_interleave_every(&mut self, slates: u32) {
        self.terms.policy.interleave_every = slates;
    }

    /// The hash, in hexadecimal, of the head that a signed round names.
    #[wasm_bindgen(js_name = headOf)]
    pub fn head_of(&self, round: &[u8]) -> Result<String, JsValue> {
        let round = Signed::decode(round).and_then(|signed| signed.verify_round(&self.terms.pins));
        round.map(|round| hex(&round.head)).map_err(js_error)
    }
}

/// A device: profile, head and ledger; in the full module with what it takes to contribute.
#[wasm_bindgen]
pub struct Device {
    device: Core,
}

#[wasm_bindgen]
impl Device {
    /// Remembers what the user did with the first of these items. `value` is the number that some kinds carry; `slate`
    /// names the one it was on, and then the item's id is enough. `offset_min` is what the user's clock adds to UTC.
    pub fn record(
        &mut self,
        kind: &str,
        items: Items,
        value: f32,
        slate: Option<u32>,
        ms: f64,
        offset_min: i16,
    ) -> Result<(), JsValue> {
        let kind = self.device.head().schema.kind(kind).map_err(js_error)?;
        let Some(item) = items.into_items().into_iter().next() else { return Ok(()) };
        let event = Event { value, ..Event::new(kind, item, moment(ms, offset_min)) };
        let recorded = match slate {
            Some(slate) => self.device.record_on(slate, event),
            None => self.device.record(event),
        };
        recorded.map_err(js_error)
    }

    /// The candidates in the order in which to show them. `limit` 0 is all of them. `caps` are pairs of an attribute's
    /// place and a number, `pins` of a candidate and a place; `freshness` is nothing, or the place of a dense number,
    /// under what it is fresh, the bonus, and the least number of fresh ones within so many places.
    #[expect(clippy::too_many_arguments, reason = "an object would be read field by field")]
    pub fn rerank(
        &mut self,
        candidates: Items,
        limit: u32,
        diversity: f32,
        caps: &[u32],
        pins: &[u32],
        freshness: &[f32],
        ms: f64,
        offset_min: i16,
    ) -> Result<Slate, JsValue> {
        let pairs = |pairs: &[u32]| pairs.as_chunks::<2>().0.to_vec();
        let cap = |[attribute, most]: [u32; 2]| Cap { attribute: attribute as usize, most: most as usize };
        let pin = |[candidate, place]: [u32; 2]| Pin { candidate, place: place as usize };
        let fresh = |&[dense, younger_than, bonus, least, within]: &[f32; 5]| {
            (dense as usize, Freshness { younger_than, bonus, least: least as usize, within: within as usize })
        };
        let request = Request {
            limit: limit as usize,
            diversity,
            caps: pairs(caps).into_iter().map(cap).collect(),
            pins: pairs(pins).into_iter().map(pin).collect(),
            freshness: freshness.first_chunk().map(fresh),
        };
        // Which order is shown is no secret: any randomness will do, and a page without a random source still ranks.
        let random = || ((Math::random() * 2.0_f64.powi(53)) as u64).to_le_bytes();
        let mut draw = [0; 16];
        draw[..8].copy_from_slice(&random());
        draw[8..].copy_from_slice(&random());
        let slate = self.device.rerank(&candidates.into_items(), moment(ms, offset_min), &request, draw);
        slate.map(Slate::from).map_err(js_error)
    }

    /// The slate was on the screen; whether that was not known before.
    pub fn shown(&mut self, slate: u32) -> bool {
        self.device.shown(slate)
    }

    /// Whether this device's order is shown, but for interleavings, and not the server's.
    #[wasm_bindgen(getter)]
    pub fn personal(&self) -> bool {
        self.device.verdict() == Verdict::Personal
    }

    /// How both orders did: NDCG of the server's, of the personal one, and of the second less the first, three numbers
    /// each (the best guess and the ends of its 95% interval; no numbers before there are any); slates compared;
    /// interleavings that the server's order won, the personal one, and neither; clicks on no open slate.
    pub fn report(&self) -> Vec<f64> {
        let report = self.device.report();
        let three = |interval: Option<Interval>| {
            interval.map_or([f64::NAN; 3], |Interval { estimate, low, high }| [estimate, low, high])
        };
        let (server, personal, neither) = report.interleaved;
        let counts = [report.slates, server, personal, neither, report.clicks_ignored].map(|count| count as f64);
        let estimates = [report.server, report.personal, report.difference].map(three);
        estimates.into_iter().flatten().chain(counts).collect()
    }

    /// Learns for at most so long, and one step longer; whether there is more to learn.
    pub fn train(&mut self, max_ms: f64) -> Result<bool, JsValue> {
        let performance = from_global::<Performance>("performance")?;
        let start = performance.now();
        Ok(self.device.train(|| performance.now() - start >= max_ms))
    }

    /// Forgets all about the item of this id; how many events were dropped.
    #[wasm_bindgen(js_name = forgetItem)]
    pub fn forget_item(&mut self, id: &str) -> u32 {
        self.device.forget(Selector::Item(key(id))) as u32
    }

    /// Forgets all about items with this value of an attribute.
    #[wasm_bindgen(js_name = forgetAttribute)]
    pub fn forget_attribute(&mut self, name: &str, value: &str) -> Result<u32, JsValue> {
        let place = self.device.head().schema.attribute(name).map_err(js_error)?;
        Ok(self.device.forget(Selector::Attribute(place, key(value))) as u32)
    }

    /// Forgets what happened from the first of these times until before the second.
    #[wasm_bindgen(js_name = forgetTime)]
    pub fn forget_time(&mut self, from_ms: f64, to_ms: f64) -> u32 {
        self.device.forget(Selector::Time(whole(from_ms), whole(to_ms))) as u32
    }

    /// All that is remembered: for the user alone.
    pub fn export(&self) -> Vec<u8> {
        self.device.export()
    }

    /// Takes back what [`Device::export`] wrote; with `anew`, under another head, from which it is learnt again.
    pub fn import(&mut self, bytes: &[u8], anew: bool) -> Result<(), JsValue> {
        let taken = if anew { self.device.adopt(bytes) } else { self.device.import(bytes) };
        taken.map_err(js_error)
    }

    /// The names of the numbers that every item carries, in their order.
    #[wasm_bindgen(getter)]
    pub fn dense(&self) -> Vec<String> {
        self.device.head().schema.dense.iter().map(|dense| dense.name.clone()).collect()
    }

    /// The names of the attributes that an item can have, in their order.
    #[wasm_bindgen(getter)]
    pub fn attributes(&self) -> Vec<String> {
        self.device.head().schema.attributes.iter().map(|attribute| attribute.name.clone()).collect()
    }

    /// A session starts. Each of these takes the stored ledger and returns the bytes to store in its place; when they
    /// are durable, [`Device::persisted`] says so.
    pub fn session(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        self.device.session(stored, whole(now_ms)).map_err(js_error)
    }

    /// Time passes.
    pub fn tick(&mut self, stored: &[u8], now_ms: f64) -> Result<Vec<u8>, JsValue> {
        self.device.tick(stored, whole(now_ms)).map_err(js_error)
    }

    /// What is to be sent, if anything is.
    pub fn unsent(&mut self, stored: &[u8]) -> Result<Option<Upload>, JsValue> {
        Ok(self.device.unsent(stored).map_err(js_error)?.map(|unsent| Upload { unsent }))
    }

    /// The server holds the upload.
    pub fn sent(&mut self, stored: &[u8], upload: &Upload) -> Result<Vec<u8>, JsValue> {
        self.device.sent(stored, upload.unsent.id).map_err(js_error)
    }

    /// The server refused the upload for good.
    pub fn refused(&mut self, stored: &[u8], upload: &Upload, code: &str) -> Result<Vec<u8>, JsValue> {
        self.device.refused(stored, upload.unsent.id, code).map_err(js_error)
    }

    /// The bytes returned last are durable.
    pub fn persisted(&mut self) -> Result<(), JsValue> {
        self.device.persisted().map_err(js_error)
    }

    /// The number of the round.
    #[wasm_bindgen(getter)]
    pub fn round(&self) -> u32 {
        self.device.round().number
    }

    /// How many parameters the head has.
    #[wasm_bindgen(getter)]
    pub fn dimension(&self) -> u32 {
        self.device.round().dimension
    }

    /// How many events the profile holds.
    #[wasm_bindgen(getter)]
    pub fn events(&self) -> f64 {
        self.device.profile().events() as f64
    }

    /// How many steps there are to learn.
    #[wasm_bindgen(getter)]
    pub fn owed(&self) -> f64 {
        self.device.owed() as f64
    }

    /// The rho that was spent.
    #[wasm_bindgen(getter, js_name = rhoSpent)]
    pub fn rho_spent(&self) -> f64 {
        self.device.ledger().spent().trusted.rho()
    }

    /// The rho that is left.
    #[wasm_bindgen(getter, js_name = rhoLeft)]
    pub fn rho_left(&self) -> f64 {
        self.device.ledger().left().rho()
    }
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
        self.unsent.task.clone()
    }

    /// The round that it belongs to.
    #[wasm_bindgen(getter)]
    pub fn round(&self) -> u32 {
        self.unsent.round
    }

    /// Its id in hexadecimal.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        hex(&self.unsent.id)
    }

    /// Exactly what is to be sent.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.unsent.bytes.clone()
    }

    /// What it cost.
    #[wasm_bindgen(getter)]
    pub fn rho(&self) -> f64 {
        self.unsent.cost.trusted.rho()
    }
}

/// JavaScript's milliseconds are a double. One that is negative or no number is 0: a clock at its beginning.
fn whole(ms: f64) -> u64 {
    ms as u64
}

fn moment(ms: f64, offset_min: i16) -> Moment {
    Moment { ms: whole(ms), offset_min }
}

/// A span that an application wrote: what is no number never ends.
fn span(ms: f64) -> u64 {
    if ms.is_nan() { u64::MAX } else { ms as u64 }
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
