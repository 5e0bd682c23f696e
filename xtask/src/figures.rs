//! Figures: a JSON line each, in `target/figures/`.

use anyhow::{Result, bail};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{io::Write, path::Path};

use crate::{
    build::{LOADED, LOADED_FIRST, SCALAR},
    place::{Place, read, read_bytes, write},
    run::Program,
};

/// What the package may weigh after gzip until the first re-ranking, and in all (everything that is ever loaded).
const LIMITS: [(&str, u64); 2] = [("gzip_first_rerank", 96 * 1024), ("gzip_total", 272 * 1024)];

pub(crate) struct Sizes([u64; 2]);

impl Sizes {
    /// A line for each, at the end of other figures.
    pub(crate) fn append(&self, place: &Place, file: &str, command: &str) -> Result<()> {
        let file = place.figures().join(file);
        write(&file, read(&file)? + &self.lines(place, command))
    }

    fn lines(&self, place: &Place, command: &str) -> String {
        let commit = commit(&place.root);
        let line = |(name, size)| figure(name, size, "bytes", &commit, command).to_string() + "\n";
        LIMITS.map(|(name, _)| name).into_iter().zip(self.0).map(line).collect()
    }

    pub(crate) fn check(&self) -> Result<()> {
        for ((name, limit), size) in LIMITS.into_iter().zip(self.0) {
            if size > limit {
                bail!("{name} is {size} bytes; the limit is {limit}");
            }
        }
        Ok(())
    }
}

/// Prints what the built package weighs and writes `sizes.jsonl`.
pub(crate) fn sizes(place: &Place) -> Result<Sizes> {
    println!("{:<20} {:>10} {:>10} {:>10}", "file", "bytes", "gzip", "together");
    let (mut first, mut total) = (0, 0);
    for (n, name) in LOADED.into_iter().enumerate() {
        let scalar = SCALAR.into_iter().find(|(simd, _)| *simd == name).map(|(_, scalar)| scalar);
        let before = total;
        for name in [Some(name), scalar].into_iter().flatten() {
            let bytes = read_bytes(&place.root.join("web/ts/dist").join(name))?;
            let packed = gzip_size(&bytes);
            // Of two builds a page loads one: the larger counts.
            total = total.max(before + packed);
            println!("{name:<20} {:>10} {packed:>10} {total:>10}", bytes.len());
        }
        if n + 1 == LOADED_FIRST {
            first = total;
        }
    }
    let sizes = Sizes([first, total]);
    write(&place.figures().join("sizes.jsonl"), sizes.lines(place, "cargo xtask bench sizes"))?;
    Ok(sizes)
}

/// A figure that was measured once.
fn figure(id: &str, value: u64, unit: &str, commit: &str, command: &str) -> Value {
    json!({ "id": id, "value": value, "unit": unit, "n": 1, "commit": commit, "command": command })
}

/// The commit that is checked out, with `-dirty` when the tree differs from it.
pub(crate) fn commit(root: &Path) -> String {
    let described = Program::new("git").dir(root).args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    described.map_or_else(|_| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

fn gzip_size(bytes: &[u8]) -> u64 {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes all that is written").len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_are_held() {
        let limits = LIMITS.map(|(_, limit)| limit);
        assert!(Sizes(limits).check().is_ok());
        let refused = |sizes| Sizes(sizes).check().unwrap_err().to_string();
        assert_eq!(refused([limits[0] + 1, 0]), "gzip_first_rerank is 98305 bytes; the limit is 98304");
        assert_eq!(refused([0, limits[1] + 1]), "gzip_total is 278529 bytes; the limit is 278528");
    }

    #[test]
    fn repetition_packs_well() {
        assert!(gzip_size(&[7; 10_000]) < 300);
    }

    #[test]
    fn a_figure_has_the_agreed_fields() {
        let line = figure("gzip_total", 5, "bytes", "abc", "cargo xtask bench sizes").to_string();
        let expected =
            r#"{"command":"cargo xtask bench sizes","commit":"abc","id":"gzip_total","n":1,"unit":"bytes","value":5}"#;
        assert_eq!(line, expected);
    }
}
