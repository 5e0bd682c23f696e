//! The hashes that the package compares what it loads with.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::path::Path;

use super::SCALAR;
use crate::{place::Place, run};

/// Prints a file's hash as an `integrity` attribute has it.
const HASH: &str =
    "const hash = (file) => require('crypto').createHash('sha256').update(require('fs').readFileSync(file));
    process.stdout.write(`sha256-${hash(process.argv[1]).digest('base64')}`)";

/// What esbuild writes in the place of `INTEGRITY`: of each module both builds, and the script of the one that releases.
pub(super) fn define(place: &Place, dist: &Path) -> Result<String> {
    let hash = |name: &str| {
        let file = dist.join(name);
        run::node(&place.root).args(["-e", HASH]).arg(&file).output().with_context(|| format!("{name} has no hash"))
    };
    let either = |name: &str| -> Result<String> {
        let (_, scalar) = SCALAR.iter().find(|(simd, _)| *simd == name).context("each module has two builds")?;
        Ok(format!("{} {}", hash(name)?.trim(), hash(scalar)?.trim()))
    };
    let hashes: Value = json!({ "rank": either("rank_bg.wasm")?, "release": either("release_bg.wasm")?, "script": hash("release.js")?.trim() });
    Ok(format!("--define:INTEGRITY={hashes}"))
}
