//! Items and slates as flat arrays: what crosses to a worker in one copy each.

use privet::Item;
use wasm_bindgen::prelude::*;

/// What the core knows the item of an id, or the value of an attribute, by.
#[wasm_bindgen]
pub fn key(name: &str) -> u64 {
    privet::key(name)
}

/// Items, one after the other.
#[wasm_bindgen]
pub struct Items(Vec<Item>);

#[wasm_bindgen]
impl Items {
    /// Of each item `lengths` has three: of its embedding, of its dense numbers, of its attributes' values. `numbers`
    /// has its score, its embedding and its dense numbers; `names` its id and its values; `places` each value's
    /// attribute. Arrays that are too short make items that are, and the core refuses those.
    #[wasm_bindgen(constructor)]
    pub fn new(lengths: &[u32], numbers: &[f32], places: &[u16], names: Vec<String>) -> Self {
        let mut left = numbers;
        // Whole slices: one by one they take a tenth of a re-ranking.
        let mut take = |count: usize| {
            let (taken, rest) = left.split_at(count.min(left.len()));
            left = rest;
            taken
        };
        let mut keys = names.iter().map(|name| key(name));
        let mut places = places.iter().copied();
        let (each, _) = lengths.as_chunks::<3>();
        let item = |&[embedding, dense, values]: &[u32; 3]| Item {
            key: keys.next().unwrap_or_default(),
            score: take(1).first().copied().unwrap_or_default(),
            embedding: take(embedding as usize).to_vec(),
            dense: take(dense as usize).to_vec(),
            attributes: places.by_ref().zip(keys.by_ref()).take(values as usize).collect(),
        };
        Self(each.iter().map(item).collect())
    }
}

impl Items {
    pub(crate) fn into_items(self) -> Vec<Item> {
        self.0
    }
}

/// Candidates in the order in which to show them. The parts of scores are in the candidates' own order.
#[wasm_bindgen(getter_with_clone)]
pub struct Slate {
    /// Names it.
    #[wasm_bindgen(readonly)]
    pub id: u32,
    /// Places among the candidates, the best first.
    #[wasm_bindgen(readonly)]
    pub order: Vec<u32>,
    /// The server's own scores.
    #[wasm_bindgen(readonly)]
    pub server: Vec<f32>,
    /// What the shared head adds, around its mean.
    #[wasm_bindgen(readonly)]
    pub shared: Vec<f32>,
    /// What only this device has learnt, around its mean.
    #[wasm_bindgen(readonly)]
    pub personal: Vec<f32>,
    /// The [`key`] of the recent item that is most like the candidate.
    #[wasm_bindgen(readonly)]
    pub because: Vec<u64>,
    /// How like that is: 0 where there is none, less where it speaks against the candidate.
    #[wasm_bindgen(readonly)]
    pub likeness: Vec<f32>,
    /// How many pins, candidates beyond caps and fresh candidates the rules could not have as they want.
    #[wasm_bindgen(readonly)]
    pub unmet: Vec<u32>,
    /// 0 for the personal order, 1 for the server's, 2 for an interleaving.
    #[wasm_bindgen(readonly)]
    pub kind: u8,
}

impl From<privet::Slate> for Slate {
    fn from(privet::Slate { id, order, kind, scores, unmet }: privet::Slate) -> Self {
        let reasons = scores.iter().map(|score| score.because.unwrap_or_default());
        let (because, likeness) = reasons.unzip();
        Self {
            id,
            order,
            server: scores.iter().map(|score| score.server).collect(),
            shared: scores.iter().map(|score| score.shared).collect(),
            personal: scores.iter().map(|score| score.personal).collect(),
            because,
            likeness,
            unmet: [unmet.pins, unmet.caps, unmet.freshness].map(|count| count as u32).to_vec(),
            kind: kind as u8,
        }
    }
}
