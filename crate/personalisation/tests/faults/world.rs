//! One store, whoever leads over it, a server, and whatever can go wrong between any two effects. A world is a seed: the same
//! one goes the same way again.

use std::collections::{BTreeMap, BTreeSet};

use privet_base::hex;
use privet_effects::{Answer, DEVICE, Effect, Id, Mark, Moment, Refusal, Result, memory::Memory};
use privet_model::{Head, Schema};
use privet_personalisation::{Act, Call, Input, Output, Personalisation, Reply, Setup};
use privet_ranker::{Request, Selector};
use privet_terms::Policy;
use privet_testkit::{Aggregators, item, over};
use privet_wire::Round;

use crate::step::{Asks, ITEMS, Step};

/// The host's own numbers for the lock that it holds while it hands over a call.
const TURNS: Id = 1 << 30;
const BEGIN_MS: u64 = 1_800_000_000_000;

/// A call that was handed over, or waits for its turn.
#[derive(Debug, Clone)]
struct Asked {
    asks: Asks,
    mark: Mark,
    /// Names the event that it records.
    ms: u64,
}

pub(crate) struct World {
    memory: Memory,
    machine: Personalisation,
    heads: Vec<Vec<u8>>,
    round: u32,
    silent: bool,
    /// What the other half says when it is asked to give up.
    pub(crate) gives_up: Result<()>,
    inputs: u64,
    calls: u32,
    /// Calls that wait for a turn with the device, by the host's number for it.
    turns: BTreeMap<Id, Asked>,
    open_calls: BTreeMap<u32, Asked>,
    last: Option<Asked>,
    slate: u32,
    /// What was exported last, and the events in it.
    exported: (Vec<u8>, BTreeMap<u64, u32>),
    /// Events that are in the profile for certain, and those that may be, by their times.
    certain: BTreeMap<u64, u32>,
    /// The latter with the call that brought them in last.
    possible: BTreeMap<u64, (u32, u32)>,
    /// Every event that was ever handed over.
    ever: BTreeMap<u64, u32>,
    /// When an item was forgotten last, or everything replaced.
    undone: [u64; ITEMS as usize],
    /// Whether anybody may be remembered.
    agreed: bool,
    is_open: bool,
    /// What was done or refused, and how often.
    pub(crate) came: BTreeMap<String, usize>,
}

impl World {
    pub(crate) fn new() -> Self {
        let head = |kappa| Head::starting(Schema::plain(16), 2, kappa).expect("a plain schema").encode();
        let mut memory = Memory::default();
        memory.wall_ms = BEGIN_MS;
        let write = Effect::Write { changes: vec![("ledger".into(), Some(vec![7]))], durable: true };
        memory.take(0, 0, write);
        memory.next(0);
        let heads = vec![head(4.0), head(5.0)];
        let mut world = Self {
            memory,
            machine: Personalisation::new(setup()),
            heads,
            round: 1,
            silent: false,
            gives_up: Ok(()),
            inputs: 0,
            calls: 0,
            turns: BTreeMap::new(),
            open_calls: BTreeMap::new(),
            last: None,
            slate: 0,
            exported: <_>::default(),
            certain: BTreeMap::new(),
            possible: BTreeMap::new(),
            ever: BTreeMap::new(),
            undone: [0; ITEMS as usize],
            agreed: false,
            is_open: false,
            came: BTreeMap::new(),
        };
        world.open();
        world.settle();
        world
    }

    fn head(&self) -> &[u8] {
        &self.heads[self.round as usize % 2]
    }

    fn round(&self) -> Vec<u8> {
        let head = Head::decode(self.head()).expect("our own bytes");
        Aggregators::default()
            .signed(&over(Round { number: self.round, task: "task".into(), ..Round::example() }, &head))
    }

    fn open(&mut self) {
        self.machine = Personalisation::new(setup());
        self.is_open = false;
        self.hand(Call::Open, None);
    }

    fn hand(&mut self, call: Call, asked: Option<Asked>) {
        self.calls += 1;
        if let Some(asked) = asked {
            self.open_calls.insert(self.calls, asked);
        }
        self.input(Input::Call(self.calls, call));
    }

    fn ask(&mut self, asked: Asked) {
        self.last = Some(asked.clone());
        // A tab asks when it knows that somebody leads.
        if self.is_open {
            self.inputs += 1;
            let turn = TURNS + self.inputs as Id;
            self.turns.insert(turn, asked);
            self.memory.take(0, turn, Effect::Lock(DEVICE));
        }
    }

    /// The device is ours: the call is handed over, and the turn given back.
    fn take_turn(&mut self, turn: Id) {
        let asked = self.turns.remove(&turn).expect("it was waited for");
        let mark = asked.mark.clone();
        let call = match asked.asks.clone() {
            Asks::Record(which) => {
                // Once it is asked for it may be in the profile; where it is refused as a whole it is not.
                if self.machine.personalises() {
                    self.possible.insert(asked.ms, (which, self.calls + 1));
                    self.ever.insert(asked.ms, which);
                }
                let (item, kind) = (item(which as usize, 0.0), "click".to_owned());
                let moment = privet_model::Moment { ms: asked.ms, offset_min: 0 };
                let slate = (self.slate > 0 && asked.ms.is_multiple_of(5)).then_some(self.slate);
                Some(Call::Record(Act { kind, item, value: 0.0, slate, moment }, mark))
            }
            Asks::Rerank => {
                self.rerank(asked.ms);
                None
            }
            Asks::Shown => Some(Call::Shown(self.slate, mark)),
            Asks::ForgetItem(which) => {
                self.certain.retain(|_, of| *of != which);
                self.undone[which as usize] = asked.ms;
                Some(Call::Forget(Selector::Item(u64::from(which)), mark))
            }
            Asks::ForgetTime => {
                self.undo_all(asked.ms);
                Some(Call::Forget(Selector::Time(0, asked.ms), mark))
            }
            Asks::Import(bytes) => {
                self.undo_all(asked.ms);
                // What was forgotten since comes back with it.
                let call = self.calls + 1;
                self.possible.extend(self.exported.1.iter().map(|(&ms, &which)| (ms, (which, call))));
                Some(Call::Import(if bytes.is_empty() { self.exported.0.clone() } else { bytes }, mark))
            }
            Asks::Keep => Some(Call::Keep),
            Asks::Consent(personalise, contribute) => {
                self.agreed |= personalise;
                Some(Call::Consent { personalise: Some(personalise), contribute: Some(contribute) })
            }
            Asks::Pause(paused) => Some(Call::Pause(paused)),
            Asks::Refresh => Some(Call::Refresh),
            Asks::Erase => {
                self.undo_all(asked.ms);
                Some(Call::Erase)
            }
            Asks::GivenUp => Some(Call::GivenUp),
        };
        if let Some(call) = call {
            self.hand(call, Some(asked));
        }
        self.memory.take(0, turn, Effect::Unlock(turn));
    }

    /// What was answered until now is certain no more.
    fn undo_all(&mut self, ms: u64) {
        self.certain.clear();
        self.undone = [ms; ITEMS as usize];
    }

    fn rerank(&mut self, ms: u64) {
        let candidates: Vec<_> = (0..ITEMS as usize).map(|axis| item(axis, -(axis as f32))).collect();
        let draw = *[ms.to_le_bytes(), ms.wrapping_mul(77).to_le_bytes()].concat().first_chunk().expect("16 bytes");
        let moment = privet_model::Moment { ms, offset_min: 0 };
        let slate = self.machine.rerank((&candidates, moment, &[]), &Request::default(), draw).expect("it is open");
        self.slate = slate.id;
    }

    fn input(&mut self, input: Input) {
        self.inputs += 1;
        let Memory { wall_ms, running_ms, .. } = self.memory;
        for output in self.machine.handle(Moment { wall_ms, running_ms, random: None }, input) {
            match output {
                Output::Effect(id, effect) => self.effect(id, effect),
                Output::Reply(call, reply) => self.replied(call, reply),
            }
        }
        self.check();
    }

    fn effect(&mut self, id: Id, effect: Effect) {
        let Some(effect) = self.memory.take(0, id, effect) else { return };
        let silent = || Err(Refusal::new("server-unreachable", "nobody answers"));
        let answer = match effect {
            Effect::FetchRound | Effect::FetchHead(_) if self.silent => silent(),
            Effect::FetchRound => Ok(Answer::Bytes(Some(self.round()))),
            Effect::FetchHead(hash) => {
                let head = self.heads.iter().find(|head| hex(&Head::hash(head)) == hash);
                Ok(Answer::Bytes(head.cloned()))
            }
            Effect::OwnHead => Ok(Answer::Bytes(Some(self.heads[0].clone()))),
            Effect::Clear => {
                self.memory.clear_but("ledger");
                Ok(Answer::Done)
            }
            Effect::GiveUp => self.gives_up.clone().map(|()| Answer::Done),
            Effect::Published | Effect::Chosen(_) | Effect::Forgotten => return,
            other => panic!("{other:?} is nobody's"),
        };
        self.memory.answer(0, id, answer);
    }

    fn replied(&mut self, call: u32, reply: Result<Reply>) {
        let Some(asked) = self.open_calls.remove(&call) else {
            assert!(!self.is_open, "call {call} is answered twice");
            reply.expect("it opens, whatever happens");
            self.is_open = true;
            return;
        };
        let code = reply.as_ref().err().map(|refusal| refusal.code.to_string());
        let what = match (&asked.asks, &reply) {
            (Asks::Record(which), Ok(Reply::Told(true))) => {
                // Asked again after it was forgotten it has the same answer.
                if self.possible.contains_key(&asked.ms) && asked.ms > self.undone[*which as usize] {
                    self.certain.insert(asked.ms, *which);
                }
                "record"
            }
            (Asks::Shown, Ok(Reply::Told(true))) => "shown",
            (Asks::ForgetItem(which), Ok(_)) => {
                self.possible.retain(|_, (of, since)| *since > call || *of != *which);
                "forget"
            }
            (Asks::ForgetTime, Ok(_)) => {
                let ms = asked.ms;
                self.possible.retain(|&at, (_, since)| *since > call || at >= ms);
                "forget"
            }
            (Asks::Import(_), Ok(_)) => "import",
            (Asks::Refresh, Ok(Reply::Told(true))) => "refresh",
            (Asks::Erase, _) if code.as_deref() != Some("storage-full") => {
                let kept = ["ledger", "task/settings"];
                let later = |asked: &Asked| matches!(asked.asks, Asks::Consent(true, _));
                if !self.open_calls.values().any(later) && !self.agreed_since(asked.ms) {
                    assert!(self.keys().iter().all(|key| kept.contains(&&key[..])), "{:?}", self.keys());
                    self.agreed = false;
                    self.possible.clear();
                    self.ever.clear();
                }
                "erase"
            }
            _ => "else",
        };
        *self.came.entry(code.unwrap_or_else(|| what.into())).or_default() += 1;
    }

    fn agreed_since(&self, ms: u64) -> bool {
        self.last.as_ref().is_some_and(|last| last.ms > ms && matches!(last.asks, Asks::Consent(true, _)))
    }

    fn actions(&self) -> BTreeMap<u64, u32> {
        let actions = self
            .machine
            .with(|ranker| ranker.memory().actions().map(|action| (action.ms, action.item as u32)).collect::<Vec<_>>());
        let Ok(actions) = actions else { return BTreeMap::new() };
        let all: BTreeMap<_, _> = actions.iter().copied().collect();
        assert_eq!(all.len(), actions.len(), "an event is remembered twice");
        all
    }

    /// What holds at every moment.
    fn check(&mut self) {
        if !self.agreed {
            let of_the_user = |key: &String| key.contains("profile") || key.contains("line") || key.contains("marks");
            assert!(!self.keys().iter().any(of_the_user), "something is stored of somebody who has not agreed");
        }
        if !self.is_open || self.damaged().is_some() {
            return;
        }
        let actions = self.actions();
        for (ms, which) in &self.certain {
            assert_eq!(actions.get(ms), Some(which), "what was answered is not remembered: {ms}");
        }
        for ms in actions.keys() {
            assert!(self.possible.contains_key(ms), "{ms} is remembered, and was forgotten or never recorded");
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Tell(any) => {
                let waiting = self.memory.waiting();
                if waiting > 0 {
                    let (_, id, answer) = self.memory.next(any as usize % waiting).expect("it waits");
                    if self.turns.contains_key(&id) {
                        self.take_turn(id);
                    } else {
                        self.input(Input::Answer(id, answer));
                    }
                }
            }
            Step::Ask(asks) => {
                self.memory.wall_ms += 1;
                let ms = self.memory.wall_ms;
                let mark = Mark { tab: format!("tab-{}", ms % 2), call: (ms - BEGIN_MS) as u32 };
                if let Asks::Import(bytes) = &asks
                    && bytes.is_empty()
                    && self.is_open
                {
                    self.exported = (self.export(), self.actions());
                }
                self.ask(Asked { asks, mark, ms });
            }
            Step::Again => {
                if let Some(last) = self.last.clone() {
                    self.ask(last);
                }
            }
            Step::Crash => {
                self.crash();
                self.memory.crash(0);
                self.open();
            }
            Step::LosePower => {
                self.crash();
                self.memory.lose_power();
                // What was answered may be gone with what the system had not written: it is promised by no durable write.
                self.undo_all(self.memory.wall_ms);
                // And what was forgotten may be back.
                self.possible.extend(self.ever.iter().map(|(&ms, &which)| (ms, (which, 0))));
                self.agreed |= self.keys().iter().any(|key| key == "task/profile" || key.contains("line"));
                self.open();
            }
            Step::NextRound => self.round += 1,
            Step::Full => self.memory.fails = Some(Refusal::new("storage-full", "no more room")),
            Step::Silent(silent) => self.silent = silent,
        }
    }

    fn crash(&mut self) {
        self.turns.clear();
        self.open_calls.clear();
    }

    /// Whatever waits is told, and every call is answered.
    pub(crate) fn settle(&mut self) {
        self.memory.fails = None;
        self.settle_without_mending();
    }

    pub(crate) fn settle_without_mending(&mut self) {
        while self.memory.waiting() > 0 {
            self.step(Step::Tell(0));
        }
        assert!(self.is_open && self.turns.is_empty(), "turns that never came");
        assert!(self.open_calls.is_empty(), "calls without an answer: {:?}", self.open_calls);
    }

    /// The other half has the device from its next turn on, or gives it back.
    pub(crate) fn lend(&mut self, lends: bool) {
        let effect = if lends { Effect::Lock(DEVICE) } else { Effect::Unlock(0) };
        self.memory.take(0, 0, effect);
    }

    /// Tells what waits first; whether anything did.
    pub(crate) fn tells(&mut self) -> bool {
        let waits = self.memory.waiting() > 0;
        self.step(Step::Tell(0));
        waits
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.memory.keys().map(str::to_owned).collect()
    }

    pub(crate) fn export(&self) -> Vec<u8> {
        self.machine.with(|ranker| ranker.export()).expect("it is open")
    }

    pub(crate) fn remembered(&self) -> usize {
        self.actions().len()
    }

    pub(crate) fn damaged(&self) -> Option<String> {
        self.machine.damaged()
    }

    pub(crate) fn owes_giving_up(&self) -> bool {
        self.machine.settings().erased
    }

    pub(crate) fn ranks_by(&self) -> Vec<u8> {
        self.machine.published().head.clone()
    }

    pub(crate) fn overwrite(&mut self, key: &str, bytes: &[u8]) {
        let write = Effect::Write { changes: vec![(key.into(), Some(bytes.to_vec()))], durable: true };
        self.memory.take(0, 0, write);
        self.memory.next(self.memory.waiting() - 1);
    }

    /// All that is stored.
    pub(crate) fn stored(&mut self) -> BTreeSet<(String, Vec<u8>)> {
        let keys = self.keys();
        let read = |memory: &mut Memory, key: String| {
            memory.take(0, 0, Effect::Read(key.clone()));
            let place = memory.waiting() - 1;
            match memory.next(place) {
                Some((_, _, Ok(Answer::Bytes(Some(bytes))))) => (key, bytes),
                other => panic!("{other:?}"),
            }
        };
        keys.into_iter().map(|key| read(&mut self.memory, key)).collect()
    }
}

fn setup() -> Setup {
    let terms = Aggregators::default().terms(&Round::example(), Policy::at_once());
    Setup { terms: privet_terms::Terms { task: "task".into(), ..terms }, takes_part: true }
}
