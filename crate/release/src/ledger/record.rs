//! The records that a ledger is made of, each chained to the one before.
use sha2::{Digest, Sha256};

use super::{Debit, Limits};
use privet_base::{
    cbor,
    cbor::{Cbor, MAP, expect, head, read_text, write_named, write_text},
};

/// One thing that happened. A record is never changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The account began under these limits, when the host's clock said this. Always the first, and only that.
    Opened(u64, Limits),
    /// The user agreed by name to wider limits: those before, and those from here on.
    Widened(Limits, Limits),
    /// What was debited. A reservation that is still open is lost by it.
    Reserved(Debit),
    /// The upload was finished: its SHA-256 and length.
    Ready([u8; 32], u32),
    /// The server holds it.
    Sent,
    /// The server refused it for good, with this code.
    Refused(String),
    /// Nobody answered until its round was over.
    Dropped,
}

impl Cbor for Record {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Opened(at_ms, limits) => variant("opened", &(*at_ms, *limits), to),
            Self::Widened(from, into) => variant("widened", &(*from, *into), to),
            Self::Reserved(debit) => variant("reserved", debit, to),
            Self::Ready(hash, length) => variant("ready", &(*hash, *length), to),
            Self::Sent => write_text("sent", to),
            Self::Refused(code) => variant("refused", code, to),
            Self::Dropped => write_text("dropped", to),
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        if expect(MAP, 1, from).is_none() {
            return match read_text(from)? {
                "sent" => Some(Self::Sent),
                "dropped" => Some(Self::Dropped),
                _ => None,
            };
        }
        match read_text(from)? {
            "opened" => Cbor::read(from).map(|(at_ms, limits)| Self::Opened(at_ms, limits)),
            "widened" => Cbor::read(from).map(|(from, into)| Self::Widened(from, into)),
            "reserved" => Cbor::read(from).map(Self::Reserved),
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
    Sha256::new().chain_update(before).chain_update(cbor::encode(record)).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_depends_on_the_record_and_on_all_before_it() {
        let limits = privet_terms::Policy::default().limits();
        let (opened, later) = (link(&START, &Record::Opened(1, limits)), link(&START, &Record::Opened(2, limits)));
        assert_ne!(opened, later);
        assert_ne!(link(&opened, &Record::Sent), link(&later, &Record::Sent));
        assert_ne!(link(&opened, &Record::Sent), link(&opened, &Record::Refused("round-closed".into())));
    }
}
