//! The lines that hold the layout where Cargo does not: what may stand in a manifest, how long a file may be. Which way
//! the imports of TypeScript run is held by `tests/typescript/walls.test.ts`.
//!
//! Every rule takes a list of files and gives the faults in it, so that each has a test that plants its fault.

mod crates;
mod licences;
mod manifests;
mod text;

use anyhow::{Context, Result, bail};
use std::{fmt, fs};

use crate::{place::Place, run::Program};

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

const RULES: &[Rule] = &[crates::check, manifests::check, text::check];

/// Prints every fault; fails if there is one.
pub(crate) fn check(place: &Place) -> Result<()> {
    let files = files(place)?;
    let faults: Vec<Fault> = RULES.iter().flat_map(|rule| rule(&files)).collect();
    for fault in &faults {
        println!("{fault}");
    }
    let licences = licences::check(place)?;
    let count = faults.len() + licences;
    if count > 0 {
        bail!("{count} faults in {} files", files.len());
    }
    println!("{} files keep to the layout", files.len());
    Ok(())
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
