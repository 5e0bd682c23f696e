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
    run::npm(&place.root)
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .run()
        .context("the npm packages cannot be installed")?;
    stamp.record()
}
