//! What it takes to release something: [`Gradient`] → [`Clipped`] → [`Noised`] → [`Upload`], against a [`Charge`] that the
//! [`Ledger`] gives out. All of it is made and spent in here.
//!
//! Only [`Noised`] can become an [`Upload`]: the compiler holds it. What comes before it has no bytes, and no way out of
//! this crate but a [`Preview`].

mod clip;
mod contributor;
mod gradient;
mod ledger;
mod noise;
mod refusal;
mod statement;
mod upload;

pub use clip::{Clipped, clip};
pub use contributor::{Contribution, Contributor, Preview};
pub use gradient::Gradient;
pub use ledger::{Charge, Debit, Entry, Fate, Ledger, Step, Unsent};
pub use noise::{Noised, cost, noise};
#[cfg(feature = "simulate")]
pub use noise::{Unnoised, sampler};
pub use refusal::Refusal;
pub use statement::{Deployment, Storage, statement};
pub use upload::Upload;
