//! The vectors of the wire format, good and bad, and everything a fuzzer ever kept.
//!
//! It is for the bytes alone: that everybody reads and writes the same ones, and that what is damaged is refused by its
//! code. Nothing is clipped, charged or noised here, so a fault in the release passes it: that is for the tests at the foot
//! of `clip`, `noise` and `ledger`, and for `tests/privacy`.

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
fn what_aggregators_say_to_each_other_is_read_and_refused_as_its_vectors_say() {
    vectors::check_aggregation();
}

#[test]
fn what_a_fuzzer_kept_is_read_without_a_panic() {
    for (name, target) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut replayed = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is there", folder.display())) {
            let path = entry.expect("readable").path();
            let file = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
            let read = target(&fs::read(&path).expect("readable"));
            // A seed that no longer says what its name says would lead a fuzzer nowhere.
            assert!(read || !["good", "rich", "device", "split", "first", "empty"].contains(&file), "{name}/{file}");
            replayed += 1;
        }
        assert!(replayed > 0, "the corpus of {name} is empty");
    }
}
