//! The half of a device that contributes, as a worker drives it: effects become calls of the worker's host, and what comes of
//! them comes back. Descents are computed here, so that no gradient crosses to JavaScript but in a preview.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Object, Reflect, Uint8Array};
use privet::{
    Adjacency, Backend, Entry, Fate, Head, Limits, NanoRho, NewExamples,
    effects::{Advice, Answer, Choice, Descended, Effect, Mark, Moment, Refusal},
    hex,
    participation::{Call, Input, Leader, Output, Participation as Machine, Reply, Setup, Stage},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::{Shaders, Terms, js_error, now};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: web_sys::Crypto;

    /// What a worker does for it: each of these is answered by the number that comes first, later.
    pub type ContributionHost;

    #[wasm_bindgen(method)]
    fn read(this: &ContributionHost, id: u32, key: &str);
    #[wasm_bindgen(method)]
    fn keys(this: &ContributionHost, id: u32, prefix: &str);
    #[wasm_bindgen(method)]
    fn write(this: &ContributionHost, id: u32, changes: &Object, durable: bool);
    #[wasm_bindgen(method)]
    fn lock(this: &ContributionHost, id: u32, name: &str);
    #[wasm_bindgen(method)]
    fn unlock(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn timer(this: &ContributionHost, id: u32, ms: f64, awaited: bool);
    #[wasm_bindgen(method)]
    fn now(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn cancel(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn persisted(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn upload(this: &ContributionHost, id: u32, url: &str, bytes: Vec<u8>, token: Option<String>);
    #[wasm_bindgen(method)]
    fn tokens(this: &ContributionHost, id: u32, key: Vec<u8>, blank: Vec<u8>, count: u32);
    #[wasm_bindgen(method, js_name = newExamples)]
    fn new_examples(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn contributed(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method, js_name = keepProfile)]
    fn keep_profile(this: &ContributionHost, id: u32);
    #[wasm_bindgen(method)]
    fn refresh(this: &ContributionHost, id: u32);

    /// A call has come to this.
    #[wasm_bindgen(method)]
    fn replied(this: &ContributionHost, call: u32, value: &JsValue);
    #[wasm_bindgen(method)]
    fn failed(this: &ContributionHost, call: u32, error: &JsValue);
    #[wasm_bindgen(method)]
    fn progress(this: &ContributionHost, call: u32, stage: &str);
}

/// Decides when and how this device contributes, and does it by a worker's hands.
#[wasm_bindgen]
pub struct Participation {
    core: Rc<Core>,
}

struct Core {
    machine: RefCell<Machine>,
    host: ContributionHost,
    /// The head that is published, where it can be read.
    head: RefCell<Option<Rc<Head>>>,
    /// What computes; lent while it does.
    backend: RefCell<Backend>,
}

#[wasm_bindgen]
impl Participation {
    /// `leader` is nothing where nobody is contributed to. `plain`: not the kernels compute, but the twins that define what
    /// these compute.
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "an object would be read field by field"
    )]
    #[wasm_bindgen(constructor)]
    pub fn new(
        host: ContributionHost,
        terms: Terms,
        leader: Option<String>,
        one_owner: bool,
        lasting: bool,
        scheduled: bool,
        tokens: bool,
        allow_evictable: bool,
        plain: bool,
    ) -> Self {
        let leader = leader.map(|url| Leader { url, one_owner });
        let setup = Setup { terms: terms.terms, leader, lasting, scheduled, tokens, allow_evictable };
        let backend = RefCell::new(if plain { Backend::Scalar } else { Backend::simd() });
        let machine = RefCell::new(Machine::new(setup));
        Self { core: Rc::new(Core { machine, host, head: RefCell::default(), backend }) }
    }

    /// What the user chose.
    pub fn chosen(&self, contribute: bool, paused: bool) {
        self.core.input(Input::Chosen(Choice { contribute, paused }));
    }

    /// What the device that ranks was opened for: a signed round (no bytes: none) and its head.
    pub fn published(&self, round: Vec<u8>, head: Vec<u8>) {
        *self.core.head.borrow_mut() = Head::decode(&head).ok().map(Rc::new);
        self.core.input(Input::Published { round, head });
    }

    /// Something was forgotten: no noised vector outlives what it was made from.
    pub fn forgotten(&self) {
        self.core.input(Input::Forgotten);
    }

    /// The session begins, or the user chose anew.
    pub fn session(&self, call: u32, since_ms: f64) {
        self.core.input(Input::Call(call, Call::Session { since_ms }));
    }

    /// A contribution now, under the idempotency key of a tab's call.
    pub fn contribute(&self, call: u32, tab: String, number: u32) {
        self.core.input(Input::Call(call, Call::Contribute(Mark { tab, call: number })));
    }

    /// `giveUp`, `widen`, `preview`, `statement`, `account`, `entries` or `log`.
    pub fn ask(&self, call: u32, what: &str) {
        let what = match what {
            "giveUp" => Call::GiveUp,
            "widen" => Call::Widen,
            "preview" => Call::Preview,
            "statement" => Call::Statement,
            "account" => Call::Account,
            "entries" => Call::Entries,
            _ => Call::Log,
        };
        self.core.input(Input::Call(call, what));
    }

    /// Whoever made this call waits no more.
    #[wasm_bindgen(js_name = gaveUp)]
    pub fn gave_up(&self, call: u32, code: String, message: String) {
        self.core.input(Input::GaveUp(call, Refusal::new(code, message)));
    }

    /// What came of an effect: nothing, bytes, or whether it is so.
    pub fn answered(&self, id: u32, value: &JsValue) {
        let answer = match (value.as_bool(), value.dyn_ref::<Uint8Array>()) {
            (Some(told), _) => Answer::Told(told),
            (_, Some(bytes)) => Answer::Bytes(Some(bytes.to_vec())),
            _ => Answer::Bytes(None),
        };
        self.core.input(Input::Answer(id, Ok(answer)));
    }

    /// The keys that were asked for.
    #[wasm_bindgen(js_name = keysAre)]
    pub fn keys_are(&self, id: u32, keys: Vec<String>) {
        self.core.input(Input::Answer(id, Ok(Answer::Keys(keys))));
    }

    /// The tokens that were asked for.
    #[wasm_bindgen(js_name = tokensAre)]
    pub fn tokens_are(&self, id: u32, tokens: Vec<Uint8Array>) {
        let tokens = tokens.iter().map(Uint8Array::to_vec).collect();
        self.core.input(Input::Answer(id, Ok(Answer::Tokens(tokens))));
    }

    /// The server holds the upload.
    pub fn acknowledged(&self, id: u32, count: u32, min_cohort: u32) {
        self.core.input(Input::Answer(id, Ok(Answer::Acknowledged { count, min_cohort })));
    }

    /// An effect was refused. `advice` is `retry`, `refetch` or `stop` where a server said so; `status` 0 where nobody answered.
    pub fn refused(&self, id: u32, code: String, message: String, advice: Option<String>, status: u16) {
        let advice = advice.and_then(|advice| match &advice[..] {
            "retry" => Some(Advice::Retry),
            "refetch" => Some(Advice::Refetch),
            "stop" => Some(Advice::Stop),
            _ => None,
        });
        self.core.input(Input::Answer(id, Err(Refusal::new(code, message).by_a_server(advice, status))));
    }

    /// `webgpu`, `simd` or `scalar`.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        self.core.backend.borrow().name().into()
    }

    /// What was wrong with the GPU, where there was something.
    #[wasm_bindgen(getter)]
    pub fn trouble(&self) -> Option<String> {
        self.core.backend.borrow().trouble().map(|trouble| trouble.code().into())
    }

    /// From here on these compute.
    #[wasm_bindgen(js_name = computeBy)]
    pub fn compute_by(&self, shaders: Shaders) {
        *self.core.backend.borrow_mut() = shaders.backend;
    }

    /// From here on the CPU computes.
    #[wasm_bindgen(js_name = giveBack)]
    pub fn give_back(&self) {
        *self.core.backend.borrow_mut() = Backend::simd();
    }

    /// At most so many steps of what the ranking module lent, by the GPU; nothing where there is none that computes, or no
    /// step to take. In the device's turn.
    pub async fn tune(&self, lent: Vec<u8>, most: u32) -> Result<Option<Tuned>, JsValue> {
        let core = Rc::clone(&self.core);
        let Some(head) = core.head() else { return Ok(None) };
        let mut backend = core.lend();
        let tuned = backend.tune(&head, &lent, most).await;
        core.backend.replace(backend);
        Ok(tuned.map_err(js_error)?.map(|tuned| Tuned { steps: tuned.steps, state: tuned.state }))
    }

    /// What the GPU makes of candidates, for the ranking module; nothing where there is none that computes. In the device's
    /// turn.
    pub async fn score(&self, batch: Vec<u8>) -> Result<Option<Vec<f32>>, JsValue> {
        let core = Rc::clone(&self.core);
        let mut backend = core.lend();
        let scored = backend.score(&batch).await;
        core.backend.replace(backend);
        scored.map_err(js_error)
    }
}

impl Core {
    fn input(self: &Rc<Self>, input: Input) {
        let mut random = [0; 32];
        let random =
            CRYPTO.with(|source| source.get_random_values_with_u8_array(&mut random)).is_ok().then_some(random);
        let moment = Moment { wall_ms: js_sys::Date::now() as u64, running_ms: now(), random };
        // The host may answer at once: nothing of the machine is held while it is asked.
        let outputs = self.machine.borrow_mut().handle(moment, input);
        for output in outputs {
            match output {
                Output::Effect(id, effect) => self.perform(id, effect),
                Output::Progress(call, stage) => self.host.progress(call, name_of(stage)),
                Output::Reply(call, reply) => match *reply {
                    Ok(reply) => self.host.replied(call, &value_of(reply)),
                    Err(refusal) => self.host.failed(call, &error_of(&refusal)),
                },
            }
        }
    }

    fn perform(self: &Rc<Self>, id: u32, effect: Effect) {
        let host = &self.host;
        match effect {
            Effect::Read(key) => host.read(id, &key),
            Effect::Keys(prefix) => host.keys(id, &prefix),
            Effect::Write { changes, durable } => {
                let object = Object::new();
                for (key, value) in changes {
                    let value = value.map_or(JsValue::UNDEFINED, |bytes| Uint8Array::from(&bytes[..]).into());
                    set(&object, &key, value);
                }
                host.write(id, &object, durable);
            }
            Effect::Lock(name) => host.lock(id, name),
            Effect::Unlock(lock) => host.unlock(lock),
            Effect::Timer { ms, awaited } => host.timer(id, ms, awaited),
            Effect::Now => host.now(id),
            Effect::Cancel(effect) => host.cancel(effect),
            Effect::Persisted => host.persisted(id),
            Effect::Upload { url, bytes, token } => host.upload(id, &url, bytes, token.as_deref().map(hex)),
            Effect::Tokens { key, blank, count } => host.tokens(id, key, blank, count),
            Effect::Descend(new_examples) => {
                let core = Rc::clone(self);
                spawn_local(async move {
                    let answer = core.descended(&new_examples).await;
                    core.input(Input::Answer(id, answer));
                });
            }
            Effect::NewExamples => host.new_examples(id),
            Effect::Contributed => host.contributed(id),
            Effect::KeepProfile => host.keep_profile(id),
            Effect::Refresh => host.refresh(id),
            // The half that ranks asks for these.
            Effect::Clear
            | Effect::FetchRound
            | Effect::FetchHead(_)
            | Effect::OwnHead
            | Effect::GiveUp
            | Effect::Published
            | Effect::Chosen(_)
            | Effect::Forgotten => {}
        }
    }

    async fn descended(&self, new_examples: &[u8]) -> Result<Answer, Refusal> {
        let head = self.head().ok_or_else(|| Refusal::new("head-refused", "there is no head to descend from"))?;
        let new_examples = NewExamples::decode(&head, new_examples)?;
        let mut backend = self.lend();
        let descended = backend.descent(&head, &new_examples).await;
        self.backend.replace(backend);
        Ok(Answer::Descended(Descended(descended)))
    }

    fn head(&self) -> Option<Rc<Head>> {
        self.head.borrow().clone()
    }

    /// What computes, to be put back: one at a time has the device's turn.
    fn lend(&self) -> Backend {
        self.backend.replace(Backend::simd())
    }
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

fn set(object: &Object, key: &str, value: impl Into<JsValue>) {
    // A plain object takes every key.
    _ = Reflect::set(object, &key.into(), &value.into());
}

fn object<const N: usize>(fields: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (key, value) in fields {
        if !value.is_undefined() {
            set(&object, key, value);
        }
    }
    object
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn error_of(refusal: &Refusal) -> JsValue {
    let error = js_sys::Error::new(&refusal.message);
    set(&error, "code", &*refusal.code);
    if refusal.advice == Some(Advice::Refetch) {
        set(&error, "advice", "refetch");
    }
    error.into()
}

fn value_of(reply: Reply) -> JsValue {
    match reply {
        Reply::Done => JsValue::UNDEFINED,
        Reply::Receipt(it) => object([
            ("round", it.round.into()),
            ("id", it.id.into()),
            ("bytes", bytes(&it.bytes)),
            ("rho", it.rho.into()),
            ("count", it.progress.0.into()),
            ("minCohort", it.progress.1.into()),
            ("examples", it.made.examples.into()),
            ("gradientMs", it.made.gradient_ms.into()),
            ("releaseMs", it.made.release_ms.into()),
            ("sendMs", it.send_ms.into()),
        ])
        .into(),
        Reply::Preview(it, examples) => object([
            ("examples", examples.into()),
            ("gradient", js_sys::Float32Array::from(&it.gradient[..]).into()),
            ("clipped", js_sys::Int32Array::from(&it.clipped[..]).into()),
            ("noise", js_sys::Int32Array::from(&it.noise[..]).into()),
            ("deviation", it.deviation.into()),
            ("uploadBytes", (it.upload_bytes as u32).into()),
            ("rho", it.cost.trusted.rho().into()),
            ("rhoAlone", it.cost.alone.rho().into()),
            ("rhoLeft", it.left.rho().into()),
        ])
        .into(),
        Reply::Statement(text) => text.into(),
        Reply::Account(it) => object([
            ("rhoSpent", it.spent.into()),
            ("rhoAgainstNothing", it.against_nothing.into()),
            ("rhoAgainstAnyOther", it.against_any_other.into()),
            ("rhoLeft", it.left.into()),
            ("widened", it.widened.into_iter().map(widening).collect::<Array>().into()),
            ("wantsWider", it.wants_wider.map_or(JsValue::UNDEFINED, widening)),
            ("refused", it.refused.into()),
        ])
        .into(),
        Reply::Entries(entries) => entries.iter().map(entry).collect::<Array>().into(),
        Reply::Log(log) => {
            let sending = |(it, noised): (privet::participation::Sending, Option<Vec<i32>>)| -> JsValue {
                let answer = it.answer.map_or(JsValue::UNDEFINED, |answer| {
                    let (count, min_cohort) = answer.progress.unzip();
                    let fields = [
                        ("status", answer.status.into()),
                        ("code", answer.code.into()),
                        ("count", count.into()),
                        ("minCohort", min_cohort.into()),
                    ];
                    object(fields).into()
                });
                object([
                    ("time", (it.time as f64).into()),
                    ("url", it.url.into()),
                    ("task", it.task.into()),
                    ("round", it.round.into()),
                    ("id", it.id.into()),
                    ("bytes", bytes(&it.bytes)),
                    ("token", it.token.into()),
                    ("signed", it.signed.as_deref().map_or(JsValue::UNDEFINED, bytes)),
                    ("noised", noised.map_or(JsValue::UNDEFINED, |it| js_sys::Int32Array::from(&it[..]).into())),
                    ("answer", answer),
                ])
                .into()
            };
            log.into_iter().map(sending).collect::<Array>().into()
        }
    }
}

fn entry(Entry { debit, fate, .. }: &Entry) -> JsValue {
    object([
        ("task", debit.task[..].into()),
        ("round", debit.round.into()),
        ("id", hex(&debit.id).into()),
        ("rho", debit.cost.trusted.rho().into()),
        ("rhoAlone", debit.cost.alone.rho().into()),
        ("fate", fate_of(*fate).into()),
        ("adjacency", if debit.cost.adjacency == Adjacency::Zeroed { "zeroed" } else { "replaced" }.into()),
    ])
    .into()
}

fn widening((from, to): (Limits, Limits)) -> JsValue {
    object([("from", limits(from)), ("to", limits(to))]).into()
}

fn limits(of: Limits) -> JsValue {
    object([
        ("lifetimeRho", of.lifetime.rho().into()),
        ("rhoPerRound", of.per_round.rho().into()),
        ("rhoAlonePerRound", of.alone_per_round.rho().into()),
        ("rhoAlone", of.alone.map_or_else(|| "none".into(), |alone: NanoRho| alone.rho().into())),
        ("waitMs", (of.wait_ms as f64).into()),
        ("sessions", of.sessions.into()),
        ("intervalMs", (of.interval_ms as f64).into()),
    ])
    .into()
}

/// Not by `Debug`: the module that ships has none.
fn name_of(stage: Stage) -> &'static str {
    match stage {
        Stage::Reserved => "reserved",
        Stage::Ready => "ready",
        Stage::Sent => "sent",
    }
}

fn fate_of(fate: Fate) -> &'static str {
    match fate {
        Fate::Reserved => "reserved",
        Fate::Lost => "lost",
        Fate::Ready => "ready",
        Fate::Sent => "sent",
        Fate::Refused => "refused",
        Fate::Dropped => "dropped",
    }
}
