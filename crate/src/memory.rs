//! The retained log and what was folded from it: what a device can forget, and how it then is as if it never knew.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};

use crate::{
    Error, Event, Head, Item, Profile, Result, Without,
    drift::{self, Drift},
    example::example_from_event,
    learner::{Learner, Scratch},
    wire,
};

/// The version of an export that this build writes and reads.
const VERSION: u32 = 1;
/// How many events are retained.
const MOST_EVENTS: usize = 4096;
/// How many bytes of them.
const MOST_BYTES: usize = 8 << 20;
/// How many leave together.
const SEGMENT: usize = 256;
/// How many items the base can name. One that has seen more is dropped whatever is forgotten.
const MOST_NAMES: usize = 1 << 14;

/// What is to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// All about the item of this key.
    Item(u64),
    /// All about items with this value of the attribute at this place.
    Attribute(u16, u64),
    /// All from the first of these milliseconds until before the second.
    Time(u64, u64),
}

impl Selector {
    fn meets(self, item: &Item) -> bool {
        match self {
            Self::Item(key) => item.key == key,
            Self::Attribute(place, value) => item.attributes.contains(&(place, value)),
            Self::Time(..) => false,
        }
    }

    fn covers(self, event: &Event) -> bool {
        match self {
            Self::Time(from, to) => (from..to).contains(&event.moment.ms),
            _ => self.meets(&event.item),
        }
    }
}

/// A profile and what was learnt with it: a pure fold over events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    profile: Profile,
    learner: Learner,
    drift: Drift,
}

impl State {
    fn new(head: &Head) -> Self {
        Self { profile: Profile::new(&head.schema), learner: Learner::new(head), drift: Drift::default() }
    }

    fn fold(&mut self, head: &Head, Logged { event, contributed }: &Logged, without: Without) {
        let seen = self.profile.look(&head.schema, event, without);
        if let Some(mut example) = example_from_event(head, &self.profile, event, &seen) {
            example.contributed = *contributed;
            if !without.drift {
                self.drift.observe(example.loss(head));
                example.alarm = self.drift.alarm();
                self.profile.fade(drift::forgetting(example.alarm));
            }
            self.learner.push(example);
        }
        self.profile.record(&head.schema, event, seen);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Logged {
    event: Event,
    contributed: bool,
}

/// What became of the events that left the log, and the names of what they were about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Base {
    state: State,
    items: BTreeSet<u64>,
    values: BTreeSet<(u16, u64)>,
    first_ms: u64,
    last_ms: u64,
    events: u64,
}

impl Base {
    fn new(head: &Head) -> Self {
        let (items, values) = (BTreeSet::new(), BTreeSet::new());
        Self { state: State::new(head), items, values, first_ms: u64::MAX, last_ms: 0, events: 0 }
    }

    fn name(&mut self, event: &Event) {
        self.events += 1;
        self.first_ms = self.first_ms.min(event.moment.ms);
        self.last_ms = self.last_ms.max(event.moment.ms);
        for item in core::iter::once(&event.item).chain(&event.others) {
            if self.items.len() < MOST_NAMES {
                self.items.insert(item.key);
            }
            if self.values.len() < MOST_NAMES {
                self.values.extend(&item.attributes);
            }
        }
    }

    fn touched_by(&self, selector: Selector) -> bool {
        match selector {
            Selector::Item(key) => self.items.len() >= MOST_NAMES || self.items.contains(&key),
            Selector::Attribute(place, value) => {
                self.values.len() >= MOST_NAMES || self.values.contains(&(place, value))
            }
            Selector::Time(from, to) => self.events > 0 && from <= self.last_ms && to > self.first_ms,
        }
    }
}

/// The log, the base under it, and the state that both make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    log: VecDeque<Logged>,
    bytes: u64,
    base: Base,
    live: State,
    /// How many events of the log the live state has seen.
    folded: u64,
    /// Whether the live state is being made anew: nothing of it is used until it is whole.
    rebuilding: bool,
    /// How many of the oldest events are leaving.
    leaving: u64,
    without: Without,
}

#[derive(Serialize, Deserialize)]
struct Export(u32, ByteBuf, ByteArray<32>);

impl Memory {
    /// Nothing yet.
    pub fn new(head: &Head, without: Without) -> Self {
        Self {
            log: VecDeque::new(),
            bytes: 0,
            base: Base::new(head),
            live: State::new(head),
            folded: 0,
            rebuilding: false,
            leaving: 0,
            without,
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

    /// What is left out.
    pub(crate) fn without(&self) -> Without {
        self.without
    }

    /// Whether something was forgotten and the rest is not put together again yet.
    pub fn rebuilding(&self) -> bool {
        self.rebuilding
    }

    /// How many events the log holds.
    pub fn events(&self) -> usize {
        self.log.len()
    }

    /// Takes an event in: at once into the profile, and by and by ([`Memory::advance`]) into what is learnt.
    pub fn record(&mut self, head: &Head, event: Event) -> Result<()> {
        event.check(&head.schema)?;
        self.bytes += event.size() as u64;
        self.log.push_back(Logged { event, contributed: false });
        if !self.rebuilding {
            self.fold(head);
        }
        if self.leaving == 0 && (self.log.len() > MOST_EVENTS || self.bytes > MOST_BYTES as u64) {
            self.leaving = SEGMENT.min(self.log.len()) as u64;
        }
        Ok(())
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

    /// How many steps there are to take before all is learnt that can be.
    pub fn owed(&self, head: &Head) -> u64 {
        let unseen = self.log.len() as u64 - self.folded;
        self.live.learner.owed(head) + unseen * u64::from(head.local.steps)
    }

    /// Drops what the selector names and begins to put the rest together anew; how many events were dropped.
    ///
    /// Where the events that left the log had to do with it, what is left of them goes, too.
    pub fn forget(&mut self, head: &Head, selector: Selector) -> usize {
        let before = self.log.len();
        self.log.retain(|logged| !selector.covers(&logged.event));
        for logged in &mut self.log {
            logged.event.others.retain(|item| !selector.meets(item));
        }
        self.bytes = self.log.iter().map(|logged| logged.event.size() as u64).sum();
        if self.base.touched_by(selector) {
            self.base = Base::new(head);
        }
        self.leaving = self.leaving.min(self.log.len() as u64);
        self.live = self.base.state.clone();
        self.folded = 0;
        self.rebuilding = true;
        before - self.log.len()
    }

    /// All that is fresh goes into a contribution now. What a rebuild has not come to yet is not among it.
    pub fn contributed(&mut self) {
        self.log.iter_mut().take(self.folded as usize).for_each(|logged| logged.contributed = true);
        self.live.learner.contributed();
        self.base.state.learner.contributed();
    }

    /// All of it, to be kept or taken elsewhere.
    pub fn export(&self) -> Vec<u8> {
        let body = wire::encode(self);
        let digest = Sha256::digest(&body).into();
        wire::encode(&Export(VERSION, ByteBuf::from(body), ByteArray::new(digest)))
    }

    /// What [`Memory::export`] wrote under this head.
    pub fn import(head: &Head, bytes: &[u8]) -> Result<Self> {
        let Export(version, body, digest) = wire::decode(bytes).map_err(|_| Error::StateDamaged)?;
        if version != VERSION {
            return Err(Error::StateVersion { sent: version, known: VERSION });
        }
        if digest.into_array() != <[u8; 32]>::from(Sha256::digest(&body)) {
            return Err(Error::StateDamaged);
        }
        let memory: Self = wire::decode(&body).map_err(|_| Error::StateDamaged)?;
        if memory.fits(head) { Ok(memory) } else { Err(Error::StateDamaged) }
    }

    /// Whether all sizes are those of this head and agree with each other: a hash alone is easily made.
    fn fits(&self, head: &Head) -> bool {
        let most = self.log.len() as u64;
        let size = self.log.iter().map(|logged| logged.event.size() as u64).sum::<u64>();
        let state = |state: &State| state.profile.fits(&head.schema) && state.learner.fits(head);
        self.folded <= most
            && self.leaving <= most
            && (self.rebuilding || self.folded == most)
            && self.bytes == size
            && self.log.iter().all(|logged| logged.event.check(&head.schema).is_ok())
            && state(&self.live)
            && state(&self.base.state)
    }

    fn fold(&mut self, head: &Head) {
        self.live.fold(head, &self.log[self.folded as usize], self.without);
        self.folded += 1;
    }

    fn leave(&mut self, head: &Head) {
        let Some(logged) = self.log.pop_front() else { return };
        self.base.name(&logged.event);
        self.base.state.fold(head, &logged, self.without);
        self.bytes -= logged.event.size() as u64;
        self.folded -= 1;
        self.leaving -= 1;
    }
}

#[cfg(test)]
impl Memory {
    pub(crate) fn reset_net(&mut self, head: &Head) {
        self.live.learner.reset_net(head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Moment, Schema};

    fn head() -> Head {
        let mut schema = Schema::plain(16);
        schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
        let mut head = Head::starting(schema, 2, 4.0).expect("a plain schema");
        (head.local.steps, head.local.batch) = (2, 2);
        head
    }

    fn item(n: usize) -> Item {
        let embedding = (0..16).map(|i| if i == n % 16 { 1.0 } else { (n * 7 + i) as f32 % 5.0 / 10.0 }).collect();
        Item { attributes: vec![(0, (n % 5) as u64)], ..Item::plain(n as u64, embedding) }
    }

    fn event(n: usize) -> Event {
        let moment = Moment { ms: 1_000_000 * n as u64, offset_min: 0 };
        let others = if n.is_multiple_of(3) { vec![item(n + 1), item(n + 2)] } else { Vec::new() };
        Event { others, ..Event::new([0, 1, 1, 3][n % 4], item(n % 40), moment) }
    }

    fn settled(mut memory: Memory) -> Memory {
        while memory.advance(&head(), &mut Scratch::default()) {}
        memory
    }

    fn after(events: impl IntoIterator<Item = Event>) -> Memory {
        let mut memory = Memory::new(&head(), Without::default());
        events.into_iter().for_each(|event| memory.record(&head(), event).expect("a plain event"));
        settled(memory)
    }

    fn without(selector: Selector, events: impl Iterator<Item = Event>) -> Vec<Event> {
        let mut left: Vec<Event> = events.filter(|event| !selector.covers(event)).collect();
        left.iter_mut().for_each(|event| event.others.retain(|item| !selector.meets(item)));
        left
    }

    const SELECTORS: [Selector; 4] =
        [Selector::Item(7), Selector::Attribute(0, 3), Selector::Time(50_000_000, 90_000_000), Selector::Item(99)];

    #[test]
    fn a_device_that_forgets_is_one_that_never_knew_bit_for_bit() {
        for selector in SELECTORS {
            let mut memory = after((0..200).map(event));
            memory.forget(&head(), selector);
            assert!(memory.rebuilding());
            let forgetful = settled(memory);
            let innocent = after(without(selector, (0..200).map(event)));
            assert_eq!(forgetful, innocent, "{selector:?}");
            assert_eq!(forgetful.export(), innocent.export());
        }
    }

    #[test]
    fn what_is_forgotten_takes_the_base_along_if_it_had_to_do_with_it() {
        let many = || (0..MOST_EVENTS + 10).map(event);
        let mut memory = after(many());
        assert_eq!((memory.log.len(), memory.base.events), (MOST_EVENTS + 10 - SEGMENT, SEGMENT as u64));
        let untouched = memory.clone();
        // Item 99 was never seen: the base stays, and a rebuild from it changes nothing.
        memory.forget(&head(), Selector::Item(99));
        assert_eq!(settled(memory), untouched);
        // Item 7 was: as if the dropped segment, too, had never been.
        let mut memory = untouched;
        memory.forget(&head(), Selector::Item(7));
        let innocent = after(without(Selector::Item(7), many().skip(SEGMENT)));
        let forgetful = settled(memory);
        assert_eq!(forgetful.live, innocent.live);
        assert_eq!(forgetful.base.events, 0);
    }

    /// Slates in which the user chooses one thing always, and another from the hundredth on.
    fn fickle(n: usize) -> Event {
        let place = |axis: usize, noise: usize| {
            let embedding = (0..16).map(|i| if i == axis { 1.0 } else { ((n * 7 + noise + i) % 5) as f32 / 10.0 });
            Item::plain((n * 4 + axis) as u64, embedding.collect())
        };
        let (liked, other) = if n < 100 { (1, 2) } else { (2, 1) };
        let moment = Moment { ms: 1_000_000 * n as u64, offset_min: 0 };
        Event { others: vec![place(other, 1), place(3, 2)], ..Event::new(1, place(liked, 3), moment) }
    }

    #[test]
    fn a_change_of_interests_is_noticed_and_the_old_ones_fade() {
        let alarm = |memory: &Memory| memory.live.learner.pool_alarm();
        let steady = after((0..100).map(fickle));
        assert_eq!(alarm(&steady), 0.0);
        let changed = after((0..110).map(fickle));
        assert!(alarm(&changed) > 0.5, "{}", alarm(&changed));
        let mut deaf = Memory::new(&head(), Without { drift: true, ..Without::default() });
        (0..110).for_each(|n| deaf.record(&head(), fickle(n)).expect("a plain event"));
        assert_eq!(alarm(&settled(deaf)), 0.0);
    }

    #[test]
    fn drift_too_is_part_of_the_fold() {
        let whole = after((0..115).map(fickle));
        let mut sliced = Memory::new(&head(), Without::default());
        for n in 0..115 {
            sliced.record(&head(), fickle(n)).expect("a plain event");
            sliced.advance(&head(), &mut Scratch::default());
            sliced = Memory::import(&head(), &sliced.export()).expect("our own bytes");
        }
        assert_eq!(settled(sliced), whole);
        let mut forgetful = after((0..120).map(fickle));
        assert_eq!(forgetful.forget(&head(), Selector::Time(115_000_000, 999_000_000)), 5);
        assert_eq!(settled(forgetful), whole);
    }

    #[test]
    fn slices_and_reloads_change_nothing() {
        let whole = after((0..120).map(event));
        let mut sliced = Memory::new(&head(), Without::default());
        for n in 0..120 {
            sliced.record(&head(), event(n)).expect("a plain event");
            for _ in 0..n % 5 {
                sliced.advance(&head(), &mut Scratch::default());
            }
            if n % 17 == 0 {
                sliced = Memory::import(&head(), &sliced.export()).expect("our own bytes");
            }
        }
        assert_eq!(settled(sliced), whole);
    }

    #[test]
    fn events_that_come_during_a_rebuild_wait_their_turn() {
        let mut memory = after((0..100).map(event));
        memory.forget(&head(), Selector::Item(7));
        for n in 100..120 {
            memory.record(&head(), event(n)).expect("a plain event");
            memory.advance(&head(), &mut Scratch::default());
        }
        assert!(memory.rebuilding());
        assert_eq!(
            settled(memory),
            after(without(Selector::Item(7), (0..100).map(event)).into_iter().chain((100..120).map(event)))
        );
    }

    #[test]
    fn the_log_is_bounded_in_bytes_too() {
        let wide = Schema::plain(384);
        let mut head = Head::starting(wide, 1, 4.0).expect("a plain schema");
        head.local.steps = 0;
        let mut memory = Memory::new(&head, Without::default());
        for n in 0..600 {
            let item = |key| Item::plain(key, vec![0.5; 384]);
            let others = (0..15).map(item).collect();
            let event = Event { others, ..Event::new(1, item(n), Moment::default()) };
            memory.record(&head, event).expect("a plain event");
            while memory.advance(&head, &mut Scratch::default()) {}
            assert!(memory.bytes <= (MOST_BYTES + (64 << 10)) as u64);
        }
        assert!(memory.log.len() < 400);
    }

    #[test]
    fn an_export_that_was_made_up_is_refused() {
        let fine = after((0..20).map(event));
        assert!(Memory::import(&head(), &fine.export()).is_ok());
        for change in [
            (|memory| memory.folded = 21) as fn(&mut Memory),
            |memory| memory.folded = 3,
            |memory| memory.leaving = 21,
            |memory| memory.bytes -= 1,
            |memory| memory.log[2].event.kind = 9,
            |memory| memory.live = State::new(&Head::starting(Schema::plain(20), 2, 4.0).expect("a plain schema")),
            |memory| memory.base.state.learner = Learner::new(&Head::starting(head().schema, 3, 4.0).expect("plain")),
        ] {
            let mut memory = fine.clone();
            change(&mut memory);
            assert_eq!(Memory::import(&head(), &memory.export()), Err(Error::StateDamaged));
        }
    }

    #[test]
    fn what_a_rebuild_has_not_come_to_is_left_for_the_next_contribution() {
        let mut memory = after((0..20).map(event));
        memory.forget(&head(), Selector::Item(99));
        memory.advance(&head(), &mut Scratch::default());
        memory.contributed();
        assert!(settled(memory).learner().fresh().count() > 10);
    }

    #[test]
    fn a_damaged_or_newer_export_is_refused() {
        let bytes = after((0..20).map(event)).export();
        assert_eq!(Memory::import(&head(), &bytes[1..]), Err(Error::StateDamaged));
        let mut changed = bytes.clone();
        changed[100] ^= 1;
        assert_eq!(Memory::import(&head(), &changed), Err(Error::StateDamaged));
        let Export(_, body, digest) = wire::decode(&bytes).expect("our own bytes");
        let newer = wire::encode(&Export(2, body, digest));
        assert_eq!(Memory::import(&head(), &newer), Err(Error::StateVersion { sent: 2, known: 1 }));
        let other = Head::starting(Schema::plain(20), 2, 4.0).expect("a plain schema");
        assert_eq!(Memory::import(&other, &bytes), Err(Error::StateDamaged), "of another schema");
    }
}
