//! What a step was made from, so that it is not made again.

use anyhow::{Context, Result};
use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::place::{read_bytes, write};

/// A file that holds the hash of a step's inputs.
pub(crate) struct Stamp {
    file: PathBuf,
    hash: String,
}

impl Stamp {
    /// Of files, of all files in folders, and of whatever else decides the result.
    pub(crate) fn new(file: PathBuf, inputs: &[&Path], also: &str) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        hasher.write(also.as_bytes());
        for input in inputs {
            add(&mut hasher, input)?;
        }
        Ok(Self { file, hash: format!("{:016x}", hasher.finish()) })
    }

    pub(crate) fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|stored| stored == self.hash)
    }

    /// The step begins: what it leaves half done, where it fails, is not what it was made from before.
    pub(crate) fn withdraw(&self) -> Result<()> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.file.display()))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn record(&self) -> Result<()> {
        write(&self.file, &self.hash)
    }
}

fn add(hasher: &mut DefaultHasher, path: &Path) -> Result<()> {
    if !path.is_dir() {
        let bytes = read_bytes(path)?;
        hasher.write(path.to_string_lossy().as_bytes());
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
        return Ok(());
    }
    let mut entries = fs::read_dir(path)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("cannot list {}", path.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    entries
        .iter()
        .filter(|entry| !["dist", "node_modules", "target"].iter().any(|made| entry.file_name() == *made))
        .try_for_each(|entry| add(hasher, &entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_began_and_failed_is_taken_again_though_its_inputs_are_as_they_were() {
        let file = std::env::temp_dir().join(format!("privet-stamp-{}", std::process::id()));
        let stamp = |also| Stamp::new(file.clone(), &[], also).expect("nothing is read");
        stamp("before").record().expect("it can be written");
        assert!(stamp("before").holds() && !stamp("after").holds());
        stamp("after").withdraw().expect("it is there");
        assert!(!stamp("before").holds());
        stamp("after").withdraw().expect("it need not be there");
    }
}
