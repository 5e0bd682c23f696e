//! The aggregation host: publishes a round and its head, takes uploads, and counts them.
//!
//! [`app`] is the whole HTTP surface over a [`Store`] and the [`Task`] it serves. Errors are problem documents
//! (RFC 9457) whose `code` is [`privet::Error::code`]. Logs hold no bodies and no ids.

pub mod evaluate;
mod keys;
mod problem;
mod routes;
mod store;
mod task;

pub use keys::Keys;
pub use problem::{Advice, PROBLEMS, Problem};
pub use routes::app;
pub use store::{Put, Store};
pub use task::Task;
