//! Whole devices over hosts in memory, against a leader that keeps what it is sent: from consent to a receipt, to the next
//! round's head, to an erasure.

use std::collections::{BTreeMap, BTreeSet};

use privet_client::{Call, Client, Input, Output, Reply, participation, personalisation};
use privet_effects::{Answer, Descended, Effect, Mark, Moment, Refusal, Result, memory::Memory};
use privet_model::{Backend, Head, NewExamples, Schema};
use privet_participation::{Leader, Setup};
use privet_personalisation::Act;
use privet_ranker::Selector;
use privet_release::Upload;
use privet_terms::Policy;
use privet_testkit::{Aggregators, event, item, over};
use privet_wire::Round;

const BEGIN_MS: u64 = 1_799_827_200_000;

/// The open round, the heads of this one and the next, and what was uploaded.
struct Aggregation {
    heads: [Vec<u8>; 2],
    number: u32,
    uploads: BTreeMap<String, Vec<u8>>,
}

impl Aggregation {
    fn new() -> Self {
        let head = |kappa| Head::starting(Schema::plain(16), 2, kappa).expect("a plain schema").encode();
        Self { heads: [head(4.0), head(5.0)], number: 1, uploads: BTreeMap::new() }
    }

    fn head(&self) -> &[u8] {
        &self.heads[self.number as usize % 2]
    }

    fn round(&self) -> Round {
        over(Round { number: self.number, ..Round::example() }, &Head::decode(self.head()).expect("our own bytes"))
    }
}

/// A device and its host.
struct Person {
    client: Client,
    memory: Memory,
    calls: u32,
    inputs: u8,
    /// What its host draws from.
    seed: u8,
    replies: BTreeMap<u32, Result<Reply>>,
    /// What is asked of whoever computes, and not yet answered.
    descents: Vec<(u32, Vec<u8>)>,
    /// Whether descents are answered at once.
    computes: bool,
}

impl Person {
    fn new(seed: u8) -> Self {
        let mut memory = Memory::default();
        memory.wall_ms = BEGIN_MS;
        let client = Client::new(setup());
        let (calls, inputs, replies) = (0, 0, BTreeMap::new());
        Self { client, memory, calls, inputs, seed, replies, descents: Vec::new(), computes: true }
    }

    fn input(&mut self, aggregation: &mut Aggregation, input: Input) {
        self.inputs = self.inputs.wrapping_add(1);
        let Memory { wall_ms, running_ms, .. } = self.memory;
        let mut random = [self.inputs; 32];
        random[0] = self.seed;
        let moment = Moment { wall_ms, running_ms, random: Some(random) };
        for output in self.client.handle(moment, input) {
            match output {
                Output::Effect(id, effect) => self.effect(aggregation, id, effect),
                Output::Progress(..) => {}
                Output::Reply(call, reply) => {
                    assert!(self.replies.insert(call, reply).is_none(), "call {call} is answered twice");
                }
            }
        }
    }

    fn effect(&mut self, aggregation: &mut Aggregation, id: u32, effect: Effect) {
        let Some(effect) = self.memory.take(0, id, effect) else { return };
        let answer = match effect {
            Effect::FetchRound => Answer::Bytes(Some(Aggregators::default().signed(&aggregation.round()))),
            Effect::FetchHead(_) => Answer::Bytes(Some(aggregation.head().to_vec())),
            Effect::OwnHead => Answer::Bytes(None),
            Effect::Clear => {
                self.memory.clear_but("ledger");
                Answer::Done
            }
            Effect::Descend(examples) => {
                self.descents.push((id, examples));
                return;
            }
            Effect::Upload { url, bytes, token } => {
                assert_eq!(token, None);
                aggregation.uploads.insert(url, bytes);
                Answer::Acknowledged { count: aggregation.uploads.len() as u32, min_cohort: 100 }
            }
            other => panic!("{other:?} is nobody's"),
        };
        self.memory.answer(0, id, Ok(answer));
    }

    fn descend(&mut self, aggregation: &Aggregation) {
        let head = Head::decode(aggregation.head()).expect("our own bytes");
        for (id, examples) in std::mem::take(&mut self.descents) {
            let examples = NewExamples::decode(&head, &examples).expect("the other half wrote them");
            let descended = pollster::block_on(Backend::Scalar.descent(&head, &examples));
            self.memory.answer(0, id, Ok(Answer::Descended(Descended(descended))));
        }
    }

    /// Whatever waits is told. Time passes while somebody waits for a call of these.
    fn settle(&mut self, aggregation: &mut Aggregation, calls: &[u32]) {
        loop {
            if self.computes {
                self.descend(aggregation);
            }
            if let Some((_, id, answer)) = self.memory.next(0) {
                self.input(aggregation, Input::Answer(id, answer));
            } else if !self.descents.is_empty()
                || calls.iter().all(|call| self.replies.contains_key(call))
                || self.memory.pass().is_none()
            {
                return;
            }
        }
    }

    fn begin(&mut self, aggregation: &mut Aggregation, call: Call) -> u32 {
        self.calls += 1;
        self.input(aggregation, Input::Call(self.calls, call));
        self.calls
    }

    fn ask(&mut self, aggregation: &mut Aggregation, call: Call) -> Result<Reply> {
        let call = self.begin(aggregation, call);
        self.settle(aggregation, &[call]);
        self.replies.remove(&call).expect("every call is answered")
    }

    fn personal(&mut self, aggregation: &mut Aggregation, call: personalisation::Call) -> Result<Reply> {
        self.ask(aggregation, Call::Personalisation(call))
    }

    fn contributes(&mut self, aggregation: &mut Aggregation, call: participation::Call) -> Result<Reply> {
        self.ask(aggregation, Call::Participation(call))
    }

    fn mark(&mut self) -> Mark {
        self.memory.wall_ms += 1000;
        Mark { tab: "tab".into(), call: (self.memory.wall_ms - BEGIN_MS) as u32 }
    }

    fn record(&mut self, kind: &str, axis: usize) -> personalisation::Call {
        let mark = self.mark();
        let moment = privet_model::Moment { ms: self.memory.wall_ms, offset_min: 0 };
        let act = Act { kind: kind.into(), item: item(axis, 0.0), value: 0.0, slate: None, moment };
        personalisation::Call::Record(act, mark)
    }

    fn browse(&mut self, aggregation: &mut Aggregation) {
        for (kind, axis) in (0..6).map(|axis| ("impression", axis)).chain([("click", 2), ("click", 2)]) {
            let record = self.record(kind, axis);
            assert_eq!(told(self.personal(aggregation, record)), Ok(true));
        }
        self.learn();
    }

    fn learn(&self) {
        while self.client.train(|| true).expect("it is open") {}
    }

    fn remembered(&self) -> usize {
        self.client.personalisation().with(|ranker| ranker.profile().events()).expect("it is open") as usize
    }
}

fn setup() -> Setup {
    let terms = Aggregators::default().terms(&Round::example(), Policy::at_once());
    let leader = Some(Leader { url: "https://leader.example".into(), one_owner: false });
    Setup { terms, leader, lasting: true, scheduled: false, tokens: false, allow_evictable: false }
}

fn told(reply: Result<Reply>) -> std::result::Result<bool, String> {
    match reply {
        Ok(Reply::Personalisation(personalisation::Reply::Told(told))) => Ok(told),
        Ok(_) => Err("another answer".into()),
        Err(refusal) => Err(refusal.code.to_string()),
    }
}

fn code(reply: Result<Reply>) -> Option<String> {
    reply.err().map(|refusal| refusal.code.to_string())
}

fn agree(contribute: bool) -> personalisation::Call {
    personalisation::Call::Consent { personalise: Some(true), contribute: Some(contribute) }
}

/// Somebody who agreed to both and has done something.
fn person(aggregation: &mut Aggregation, seed: u8) -> Person {
    let mut person = Person::new(seed);
    assert_eq!(code(person.personal(aggregation, personalisation::Call::Open)), None);
    assert_eq!(code(person.personal(aggregation, agree(true))), None);
    person.settle(aggregation, &[]);
    assert!(person.memory.keys().any(|key| key == "ledger"), "the ledger has heard of the session");
    person.browse(aggregation);
    person
}

fn contribute(person: &mut Person) -> participation::Call {
    participation::Call::Contribute(person.mark())
}

#[test]
fn devices_agree_learn_contribute_once_a_round_and_take_the_next_head_over() {
    let mut aggregation = Aggregation::new();
    let mut people: Vec<_> = (0..3).map(|seed| person(&mut aggregation, seed)).collect();
    for person in &mut people {
        let call = contribute(person);
        let receipt = person.contributes(&mut aggregation, call);
        assert!(matches!(receipt, Ok(Reply::Participation(participation::Reply::Receipt(_)))), "{:?}", code(receipt));
        let again = contribute(person);
        assert_eq!(code(person.contributes(&mut aggregation, again)).as_deref(), Some("round-contributed"));
        let Ok(Reply::Participation(participation::Reply::Preview(_, examples))) =
            person.contributes(&mut aggregation, participation::Call::Preview)
        else {
            panic!("a dry run")
        };
        assert_eq!(examples, 0, "what was contributed is not new any more");
    }
    assert_eq!(aggregation.uploads.len(), 3);
    let bodies: BTreeSet<_> = aggregation.uploads.values().collect();
    assert_eq!(bodies.len(), 3, "each has noise of its own");
    assert!(bodies.iter().all(|bytes| Upload::decode(bytes, &aggregation.round()).is_ok()));

    aggregation.number += 1;
    for person in &mut people {
        assert_eq!(told(person.personal(&mut aggregation, personalisation::Call::Refresh)), Ok(true));
        assert_eq!(person.client.personalisation().published().head, aggregation.head());
        person.learn();
        assert_eq!(person.remembered(), 8);
        person.browse(&mut aggregation);
        let call = contribute(person);
        assert_eq!(code(person.contributes(&mut aggregation, call)), None);
    }
    assert_eq!(aggregation.uploads.len(), 6);
}

#[test]
fn nothing_leaves_a_device_whose_user_only_agreed_to_be_remembered() {
    let mut aggregation = Aggregation::new();
    let mut person = Person::new(0);
    _ = person.personal(&mut aggregation, personalisation::Call::Open);
    let call = contribute(&mut person);
    assert_eq!(code(person.contributes(&mut aggregation, call)).as_deref(), Some("consent-missing"));
    _ = person.personal(&mut aggregation, agree(false));
    person.browse(&mut aggregation);
    let call = contribute(&mut person);
    assert_eq!(code(person.contributes(&mut aggregation, call)).as_deref(), Some("consent-missing"));
    assert!(aggregation.uploads.is_empty());
    assert!(!person.memory.keys().any(|key| key == "ledger"));
}

#[test]
fn what_is_done_while_a_gradient_is_computed_waits_and_is_not_in_it() {
    let mut aggregation = Aggregation::new();
    let mut person = person(&mut aggregation, 0);
    let record = person.record("click", 5);
    assert_eq!(told(person.personal(&mut aggregation, record)), Ok(true));
    person.computes = false;
    let call = contribute(&mut person);
    let contribution = person.begin(&mut aggregation, Call::Participation(call));
    person.settle(&mut aggregation, &[contribution]);
    assert_eq!(person.descents.len(), 1);
    let record = person.record("click", 4);
    let recorded = person.begin(&mut aggregation, Call::Personalisation(record));
    person.settle(&mut aggregation, &[recorded]);
    assert!(!person.replies.contains_key(&recorded));
    let owed = |person: &Person| person.client.personalisation().with(|ranker| ranker.owed()).expect("it is open");
    let before = owed(&person);
    assert_eq!((before > 0, person.client.train(|| true)), (true, Ok(false)), "nor is anything learnt");
    assert_eq!(owed(&person), before);
    person.computes = true;
    person.settle(&mut aggregation, &[contribution, recorded]);
    assert_eq!(told(person.replies.remove(&recorded).expect("it was waited for")), Ok(true));
    assert_eq!(code(person.replies.remove(&contribution).expect("it was waited for")), None);
    let Ok(Reply::Participation(participation::Reply::Preview(_, examples))) =
        person.contributes(&mut aggregation, participation::Call::Preview)
    else {
        panic!("a dry run")
    };
    assert_eq!(examples, 1);
}

#[test]
fn an_erasure_leaves_the_ledger_alone_and_a_caller_can_give_up() {
    let mut aggregation = Aggregation::new();
    let mut person = person(&mut aggregation, 0);
    let forget = personalisation::Call::Forget(Selector::Item(event("click", 2).item.key), person.mark());
    let Ok(Reply::Personalisation(personalisation::Reply::Count(dropped))) = person.personal(&mut aggregation, forget)
    else {
        panic!("a count")
    };
    assert_eq!(dropped, 3);
    let call = contribute(&mut person);
    person.computes = false;
    let contribution = person.begin(&mut aggregation, Call::Participation(call));
    person.settle(&mut aggregation, &[contribution]);
    person.input(&mut aggregation, Input::GaveUp(contribution, Refusal::new("aborted", "the caller gave up")));
    person.computes = true;
    person.settle(&mut aggregation, &[contribution]);
    assert_eq!(code(person.replies.remove(&contribution).expect("answered")).as_deref(), Some("aborted"));
    assert_eq!(code(person.personal(&mut aggregation, personalisation::Call::Erase)), None);
    assert_eq!(person.memory.keys().collect::<Vec<_>>(), ["ledger"]);
    assert_eq!((person.remembered(), aggregation.uploads.len()), (0, 0), "what was finished is given up");
    assert_eq!(code(person.personal(&mut aggregation, agree(true))), None);
    let call = contribute(&mut person);
    assert_eq!(
        code(person.contributes(&mut aggregation, call)).as_deref(),
        Some("round-contributed"),
        "it was paid for, and stays so"
    );
}

#[test]
fn no_noised_vector_outlives_what_it_was_made_from() {
    let mut aggregation = Aggregation::new();
    let mut person = person(&mut aggregation, 0);
    let call = contribute(&mut person);
    assert_eq!(code(person.contributes(&mut aggregation, call)), None);
    let mut known = |person: &mut Person| match person.contributes(&mut aggregation, participation::Call::Log) {
        Ok(Reply::Participation(participation::Reply::Log(log))) => {
            log.iter().map(|(_, noised)| noised.is_some()).collect::<Vec<_>>()
        }
        _ => panic!("a log"),
    };
    assert_eq!(known(&mut person), [true]);
    let forget = personalisation::Call::Forget(Selector::Item(event("click", 2).item.key), person.mark());
    let mut elsewhere = Aggregation::new();
    assert_eq!(code(person.personal(&mut elsewhere, forget)), None);
    assert_eq!(known(&mut person), [false]);
}
