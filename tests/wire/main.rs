//! The vectors of the wire format, good and bad, and everything a fuzzer ever kept.

use std::{fs, path::Path};

#[path = "../fuzz/targets.rs"]
mod targets;
mod vectors;

#[test]
fn good_vectors_are_read_and_written_to_the_byte() {
    vectors::check_good();
}

#[test]
fn bad_vectors_are_refused_with_their_code() {
    vectors::check_bad();
}

#[test]
fn what_a_fuzzer_kept_is_read_without_a_panic() {
    for (name, target) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut replayed = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is there", folder.display())) {
            target(&fs::read(entry.expect("readable").path()).expect("readable"));
            replayed += 1;
        }
        assert!(replayed > 0, "the corpus of {name} is empty");
    }
}
