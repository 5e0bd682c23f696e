//! Helpers' shares on their way from the leader.

use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
};
use privet_shares::OVERHEAD;
use privet_wire::{UploadId, VERSION, check_version};

/// A sealed seed.
const SEALED: usize = 32 + OVERHEAD;
const ENTRY: usize = 16 + SEALED;

/// Sealed shares of one round, each with the id of its upload, and with its token where the task wants one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// SHA-256 of the round's configuration.
    pub configuration: [u8; 32],
    entries: Vec<u8>,
    tokens: Vec<Vec<u8>>,
}

struct OnWire(u32, [u8; 32], Vec<u8>, Vec<Vec<u8>>);
cbor!(OnWire(version, configuration, entries, tokens));

impl Forward {
    /// Shares as uploads hold them; one of another size is refused.
    pub fn new<'a>(configuration: [u8; 32], shares: impl IntoIterator<Item = (UploadId, &'a [u8])>) -> Result<Self> {
        let mut entries = Vec::new();
        for (id, sealed) in shares {
            if sealed.len() != SEALED {
                return Err(privet_shares::Refusal::WireLength { sent: sealed.len(), wanted: SEALED }.into());
            }
            entries.extend(id);
            entries.extend(sealed);
        }
        Ok(Self { configuration, entries, tokens: Vec::new() })
    }

    /// The same with the token that each came with, in their order.
    #[must_use]
    pub fn with_tokens(self, tokens: Vec<Vec<u8>>) -> Self {
        Self { tokens, ..self }
    }

    /// The token of each upload; none at all where they carry none.
    pub fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    /// The id and the sealed share of each upload.
    pub fn shares(&self) -> impl Iterator<Item = (UploadId, &[u8])> {
        self.entries.as_chunks::<ENTRY>().0.iter().map(|entry| {
            let (id, sealed) = entry.split_first_chunk().expect("an entry is longer than an id");
            (*id, sealed)
        })
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        encode(&OnWire(VERSION, self.configuration, self.entries.clone(), self.tokens.clone()))
    }

    /// Reads shares.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let OnWire(version, configuration, entries, tokens) = decode(bytes)?;
        check_version(version)?;
        if entries.len() % ENTRY != 0 || !(tokens.is_empty() || tokens.len() == entries.len() / ENTRY) {
            return Err(privet_base::Refusal::WireMalformed.into());
        }
        Ok(Self { configuration, entries, tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_survive_the_wire_and_others_sizes_are_refused() {
        let (one, two) = ([3; SEALED], [4; SEALED]);
        let forward = Forward::new([1; 32], [([8; 16], &one[..]), ([9; 16], &two[..])]).expect("their size");
        let read = Forward::decode(&forward.encode()).expect("our own bytes");
        assert_eq!(read.shares().collect::<Vec<_>>(), [([8; 16], &one[..]), ([9; 16], &two[..])]);
        assert_eq!(read, forward);
        let with = forward.clone().with_tokens(vec![vec![1; 96], vec![2; 96]]);
        assert_eq!(Forward::decode(&with.encode()), Ok(with));
        let odd = forward.clone().with_tokens(vec![vec![1; 96]]);
        assert_eq!(
            Forward::decode(&odd.encode()),
            Err(privet_base::Refusal::WireMalformed.into()),
            "one token for two uploads"
        );
        let short = Forward::new([1; 32], [([8; 16], &one[1..])]);
        assert_eq!(short, Err(privet_shares::Refusal::WireLength { sent: SEALED - 1, wanted: SEALED }.into()));
        let cut = Forward { entries: vec![0; ENTRY - 1], ..forward };
        assert_eq!(Forward::decode(&cut.encode()), Err(privet_base::Refusal::WireMalformed.into()));
    }
}
