//! Tools that Cargo installs, each once per version, into the cache.

use anyhow::{Context, Result};
use std::{fs, path::PathBuf};

use super::announce;
use crate::{
    place::{Place, exe, read, which},
    run::{self, version_of},
};

const WASM_PACK: &str = "0.15.1";
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";

/// A program that Cargo installs.
struct Tool<'a> {
    package: &'a str,
    /// Those of its programs that are waited for: the others would be linked for nothing.
    binaries: &'a [&'a str],
    version: &'a str,
    /// What is left out of it that is not used here.
    lean: &'a [&'a str],
    /// How long two cores take.
    minutes: &'a str,
    why: &'a str,
}

/// The folder with wasm-pack in it.
pub(super) fn wasm_pack(place: &Place) -> Result<PathBuf> {
    ensure(
        place,
        &Tool {
            package: "wasm-pack",
            binaries: &["wasm-pack"],
            version: WASM_PACK,
            lean: &[],
            minutes: "2 minutes",
            why: "to run the tests in a browser",
        },
    )
}

/// The folder with the test runner that fits the wasm-bindgen in Cargo.lock, and the command that wasm-pack asks for its version.
pub(super) fn test_runner(place: &Place) -> Result<PathBuf> {
    let lock = read(&place.root.join("Cargo.lock"))?;
    let version = locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    ensure(
        place,
        &Tool {
            package: "wasm-bindgen-cli",
            binaries: &["wasm-bindgen", "wasm-bindgen-test-runner"],
            version,
            // It speaks to a driver on this machine, without TLS.
            lean: &["--no-default-features"],
            minutes: "2 minutes",
            why: "to run the tests in a browser",
        },
    )
}

/// The folder with cargo-deny in it.
pub(crate) fn cargo_deny(place: &Place) -> Result<PathBuf> {
    ensure(
        place,
        &Tool {
            package: "cargo-deny",
            binaries: &["cargo-deny"],
            version: CARGO_DENY,
            lean: &[],
            minutes: "1 minute",
            why: "to check licences, sources and who depends on whom",
        },
    )
}

/// The folder with cargo-fuzz in it.
pub(crate) fn cargo_fuzz(place: &Place) -> Result<PathBuf> {
    ensure(
        place,
        &Tool {
            package: "cargo-fuzz",
            binaries: &["cargo-fuzz"],
            version: CARGO_FUZZ,
            lean: &[],
            minutes: "1 minute",
            why: "to fuzz",
        },
    )
}

fn ensure(place: &Place, tool: &Tool) -> Result<PathBuf> {
    let &Tool { package, binaries, version, lean, minutes, why } = tool;
    let binary = binaries[0];
    let root = place.tool(package, version);
    let cached = root.join("bin").join(exe(binary));
    let on_path = which(&[binary]);
    // Asking for the version also finds the half-written file of an install that was cut short.
    let fits = |file: &PathBuf| version_of(file).is_some_and(|answer| answer.split(' ').any(|word| word == version));
    if let Some(file) = [Some(cached), on_path].into_iter().flatten().find(fits) {
        return Ok(file.parent().context("a program stands in a folder")?.to_path_buf());
    }
    announce(&format!("{package} {version}, about {minutes} on two cores, once"), why);
    let build = place.cache.join("build").join(package);
    fs::create_dir_all(&build).with_context(|| format!("cannot make the folder {}", build.display()))?;
    let install = |locked: &[&str]| {
        run::cargo(&place.cache)
            .args(["install", package, "--version", version, "--force", "--root"])
            .arg(&root)
            .args(binaries.iter().flat_map(|binary| ["--bin", binary]))
            .args(lean)
            .args(locked)
            .env("CARGO_TARGET_DIR", &build)
            // A tool that runs for seconds is not worth minutes of optimising: most of the time would go there.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .without(&["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"])
            .run()
    };
    // A lock file may name a version that has been yanked since; the newest that fit will do as well.
    install(&["--locked"])
        .or_else(|_| {
            println!("set-up: {package} cannot be had with its own lock file; again without it");
            install(&[])
        })
        .with_context(|| format!("{package} {version} cannot be installed"))?;
    // Only saves room: a folder that stays does no harm.
    let _ = fs::remove_dir_all(&build);
    Ok(root.join("bin"))
}

/// The version of a package in the text of a Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{package}\"\n")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_gives_the_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.80\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
