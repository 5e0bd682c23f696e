//! What a feed is given to show: candidates in an order that keeps the application's rules.

use crate::{Memory, Score, ranking};
use privet_base::Result;
use privet_decide::{
    order::{Candidates, Rules, Unmet, arrange, unmet},
    running::{Kind, Orders},
};
use privet_model::{Head, Item, Moment};

/// What the application asks of an order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// A limit of 0 is all candidates. Caps name an attribute by its place in the schema; a candidate with several values
    /// counts by its first, one without any by none.
    pub rules: Rules,
    /// The place in the schema of the dense number that is an age, for freshness.
    pub age: usize,
}

/// Candidates in the order in which to show them.
#[derive(Debug, Clone, PartialEq)]
pub struct Slate {
    /// Names it when it is shown, and in the events that it leads to.
    pub id: u32,
    /// Places among the candidates, the best first, as many as were asked for.
    pub order: Vec<u32>,
    /// Which order that is.
    pub kind: Kind,
    /// The parts of each candidate's score, in the candidates' own order. Only how they differ between candidates
    /// decides anything: the shared and the personal part are given as what they have above their mean.
    pub scores: Vec<Score>,
    /// What the rules could not have.
    pub unmet: Unmet,
}

/// Ranks, arranges by the rules, and has the running evaluation choose between the server's order and this device's.
///
/// `seen` is what a GPU has scored ([`ranking::scoring_batch`]), or nothing. `draw` is random: it names the slate, and decides
/// whether it is an interleaving and which.
pub(crate) fn rerank(
    head: &Head,
    memory: &mut Memory,
    every: u32,
    (candidates, moment, seen): (&[Item], Moment, &[f32]),
    request: &Request,
    draw: [u8; 16],
) -> Result<Slate> {
    ranking::check(head, candidates)?;
    let mut scores = if seen.is_empty() {
        ranking::scores(head, memory, candidates, moment)
    } else {
        ranking::scores_by_gpu(head, memory, candidates, seen)?
    };
    let asked = Asked::new(head, candidates, request)?;
    let by_server = asked.order(&asked.server, &asked.rules)?;
    let totals: Vec<f32> = scores.iter().map(Score::total).collect();
    let by_total = asked.order(&totals, &asked.rules)?;
    let keys: Vec<u64> = candidates.iter().map(|item| item.key).collect();
    let settle = |drafted| asked.settle(drafted);
    let orders = Orders { keys: &keys, server: &by_server, personal: &by_total, settle: &settle };
    let (id, order, kind) = memory.offer(head, every, &orders, (candidates, moment), draw);
    let unmet = asked.unmet(&order);
    centre(&mut scores);
    Ok(Slate { id, order, kind, scores, unmet })
}

/// The candidates' columns that the rules ask for.
struct Asked {
    server: Vec<f32>,
    embeddings: Vec<f32>,
    attributes: Vec<Vec<u64>>,
    ages: Vec<f32>,
    rules: Rules,
}

impl Asked {
    fn new(head: &Head, items: &[Item], request: &Request) -> Result<Self> {
        let refuse = |what, is: usize, all: usize| {
            Err(privet_decide::Refusal::OrderRefused { what, is: is.to_string(), must: format!("under {all}") }.into())
        };
        let (schema, mut rules) = (&head.schema, request.rules.clone());
        rules.limit = if rules.limit == 0 { items.len() } else { rules.limit.min(items.len()) };
        let mut attributes = Vec::new();
        for cap in &mut rules.caps {
            if cap.attribute >= schema.attributes.len() {
                return refuse("attribute of a cap", cap.attribute, schema.attributes.len());
            }
            attributes.push(items.iter().map(|item| value(item, cap.attribute)).collect());
            cap.attribute = attributes.len() - 1;
        }
        let mut ages = Vec::new();
        if rules.freshness.is_some() {
            if request.age >= schema.dense.len() {
                return refuse("dense number of freshness", request.age, schema.dense.len());
            }
            ages = items.iter().map(|item| item.dense[request.age]).collect();
        }
        let diverse = if rules.diversity == 0.0 { &[] } else { items };
        let mut embeddings = Vec::with_capacity(diverse.len() * head.embedding_length());
        diverse.iter().for_each(|item| embeddings.extend_from_slice(&item.embedding));
        let server = items.iter().map(|item| item.score).collect();
        Ok(Self { server, embeddings, attributes, ages, rules })
    }

    fn order(&self, scores: &[f32], rules: &Rules) -> Result<Vec<u32>> {
        let mut order = self.with(scores, |candidates| arrange(candidates, rules))?.order;
        order.truncate(rules.limit);
        Ok(order)
    }

    fn unmet(&self, order: &[u32]) -> Unmet {
        self.with(&[], |candidates| unmet(candidates, &self.rules, order))
    }

    fn with<T>(&self, scores: &[f32], use_them: impl FnOnce(&Candidates) -> T) -> T {
        let attributes: Vec<&[u64]> = self.attributes.iter().map(|column| &column[..]).collect();
        let Self { server, embeddings, ages, .. } = self;
        use_them(&Candidates { scores, server, embeddings, attributes: &attributes, ages })
    }

    /// What was drafted out of both orders, with the rules kept that both keep.
    fn settle(&self, drafted: Vec<u32>) -> Vec<u32> {
        let Some(rules) = self.rules.of_places() else { return drafted };
        let mut scores = vec![f32::NEG_INFINITY; self.server.len()];
        drafted.iter().zip(0_u16..).for_each(|(&candidate, place)| scores[candidate as usize] = -f32::from(place));
        self.order(&scores, &rules).unwrap_or(drafted)
    }
}

/// What a candidate is counted by: one without a value is of its own kind.
fn value(item: &Item, attribute: usize) -> u64 {
    let first = item.attributes.iter().find(|&&(place, _)| usize::from(place) == attribute);
    first.map_or(item.key, |&(_, value)| value)
}

fn centre(scores: &mut [Score]) {
    let count = scores.len() as f32;
    let shared = scores.iter().map(|score| score.shared).sum::<f32>() / count;
    let personal = scores.iter().map(|score| score.personal).sum::<f32>() / count;
    for score in scores {
        score.shared -= shared;
        score.personal -= personal;
    }
}
