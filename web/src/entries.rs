//! The ledger's entries as text: what an audit shows.

use privet::hex;
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
            format!("{task} {round} {} {} {} {fate:?}", hex(id), cost.trusted.0, cost.alone.0)
        };
        entries.map(line).collect()
    }
}
