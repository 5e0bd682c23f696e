//! Node and the npm packages.

use anyhow::{Context, Result, bail};

use super::announce;
use crate::{build::stamp::Stamp, place::Place, run};

const OLDEST_NODE: u32 = 20;

pub(super) fn ensure(place: &Place) -> Result<()> {
    let version = run::node(&place.root).arg("--version").output()?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node {} is too old: install Node {OLDEST_NODE} or later, https://nodejs.org", version.trim());
    }
    // Inside node_modules, so that it goes when they go.
    let stamp =
        Stamp::new(place.root.join("node_modules/.privet-stamp"), &[&place.root.join("package-lock.json")], "")?;
    if stamp.holds() {
        return Ok(());
    }
    announce("the npm packages of package-lock.json", "to build and test the TypeScript side");
    // A lock file that was written where the registry lacks some platforms' packages is not whole to `npm ci`.
    // Then `npm install` takes the same versions from it, and `--no-save` leaves it as it is.
    let whole = run::npm(&place.root).args(["ci", "--dry-run"]).output().is_ok();
    run::npm(&place.root)
        .args(if whole { ["ci", "--no-audit"] } else { ["install", "--no-save"] })
        .args(["--no-fund", "--loglevel=error"])
        .run()
        .context("the npm packages cannot be installed")?;
    stamp.record()
}
