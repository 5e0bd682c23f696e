//! Privet personalises a feed on the device that shows it.
//!
//! One datum goes one way, and every stage is a noun with a file of its own:
//!
//! [`Event`] → [`Profile`] → [`Example`] → [`Gradient`] → [`Clipped`] → [`Noised`] → [`Upload`] → [`Aggregate`] →
//! [`Head`], and back to the client.
//!
//! Only [`Noised`] can become an [`Upload`]: the compiler holds it. The core has no I/O, no clock and no JavaScript;
//! a host (the browser worker, the server, a test) gives it bytes and takes bytes from it. [`Device`] is the client's
//! half put together.

pub mod accounting;
mod aggregate;
mod clip;
pub mod cpu;
mod device;
mod drift;
mod entropy;
mod error;
mod event;
mod example;
#[cfg(feature = "gpu")]
pub mod gpu;
mod gradient;
mod head;
mod learner;
mod ledger;
mod memory;
mod noise;
pub mod order;
mod policy;
mod profile;
mod ranking;
pub mod running;
mod schema;
mod statement;
mod wire;

pub use aggregate::Aggregate;
pub use clip::{Bound, Clipped, clip};
pub use device::{Contribution, Device, Preview, Terms};
pub use error::Error;
pub use event::{Event, Item, Moment, key};
pub use example::Example;
pub use gradient::{Backend, Gradient};
pub use head::{Descent, Head, Local};
pub use learner::{Learner, Scratch};
pub use ledger::{Charge, Cost, Entry, Fate, Ledger, Limits, NanoRho, Step, Unsent};
pub use memory::{Memory, Selector};
pub use noise::{Noised, cost, noise};
#[cfg(feature = "simulate")]
pub use noise::{Unnoised, sampler};
pub use policy::Policy;
pub use profile::{Profile, Without};
pub use ranking::{Ranking, Score, rank};
pub use schema::{Attribute, Dense, Kind, Schema};
pub use statement::statement;
pub use wire::{
    AggregateShare, Agreed, Batch, Closing, Forward, Identity, Manifest, Mode, Operator, Pins, Role, Round, SealingKey,
    Share, Signed, Upload, UploadId, Value, hex, inspect, unhex, verify_message,
};

/// The result of everything here.
pub type Result<T, E = Error> = core::result::Result<T, E>;
