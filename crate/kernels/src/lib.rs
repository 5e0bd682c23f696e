//! The arithmetic of ranking and of learning, four lanes at a time.
//!
//! Each kernel has a twin in `privet::cpu`, which defines what it computes. Kernels allocate nothing and read sizes at
//! run time; what they need of room they are given.

#![cfg_attr(all(feature = "module", target_arch = "wasm32"), no_std)]
#![allow(clippy::inline_always, reason = "lanes are registers only where all that handles them is one function")]
#![allow(clippy::return_self_not_must_use, reason = "a sum that nobody takes is no mistake that anyone makes")]
#![allow(clippy::needless_range_loop, reason = "rows and lanes are counted by constants, which unrolls them")]

mod attention;
mod backward;
mod dots;
mod exp;
mod forward;
#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
pub mod here;
mod lanes;
#[cfg(all(feature = "module", target_arch = "wasm32"))]
mod module;
mod step;
mod tile;

pub use attention::attention;
pub use backward::backward;
pub use dots::dots;
pub use forward::{forward, scores};
pub use lanes::Lanes;
#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
pub use lanes::Plain;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub use lanes::wasm::Relaxed;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use lanes::wasm::Simd128;
pub use step::{Step, step};
pub use tile::{add, dot};
