//! What the application fixes and no server can change: where the terms of a round and the price of taking part meet, above
//! messages and accounting, and below whatever ranks or releases under them.

mod limits;
mod policy;
mod refusal;
mod terms;

pub use limits::Limits;
pub use policy::{Policy, at_most};
pub use refusal::Refusal;
pub use terms::{Admitted, Terms, least_cost};
