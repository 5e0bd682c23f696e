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

use crate::{Error, Result, cbor::Cbor};

/// The version of the format that this build writes and reads.
const VERSION: u32 = 2;

/// Names one upload: 16 random bytes, so that a repeated request is known for what it is.
pub type UploadId = [u8; 16];

/// The modulus of an issuer of tokens, the most significant byte first. Its exponent is 65,537.
pub type TokenKey = [u8; 256];

/// The one encoding of a message.
pub(crate) fn encode(message: &impl Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    bytes
}

/// Reads a message, and refuses any bytes but the ones that [`encode`] writes for it, with nothing after them.
pub(crate) fn decode<T: Cbor>(mut bytes: &[u8]) -> Result<T> {
    let message = T::read(&mut bytes).ok_or(Error::WireMalformed)?;
    if bytes.is_empty() { Ok(message) } else { Err(Error::WireMalformed) }
}

fn check_version(sent: u32) -> Result<()> {
    if sent == VERSION { Ok(()) } else { Err(Error::WireVersion { sent, known: VERSION }) }
}

/// Bytes as two small hexadecimal digits each, as addresses carry them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// As many bytes as `text` says in hexadecimal; `None` if it does not.
pub fn unhex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|&[high, low]| Some((digit(high)? << 4 | digit(low)?) as u8)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_as_it_is_written() {
        assert_eq!(unhex(&hex(&[0x00, 0x0f, 0xa0, 0xff])), Some([0x00, 0x0f, 0xa0, 0xff]));
        for odd in ["000fa0f", "000fa0f0f0", "000fa0", "000FA0FF", "000fa0fg", "+00fa0ff"] {
            assert_eq!(unhex::<4>(odd), None, "{odd}");
        }
    }

    #[test]
    fn hexadecimal_is_two_small_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
