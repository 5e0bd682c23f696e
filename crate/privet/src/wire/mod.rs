//! The messages between devices and servers: one canonical CBOR encoding each, described in `docs/wire-format.md`.

#[cfg(feature = "release")]
mod aggregation;
mod closing;
#[cfg(feature = "release")]
mod forward;
#[cfg(feature = "release")]
mod inspect;
mod manifest;
mod round;
#[cfg(feature = "release")]
mod seal;
#[cfg(feature = "release")]
mod share;
mod sign;
#[cfg(feature = "release")]
mod token;
#[cfg(feature = "release")]
mod upload;

#[cfg(feature = "release")]
pub use aggregation::{AggregateShare, Batch};
pub use closing::{Agreed, Closing};
#[cfg(feature = "release")]
pub use forward::Forward;
#[cfg(feature = "release")]
pub use inspect::{Value, inspect};
pub use manifest::Manifest;
pub use round::{Mode, Operator, Round};
#[cfg(feature = "release")]
pub use seal::{Role, SealingKey};
#[cfg(feature = "release")]
pub use share::Share;
pub use sign::{Identity, Pins, Signed, verify_message};
#[cfg(feature = "release")]
pub use token::TokenContext;
#[cfg(feature = "release")]
pub use upload::Upload;

use privet_base::{Error, Result};

/// The version of the format that this build writes and reads.
const VERSION: u32 = 2;

/// Names one upload: 16 random bytes, so that a repeated request is known for what it is.
pub type UploadId = [u8; 16];

/// The modulus of an issuer of tokens, the most significant byte first. Its exponent is 65,537.
pub type TokenKey = [u8; 256];

fn check_version(sent: u32) -> Result<()> {
    if sent == VERSION { Ok(()) } else { Err(Error::WireVersion { sent, known: VERSION }) }
}
