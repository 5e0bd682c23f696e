//! The messages between devices and servers, described in `docs/wire-format.md`, and the signatures of those who vouch for
//! them. What is sealed, and what holds shares of a vector, stands above: a page that ranks reads a round and no more.

mod bound;
mod closing;
mod manifest;
mod refusal;
mod round;
mod sign;
mod token;

pub use bound::Bound;
pub use closing::{Agreed, Closing};
pub use manifest::Manifest;
pub use refusal::Refusal;
pub use round::{MOST_DIMENSION, Mode, Operator, Round};
pub use sign::{Identity, Pins, Signed, verify_message};
pub use token::TokenContext;

use privet_base::Result;

/// The version of the format that this build writes and reads.
pub const VERSION: u32 = 2;

/// Names one upload: 16 random bytes, so that a repeated request is known for what it is.
pub type UploadId = [u8; 16];

/// The modulus of an issuer of tokens, the most significant byte first. Its exponent is 65,537.
pub type TokenKey = [u8; 256];

/// Refuses a message of another version of the format.
pub fn check_version(sent: u32) -> Result<()> {
    if sent == VERSION { Ok(()) } else { Err(privet_base::Refusal::WireVersion { sent, known: VERSION }.into()) }
}
