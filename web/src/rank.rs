//! The module that ranks: it loads first, and has no way to release anything.

use js_sys::Math;
use privet::{
    Event, Moment, Request, Selector, hex,
    order::{Cap, Freshness, Pin, Rules},
    running::Verdict,
};
use wasm_bindgen::prelude::*;

use crate::{Items, Slate, Terms, js_error, key, now, whole};

#[wasm_bindgen]
impl Terms {
    /// A signed round, verified and admitted by the policy.
    pub fn admit(&self, round: &[u8]) -> Result<Round, JsValue> {
        self.terms.admit(round).map(|admitted| Round { admitted }).map_err(js_error)
    }
}

/// A round that this device takes part in.
#[wasm_bindgen]
pub struct Round {
    admitted: privet::Admitted,
}

#[wasm_bindgen]
impl Round {
    /// The hash of its head, in hexadecimal.
    #[wasm_bindgen(getter)]
    pub fn head(&self) -> String {
        hex(&self.admitted.round().head)
    }
}

/// The ranking half of a device: profile and head.
#[wasm_bindgen]
pub struct Ranker {
    ranker: privet::Ranker,
}

#[wasm_bindgen]
impl Ranker {
    /// Opens a ranker for a round and its head.
    pub fn open(round: &Round, head: &[u8]) -> Result<Ranker, JsValue> {
        let policy = *round.admitted.policy();
        let ranker = privet::Ranker::new(Some(round.admitted.clone()), policy, head);
        ranker.map(|ranker| Self { ranker }).map_err(js_error)
    }

    /// Opens one without a round, for a head that the application vouches for.
    pub fn local(terms: &Terms, head: &[u8]) -> Result<Ranker, JsValue> {
        privet::Ranker::new(None, terms.terms.policy, head).map(|ranker| Self { ranker }).map_err(js_error)
    }

    /// What the next contribution is computed from, for the module that releases.
    pub fn fresh(&self) -> Vec<u8> {
        self.ranker.new_examples().encode()
    }

    /// All of that went into a contribution.
    pub fn contributed(&mut self) {
        self.ranker.contributed();
    }

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
        let kind = self.ranker.head().schema.kind(kind).map_err(js_error)?;
        let Some(item) = items.into_items().into_iter().next() else { return Ok(()) };
        let event = Event { value, ..Event::new(kind, item, moment(ms, offset_min)) };
        let recorded = match slate {
            Some(slate) => self.ranker.record_on(slate, event),
            None => self.ranker.record(event),
        };
        recorded.map_err(js_error)
    }

    /// The candidates in the order in which to show them. `limit` 0 is all of them. `caps` are pairs of an attribute's
    /// place and a number, `pins` of a candidate and a place; `freshness` is nothing, or the place of a dense number,
    /// under what it is fresh, the bonus, and the least number of fresh ones within so many places. `seen` is what the module
    /// that releases made of [`Ranker::scoring_batch`].
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
        seen: Option<Vec<f32>>,
    ) -> Result<Slate, JsValue> {
        let pairs = |pairs: &[u32]| pairs.as_chunks::<2>().0.to_vec();
        let cap = |[attribute, most]: [u32; 2]| Cap { attribute: attribute as usize, most: most as usize };
        let pin = |[candidate, place]: [u32; 2]| Pin { candidate, place: place as usize };
        let freshness = freshness.first_chunk();
        let fresh = |&[_, younger_than, bonus, least, within]: &[f32; 5]| Freshness {
            younger_than,
            bonus,
            least: least as usize,
            within: within as usize,
        };
        let rules = Rules {
            diversity,
            caps: pairs(caps).into_iter().map(cap).collect(),
            pins: pairs(pins).into_iter().map(pin).collect(),
            freshness: freshness.map(fresh),
            ..Rules::of(limit as usize)
        };
        let request = Request { rules, age: freshness.map_or(0, |&[age, ..]| age as usize) };
        // Which order is shown is no secret: any randomness will do, and a page without a random source still ranks.
        let random = || ((Math::random() * 2.0_f64.powi(53)) as u64).to_le_bytes();
        let mut draw = [0; 16];
        draw[..8].copy_from_slice(&random());
        draw[8..].copy_from_slice(&random());
        let (candidates, seen) = (candidates.into_items(), seen.unwrap_or_default());
        let slate = self.ranker.rerank_scored((&candidates, moment(ms, offset_min), &seen), &request, draw);
        slate.map(Slate::from).map_err(js_error)
    }

    /// These candidates as they are to be scored by a GPU; no bytes where there is nothing personal to score them by.
    #[wasm_bindgen(js_name = scoringBatch)]
    pub fn scoring_batch(&self, candidates: Items, ms: f64, offset_min: i16) -> Result<Vec<u8>, JsValue> {
        self.ranker.scoring_batch(&candidates.into_items(), moment(ms, offset_min)).map_err(js_error)
    }

    /// The slate was on the screen; whether that was not known before.
    pub fn shown(&mut self, slate: u32) -> bool {
        self.ranker.shown(slate)
    }

    /// Whether this device's order is shown, but for interleavings, and not the server's.
    #[wasm_bindgen(getter)]
    pub fn personal(&self) -> bool {
        self.ranker.verdict() == Verdict::Personal
    }

    /// How both orders did: the share of interleavings that the personal one won less the server's (the best guess and
    /// the ends of its 95% interval; no numbers before there are any); slates that are closed;
    /// interleavings that the server's order won, the personal one, and neither; clicks on no open slate.
    pub fn report(&self) -> Vec<f64> {
        let report = self.ranker.report();
        let difference = report.difference.map_or([f64::NAN; 3], |it| [it.estimate, it.low, it.high]);
        let (server, personal, neither) = report.interleaved;
        let counts = [report.slates, server, personal, neither, report.clicks_ignored].map(|count| count as f64);
        difference.into_iter().chain(counts).collect()
    }

    /// What is remembered, to be read. Three numbers: events, those that spoke for an item, and how many of the latest
    /// things that the user did follow, at most so many. Of each four: the kind's place, when, and the two halves of the
    /// item's key. Then of each value that was counted seven: the attribute's place, the halves of its key, how much was
    /// chosen and shown as it counts at this moment, the rate, and the population's.
    pub fn told(&self, most: usize, ms: f64) -> Vec<f64> {
        let (schema, profile) = (&self.ranker.head().schema, self.ranker.profile());
        let half = |key: u64| [f64::from((key >> 32) as u32), f64::from(key as u32)];
        let mut numbers = vec![profile.events() as f64, profile.evidence() as f64, 0.0];
        for action in self.ranker.memory().actions().take(most) {
            let [high, low] = half(action.item);
            numbers[2] += 1.0;
            numbers.extend_from_slice(&[f64::from(action.kind), action.ms as f64, high, low]);
        }
        for it in profile.counted(schema, whole(ms)) {
            let [high, low] = half(it.value);
            let usual = schema.attributes[usize::from(it.attribute)].rate;
            numbers.extend_from_slice(&[f64::from(it.attribute), high, low]);
            numbers.extend_from_slice(&[it.chosen, it.shown, it.rate, usual].map(f64::from));
        }
        numbers
    }

    /// Learns for at most so long, and one step longer; whether there is more to learn.
    pub fn train(&mut self, max_ms: f64) -> bool {
        let start = now();
        self.ranker.train(|| now() - start >= max_ms)
    }

    /// At most so many of the steps that are owed, for the module that releases to take.
    pub fn lend(&mut self, most: u32) -> Vec<u8> {
        self.ranker.lend(most)
    }

    /// So many of them were taken, and this is what came of them.
    pub fn took(&mut self, steps: u32, state: &[f32]) -> Result<(), JsValue> {
        self.ranker.take_back(steps, state).map_err(js_error)
    }

    /// Forgets all about the item of this id; how many events were dropped.
    #[wasm_bindgen(js_name = forgetItem)]
    pub fn forget_item(&mut self, id: &str) -> u32 {
        self.ranker.forget(Selector::Item(key(id))) as u32
    }

    /// Forgets all about items with this value of an attribute.
    #[wasm_bindgen(js_name = forgetAttribute)]
    pub fn forget_attribute(&mut self, name: &str, value: &str) -> Result<u32, JsValue> {
        let place = self.ranker.head().schema.attribute(name).map_err(js_error)?;
        Ok(self.ranker.forget(Selector::Attribute(place, key(value))) as u32)
    }

    /// Forgets what happened from the first of these times until before the second.
    #[wasm_bindgen(js_name = forgetTime)]
    pub fn forget_time(&mut self, from_ms: f64, to_ms: f64) -> u32 {
        self.ranker.forget(Selector::Time(whole(from_ms), whole(to_ms))) as u32
    }

    /// All that is remembered: for the user alone.
    pub fn export(&self) -> Vec<u8> {
        self.ranker.export()
    }

    /// Takes back what [`Ranker::export`] wrote; with `anew`, under another head, from which it is learnt again.
    pub fn import(&mut self, bytes: &[u8], anew: bool) -> Result<(), JsValue> {
        let taken = if anew { self.ranker.adopt(bytes) } else { self.ranker.import(bytes) };
        taken.map_err(js_error)
    }

    /// The names that the schema has: of the numbers that every item carries, of the attributes that it can have, and of
    /// the kinds of events, by 0, 1 and 2.
    pub fn names(&self, of: u8) -> Vec<String> {
        let schema = &self.ranker.head().schema;
        match of {
            0 => schema.dense.iter().map(|dense| dense.name.clone()).collect(),
            1 => schema.attributes.iter().map(|attribute| attribute.name.clone()).collect(),
            _ => schema.kinds.iter().map(|kind| kind.name.clone()).collect(),
        }
    }

    /// Whether its kernels are built for SIMD.
    #[wasm_bindgen(getter)]
    pub fn simd(&self) -> bool {
        privet::SIMD
    }

    /// The number of the round.
    #[wasm_bindgen(getter)]
    pub fn round(&self) -> u32 {
        self.ranker.round().number
    }

    /// Whether an upload to the round has to come with a token.
    #[wasm_bindgen(getter, js_name = wantsToken)]
    pub fn wants_token(&self) -> bool {
        self.ranker.round().token_key.is_some()
    }

    /// How many parameters the head has.
    #[wasm_bindgen(getter)]
    pub fn dimension(&self) -> u32 {
        self.ranker.round().dimension
    }

    /// How many events the profile holds.
    #[wasm_bindgen(getter)]
    pub fn events(&self) -> f64 {
        self.ranker.profile().events() as f64
    }

    /// How many steps there are to learn.
    #[wasm_bindgen(getter)]
    pub fn owed(&self) -> f64 {
        self.ranker.owed() as f64
    }

    /// What a device spends in all, and a new one has left.
    #[wasm_bindgen(getter, js_name = lifetimeRho)]
    pub fn lifetime_rho(&self) -> f64 {
        self.ranker.policy().lifetime.rho()
    }
}

fn moment(ms: f64, offset_min: i16) -> Moment {
    Moment { ms: whole(ms), offset_min }
}
