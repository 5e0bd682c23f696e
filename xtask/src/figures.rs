//! Figures: a JSON line each, in `target/figures/`.

use anyhow::{Result, bail};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{io::Write, path::Path};

use crate::{
    place::{Place, read_bytes, write},
    run::Program,
};

/// Everything that a page ever loads: the entry, the worker and the module.
const LOADED: [&str; 3] = ["index.js", "worker.js", "privet_bg.wasm"];
/// What it may weigh after gzip.
const TOTAL_LIMIT: u64 = 260 * 1024;

pub(crate) struct Sizes {
    total: u64,
}

impl Sizes {
    pub(crate) fn check(&self) -> Result<()> {
        if self.total > TOTAL_LIMIT {
            bail!("the package weighs {} bytes after gzip; the limit is {TOTAL_LIMIT}", self.total);
        }
        Ok(())
    }
}

/// Prints what the built package weighs and writes `sizes.jsonl`.
pub(crate) fn sizes(place: &Place) -> Result<Sizes> {
    println!("{:<16} {:>10} {:>10}", "file", "bytes", "gzip");
    let mut total = 0;
    for name in LOADED {
        let bytes = read_bytes(&place.root.join("web/ts/dist").join(name))?;
        let packed = gzip_size(&bytes);
        total += packed;
        println!("{name:<16} {:>10} {packed:>10}", bytes.len());
    }
    println!("{:<16} {:>10} {total:>10}", "together", "");
    let command = "cargo xtask bench sizes";
    // One module does it all so far: what the first re-ranking loads is what is ever loaded.
    let ids = ["gzip_first_rerank", "gzip_total"];
    let lines = ids.map(|id| figure(id, total, "bytes", &commit(&place.root), command));
    write(&place.figures().join("sizes.jsonl"), lines.map(|line| format!("{line}\n")).concat())?;
    Ok(Sizes { total })
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
    fn the_limit_is_held() {
        assert!(Sizes { total: TOTAL_LIMIT }.check().is_ok());
        let error = Sizes { total: TOTAL_LIMIT + 1 }.check().unwrap_err();
        assert_eq!(error.to_string(), "the package weighs 266241 bytes after gzip; the limit is 266240");
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
