//! Additive shares of a vector, and the seals that they travel under: what a device and its aggregators have in common.

mod refusal;
mod seal;
mod share;

pub use refusal::Refusal;
pub use seal::{OVERHEAD, Role, SealingKey, associated, seal};
pub use share::Share;
