//! What each fuzz target does with its bytes. A native test replays the committed corpora through the same functions.

use privet::{Head, Ledger, NanoRho, Round, Upload};

/// What a target does with its bytes.
pub(crate) type Target = fn(&[u8]);

/// The targets by name.
pub(crate) const TARGETS: [(&str, Target); 4] =
    [("upload", upload), ("round", round), ("head", head), ("ledger", ledger)];

/// An upload that is read is written back to the byte.
pub(crate) fn upload(bytes: &[u8]) {
    if let Ok(upload) = Upload::decode(bytes, 18) {
        assert_eq!(upload.encode(), bytes);
    }
}

/// A round that is read is written back to the byte, and its bound holds.
pub(crate) fn round(bytes: &[u8]) {
    if let Ok(round) = Round::decode(bytes) {
        assert_eq!(round.encode(), bytes);
        assert!(round.bound().is_ok());
    }
}

/// A head that is read is written back to the byte, and scores without a NaN.
pub(crate) fn head(bytes: &[u8]) {
    if let Ok(head) = Head::decode(bytes) {
        assert_eq!(head.encode(), bytes);
        assert!(!head.score(3, &vec![0.0; head.parameters().len()]).is_nan());
    }
}

/// A ledger that is read never has more left than its lifetime.
pub(crate) fn ledger(bytes: &[u8]) {
    if let Ok(ledger) = Ledger::decode(bytes, NanoRho(100)) {
        assert!(ledger.left() <= NanoRho(100));
        assert!(bytes.is_empty() || ledger.encode() == bytes);
    }
}
