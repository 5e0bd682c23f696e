//! The messages between devices and servers: one canonical CBOR encoding each, described in `docs/wire-format.md`.

mod aggregation;
mod inspect;
mod round;
mod seal;
mod share;
mod sign;
mod upload;

pub use aggregation::{AggregateShare, Batch, Manifest};
pub use inspect::{Value, inspect};
pub use round::{Mode, Operator, Round};
pub use seal::{Role, SealingKey};
pub use share::Share;
pub use sign::{Identity, Pins, Signed};
pub use upload::{Upload, UploadId};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// The version of the format that this build writes and reads.
const VERSION: u32 = 1;

/// The one encoding of a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    cbor4ii::serde::to_vec(Vec::new(), message).expect("plain data always encodes")
}

/// Reads a message, and refuses any bytes but the ones that [`encode`] writes for it: left-over bytes, longer forms of
/// numbers and indefinite lengths all differ from them.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let message = cbor4ii::serde::from_slice(bytes).map_err(|_| Error::WireMalformed)?;
    if encode(&message) == bytes { Ok(message) } else { Err(Error::WireMalformed) }
}

fn check_version(sent: u32) -> Result<()> {
    if sent == VERSION { Ok(()) } else { Err(Error::WireVersion { sent, known: VERSION }) }
}

/// Bytes as two small hexadecimal digits each, as addresses carry them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_two_small_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
