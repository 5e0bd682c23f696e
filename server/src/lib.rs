//! The aggregation host: publishes rounds and heads, takes uploads, opens sums over enough of them, and makes better
//! heads of those.
//!
//! A [`Leader`] is what devices talk to, a [`Helper`] the aggregator beside it in `split` mode; each has [`Keys`] and a
//! [`Store`] of its own. Neither speaks HTTP by itself: [`leader_app`] and [`helper_app`] are the HTTP surfaces.
//! [`Leader::advance_round`] is told the time, and a helper has a [`Clock`] that a test may set. Errors are problem documents (RFC 9457) whose `code` is
//! [`privet::Error::code`]. Logs hold no bodies and no ids.

mod clock;
mod counter;
mod files;
mod helper;
mod issuer;
mod keys;
mod leader;
mod listen;
mod metrics;
mod noised_sum;
mod peer;
mod problem;
mod refusal;
mod routes;
pub mod store;
mod task;
mod task_file;
pub mod tensors;
mod throttled;
mod token;
mod validation;
mod version;

pub use clock::{APART_S, Clock, keep_advancing, now_s};
pub use counter::Counter;
pub use files::{create_private, files_of, private_file, private_folder};
pub use helper::{Helper, Proposal, Standing};
pub use issuer::{Accounts, Issued, Issuer, IssuerKey, Quota, issuer_app};
pub use keys::Keys;
pub use leader::{Accepted, Leader, Open, Progress};
pub use listen::{Connections, Tls, serve};
pub use metrics::Metrics;
pub use peer::{Ask, Peer, PeerError, Verdict, sign_answer, sign_request, verify_answer, verify_request};
pub use privet::{Norms, Optimiser};
pub use problem::{Advice, PROBLEMS, Problem};
pub use refusal::Refusal;
pub use routes::{
    Administrator, Extras, HttpPeer, Rate, helper_app, helper_operator_app, leader_app, leader_operator_app,
};
pub use store::{SqliteStore, Store};
pub use task::Task;
pub use task_file::{Offer, tasks_from_file};
pub use token::{Token, verify_token};
pub use validation::Validation;
