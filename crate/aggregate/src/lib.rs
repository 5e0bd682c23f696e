//! The aggregator's half: sums of shares, the noise that goes into them before they leave, and what two aggregators say to
//! each other; what becomes of a mean ([`Optimiser`]), and whether it can be one ([`Norms`]). It knows no device: it meets one in shares and messages.

mod aggregate;
mod aggregation;
mod forward;
mod guard;
pub mod optimiser;
mod refusal;

pub use aggregate::{Aggregate, NoisedSum, noise_sum};
pub use aggregation::{AggregateShare, Batch};
pub use forward::Forward;
pub use guard::Norms;
pub use optimiser::Optimiser;
pub use refusal::Refusal;
