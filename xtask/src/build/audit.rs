//! The npm package `privet-audit`: the element, and the Service Worker that a site may register beside it.

use anyhow::{Context, Result};
use std::{fs, path::PathBuf};

use super::{Stamp, bundled, node_program};
use crate::place::{Place, copy};

/// `web/audit/dist`, and the licences beside it.
pub(super) fn package(place: &Place) -> Result<()> {
    let root = &place.root;
    let dist = root.join("web/audit/dist");
    // Its types are checked against the declarations that `privet` ships, as any site's would be.
    let inputs = ["web/audit", "web/ts/dist/types", "tsconfig.base.json", "package-lock.json", "xtask/src/build"];
    let inputs = inputs.map(|path| root.join(path));
    let outputs = ["index.js", "witness.js", "types/index.d.ts"].map(|name| dist.join(name));
    let stamp = || Stamp::new(place.target.join("xtask/audit"), &inputs.each_ref().map(PathBuf::as_path), "");
    if stamp()?.holds() && outputs.iter().all(|file| file.is_file()) {
        return Ok(());
    }
    stamp()?.withdraw()?;
    println!("building the npm package of the audit");
    if dist.exists() {
        // A declaration of a file that is gone would stay.
        fs::remove_dir_all(&dist).context("cannot empty web/audit/dist")?;
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root.join(name), &root.join("web/audit").join(name))?;
    }
    for (name, more) in [("index", &["--packages=external"][..]), ("witness", &[])] {
        // As it was written: whoever doubts it can read it, and a site's own bundler makes it small.
        bundled(place, &format!("web/audit/{name}.ts"), &format!("web/audit/dist/{name}.js"))
            .arg("--platform=browser")
            .args(more)
            .run()?;
    }
    node_program(place, "tsc").args(["--project", "web/audit"]).run()?;
    stamp()?.record()
}
