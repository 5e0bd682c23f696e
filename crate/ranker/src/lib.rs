//! The ranking half of a device: the retained log with the slates that were shown ([`Memory`]), the scores and orders that
//! are made of it, and the [`Ranker`], which holds one device's.
//!
//! It stands above both what learns and what decides, for the log remembers what was shown. It cannot release anything.

mod memory;
mod ranker;
mod ranking;
mod refusal;
mod slate;

pub use memory::{Action, Memory, Selector};
pub use ranker::Ranker;
pub use ranking::{Ranking, Score, rank};
pub use refusal::Refusal;
pub use slate::{Request, Slate};
