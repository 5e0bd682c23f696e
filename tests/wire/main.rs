//! The vectors of the wire format, good and bad, and everything a fuzzer ever kept.

use std::{fs, path::Path};

use privet::{Head, Ledger, NanoRho, Round, Upload};

mod vectors;

#[test]
fn good_vectors_are_read_and_written_to_the_byte() {
    vectors::check_good();
}

#[test]
fn bad_vectors_are_refused_with_their_code() {
    vectors::check_bad();
}

/// The fuzz targets by name: the same functions as in `tests/fuzz`.
const TARGETS: [(&str, fn(&[u8])); 4] = [
    ("upload", |bytes| {
        if let Ok(upload) = Upload::decode(bytes, 18) {
            assert_eq!(upload.encode(), bytes);
        }
    }),
    ("round", |bytes| {
        if let Ok(round) = Round::decode(bytes) {
            assert_eq!(round.encode(), bytes);
        }
    }),
    ("head", |bytes| {
        if let Ok(head) = Head::decode(bytes) {
            assert_eq!(head.encode(), bytes);
        }
    }),
    ("ledger", |bytes| {
        if let Ok(ledger) = Ledger::decode(bytes, NanoRho(1)) {
            assert!(bytes.is_empty() || ledger.encode() == bytes);
        }
    }),
];

#[test]
fn what_a_fuzzer_kept_is_read_without_a_panic() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut replayed = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is there", folder.display())) {
            target(&fs::read(entry.expect("readable").path()).expect("readable"));
            replayed += 1;
        }
        assert!(replayed > 0, "the corpus of {name} is empty");
    }
}
