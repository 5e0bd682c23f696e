//! What each fuzz target does with its bytes. A native test replays the committed corpora through the same functions.
//!
//! What a decoder reads it writes back to the byte: no two encodings stand for one message.

use privet::{AggregateShare, Batch, Head, Ledger, Manifest, NanoRho, Operator, Pins, Round, Signed, Upload};

/// The targets by name.
pub const TARGETS: [(&str, fn(&[u8])); 8] = [
    ("upload", upload),
    ("round", round),
    ("signed", signed),
    ("head", head),
    ("ledger", ledger),
    ("batch", batch),
    ("aggregate_share", aggregate_share),
    ("manifest", manifest),
];

/// An upload for a round that the fuzzer cannot know the hash of: its hash is written over the place where it belongs.
pub fn upload(bytes: &[u8]) {
    for mode in [include_bytes!("corpus/round/device").as_slice(), include_bytes!("corpus/round/split")] {
        let round = Round::decode(mode).expect("a committed round");
        let mut bytes = bytes.to_vec();
        if let Some(place) = bytes.get_mut(4..36) {
            place.copy_from_slice(&round.hash());
        }
        if let Ok(upload) = Upload::decode(&bytes, &round) {
            assert_eq!(upload.encode(), bytes);
            assert_eq!(bytes.len(), Upload::size(&round));
        }
    }
}

/// A round holds together: its bound exists.
pub fn round(bytes: &[u8]) {
    if let Ok(round) = Round::decode(bytes) {
        assert_eq!(round.encode(), bytes);
        assert!(round.bound().is_ok());
        assert!(round.leader != Operator::new("", [0; 32]));
    }
}

/// An envelope is read back to the byte; nobody can forge a signature.
pub fn signed(bytes: &[u8]) {
    if let Ok(signed) = Signed::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
        assert!(signed.verify_round(&Pins { leader: [9; 32], helper: None }).is_err());
    }
}

/// A head scores without a NaN.
pub fn head(bytes: &[u8]) {
    if let Ok(head) = Head::decode(bytes) {
        assert_eq!(head.encode(), bytes);
        assert!(!head.score(3, &vec![0.0; head.parameters().len()]).is_nan());
    }
}

/// A ledger never has more left than its lifetime.
pub fn ledger(bytes: &[u8]) {
    if let Ok(ledger) = Ledger::decode(bytes, NanoRho(100)) {
        assert!(ledger.left() <= NanoRho(100));
        assert!(bytes.is_empty() || ledger.encode() == bytes);
    }
}

/// A batch is sorted, without repeats.
pub fn batch(bytes: &[u8]) {
    if let Ok(batch) = Batch::decode(bytes) {
        assert_eq!(batch.encode(), bytes);
        assert_eq!(Batch::new(batch.configuration, batch.number, batch.ids().to_vec()), batch);
    }
}

/// A sum has the dimension that was asked for.
pub fn aggregate_share(bytes: &[u8]) {
    if let Ok(sum) = AggregateShare::decode(bytes, 18) {
        assert_eq!(sum.encode(), bytes);
        assert_eq!(sum.share().entries().len(), 18);
    }
}

/// A manifest is read back to the byte.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::decode(bytes) {
        assert_eq!(manifest.encode(), bytes);
    }
}
