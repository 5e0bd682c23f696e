//! The module that ranks: it loads first, and has no way to release anything.

use wasm_bindgen::prelude::*;

use crate::{Device, Terms, js_error};

pub(crate) type Core = privet::Ranker;

#[wasm_bindgen]
impl Device {
    /// Opens a device for a signed round and its head, or, where the round is empty, for a head that the application
    /// vouches for. `ledger` is what is stored (empty: nothing yet).
    pub fn open(terms: Terms, round: &[u8], head: &[u8], ledger: &[u8]) -> Result<Device, JsValue> {
        let device = if round.is_empty() {
            privet::Ranker::local(terms.terms.policy, head, ledger)
        } else {
            privet::Ranker::new(terms.terms, round, head, ledger)
        };
        Ok(Self { device: device.map_err(js_error)? })
    }

    /// `scalar`: where there is something to compute on a GPU, the full module does.
    #[wasm_bindgen(getter)]
    pub fn backend(&self) -> String {
        "scalar".into()
    }
}
