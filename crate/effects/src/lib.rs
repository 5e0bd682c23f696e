//! What a device asks of its host, and how it waits for an answer: state machines without I/O, clock or chance of their own.
//!
//! A machine is given inputs, one at a time, each with the [`Moment`] that it came at. It answers with [`Effect`]s, which the
//! host carries out: bytes are read and written, locks taken, timers set, requests sent. What comes of an effect is the next
//! input. Inside, a rule is written as it is read: an `async fn` that awaits what a [`Host`] gives. Nothing else runs it: no
//! runtime, no thread, no waker. After each input [`Tasks::run`] asks every task how far it gets.
//!
//! So a test is a list of inputs, a crash is a machine that is dropped, and the same list comes to the same end.

mod effect;
mod host;
pub mod memory;
mod refused;
mod tasks;

pub use effect::{Answer, Changes, Choice, DEVICE, Descended, Effect, Id, Mark, Moment};
pub use host::{Host, Locked, Reply};
pub use refused::{Advice, Refusal, Said};
pub use tasks::Tasks;

/// The result of whatever a host was asked for.
pub type Result<T, E = Refusal> = core::result::Result<T, E>;
