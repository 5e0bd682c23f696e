//! A public file of events that no device of the task made: a head that is worse on it than the one before is held back.
//!
//! JSON, a line for each event, in the order of time; `server/README.md` describes the fields. The core reads them as a
//! device would: each person has a profile, and each choice is an example of what was chosen over what.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Mutex,
};

use privet::{Ablation, Event, Head, Item, Memory, Moment, Schema, cpu, key, refusal};
use serde::Deserialize;

/// The examples of a file, and what a head may lose on them.
pub struct Validation {
    schema: Schema,
    people: Vec<Person>,
    tolerance: f64,
    /// By a head's hash.
    losses: Mutex<HashMap<[u8; 32], f64>>,
}

/// One person's examples, as a device's contribution would learn from them.
struct Person {
    evidence: u64,
    x: Vec<f32>,
    server: Vec<f32>,
    starts: Vec<u32>,
    weight: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    person: String,
    kind: String,
    item: LineItem,
    /// What was shown beside it and not chosen.
    #[serde(default)]
    beside: Vec<LineItem>,
    /// Where it was shown, from 1; 0 where nobody knows.
    #[serde(default)]
    place: u16,
    #[serde(default)]
    value: f32,
    #[serde(default)]
    ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineItem {
    id: String,
    embedding: Vec<f32>,
    #[serde(default)]
    score: f32,
    #[serde(default)]
    dense: BTreeMap<String, f32>,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
}

impl LineItem {
    fn read(self, schema: &Schema) -> privet::Result<Item> {
        let mut attributes = Vec::new();
        for (name, values) in &self.attributes {
            let place = schema.attribute(name)?;
            attributes.extend(values.iter().map(|value| (place, key(value))));
        }
        let dense: Vec<f32> = schema.dense.iter().filter_map(|dense| self.dense.get(&dense.name).copied()).collect();
        if dense.len() != self.dense.len() {
            let (sent, wanted) = (self.dense.len(), schema.dense.len());
            return Err(refusal::Model::DenseLength { sent, wanted }.into());
        }
        Ok(Item { key: key(&self.id), score: self.score, embedding: self.embedding, dense, attributes })
    }
}

impl Line {
    fn read(self, schema: &Schema) -> privet::Result<Event> {
        let others: Vec<Item> = self.beside.into_iter().map(|item| item.read(schema)).collect::<Result<_, _>>()?;
        let moment = Moment { ms: self.ms, offset_min: 0 };
        let event = Event::new(schema.kind(&self.kind)?, self.item.read(schema)?, moment);
        Ok(Event { value: self.value, position: self.place, others, ..event })
    }
}

impl Validation {
    /// Reads a file of events as a head's schema describes them; a head that is worse by more than `tolerance` fails.
    pub fn from_file(file: &Path, head: &Head, tolerance: f64) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|cause| format!("{}: {cause}", file.display()))?;
        Self::read(&text, head, tolerance).map_err(|why| format!("{}: {why}", file.display()))
    }

    /// The same of a file's text.
    pub fn read(text: &str, head: &Head, tolerance: f64) -> Result<Self, String> {
        if !(tolerance >= 0.0 && tolerance.is_finite()) {
            return Err(format!("the tolerance is {tolerance} and has to be 0 or more"));
        }
        let mut people: BTreeMap<String, Memory> = BTreeMap::new();
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = place + 1;
            let line: Line = serde_json::from_str(line).map_err(|cause| format!("line {number}: {cause}"))?;
            let memory = people.entry(line.person.clone()).or_insert_with(|| Memory::new(head, Ablation::default()));
            let recorded = line.read(&head.schema).and_then(|event| memory.record(head, event));
            recorded.map_err(|error| format!("line {number}: {error}"))?;
        }
        let people: Vec<Person> = people.values().map(Person::new).filter(|person| !person.weight.is_empty()).collect();
        if people.is_empty() {
            return Err("nobody in it chooses one item over another".into());
        }
        Ok(Self { schema: head.schema.clone(), people, tolerance, losses: Mutex::default() })
    }

    /// The mean over people of their mean loss: what a round's mean contribution descends.
    pub fn loss(&self, hash: [u8; 32], body: &[u8]) -> Result<f64, String> {
        if let Some(&known) = self.losses.lock().expect("nobody panics with it").get(&hash) {
            return Ok(known);
        }
        let head = Head::decode(body).map_err(|error| error.to_string())?;
        if head.schema != self.schema {
            return Err("the public validation file was read for another schema".into());
        }
        let loss = self.people.iter().map(|person| person.loss(&head)).sum::<f64>() / self.people.len() as f64;
        self.losses.lock().expect("nobody panics with it").insert(hash, loss);
        Ok(loss)
    }

    /// Why a head of this loss is held back after one of that loss, if it is, with both numbers.
    pub fn objection(&self, before: f64, after: f64) -> Option<String> {
        // What is no number is worse than anything.
        let fine = after <= before + self.tolerance;
        (!fine).then(|| {
            let tolerance = self.tolerance;
            format!(
                "the loss on the public validation file is {after:.6}; {before:.6} of the head before and {tolerance} more are tolerated"
            )
        })
    }
}

impl Person {
    fn new(memory: &Memory) -> Self {
        let evidence = memory.profile().evidence();
        let mut person = Self { evidence, x: Vec::new(), server: Vec::new(), starts: vec![0], weight: Vec::new() };
        for example in memory.learner().new_examples() {
            person.x.extend(example.features());
            person.server.extend(example.server_scores());
            person.starts.push(person.server.len() as u32);
            person.weight.push(example.weight());
        }
        person
    }

    fn loss(&self, head: &Head) -> f64 {
        let shape = head.shape(self.server.len() as u32, self.weight.len() as u32);
        let (rows, groups) = (self.server.len(), self.weight.len());
        let (mut z, mut s, mut r) = (vec![0.0; rows * shape.h as usize], vec![0.0; rows], vec![0.0; rows]);
        let mut losses = vec![0.0; groups];
        cpu::forward(shape, &self.x, head.parameters(), &mut z, &mut s);
        let gate = head.gate(self.evidence);
        cpu::listwise(shape, gate, &self.starts, &self.weight, &self.server, &s, &mut r, &mut losses);
        losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / groups as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema")
    }

    fn item(axis: usize) -> String {
        let embedding: Vec<f32> = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
        format!("{{\"id\":\"{axis}\",\"embedding\":{embedding:?}}}")
    }

    fn event(person: &str, chosen: usize, passed: usize) -> String {
        let (item, beside) = (item(chosen), item(passed));
        format!("{{\"person\":\"{person}\",\"kind\":\"click\",\"item\":{item},\"beside\":[{beside}],\"place\":1}}\n")
    }

    fn loss(validation: &Validation, head: &Head) -> f64 {
        let body = head.encode();
        validation.loss(Head::hash(&body), &body).expect("it is the file's schema")
    }

    #[test]
    fn who_knows_nothing_loses_ln_2_on_two() {
        let validation = Validation::read(&event("a", 1, 2), &head(), 0.0).expect("it is whole");
        assert!((loss(&validation, &head()) - std::f64::consts::LN_2).abs() < 1e-6, "there was no evidence before");
    }

    #[test]
    fn a_head_that_likes_what_is_liked_loses_less_and_its_opposite_more() {
        let text: String = (0..6).map(|n| event("a", 1, 2 + n)).collect();
        let validation = Validation::read(&text, &head(), 0.25).expect("it is whole");
        let with = |factor: f32| {
            let parameters = head().parameters().iter().map(|p| p * factor).collect();
            loss(&validation, &head().with_parameters(parameters).expect("as many"))
        };
        let (without, fine, bad) = (with(0.0), with(1.0), with(-1.0));
        assert!(fine < without && without < bad, "{fine} {without} {bad}");
        assert_eq!(validation.objection(without, without + 0.25), None);
        assert_eq!(validation.objection(without, fine), None);
        let why = validation.objection(0.5, 0.751).expect("more than a quarter");
        assert!(why.contains("is 0.751000; 0.500000 of the head before and 0.25 more"), "{why}");
        assert!(validation.objection(0.5, f64::NAN).is_some());
    }

    #[test]
    fn people_count_alike_however_much_they_did() {
        let one = |text: &str| loss(&Validation::read(text, &head(), 0.0).expect("it is whole"), &head());
        let busy: String = (0..6).map(|n| event("a", 1, 2 + n)).collect();
        let quiet = event("b", 3, 4);
        let both = one(&[&busy[..], &quiet].concat());
        assert!((both - f64::midpoint(one(&busy), one(&quiet))).abs() < 1e-9);
    }

    #[test]
    fn what_the_schema_does_not_describe_is_refused_with_its_line() {
        let fine = event("a", 1, 2);
        for (odd, said) in [
            (fine.replace("click", "stare"), "line 2: unknown kind of event"),
            (fine.replace("\"place\":1", "\"palce\":1"), "line 2: unknown field `palce`"),
            (
                fine.replace("[1.0, ", "[").replace("[0.0, ", "["),
                "line 2: an embedding has 15 numbers; the head wants 16",
            ),
            (fine.replace("\"id\":\"1\"", "\"id\":\"1\",\"dense\":{\"age\":1}"), "line 2: an item has 1 dense numbers"),
            (
                fine.replace("\"id\":\"1\"", "\"id\":\"1\",\"attributes\":{\"x\":[]}"),
                "line 2: the schema names no such",
            ),
        ] {
            let refused = Validation::read(&[&fine[..], &odd].concat(), &head(), 0.0).err().expect("odd");
            assert!(refused.contains(said), "{refused}");
        }
        let only_shown = fine.replace("click", "impression");
        let refused = Validation::read(&only_shown, &head(), 0.0).err().expect("nothing to learn from");
        assert!(refused.contains("nobody in it chooses"), "{refused}");
        let refused = Validation::read(&fine, &head(), f64::NAN).err().expect("no number");
        assert!(refused.contains("the tolerance is NaN"), "{refused}");
        let validation = Validation::read(&fine, &head(), 0.0).expect("it is whole");
        let other = Head::starting(Schema::plain(20), 2, 4.0).expect("a plain schema").encode();
        assert!(validation.loss(Head::hash(&other), &other).is_err(), "another schema");
    }
}
