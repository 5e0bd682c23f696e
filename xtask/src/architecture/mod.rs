//! The lines that hold the layout where nothing else does: which crate of ours may name which, where npm packages come from,
//! how long a file may be. What `deny.toml` says of everybody else's crates, cargo-deny holds; which way the imports of
//! TypeScript run, `tests/typescript/walls.test.ts`.
//!
//! Every rule takes a list of files and gives the faults in it, so that each has a test that plants its fault.

mod crates;
mod npm;
mod text;

use anyhow::{Context, Result, bail};
use std::{fmt, fs};

use crate::{place::Place, run::Program, setup};

/// A file of the repository: its path from the root, with `/`, and what it holds.
struct File {
    path: String,
    text: String,
}

impl File {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// A rule that is broken, where, and how.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    path: String,
    line: usize,
    says: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.says)
    }
}

type Rule = fn(&[File]) -> Vec<Fault>;

const RULES: &[Rule] = &[crates::check, npm::check, text::check];

/// Prints every fault; fails if there is one. The long form also asks whether a crate is known to be unsafe.
pub(crate) fn check(place: &Place, long: bool) -> Result<()> {
    let files = files(place)?;
    let faults: Vec<Fault> = RULES.iter().flat_map(|rule| rule(&files)).collect();
    for fault in &faults {
        println!("{fault}");
    }
    let crates = deny(place, &["check", "--allow", "unused-wrapper", "licenses", "bans", "sources"]);
    let advisories = if long { advisories(place) } else { Ok(()) };
    if !faults.is_empty() {
        bail!("{} faults in {} files", faults.len(), files.len());
    }
    crates.and(advisories)?;
    println!("{} files keep to the layout", files.len());
    Ok(())
}

fn deny(place: &Place, args: &[&str]) -> Result<()> {
    let program = setup::cargo_deny(place)?.join("cargo-deny");
    Program::new(program).dir(&place.root).args(["--log-level", "error"]).args(args).run()
}

/// What is reported of the crates in use. The reports are at GitHub: where that cannot be reached, nothing has failed.
fn advisories(place: &Place) -> Result<()> {
    if deny(place, &["fetch", "db"]).is_err() {
        println!("the database of advisories cannot be reached: none was asked for");
        return Ok(());
    }
    deny(place, &["--offline", "check", "advisories"])
}

/// All text files that are committed or would be.
fn files(place: &Place) -> Result<Vec<File>> {
    let list = Program::new("git")
        .dir(&place.root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .context("the files to check are those that git knows")?;
    let read = |path: &str| {
        // A file that is deleted and not yet committed, or is not text, has nothing to check.
        let text = fs::read_to_string(place.root.join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    };
    Ok(list.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// The faults of one rule as `path:line`, for the rules' tests.
#[cfg(test)]
fn places(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{}:{}", fault.path, fault.line)).collect()
}
