//! The half of a device that remembers its user, as a machine without I/O: consent and settings, the journal of the profile,
//! slates, and which round and head it ranks by.
//!
//! Calls and answers to effects go in, effects and replies come out ([`Personalisation::handle`]). What needs no I/O is a plain
//! method. Whoever hands over a call that changes the profile has the lock [`privet_effects::DEVICE`]: the change is made at
//! once, and the reply comes when it is stored.

mod journal;
mod machine;
mod opening;
mod records;

pub use machine::{Call, Input, Output, Personalisation, Reply, Setup};
pub use opening::Published;
pub use records::{Act, Settings};
