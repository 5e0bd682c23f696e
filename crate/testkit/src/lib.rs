//! What tests, loads, benches and the audit in `lab` make again and again. Nothing that a page or a device loads depends on it.
//!
//! Items and events are of [`privet_model::Schema::plain`] with embeddings of [`EMBEDDING`] numbers. Aggregators have keys
//! from fixed seeds, so that what they sign is the same in every run.

mod aggregators;
mod device;
mod events;
mod seeds;

pub use aggregators::{Aggregators, over};
pub use device::{browse, contribution};
pub use events::{EMBEDDING, event, item};
pub use seeds::seeds;
