//! Our own model: the core's devices over a head that is fitted to all users.

use ::privet::{
    Ablation, Attribute, Dense, Event, Example, Head, Item, Kind, Memory, Moment as Time, Schema, Scratch, cpu, key,
};
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

use super::catalogue::Catalogue;
use super::learner::{Answer, Candidate, Device, Learner, Moment, Part, Switches};

const HIDDEN: u32 = 16;
const KAPPA: f32 = 2.0;
/// The shared head's fit: Adam (Kingma and Ba 2015) with its usual constants, over so many examples a step. A device's own
/// steps hold it to a head that is there already; here there is none yet.
const EPOCHS: usize = 6;
const BATCH: usize = 64;
const RATE: f32 = 0.003;
const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
/// The least length of an embedding; shorter ones are filled up with zeros.
const LEAST_EMBEDDING: usize = 16;
/// How many of the items beside it an event keeps.
const OTHERS: usize = 15;
/// How many events a population's rate weighs as much as.
const STRENGTH: f32 = 5.0;

/// The model.
pub(crate) struct Privet {
    switches: Switches,
    head: Option<Head>,
    items: Vec<Item>,
    views: Vec<super::catalogue::View>,
}

impl Privet {
    /// A model with these parts switched off.
    pub(crate) fn make(switches: Switches) -> Box<dyn Learner> {
        Box::new(Self { switches, head: None, items: Vec::new(), views: Vec::new() })
    }

    fn is_without(&self, part: Part) -> bool {
        self.switches.without == Some(part)
    }

    fn ablation(&self) -> Ablation {
        Ablation {
            attention: self.is_without(Part::Attention),
            counters: self.is_without(Part::Counters),
            interests: self.is_without(Part::Interests),
            drift: !self.switches.drift,
        }
    }

    fn head(&self) -> &Head {
        self.head.as_ref().expect("it is fitted before it is used")
    }

    fn item(&self, candidate: &Candidate) -> Item {
        let item = Item { score: candidate.server, ..self.items[candidate.item].clone() };
        let Some(view) = candidate.view else { return item };
        let view = &self.views[view];
        let mut embedding = view.embedding.clone();
        embedding.resize(item.embedding.len(), 0.0);
        Item { embedding, dense: view.dense.clone(), ..item }
    }

    /// What a device records of a moment.
    fn events(&self, moment: &Moment) -> Vec<Event> {
        let time = time(moment.time_s);
        let passed = |place: usize| moment.shown[place].1 == Answer::Passed;
        let mut others: Vec<Item> = (0..moment.shown.len())
            .filter(|&place| passed(place))
            .map(|place| self.item(&moment.shown[place].0))
            .collect();
        // An event keeps no more than these beside its own: here the first of the slate, in the package the nearest.
        others.truncate(OTHERS);
        let position = |place: usize| if moment.eta > 0.0 { 1 + place as u16 } else { 0 };
        let answered = moment.shown.iter().enumerate().filter(|(_, (_, answer))| *answer != Answer::Passed);
        let mut events: Vec<Event> = answered
            .map(|(place, (candidate, answer))| Event {
                position: position(place),
                others: if *answer == Answer::Chosen { others.clone() } else { Vec::new() },
                ..Event::new(if *answer == Answer::Chosen { CHOSEN } else { DISLIKED }, self.item(candidate), time)
            })
            .collect();
        if events.is_empty()
            && let Some((first, rest)) = others.split_first()
        {
            events.push(Event { others: rest.to_vec(), ..Event::new(SHOWN, first.clone(), time) });
        }
        events
    }

    /// Every example of every user, as their devices would make them.
    fn examples(&self, head: &Head, users: &[Vec<Moment>]) -> Vec<Example> {
        let of_user = |moments: &Vec<Moment>| {
            let mut memory = Memory::new(head, self.ablation());
            for event in moments.iter().flat_map(|moment| self.events(moment)) {
                memory.record(head, event).expect("the schema is the catalogue's");
            }
            memory.learner().new_examples().cloned().collect::<Vec<_>>()
        };
        users.iter().flat_map(of_user).collect()
    }
}

const SHOWN: u16 = 0;
const CHOSEN: u16 = 1;
const DISLIKED: u16 = 2;

fn schema(catalogue: &Catalogue, rate: f32) -> Schema {
    let kind = |name: &str, label| Kind { name: name.into(), label, weight: 1.0, full: 0.0 };
    let dense = |name: &&str| Dense { name: (*name).into(), offset: 0.0, scale: 1.0 };
    let attribute = |(name, _): &(String, usize)| Attribute { name: name.clone(), rate, strength: STRENGTH };
    Schema {
        dense: catalogue.dense.iter().map(dense).collect(),
        attributes: catalogue.attributes.iter().map(attribute).collect(),
        kinds: vec![kind("impression", 0.0), kind("like", 1.0), kind("dismiss", -1.0)],
        ..Schema::plain(embedding_length(catalogue) as u32)
    }
}

fn embedding_length(catalogue: &Catalogue) -> usize {
    catalogue.embedding_length().max(LEAST_EMBEDDING).next_multiple_of(4)
}

fn time(time_s: f64) -> Time {
    Time { ms: (time_s * 1000.0) as u64, offset_min: 0 }
}

impl Learner for Privet {
    fn fit_shared(&mut self, catalogue: &Catalogue, users: &[Vec<Moment>], seed: u64) {
        let length = embedding_length(catalogue);
        self.views.clone_from(&catalogue.views);
        self.items = catalogue
            .items
            .iter()
            .enumerate()
            .map(|(place, item)| {
                let mut embedding = item.embedding.clone();
                embedding.resize(length, 0.0);
                let values = item.attributes.iter().zip(0u16..);
                let attributes =
                    values.flat_map(|(values, field)| values.iter().map(move |value| (field, key(&value.to_string()))));
                Item {
                    dense: item.dense.clone(),
                    attributes: attributes.collect(),
                    ..Item::plain(place as u64, embedding)
                }
            })
            .collect();
        let shown = || users.iter().flatten().flat_map(|moment| &moment.shown);
        let chosen = shown().filter(|(_, answer)| *answer == Answer::Chosen).count() as f32;
        let rate = (chosen / (shown().count() as f32).max(1.0)).clamp(0.01, 0.99);
        let linear = self.is_without(Part::Mlp);
        let mut head = Head::starting(schema(catalogue, rate), if linear { 1 } else { HIDDEN }, KAPPA)
            .expect("the schema is plain");
        if linear {
            let mut parameters = head.parameters().to_vec();
            parameters[head.shape(0, 0).f as usize..].fill(0.0);
            head = head.with_parameters(parameters).expect("as many, and finite");
        }
        head.eta = if self.switches.debias {
            users.iter().flatten().next().map_or(0.0, |moment| moment.eta as f32)
        } else {
            0.0
        };
        if self.is_without(Part::Personal) {
            head.local.steps = 0;
        }
        let examples = self.examples(&head, users);
        self.head = Some(fitted(&head, &examples, seed));
    }

    fn score_shared(&self, _: &Catalogue, time_s: f64, candidates: &[Candidate]) -> Vec<f32> {
        // What an operator's newcomers see under a κ of 0.
        let mut open = self.head().clone();
        open.kappa = 0.0;
        let memory = Memory::new(&open, self.ablation());
        scores(&open, &memory, self, time_s, candidates)
    }

    fn device<'a>(&'a self, _: &'a Catalogue) -> Box<dyn Device + 'a> {
        Box::new(PrivetDevice {
            model: self,
            memory: Memory::new(self.head(), self.ablation()),
            scratch: Scratch::default(),
        })
    }
}

fn scores(head: &Head, memory: &Memory, model: &Privet, time_s: f64, candidates: &[Candidate]) -> Vec<f32> {
    let items: Vec<Item> = candidates.iter().map(|candidate| model.item(candidate)).collect();
    let ranking = ::privet::rank(head, memory, &items, time(time_s)).expect("the schema is the catalogue's");
    ranking.scores.iter().map(::privet::Score::total).collect()
}

struct PrivetDevice<'a> {
    model: &'a Privet,
    memory: Memory,
    scratch: Scratch,
}

impl Device for PrivetDevice<'_> {
    fn observe(&mut self, moment: &Moment) {
        for event in self.model.events(moment) {
            self.memory.record(self.model.head(), event).expect("the schema is the catalogue's");
        }
        while self.memory.advance(self.model.head(), &mut self.scratch) {}
    }

    fn score(&mut self, time_s: f64, candidates: &[Candidate]) -> Vec<f32> {
        scores(self.model.head(), &self.memory, self.model, time_s, candidates)
    }
}

/// The head after some epochs over all examples.
fn fitted(head: &Head, examples: &[Example], seed: u64) -> Head {
    let mut theta = head.parameters().to_vec();
    let (mut mean, mut square, mut g) = (vec![0.0; theta.len()], vec![0.0; theta.len()], vec![0.0; theta.len()]);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let steps = (EPOCHS * examples.len().div_ceil(BATCH)) as f32;
    let (mut first, mut second, mut step) = (1.0, 1.0, 0.0);
    let (mut x, mut starts, mut weight, mut offset) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut z, mut s, mut r, mut losses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..EPOCHS {
        order.shuffle(&mut generator);
        for batch in order.chunks(BATCH) {
            x.clear();
            starts.clear();
            weight.clear();
            offset.clear();
            starts.push(0);
            for example in batch.iter().map(|&place| &examples[place]) {
                x.extend_from_slice(example.features());
                offset.extend_from_slice(example.server_scores());
                weight.push(example.weight());
                starts.push(offset.len() as u32);
            }
            let shape = head.shape(offset.len() as u32, weight.len() as u32);
            z.resize(offset.len() * shape.h as usize, 0.0);
            s.resize(offset.len(), 0.0);
            r.resize(offset.len(), 0.0);
            losses.resize(weight.len(), 0.0);
            cpu::forward(shape, &x, &theta, &mut z, &mut s);
            cpu::listwise(shape, 1.0, &starts, &weight, &offset, &s, &mut r, &mut losses);
            cpu::backward(shape, &x, &theta, &z, &r, &mut g);
            (first, second, step) = (first * FIRST, second * SECOND, step + 1.0);
            let rate = RATE * (1.0 - step / (steps + 1.0));
            for i in 0..theta.len() {
                mean[i] = FIRST * mean[i] + (1.0 - FIRST) * g[i];
                square[i] = SECOND * square[i] + (1.0 - SECOND) * g[i] * g[i];
                theta[i] -= rate * (mean[i] / (1.0 - first)) / ((square[i] / (1.0 - second)).sqrt() + 1e-8);
            }
        }
    }
    head.with_parameters(theta).expect("as many, and finite")
}
