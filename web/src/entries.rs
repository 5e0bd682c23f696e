//! The ledger's entries as text: what an audit shows.

use privet::{Fate, hex};
use wasm_bindgen::prelude::*;

use crate::Device;

#[wasm_bindgen]
impl Device {
    /// Of each contribution that was ever debited, one line: its task, round and id, what it cost where enough others
    /// are honest and where nobody else is (both in nano-rho), and what has become of it.
    pub fn entries(&self) -> Vec<String> {
        let entries = self.device.ledger().entries().iter();
        let line = |entry: &privet::Entry| {
            let privet::Entry { task, round, id, cost, fate, .. } = entry;
            format!("{task} {round} {} {} {} {}", hex(id), cost.trusted.0, cost.alone.0, name(*fate))
        };
        entries.map(line).collect()
    }
}

/// Not by `Debug`: the module that ships has none.
fn name(fate: Fate) -> &'static str {
    match fate {
        Fate::Reserved => "Reserved",
        Fate::Lost => "Lost",
        Fate::Ready => "Ready",
        Fate::Sent => "Sent",
        Fate::Refused => "Refused",
    }
}
