//! What each fuzz target does with its bytes. A native test replays the committed corpora through the same functions.

use privet::{Cost, Head, Ledger, NanoRho, Policy, Round, Upload};

/// The targets by name.
pub const TARGETS: [(&str, fn(&[u8])); 4] = [("upload", upload), ("round", round), ("head", head), ("ledger", ledger)];

/// An upload that is read is written back to the byte.
pub fn upload(bytes: &[u8]) {
    if let Ok(upload) = Upload::decode(bytes, 18) {
        assert_eq!(upload.encode(), bytes);
    }
}

/// A round that is read is written back to the byte, and its bound holds.
pub fn round(bytes: &[u8]) {
    if let Ok(round) = Round::decode(bytes) {
        assert_eq!(round.encode(), bytes);
        assert!(round.bound().is_ok());
    }
}

/// A head that is read is written back to the byte, and scores without a NaN.
pub fn head(bytes: &[u8]) {
    if let Ok(head) = Head::decode(bytes) {
        assert_eq!(head.encode(), bytes);
        assert!(!head.score(3, &vec![0.0; head.parameters().len()]).is_nan());
    }
}

/// A ledger that is read never has more left than its lifetime, sends nothing that it did not debit, and one step
/// further it is read again.
pub fn ledger(bytes: &[u8]) {
    let limits = Policy::at_once().limits();
    let Ok(mut ledger) = Ledger::open(bytes, limits) else { return };
    assert!(ledger.left() <= limits.lifetime);
    let unsent = ledger.unsent(bytes).expect("it was read before");
    assert!(unsent.is_none_or(|unsent| ledger.entries().iter().any(|entry| entry.id == unsent.id)));
    let stored = ledger.tick(bytes, 7).expect("time may always pass").bytes().to_vec();
    let spent = ledger.spent();
    assert_eq!(Ledger::open(&stored, limits).expect("our own bytes").spent(), spent);
    let cost = Cost::alone(NanoRho(5));
    if let Ok(step) = ledger.reserve(&stored, ("fuzz", 1, [0xfe; 16]), cost, 8) {
        ledger.persisted(step).expect("it is the next step");
        assert!(ledger.spent().trusted > spent.trusted);
    }
}
