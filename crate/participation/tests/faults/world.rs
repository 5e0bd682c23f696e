//! Two tabs over one store, a server, a clock, and whatever can go wrong between any two effects. A world is a seed: the same
//! one goes the same way again.

use std::collections::{BTreeMap, BTreeSet};

use privet_base::{Draws, hex};
use privet_effects::{Advice, Answer, Choice, Descended, Effect, Mark, Moment, Refusal, memory::Memory};
use privet_model::{Head, Learner, NewExamples, Schema};
use privet_participation::{Call, Input, Leader, Output, Participation, Reply, Setup};
use privet_release::{Fate, Ledger, Upload};
use privet_terms::{Policy, Terms};
use privet_wire::{Identity, Pins, Round, Signed};

const LEDGER: &str = "ledger";
/// The task's least time between two contributions is none here: what is at stake is that a round is contributed to once.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// Something that happens to a world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// One of the answers that wait is told.
    Tell(u32),
    /// Time passes until the next timer.
    Pass,
    /// A tab asks for a contribution.
    Contribute(usize),
    /// The same call is asked again by another tab, because the first is gone.
    Again(usize),
    /// A tab begins its session, or its user chose anew.
    Choose { contribute: bool, paused: bool },
    /// Whoever made the last call waits no more.
    GiveUp,
    /// A tab is gone, and opened anew.
    Crash(usize),
    /// Everything is gone that was not durable.
    LosePower,
    /// The wall's clock is set by so many minutes.
    Clock(i32),
    /// Another round is open.
    NextRound,
    /// The next write fails.
    Full,
    /// The user erases: all but the ledger goes.
    Erase,
    /// What becomes of the next uploads.
    Server(Fault),
}

/// What becomes of an upload on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    /// It does not arrive.
    Lost,
    /// It arrives, and the answer does not.
    Unanswered,
    Refuses(Advice),
}

impl Step {
    /// Any, the likelier the more ordinary.
    pub(crate) fn drawn(draws: &mut Draws) -> Self {
        let any = draws.below(1 << 16);
        let tab = any as usize % 2;
        match draws.below(100) {
            0..60 => Self::Tell(any),
            60..68 => Self::Pass,
            68..76 => Self::Contribute(tab),
            76..78 => Self::Again(tab),
            78..82 => Self::Choose { contribute: !any.is_multiple_of(8), paused: any % 16 == 1 },
            82 => Self::GiveUp,
            83..87 => Self::Crash(tab),
            87 => Self::LosePower,
            88..90 => Self::Clock(any as i32 % 3000 - 1000),
            90..93 => Self::NextRound,
            93 => Self::Full,
            94 => Self::Erase,
            _ => Self::Server(match any % 8 {
                0 => Fault::Lost,
                1 => Fault::Unanswered,
                2 => Fault::Refuses(Advice::Retry),
                3 => Fault::Refuses(Advice::Refetch),
                4 => Fault::Refuses(Advice::Stop),
                _ => Fault::None,
            }),
        }
    }
}

pub(crate) struct World {
    memory: Memory,
    tabs: [Option<Participation>; 2],
    head: Vec<u8>,
    new_examples: Vec<u8>,
    round: u32,
    choice: (bool, bool),
    fault: Fault,
    /// What each upload was, whenever it was sent.
    sent: BTreeMap<String, Vec<u8>>,
    /// The rounds that the uploads which the server holds belong to.
    held: BTreeMap<String, u32>,
    calls: u32,
    open_calls: BTreeMap<u32, usize>,
    last: Option<(usize, u32, Mark)>,
    inputs: u64,
    /// How many receipts there were.
    pub(crate) receipts: usize,
    /// Every code that a call was refused with.
    pub(crate) refused: BTreeSet<String>,
    entries: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let head = Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema");
        let new_examples = NewExamples::of(&head, &Learner::new(&head), 0).encode();
        let mut memory = Memory::default();
        memory.wall_ms = BEGIN_MS;
        let mut world = Self {
            memory,
            tabs: [None, None],
            head: head.encode(),
            new_examples,
            round: 1,
            choice: (true, false),
            fault: Fault::None,
            sent: BTreeMap::new(),
            held: BTreeMap::new(),
            calls: 0,
            open_calls: BTreeMap::new(),
            last: None,
            inputs: 0,
            receipts: 0,
            refused: BTreeSet::new(),
            entries: 0,
        };
        (0..2).for_each(|tab| world.open(tab));
        world
    }

    fn identity() -> Identity {
        Identity::from_seed(&[1; 32])
    }

    fn round(&self) -> Round {
        let head = Head::decode(&self.head).expect("our own bytes");
        let deadline_s = self.memory.wall_ms / 1000 + 2 * 86_400;
        // A round is what it was when it was published first: by its number alone.
        let deadline_s = deadline_s - deadline_s % 86_400 + u64::from(self.round);
        let (number, dimension) = (self.round, head.parameters().len() as u32);
        Round { number, dimension, deadline_s, head: Head::hash(&self.head), min_cohort: 100, ..Round::example() }
    }

    fn open(&mut self, tab: usize) {
        let round = self.round();
        let terms = Terms {
            task: round.task.clone(),
            pins: Pins { leader: Self::identity().public(), helper: None },
            policy: Policy::at_once(),
        };
        let leader = Some(Leader { url: "https://leader.example".into(), one_owner: false });
        let setup = Setup { terms, leader, lasting: true, scheduled: true, tokens: false, allow_evictable: false };
        self.tabs[tab] = Some(Participation::new(setup));
        self.publish(tab);
        self.choose(tab);
        self.begin_session(tab);
    }

    fn publish(&mut self, tab: usize) {
        let round = self.round();
        let signed = Signed::round(&round, Self::identity().sign_round(&round), None).encode();
        let head = self.head.clone();
        self.input(tab, Input::Published { round: signed, head });
    }

    fn choose(&mut self, tab: usize) {
        let (contribute, paused) = self.choice;
        self.input(tab, Input::Chosen(Choice { contribute, paused }));
    }

    fn begin_session(&mut self, tab: usize) {
        let since_ms = self.memory.running_ms;
        self.call(tab, Call::Session { since_ms });
    }

    fn call(&mut self, tab: usize, call: Call) {
        self.calls += 1;
        self.open_calls.insert(self.calls, tab);
        self.input(tab, Input::Call(self.calls, call));
    }

    fn input(&mut self, tab: usize, input: Input) {
        self.inputs += 1;
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.inputs.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let Memory { wall_ms, running_ms, .. } = self.memory;
        let Some(machine) = self.tabs[tab].as_mut() else { return };
        for output in machine.handle(Moment { wall_ms, running_ms, random: Some(random) }, input) {
            match output {
                Output::Effect(id, effect) => self.effect(tab, id, effect),
                Output::Progress(..) => {}
                Output::Reply(call, reply) => {
                    assert!(self.open_calls.remove(&call).is_some(), "call {call} is answered twice");
                    match *reply {
                        Ok(Reply::Receipt(receipt)) => {
                            self.receipts += 1;
                            assert!(self.held.contains_key(&receipt.id), "a receipt for what the server does not hold");
                        }
                        Ok(_) => {}
                        Err(refusal) => _ = self.refused.insert(refusal.code.to_string()),
                    }
                }
            }
        }
        self.check();
    }

    fn effect(&mut self, tab: usize, id: u32, effect: Effect) {
        let Some(effect) = self.memory.take(tab, id, effect) else { return };
        let answer = match effect {
            Effect::NewExamples => Ok(Answer::Bytes(Some(self.new_examples.clone()))),
            Effect::Descend(_) => {
                let head = Head::decode(&self.head).expect("our own bytes");
                Ok(Answer::Descended(Descended(head.parameters().to_vec())))
            }
            Effect::Contributed | Effect::KeepProfile => Ok(Answer::Done),
            Effect::Refresh => {
                self.publish(tab);
                Ok(Answer::Done)
            }
            Effect::Upload { url, bytes, token } => {
                assert_eq!(token, None);
                self.upload(&url, bytes)
            }
            other => panic!("{other:?} is nobody's"),
        };
        self.memory.answer(tab, id, answer);
    }

    /// What the attacker on the wire sees, held to what is promised of it.
    fn upload(&mut self, url: &str, bytes: Vec<u8>) -> Result<Answer, Refusal> {
        assert_eq!(self.choice, (true, false), "nothing leaves without consent, or while it is paused");
        let id = url.rsplit('/').next().expect("an address has parts").to_owned();
        let ledger = self.ledger().expect("nothing leaves before a ledger is durable");
        let entry = ledger.entries().iter().find(|entry| hex(&entry.debit.id) == id).expect("it was debited durably");
        assert!(matches!(entry.fate, Fate::Ready | Fate::Sent | Fate::Refused | Fate::Dropped), "{:?}", entry.fate);
        let before = self.sent.entry(id.clone()).or_insert_with(|| bytes.clone());
        assert_eq!(*before, bytes, "what is sent again is the same bytes");
        let refusal = |advice, status| Refusal::new("round-closed", "closed").by_a_server(advice, status);
        match std::mem::replace(&mut self.fault, Fault::None) {
            Fault::Lost => return Err(Refusal::new("server-unreachable", "lost")),
            Fault::Refuses(advice) => return Err(refusal(Some(advice), 409)),
            Fault::Unanswered => {
                self.held.insert(id, entry.debit.round);
                return Err(Refusal::new("server-unreachable", "no answer"));
            }
            Fault::None => {}
        }
        assert!(Upload::size(&self.round()) == bytes.len());
        self.held.insert(id, entry.debit.round);
        Ok(Answer::Acknowledged { count: self.held.len() as u32, min_cohort: 100 })
    }

    fn ledger(&self) -> Option<Ledger> {
        let bytes = self.memory.durable(LEDGER)?;
        Some(Ledger::open(bytes, Policy::at_once().limits()).expect("it stays readable"))
    }

    /// What holds at every moment.
    fn check(&mut self) {
        let rounds: Vec<u32> = self.held.values().copied().collect();
        assert_eq!(rounds.iter().collect::<BTreeSet<_>>().len(), rounds.len(), "a round was contributed to twice");
        let Some(ledger) = self.ledger() else { return };
        let entries = ledger.entries();
        assert!(entries.len() >= self.entries, "an entry is gone");
        self.entries = entries.len();
        let ids: BTreeSet<_> = entries.iter().map(|entry| entry.debit.id).collect();
        assert_eq!(ids.len(), entries.len(), "two uploads share an id");
        let spent: u64 = entries.iter().map(|entry| entry.debit.cost.trusted.0).sum();
        assert_eq!(ledger.spent().charged().0, spent, "every debit counts, whatever became of it");
        for id in self.sent.keys() {
            assert!(entries.iter().any(|entry| hex(&entry.debit.id) == *id), "what left was not paid for");
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Tell(any) => {
                let waiting = self.memory.waiting();
                if waiting > 0 {
                    let (tab, id, answer) = self.memory.next(any as usize % waiting).expect("it waits");
                    self.input(tab, Input::Answer(id, answer));
                }
            }
            Step::Pass => _ = self.memory.pass(),
            Step::Contribute(tab) => {
                let mark = Mark { tab: format!("tab-{tab}"), call: self.calls + 1 };
                self.last = Some((tab, self.calls + 1, mark.clone()));
                self.call(tab, Call::Contribute(mark));
            }
            Step::Again(tab) => {
                if let Some((_, _, mark)) = self.last.clone() {
                    self.call(tab, Call::Contribute(mark));
                }
            }
            Step::Choose { contribute, paused } => {
                self.choice = (contribute, paused);
                for tab in 0..2 {
                    self.choose(tab);
                    self.begin_session(tab);
                }
            }
            Step::GiveUp => {
                if let Some((tab, call, _)) = self.last {
                    self.input(tab, Input::GaveUp(call, Refusal::new("aborted", "the caller gave up")));
                }
            }
            Step::Crash(tab) => {
                self.crash(tab);
                self.open(tab);
            }
            Step::LosePower => {
                (0..2).for_each(|tab| self.crash(tab));
                self.memory.lose_power();
                (0..2).for_each(|tab| self.open(tab));
            }
            Step::Clock(minutes) => {
                self.memory.wall_ms = self.memory.wall_ms.saturating_add_signed(i64::from(minutes) * 60_000);
            }
            Step::NextRound => {
                self.round += 1;
                (0..2).for_each(|tab| self.publish(tab));
            }
            Step::Full => self.memory.fails = Some(Refusal::new("storage-full", "no more room")),
            Step::Erase => {
                self.choice = (false, false);
                for tab in 0..2 {
                    self.choose(tab);
                    self.input(tab, Input::Forgotten);
                    self.call(tab, Call::GiveUp);
                }
            }
            Step::Server(fault) => self.fault = fault,
        }
    }

    fn crash(&mut self, tab: usize) {
        self.tabs[tab] = None;
        self.memory.crash(tab);
        self.open_calls.retain(|_, of| *of != tab);
    }

    /// The first or the last of the answers that wait is told.
    pub(crate) fn tell(&mut self, latest: bool) {
        let last = self.memory.waiting().saturating_sub(1);
        self.step(Step::Tell(if latest { last as u32 } else { 0 }));
    }

    /// Whatever waits is told, and no time passes.
    pub(crate) fn quiet(&mut self) {
        while self.memory.waiting() > 0 {
            self.step(Step::Tell(0));
        }
    }

    /// The store works: whatever waits is told, time passes, and every call is answered.
    pub(crate) fn settle(&mut self) {
        self.memory.fails = None;
        for _ in 0..10_000 {
            if self.memory.waiting() > 0 {
                self.step(Step::Tell(0));
            } else if self.open_calls.is_empty() || self.memory.pass().is_none() {
                break;
            }
        }
        assert!(self.open_calls.is_empty(), "calls without an answer: {:?}", self.open_calls);
    }
}
