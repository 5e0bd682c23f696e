//! What a device learns with: the operator's [`Schema`], what the user did ([`Event`]), what is made of it ([`Profile`]), the
//! [`Head`] that the server publishes and the [`Learner`] that fine-tunes it.
//!
//! Plain loops in [`cpu`] define what kernels and shaders compute. Nothing here is released, and nothing here can be sent.

mod accelerator;
mod backend;
pub mod cpu;
mod descent;
pub mod drift;
mod event;
mod example;
mod head;
mod learner;
mod new_examples;
mod power;
mod profile;
mod propensity;
mod refusal;
mod schema;

pub use accelerator::{Accelerator, Answer, Trouble};
pub use backend::{Backend, Tuned};
pub use event::{Event, Item, MOST_OTHERS, Moment, key};
pub use example::{Example, example_from_event, slot};
pub use head::{Descent, Head, Local};
pub use learner::{Learner, Scratch};
pub use new_examples::NewExamples;
/// Whether ranking and learning go four lanes at a time. The numbers are the same.
pub use privet_kernels::here::SIMD;
pub use profile::{Ablation, Counted, Profile, Seen, View, extend_direction, layout};
pub use refusal::Refusal;
pub use schema::{Attribute, Dense, Kind, Schema};
