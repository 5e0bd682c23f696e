//! A counter of the sums that an aggregator has given, in a file beside its keys: it tells a store that was rolled back.
//!
//! A store that is put back from a copy does not know what was given since, and would give it again, over another list.
//! The counter is no part of the store: one that is behind it gives nothing. `privet restore` ends what is unfinished,
//! replaces the sealing keys, and sets the counter to what the copy knows.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use privet::{Error, Result};

use crate::{
    Refusal,
    files::{create_private, sync_folder},
};

/// The counter of one aggregator: a file with a number.
#[derive(Debug, Clone)]
pub struct Counter {
    file: PathBuf,
    /// Rounds of several tasks may close at a time.
    writing: Arc<Mutex<()>>,
}

impl Counter {
    /// The counter beside this key file.
    pub fn beside(keys: &Path) -> Self {
        Self { file: keys.with_extension("spent"), writing: Arc::default() }
    }

    /// How many sums were given.
    pub fn read(&self) -> io::Result<u64> {
        match fs::read_to_string(&self.file) {
            Ok(text) => text.trim().parse().map_err(io::Error::other),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(cause) => Err(cause),
        }
    }

    /// Sets it, durably.
    pub fn set(&self, count: u64) -> io::Result<()> {
        let next = self.file.with_extension("spent.new");
        // What a crash left counted nothing.
        if next.exists() {
            fs::remove_file(&next)?;
        }
        let mut file = create_private(&next)?;
        writeln!(file, "{count}")?;
        file.sync_all()?;
        fs::rename(&next, &self.file)?;
        sync_folder(&self.file)
    }

    /// Refuses a store that knows of fewer sums than were given out of it.
    pub(crate) fn check(&self, store: u64) -> Result<()> {
        let counter = self.read().map_err(failed)?;
        if store >= counter {
            return Ok(());
        }
        let error = Error::from(Refusal::StoreBehind { store, counter });
        tracing::error!(%error, "the store was put back from a copy by other means than `privet restore`");
        Err(error)
    }

    /// Counts what the store knows of, before the sum leaves.
    pub(crate) fn raise(&self, store: u64) -> Result<()> {
        let _writing = self.writing.lock().expect("nobody panics with it");
        if self.read().map_err(failed)? < store { self.set(store).map_err(failed) } else { Ok(()) }
    }
}

fn failed(cause: io::Error) -> Error {
    tracing::error!(%cause, "the counter beside the keys failed");
    Refusal::StoreFailed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_behind_is_refused_and_one_that_is_ahead_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let counter = Counter::beside(&folder.path().join("helper.keys"));
        assert_eq!(counter.check(0), Ok(()));
        assert_eq!(counter.raise(3), Ok(()));
        assert_eq!(counter.raise(2), Ok(()), "it never falls by itself");
        assert_eq!(counter.check(2), Err(Refusal::StoreBehind { store: 2, counter: 3 }.into()));
        assert_eq!(counter.check(3), Ok(()));
        assert_eq!(Counter::beside(&folder.path().join("helper.keys")).read().expect("it is there"), 3);
        fs::write(folder.path().join("helper.spent"), "many").expect("writable");
        assert_eq!(counter.check(9), Err(Refusal::StoreFailed.into()), "what cannot be read counts nothing");
    }
}
