//! What is remembered, as flat arrays: what a person is shown of it.

use privet::{Counted, Deed, Ranker};
use wasm_bindgen::prelude::*;

/// Keys are those that [`crate::key`] gives; places are the schema's.
#[wasm_bindgen(getter_with_clone)]
pub struct Summary {
    /// How many events the profile was folded from, and how many of them spoke for an item.
    pub events: Vec<f64>,
    /// The items of the latest things that were done, the latest first.
    pub items: Vec<u64>,
    /// What was done with them.
    pub kinds: Vec<String>,
    /// When, in milliseconds since 1970.
    pub times: Vec<f64>,
    /// The attribute of each value that was counted.
    pub places: Vec<u16>,
    /// The values.
    pub values: Vec<u64>,
    /// Of each value four: how much was chosen, how much was shown, the rate, and the population's.
    pub numbers: Vec<f32>,
}

impl Summary {
    pub(crate) fn new(device: &Ranker, most: usize, ms: u64) -> Self {
        let (schema, profile) = (&device.head().schema, device.profile());
        let deeds: Vec<Deed> = device.memory().deeds().take(most).collect();
        let counted: Vec<Counted> = profile.counted(schema, ms).collect();
        let usual = |counted: &Counted| schema.attributes[usize::from(counted.attribute)].rate;
        Self {
            events: [profile.events(), profile.evidence()].map(|count| count as f64).to_vec(),
            items: deeds.iter().map(|deed| deed.item).collect(),
            kinds: deeds.iter().map(|deed| schema.kinds[usize::from(deed.kind)].name.clone()).collect(),
            times: deeds.iter().map(|deed| deed.ms as f64).collect(),
            places: counted.iter().map(|counted| counted.attribute).collect(),
            values: counted.iter().map(|counted| counted.value).collect(),
            numbers: counted.iter().flat_map(|it| [it.chosen, it.shown, it.rate, usual(it)]).collect(),
        }
    }
}
