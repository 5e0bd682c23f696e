//! What its stored form promises: every change of it is noticed, and the form itself has not changed.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::*;

#[test]
fn every_flipped_bit_is_noticed() {
    let (mut alive, stored) = with_unsent();
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refusal(Ledger::open(&flipped, AT_ONCE)), Refusal::LedgerDamaged.into(), "bit {bit}");
        assert_eq!(refusal(alive.unsent(&flipped, 0)), Refusal::LedgerDamaged.into(), "bit {bit}");
        assert_eq!(refusal(alive.sent(&flipped, [1; 16])), Refusal::LedgerDamaged.into(), "bit {bit}");
    }
    for length in 1..stored.len() {
        assert_eq!(refusal(Ledger::open(&stored[..length], AT_ONCE)), Refusal::LedgerDamaged.into(), "{length} bytes");
    }
    assert_eq!(refusal(Ledger::open(&[&stored[..], &[0]].concat(), AT_ONCE)), Refusal::LedgerDamaged.into());
}

/// The outer form, written down once more.
struct Envelope(u32, Vec<u8>, [u8; 32]);
cbor!(Envelope(version, body, seal));

fn sealed(version: u32, body: &[u8]) -> Vec<u8> {
    let seal = Sha256::digest(cbor::encode(&(version, body.to_vec())));
    cbor::encode(&Envelope(version, body.to_vec(), seal.into()))
}

#[test]
fn a_newer_format_is_known_for_what_it_is_and_left_alone() {
    let newer = sealed(3, b"whatever it will be");
    assert_eq!(refusal(Ledger::open(&newer, AT_ONCE)), Refusal::LedgerVersion { sent: 3, known: 2 }.into());
    let (mut alive, _) = with_unsent();
    assert_eq!(refusal(alive.session(&newer, 0)).code(), "ledger-version", "there are no bytes to overwrite it with");
}

/// Not damage but forgery, or a bug of ours: the seal is right, and what it seals cannot be.
#[test]
fn a_sealed_ledger_that_cannot_be_is_refused() {
    struct Clock(u64, u32, u64, u64, u64, Vec<u64>);
    cbor!(Clock(looks, sessions, seen_ms, waited_ms, longest_ms, tasks_ms));
    struct Body(Vec<Record>, [u8; 32], Clock, Option<Vec<u8>>);
    cbor!(Body(records, last, clock, unsent));
    let reserved = || Record::Reserved(debit("demo", 7, 1, cost(30, 60)));
    let ready = || {
        let (hash, length) = state::fingerprint(b"noised");
        Record::Ready(hash, length)
    };
    let with = |records: Vec<Record>, tasks_ms: &[u64], unsent: Option<&[u8]>, last: Option<record::Link>| {
        let link = records.iter().fold(record::START, |before, record| record::link(&before, record));
        let clock = Clock(1, 0, 0, 0, 0, tasks_ms.to_vec());
        let body = Body(records, last.unwrap_or(link), clock, unsent.map(Vec::from));
        Ledger::open(&sealed(2, &cbor::encode(&body)), AT_ONCE).map(|_| ())
    };
    let opened = || Record::Opened(0, AT_ONCE);
    assert_eq!(with(vec![opened(), reserved(), ready()], &[0], Some(b"noised"), None), Ok(()), "this one can be");
    let damaged = Err(Refusal::LedgerDamaged.into());
    for (records, tasks_ms, unsent, last) in [
        (vec![opened(), reserved(), ready()], &[0][..], Some(&b"noised"[..]), Some([7; 32])),
        (vec![opened(), reserved(), ready()], &[0], Some(b"noises"), None),
        (vec![opened(), reserved(), ready()], &[0], None, None),
        (vec![opened(), reserved(), ready(), Record::Sent], &[0], Some(b"noised"), None),
        (vec![opened(), reserved()], &[0], Some(b"noised"), None),
        (vec![opened(), reserved()], &[], None, None),
        (vec![opened(), reserved()], &[0, 0], None, None),
        (vec![], &[], None, None),
        (vec![reserved()], &[0], None, None),
        (vec![opened(), opened()], &[], None, None),
        (vec![opened(), reserved(), opened()], &[0], None, None),
        (vec![opened(), ready()], &[], Some(b"noised"), None),
        (vec![opened(), reserved(), ready(), ready()], &[0], Some(b"noised"), None),
        (vec![opened(), reserved(), ready(), reserved()], &[0], None, None),
        (vec![opened(), reserved(), Record::Sent], &[0], None, None),
        (vec![opened(), reserved(), Record::Refused("round-closed".into())], &[0], None, None),
        (vec![opened(), reserved(), ready(), Record::Sent, Record::Sent], &[0], None, None),
        (vec![opened(), reserved(), Record::Dropped], &[0], None, None),
        (vec![opened(), reserved(), ready(), Record::Dropped], &[0], Some(b"noised"), None),
        (vec![Record::Widened(AT_ONCE, AT_ONCE)], &[], None, None),
        (vec![opened(), Record::Widened(WIDER, WIDER)], &[], None, None),
    ] {
        assert_eq!(with(records.clone(), tasks_ms, unsent, last), damaged, "{records:?}");
    }
}

/// The format as it is on people's disks. If this fails, the version must go up and the old one must still be read.
#[test]
fn the_stored_format_has_not_changed() {
    let mut ledger = open(&[], AT_ONCE);
    let step = ledger.session(&[], 1_800_000_000_000);
    let (stored, ()) = done(&mut ledger, step);
    let step = ledger.reserve(&stored, debit("demo", 7, 0xab, cost(30, 60)), 1_800_000_000_500);
    let (stored, _) = done(&mut ledger, step);
    let step = ledger.ready(&stored, [0xab; 16], b"noised");
    let (stored, _) = done(&mut ledger, step);
    let mut hex = String::new();
    stored.iter().for_each(|byte| write!(hex, "{byte:02x}").expect("a string takes it"));
    assert_eq!(hex, GOLDEN);
}

const GOLDEN: &str = concat!(
    "830258c58483a1666f70656e6564821b000001a3185c5000838218641bffffffffffffffff821bfffffffffffffffff683",
    "000000a1687265736572766564856464656d6f071b00000002540be40050abababababababababababababababab830018",
    "1e183ca165726561647982582021e0c10bc7bdfdf1b0db73d1a1fa9538c54f5d51a28f58e93ee0d45b1e7f850706582069",
    "f4593d1068263eca8fe0e5cf78a8621a262a4a0dc1ecb4e1dbdecb9c2be7128601011b000001a3185c51f400008100466e",
    "6f697365645820a864b7833d049f4d8927bc462e5a15aa20760a50d68bb6c00f50973b74c45d85",
);
