//! The manifest of a head.

use crate::{VERSION, check_version};
use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
};

/// Where a head comes from. Both aggregators sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The task's name.
    pub task: String,
    /// The round that made it; 0 for the first head.
    pub round: u32,
    /// SHA-256 of the head.
    pub head: [u8; 32],
    /// SHA-256 of the head before it; zeros for the first.
    pub previous: [u8; 32],
    /// How many uploads it was made of.
    pub count: u32,
}

struct ManifestOnWire(u32, String, u32, [u8; 32], [u8; 32], u32);
cbor!(ManifestOnWire(version, task, round, head, previous, count));

impl Manifest {
    /// The bytes that are signed.
    pub fn encode(&self) -> Vec<u8> {
        encode(&ManifestOnWire(VERSION, self.task.clone(), self.round, self.head, self.previous, self.count))
    }

    /// Reads a manifest.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let ManifestOnWire(version, task, round, head, previous, count) = decode(bytes)?;
        check_version(version)?;
        Ok(Self { task, round, head, previous, count })
    }
}

#[cfg(any(test, feature = "examples"))]
impl Manifest {
    /// A plain one.
    pub fn example() -> Self {
        Self { task: "demo".into(), round: 1, head: [1; 32], previous: [0; 32], count: 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_survives_the_wire() {
        assert_eq!(Manifest::decode(&Manifest::example().encode()), Ok(Manifest::example()));
    }
}
