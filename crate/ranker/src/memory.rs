//! The retained log and what was folded from it: what a device can forget, and how it then is as if it never knew.

mod entry;
mod offered;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use entry::Entry;
pub use entry::{Action, Selector};
use offered::Offered;
use privet_base::{
    Result, cbor, stored,
    stored::{Stored, goes_on, read_all},
};
use privet_decide::running::{Compared, DEPTH, Kind, Orders, RunningEvaluation};
use privet_model::{
    Ablation, Event, Example, Head, Item, Learner, Moment, NewExamples, Profile, Scratch,
    drift::{self, Drift},
    example_from_event,
};

use crate::Refusal;

/// The version of an export: the one that this build writes, and the only one that it reads.
const VERSION: u32 = 4;
/// How many events and slates are retained.
const MOST_EVENTS: usize = 4096;
/// How many bytes of them.
const MOST_BYTES: u64 = 8 << 20;
/// How many leave together.
const SEGMENT: usize = 256;
/// How many events are folded at most before what is owed is lent: others wait meanwhile.
const FOLDED_TO_LEND: usize = 64;
/// How many slates an event can name: the latest.
const MOST_OFFERED: usize = 16;
/// How many items the base can name. One that has seen more is dropped whatever is forgotten.
const MOST_NAMES: usize = 1 << 14;

/// A profile and what was learnt with it: a pure fold over events.
#[derive(Debug, Clone, PartialEq)]
struct State {
    profile: Profile,
    learner: Learner,
    drift: Drift,
}

impl State {
    fn new(head: &Head) -> Self {
        Self { profile: Profile::new(&head.schema), learner: Learner::new(head), drift: Drift::default() }
    }

    fn fold(&mut self, head: &Head, entry: &Entry, ablation: Ablation) {
        match entry {
            Entry::Event { event, slate_ms, contributed } => {
                let shown = slate_ms.is_some();
                let seen = self.profile.features_before(&head.schema, event, shown, ablation);
                if let Some(mut example) = example_from_event(head, &self.profile, event, &seen) {
                    example.contributed = *contributed;
                    self.notice(head, &mut example, ablation);
                    self.learner.push(example);
                }
                self.profile.fold(&head.schema, event, seen, shown);
            }
            Entry::Slate { items, moment } => self.profile.show(&head.schema, items, *moment, ablation),
        }
    }

    /// Whether the user's interests have changed: then what is known of them counts for less.
    fn notice(&mut self, head: &Head, example: &mut Example, ablation: Ablation) {
        if ablation.drift {
            return;
        }
        self.drift.observe(example.loss(head));
        example.alarm = self.drift.alarm();
        self.profile.fade(drift::forgotten_share(example.alarm));
    }
}

/// What became of the events that left the log, and the names of what they were about.
#[derive(Debug, Clone, PartialEq)]
struct Base {
    state: State,
    items: Names<u64>,
    values: Names<(u16, u64)>,
    first_ms: u64,
    last_ms: u64,
    events: u64,
}

impl Base {
    fn new(head: &Head) -> Self {
        let (items, values) = (Names(Vec::new()), Names(Vec::new()));
        Self { state: State::new(head), items, values, first_ms: u64::MAX, last_ms: 0, events: 0 }
    }

    fn name(&mut self, entry: &Entry) {
        self.events += 1;
        for ms in entry.times() {
            self.first_ms = self.first_ms.min(ms);
            self.last_ms = self.last_ms.max(ms);
        }
        for item in entry.items() {
            self.items.add(item.key);
            item.attributes.iter().for_each(|&value| self.values.add(value));
        }
    }

    fn touched_by(&self, selector: Selector) -> bool {
        match selector {
            Selector::Item(key) => self.items.may_have(key),
            Selector::Attribute(place, value) => self.values.may_have((place, value)),
            Selector::Time(from, to) => self.events > 0 && from <= self.last_ms && to > self.first_ms,
        }
    }
}

/// Names in their order, each once, and no more than [`MOST_NAMES`].
#[derive(Debug, Clone, PartialEq)]
struct Names<T>(Vec<T>);

impl<T: Ord> Names<T> {
    fn add(&mut self, name: T) {
        if let Err(place) = self.0.binary_search(&name)
            && self.0.len() < MOST_NAMES
        {
            self.0.insert(place, name);
        }
    }

    /// Whether it is among them, or may have been left out because they were too many.
    fn may_have(&self, name: T) -> bool {
        self.0.len() >= MOST_NAMES || self.0.binary_search(&name).is_ok()
    }
}

impl<T: Stored> Stored for Names<T> {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Vec::read(from).map(Self)
    }
}

/// The log, the base under it, and the state that both make; and of late which slates there were, and which of two orders
/// did better on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    log: VecDeque<Entry>,
    bytes: u64,
    base: Base,
    live: State,
    /// How many events of the log the live state has seen.
    folded: u64,
    /// Whether the live state is being made anew: nothing of it is used until it is whole.
    rebuilding: bool,
    /// How many of the oldest events are leaving.
    leaving: u64,
    ablation: Ablation,
    offered: Vec<Offered>,
    running: RunningEvaluation,
}

stored! {
    Memory {
        log, bytes, base, live, folded, rebuilding, leaving, ablation, offered, running,
    }
    Base { state, items, values, first_ms, last_ms, events }
    State { profile, learner, drift }
}

struct Export(u32, Vec<u8>, Vec<u8>);
cbor!(Export(version, body, sum));

/// What tells damage, and is no proof of where bytes come from. SHA-256 would take longer than all the rest of reading a
/// profile.
fn sum(body: &[u8]) -> Vec<u8> {
    // Each step can be undone: bytes that differ in one word differ in their sum.
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(GOLDEN).rotate_left(29);
    let (words, rest) = body.as_chunks::<8>();
    let whole = words.iter().fold(body.len() as u64, |sum, &word| step(sum, u64::from_le_bytes(word)));
    rest.iter().fold(whole, |sum, &byte| step(sum, byte.into())).to_le_bytes().to_vec()
}

/// 2^64 over the golden ratio: its bits have no pattern.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Memory {
    /// Nothing yet.
    pub fn new(head: &Head, ablation: Ablation) -> Self {
        Self {
            log: VecDeque::new(),
            bytes: 0,
            base: Base::new(head),
            live: State::new(head),
            folded: 0,
            rebuilding: false,
            leaving: 0,
            ablation,
            offered: Vec::new(),
            running: RunningEvaluation::new(),
        }
    }

    /// The profile as it stands.
    pub fn profile(&self) -> &Profile {
        &self.live.profile
    }

    /// What was learnt, as it stands.
    pub fn learner(&self) -> &Learner {
        &self.live.learner
    }

    /// What the next contribution is computed from.
    pub fn new_examples(&self, head: &Head) -> NewExamples {
        NewExamples::of(head, self.learner(), self.profile().evidence())
    }

    /// What is left out.
    pub(crate) fn ablation(&self) -> Ablation {
        self.ablation
    }

    /// Whether something was forgotten and the rest is not put together again yet.
    pub fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    /// The running evaluation.
    pub fn running(&self) -> &RunningEvaluation {
        &self.running
    }

    /// How many events and slates the log holds.
    pub fn events(&self) -> usize {
        self.log.len()
    }

    /// What the user did, as far as the log goes back, the latest first.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        self.log.iter().rev().filter_map(Entry::action)
    }

    /// Takes an event in: at once into the profile, and by and by ([`Memory::advance`]) into what is learnt.
    pub fn record(&mut self, head: &Head, event: Event) -> Result<()> {
        event.check(&head.schema)?;
        self.log(head, Entry::plain(event));
        Ok(())
    }

    /// Takes in an event that names a slate, which counts as shown by that: what it knows of the slate it has from here.
    /// Where nothing is known of it, or the item is not on it, the event is taken as it is.
    pub fn record_on(&mut self, head: &Head, slate: u32, mut event: Event) -> Result<()> {
        let key = event.item.key;
        let at = self.offered.iter().position(|offered| offered.id == slate);
        let known = at.and_then(|at| Some((at, self.offered[at].place(key)?)));
        if let Some((at, place)) = known {
            event.item.clone_from(&self.offered[at].items[place]);
        }
        event.check(&head.schema)?;
        let chosen = event.label(&head.schema) > 0.0;
        let slate_ms = known.map(|(at, place)| {
            self.shown(head, slate);
            self.offered[at].complete(&mut event, place, chosen);
            self.offered[at].moment.ms
        });
        self.log(head, Entry::Event { event, slate_ms, contributed: false });
        if chosen {
            self.running.click(slate, key);
        }
        Ok(())
    }

    /// Whether this device has an order of its own to show beside the server's.
    pub fn personalises(&self, head: &Head) -> bool {
        !self.rebuilding && head.gate(self.profile().evidence()) > 0.0
    }

    /// Chooses between two orders, and keeps what it takes to go on from the slate when it is shown and clicked. Where
    /// there is nothing personal yet it is the server's, and no comparison.
    pub(crate) fn offer(
        &mut self,
        head: &Head,
        every: u32,
        orders: &Orders,
        (candidates, moment): (&[Item], Moment),
        draw: [u8; 16],
    ) -> (u32, Vec<u32>, Kind) {
        let [a, b, c, d, ..] = draw;
        let id = u32::from_le_bytes([a, b, c, d]);
        let (compared, order, kind) = if self.personalises(head) {
            let (compared, order, kind) =
                Compared::new(self.running.every(every), draw, id, self.running.verdict(), orders);
            (Some(compared), order, kind)
        } else {
            (None, orders.server.to_vec(), Kind::Server)
        };
        let items: Vec<Item> = order.iter().take(DEPTH).map(|&place| candidates[place as usize].clone()).collect();
        self.offered.retain(|offered| offered.id != id);
        if !items.is_empty() {
            self.offered.push(Offered::new(id, items, moment, compared));
        }
        if self.offered.len() > MOST_OFFERED {
            self.offered.remove(0);
        }
        (id, order, kind)
    }

    /// Takes note that a slate was on the screen: all on it were seen, once, however often this is said. Whether it was
    /// the first time.
    pub fn shown(&mut self, head: &Head, slate: u32) -> bool {
        let offered = self.offered.iter_mut().find(|offered| offered.id == slate && !offered.shown);
        let Some(offered) = offered else { return false };
        offered.shown = true;
        let entry = Entry::Slate { items: offered.items.clone(), moment: offered.moment };
        if let Some(compared) = offered.compared.take() {
            self.running.show(compared);
        }
        self.log(head, entry);
        true
    }

    /// One small piece of the work there is; whether there was any.
    pub fn advance(&mut self, head: &Head, scratch: &mut Scratch) -> bool {
        if self.live.learner.step(head, scratch) {
            return true;
        }
        if (self.folded as usize) < self.log.len() {
            self.fold(head);
            return true;
        }
        self.rebuilding = false;
        if self.leaving == 0 {
            return false;
        }
        if !self.base.state.learner.step(head, scratch) {
            self.leave(head);
        }
        true
    }

    /// At most so many of the steps that are owed, to be taken elsewhere: the learner as it stands, with what these go over.
    pub fn lend(&mut self, head: &Head, most: u32) -> Vec<u8> {
        for _ in 0..FOLDED_TO_LEND {
            if self.live.learner.owed(head) >= u64::from(most) || self.folded as usize == self.log.len() {
                break;
            }
            self.fold(head);
        }
        self.live.learner.lend(head, most)
    }

    /// What was learnt elsewhere after [`Memory::lend`], and nothing was done since.
    pub fn take_back(&mut self, head: &Head, steps: u32, state: &[f32]) -> Result<()> {
        self.live.learner.take_back(head, steps, state)
    }

    /// How many steps there are to take before all is learnt that can be.
    pub fn owed(&self, head: &Head) -> u64 {
        let unseen = self.log.len() as u64 - self.folded;
        self.live.learner.owed(head) + unseen * u64::from(head.local.steps)
    }

    /// Drops what the selector names and begins to put the rest together anew; how many events were dropped.
    ///
    /// Where the events that left the log had to do with it, what is left of them goes, too. The running evaluation
    /// begins anew, and the latest slates are dropped: their orders were made by what is forgotten.
    pub fn forget(&mut self, head: &Head, selector: Selector) -> usize {
        let before = self.log.len();
        self.log.retain_mut(|entry| entry.forget(selector));
        self.bytes = self.log.iter().map(Entry::size).sum();
        self.offered.clear();
        self.running = RunningEvaluation::new();
        if self.base.touched_by(selector) {
            self.base = Base::new(head);
        }
        self.leaving = self.leaving.min(self.log.len() as u64);
        self.live = self.base.state.clone();
        self.folded = 0;
        self.rebuilding = true;
        before - self.log.len()
    }

    /// All that is new goes into a contribution now. What a rebuild has not come to yet is not among it.
    pub fn contributed(&mut self) {
        for entry in self.log.iter_mut().take(self.folded as usize) {
            if let Entry::Event { contributed, .. } = entry {
                *contributed = true;
            }
        }
        self.live.learner.contributed();
        self.base.state.learner.contributed();
    }

    /// All of it, to be kept or taken elsewhere.
    pub fn export(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.write(&mut body);
        let sum = sum(&body);
        cbor::encode(&Export(VERSION, body, sum))
    }

    /// What [`Memory::export`] wrote under this head.
    pub fn import(head: &Head, bytes: &[u8]) -> Result<Self> {
        let Export(version, body, known) = cbor::decode(bytes).map_err(|_| privet_model::Refusal::StateDamaged)?;
        if version != VERSION {
            return Err(Refusal::StateVersion { sent: version, known: VERSION }.into());
        }
        if known != sum(&body) {
            return Err(privet_model::Refusal::StateDamaged.into());
        }
        read_all(&body)
            .filter(|memory: &Self| memory.fits(head))
            .ok_or_else(|| privet_model::Refusal::StateDamaged.into())
    }

    /// The same under the head of a new round: what is remembered stays, and what was learnt is learnt anew from there.
    pub fn adopt(head: &Head, bytes: &[u8]) -> Result<Self> {
        let mut memory = Self::import(head, bytes)?;
        memory.base.state.learner = Learner::new(head);
        memory.live = memory.base.state.clone();
        memory.folded = 0;
        memory.rebuilding = true;
        Ok(memory)
    }

    /// Whether all sizes are those of this head and agree with each other: a hash alone is easily made.
    fn fits(&self, head: &Head) -> bool {
        let most = self.log.len() as u64;
        let state = |state: &State| state.profile.fits(&head.schema) && state.learner.fits(head) && state.drift.fits();
        self.folded <= most
            && self.leaving <= most
            && (self.rebuilding || self.folded == most)
            && self.bytes == self.log.iter().map(Entry::size).sum::<u64>()
            && self.log.iter().all(|entry| entry.fits(&head.schema))
            && state(&self.live)
            && state(&self.base.state)
            && goes_on(self.base.events)
            && self.base.items.0.is_sorted()
            && self.base.values.0.is_sorted()
            && self.offered.len() <= MOST_OFFERED
            && self.offered.iter().all(|offered| offered.fits(&head.schema))
            && self.running.fits()
    }

    fn log(&mut self, head: &Head, entry: Entry) {
        self.bytes += entry.size();
        self.log.push_back(entry);
        if !self.rebuilding {
            self.fold(head);
        }
        if self.leaving == 0 && (self.log.len() > MOST_EVENTS || self.bytes > MOST_BYTES) {
            self.leaving = SEGMENT.min(self.log.len()) as u64;
        }
    }

    fn fold(&mut self, head: &Head) {
        self.live.fold(head, &self.log[self.folded as usize], self.ablation);
        self.folded += 1;
    }

    fn leave(&mut self, head: &Head) {
        let Some(entry) = self.log.pop_front() else { return };
        self.base.name(&entry);
        self.base.state.fold(head, &entry, self.ablation);
        self.bytes -= entry.size();
        self.folded -= 1;
        self.leaving -= 1;
    }
}

#[cfg(any(test, feature = "examples"))]
impl Memory {
    /// The shared net again in the place of the device's own.
    pub fn reset_net(&mut self, head: &Head) {
        self.live.learner.reset_net(head);
    }
}
