//! The ground floor: what messages, heads, ledgers and profiles are written with, and nothing about any of them.
//!
//! [`mod@cbor`] is the one canonical encoding of whatever is signed, hashed or sent, [`mod@stored`] the short one of what
//! stays on the device, [`hex`] and [`decimal`] what people read, [`entropy`] the platform's random bytes, [`Draws`] those
//! that can be repeated.

pub mod cbor;
mod decimal;
mod draws;
pub mod entropy;
mod error;
mod hex;
mod refusal;
mod sorted;
pub mod stored;

pub use decimal::decimal;
pub use draws::Draws;
pub use error::{Coded, Error};
pub use hex::{hex, unhex};
pub use refusal::Refusal;
pub use sorted::Sorted;

/// The result of everything here.
pub type Result<T, E = Error> = core::result::Result<T, E>;
