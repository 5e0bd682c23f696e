//! Privet personalises a feed on the device that shows it.
//!
//! There is nothing in this crate but names out of those that it is made of: one for each room of `docs/architecture.md`.
//!
//! One datum goes one way, and every stage is a noun with a file of its own:
//!
//! [`Event`] → [`Profile`] → [`Example`] → [`Gradient`] → [`Clipped`] → [`Noised`] → [`Upload`] → [`Aggregate`] →
//! [`Head`], and back to the client.
//!
//! Only [`Noised`] can become an [`Upload`]: the compiler holds it. The core has no I/O, no clock and no JavaScript;
//! a host (the browser worker, the server, a test) gives it bytes and takes bytes from it. The client's half is
//! a [`Ranker`] and, with what it takes to contribute (the feature `release`), a `Contributor`; a `Device` is both. A `Client`
//! is a whole device that asks its host for what it needs: it decides what is stored, when, and what is sent.

pub use privet_accounting::{self as accounting, Adjacency, Cost, NanoRho, Spent};
#[cfg(feature = "release")]
pub use privet_aggregate::{
    Aggregate, AggregateShare, Batch, Forward, NoisedSum, Norms, Optimiser, noise_sum, optimiser,
};
#[cfg(feature = "release")]
pub use privet_audit::{Value, inspect};
pub use privet_base::{Coded, Error, Result, hex, unhex};
#[cfg(feature = "release")]
pub use privet_client::{self as client, Client};
pub use privet_decide::{order, running};
#[cfg(feature = "release")]
pub use privet_device::Device;
#[cfg(feature = "release")]
pub use privet_effects as effects;
#[cfg(feature = "gpu")]
pub use privet_gpu as gpu;
pub use privet_model::{
    Ablation, Accelerator, Attribute, Backend, Counted, Dense, Descent, Event, Example, Head, Item, Kind, Learner,
    Local, Moment, NewExamples, Profile, SIMD, Schema, Scratch, Trouble, Tuned, cpu, key, layout,
};
#[cfg(feature = "release")]
pub use privet_participation as participation;
pub use privet_ranker::{Action, Memory, Ranker, Ranking, Request, Score, Selector, Slate, rank};
#[cfg(feature = "release")]
pub use privet_release::{
    Charge, Clipped, Contribution, Contributor, Debit, Deployment, Entry, Fate, Gradient, Ledger, Noised, Preview,
    Step, Storage, Unsent, Upload, clip, cost, noise, statement,
};
#[cfg(feature = "simulate")]
pub use privet_release::{Unnoised, sampler};
#[cfg(feature = "release")]
pub use privet_shares::{Role, SealingKey, Share};
pub use privet_terms::{Admitted, Limits, Policy, Terms};
pub use privet_wire::{
    Agreed, Bound, Closing, Identity, Manifest, Mode, Operator, Pins, Round, Signed, TokenContext, TokenKey, UploadId,
    verify_message,
};

/// Each crate's own list of what it refuses, by the crate: an [`Error`] is one entry of one of them, or of a host's own list.
pub mod refusal {
    #[cfg(feature = "release")]
    pub use privet_aggregate::Refusal as Aggregate;
    pub use privet_base::Refusal as Base;
    pub use privet_decide::Refusal as Decide;
    #[cfg(feature = "release")]
    pub use privet_mechanism::Refusal as Mechanism;
    pub use privet_model::Refusal as Model;
    pub use privet_ranker::Refusal as Ranker;
    #[cfg(feature = "release")]
    pub use privet_release::Refusal as Release;
    #[cfg(feature = "release")]
    pub use privet_shares::Refusal as Shares;
    pub use privet_terms::Refusal as Terms;
    pub use privet_wire::Refusal as Wire;
}
