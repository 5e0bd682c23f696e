//! The messages between devices and servers: one canonical CBOR encoding each, described in `docs/wire-format.md`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::{ByteArray, ByteBuf};

use crate::{Bound, Error, Noised, Result};

/// The version of the format that this build writes and reads.
const VERSION: u32 = 1;
/// A task's name is short enough for an address.
const TASK_LENGTH: usize = 64;
/// The hard limit on a round's dimension; a device's policy may want less.
const DIMENSION: u32 = 4096;

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

/// The configuration of a round, as the server publishes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The task's name: 1 to 64 small letters, digits and hyphens.
    pub task: String,
    /// Counts up from 1.
    pub number: u32,
    /// How many parameters the head has.
    pub dimension: u32,
    /// C, the largest norm of a contribution, in units of the head.
    pub clip_norm: f64,
    /// s, how many grid units are 1.
    pub grid_scale: u32,
    /// z, the noise's standard deviation over the clip norm.
    pub noise_multiplier: f64,
    /// The least number of devices over which the sum is opened.
    pub min_cohort: u32,
    /// SHA-256 of the head that gradients are computed against.
    pub head: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct RoundOnWire(u32, String, u32, u32, f64, u32, f64, u32, ByteArray<32>);

impl Round {
    /// The bytes that the server publishes.
    pub fn encode(&self) -> Vec<u8> {
        encode(&RoundOnWire(
            VERSION,
            self.task.clone(),
            self.number,
            self.dimension,
            self.clip_norm,
            self.grid_scale,
            self.noise_multiplier,
            self.min_cohort,
            ByteArray::new(self.head),
        ))
    }

    /// Reads a configuration and refuses one that contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let RoundOnWire(version, task, number, dimension, clip_norm, grid_scale, noise_multiplier, min_cohort, head) =
            decode(bytes)?;
        check_version(version)?;
        let head = head.into_array();
        let round = Self { task, number, dimension, clip_norm, grid_scale, noise_multiplier, min_cohort, head };
        round.check()?;
        Ok(round)
    }

    /// What the clip norm, grid and noise multiplier come to.
    pub fn bound(&self) -> Result<Bound> {
        Bound::new(self.clip_norm, self.grid_scale, self.noise_multiplier)
    }

    fn check(&self) -> Result<()> {
        let refuse = |reason| Err(Error::RoundRefused { reason });
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=TASK_LENGTH).contains(&self.task.len()) || !self.task.bytes().all(plain) {
            return refuse("a task's name is 1 to 64 small letters, digits and hyphens");
        }
        if !(1..=DIMENSION).contains(&self.dimension) {
            return refuse("the dimension is not between 1 and 4096");
        }
        if self.number == 0 || self.min_cohort == 0 {
            return refuse("rounds and cohorts count from 1");
        }
        self.bound().map(|_| ())
    }
}

/// Bytes as two small hexadecimal digits each, as addresses carry them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Names one upload: 16 random bytes, so that a repeated request is known for what it is.
pub type UploadId = [u8; 16];

/// The one thing that leaves a device. Its size depends on the round alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    round: u32,
    id: UploadId,
    grid: Vec<i32>,
}

#[derive(Serialize, Deserialize)]
struct UploadOnWire(u32, u32, ByteArray<16>, ByteBuf);

impl Upload {
    /// An upload of a noised vector. Nothing else can be uploaded.
    pub fn new(round: u32, id: UploadId, noised: Noised) -> Self {
        Self { round, id, grid: noised.into_grid() }
    }

    /// The round that it belongs to.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Its name.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// The noised entries in grid units.
    pub fn grid(&self) -> &[i32] {
        &self.grid
    }

    /// The bytes to send: every entry takes four, little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let entries: Vec<u8> = self.grid.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        encode(&UploadOnWire(VERSION, self.round, ByteArray::new(self.id), ByteBuf::from(entries)))
    }

    /// Reads an upload for a round of this dimension.
    pub fn decode(bytes: &[u8], dimension: u32) -> Result<Self> {
        let UploadOnWire(version, round, id, entries) = decode(bytes)?;
        check_version(version)?;
        let (entries, rest) = entries.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Error::WireMalformed);
        }
        if entries.len() != dimension as usize {
            return Err(Error::WireLength { sent: entries.len(), wanted: dimension as usize });
        }
        let grid = entries.iter().map(|&entry| i32::from_le_bytes(entry)).collect();
        Ok(Self { round, id: id.into_array(), grid })
    }

    /// The most bytes that an upload of this dimension takes.
    pub const fn largest(dimension: u32) -> usize {
        // The array's head, two numbers of at most 5 bytes, a 17-byte id, a 5-byte head of the entries.
        1 + 5 + 5 + 17 + 5 + 4 * dimension as usize
    }
}

#[cfg(test)]
impl Round {
    pub(crate) fn example() -> Self {
        Self {
            task: "demo".into(),
            number: 1,
            dimension: 18,
            clip_norm: 1.0,
            grid_scale: 1 << 16,
            noise_multiplier: 8.0,
            min_cohort: 2,
            head: [7; 32],
        }
    }
}

#[cfg(test)]
impl Upload {
    pub(crate) fn from_grid(round: u32, id: UploadId, grid: &[i32]) -> Self {
        Self { round, id, grid: grid.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_two_small_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn a_round_survives_the_wire() {
        let round = Round::example();
        assert_eq!(Round::decode(&round.encode()), Ok(round));
    }

    #[test]
    fn a_round_that_contradicts_itself_is_refused() {
        let fine = Round::example();
        for odd in [
            Round { task: String::new(), ..fine.clone() },
            Round { task: "Demo".into(), ..fine.clone() },
            Round { task: "x".repeat(65), ..fine.clone() },
            Round { dimension: 0, ..fine.clone() },
            Round { dimension: 4097, ..fine.clone() },
            Round { number: 0, ..fine.clone() },
            Round { min_cohort: 0, ..fine.clone() },
            Round { clip_norm: f64::INFINITY, ..fine.clone() },
            Round { noise_multiplier: 0.0, ..fine.clone() },
        ] {
            assert_eq!(Round::decode(&odd.encode()).expect_err("odd").code(), "round-refused", "{odd:?}");
        }
    }

    #[test]
    fn an_upload_survives_the_wire_and_its_size_is_the_rounds() {
        let quiet = Upload::from_grid(1, [1; 16], &[0; 300]);
        let loud = Upload::from_grid(1, [255; 16], &[i32::MIN; 300]);
        for upload in [&quiet, &loud] {
            assert_eq!(Upload::decode(&upload.encode(), 300).as_ref(), Ok(upload));
        }
        assert_eq!(quiet.encode().len(), loud.encode().len());
        assert!(Upload::from_grid(u32::MAX, [0; 16], &[1; 4096]).encode().len() <= Upload::largest(4096));
    }

    #[test]
    fn an_upload_is_not_read_for_another_dimension() {
        let bytes = Upload::from_grid(1, [1; 16], &[5; 8]).encode();
        assert_eq!(Upload::decode(&bytes, 9), Err(Error::WireLength { sent: 8, wanted: 9 }));
    }
}
