//! The module that ranks: it loads first, and has no way to release anything.

use wasm_bindgen::prelude::*;

use crate::{Device, Terms, js_error};

pub(crate) type Core = privet::Ranker;

#[wasm_bindgen]
impl Device {
    /// Opens a device for a signed round and its head. `ledger` is what is stored (empty: nothing yet).
    pub fn open(terms: Terms, round: &[u8], head: &[u8], ledger: &[u8]) -> Result<Device, JsValue> {
        let device = privet::Ranker::new(terms.terms, round, head, ledger).map_err(js_error)?;
        Ok(Self { device })
    }
}
