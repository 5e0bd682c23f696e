//! Debian's packages.

use anyhow::{Context, Result, bail};

use super::announce;
use crate::{
    place::which,
    run::{Program, version_of},
};

/// A package and the reason for it.
pub(super) struct Package(pub(super) &'static str, pub(super) &'static str);

pub(super) fn available() -> bool {
    which(&["apt-get"]).is_some()
}

pub(super) fn install(packages: &[Package]) -> Result<()> {
    for Package(name, why) in packages {
        announce(&format!("Debian's package {name}"), why);
    }
    let names: Vec<&str> = packages.iter().map(|package| package.0).collect();
    let by_hand = || format!("run as root: apt-get update && apt-get install {}", names.join(" "));
    // A list that is out of date names versions that are gone, or a Rust that is too old.
    apt_get()?.arg("update").run().with_context(by_hand)?;
    apt_get()?.args(["install", "--no-install-recommends", "-y"]).args(&names).run().with_context(by_hand)
}

fn apt_get() -> Result<Program> {
    let root = Program::new("id").arg("-u").output()?.trim() == "0";
    let program = if root {
        Program::new("apt-get")
    } else if version_of("sudo").is_some() {
        Program::new("sudo").args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"])
    } else {
        bail!("Debian's packages need root, and there is no sudo");
    };
    // Another apt-get may be running, the system's own upgrades among them.
    Ok(program.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=600", "-q"]))
}
