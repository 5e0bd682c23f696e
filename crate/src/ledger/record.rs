//! The records that a ledger is made of, each chained to the one before.
use sha2::{Digest, Sha256};

use super::NanoRho;
use crate::{
    cbor::{Cbor, MAP, expect, head, read_text, write_named, write_text},
    wire,
};

/// One thing that happened. A record is never changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The account began, when the host's clock said this. Always the first, and only that.
    Opened(u64),
    /// Task, round, id, and what was debited: trusted, alone. A reservation that is still open is lost by it.
    Reserved(String, u32, [u8; 16], NanoRho, NanoRho),
    /// The upload was finished: its SHA-256 and length.
    Ready([u8; 32], u32),
    /// The server holds it.
    Sent,
    /// The server refused it for good, with this code.
    Refused(String),
}

impl Cbor for Record {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Opened(at_ms) => variant("opened", at_ms, to),
            Self::Reserved(task, round, id, trusted, alone) => {
                variant("reserved", &(task.clone(), *round, *id, *trusted, *alone), to);
            }
            Self::Ready(hash, length) => variant("ready", &(*hash, *length), to),
            Self::Sent => write_text("sent", to),
            Self::Refused(code) => variant("refused", code, to),
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        if expect(MAP, 1, from).is_none() {
            return (read_text(from)? == "sent").then_some(Self::Sent);
        }
        match read_text(from)? {
            "opened" => Cbor::read(from).map(Self::Opened),
            "reserved" => {
                let (task, round, id, trusted, alone) = Cbor::read(from)?;
                Some(Self::Reserved(task, round, id, trusted, alone))
            }
            "ready" => Cbor::read(from).map(|(hash, length)| Self::Ready(hash, length)),
            "refused" => Cbor::read(from).map(Self::Refused),
            _ => None,
        }
    }
}

/// A map of one entry.
fn variant(name: &str, value: &impl Cbor, to: &mut Vec<u8>) {
    head(MAP, 1, to);
    write_named(name, value, to);
}

/// The place of a record in the chain: SHA-256 over the place before and the record's bytes.
///
/// CBOR ends itself, so no two pairs of a place and a record are the same bytes.
pub(super) type Link = [u8; 32];

/// Where a chain without records stands.
pub(super) const START: Link = [0; 32];

/// The link of `record` after `before`.
pub(super) fn link(before: &Link, record: &Record) -> Link {
    Sha256::new().chain_update(before).chain_update(wire::encode(record)).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_depends_on_the_record_and_on_all_before_it() {
        let (opened, later) = (link(&START, &Record::Opened(1)), link(&START, &Record::Opened(2)));
        assert_ne!(opened, later);
        assert_ne!(link(&opened, &Record::Sent), link(&later, &Record::Sent));
        assert_ne!(link(&opened, &Record::Sent), link(&opened, &Record::Refused("round-closed".into())));
    }
}
