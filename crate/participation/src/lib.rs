//! When and how a device contributes, as a machine without I/O, clock or chance of its own.
//!
//! [`Participation`] is given the user's choices, what is published, calls, and answers to what it asked for; it says what is
//! to be done. Whether a device takes part, and when, depends on consent, the clock and the budget, and never on what its user
//! did. The way out is one: debit, noise, store, send, each step durable before the next.
//!
//! Every host drives the same machine: the worker of a page, Node, a test, a simulator.

mod contribution;
mod log;
mod machine;
mod member;
mod records;
mod schedule;
mod slots;
#[cfg(test)]
mod testing;
mod tokens;

pub use machine::{Call, Input, Output, Participation, Reply, Stage};
pub use member::{Account, Leader, Receipt, Setup};
pub use records::{Answered, Sending};
