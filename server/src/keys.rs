//! The secrets of an aggregator: one file that nobody else reads.

use std::{fs, io, path::Path, sync::Arc};

use privet::{Identity, SealingKey};

use crate::{
    counter::Counter,
    files::{create_private, private_file, sync_folder},
};

/// What signs rounds, and what opens the shares that are sealed to this aggregator.
pub struct Keys {
    /// Signs what is published, and what is said to the other aggregator.
    pub identity: Arc<Identity>,
    /// The newest last: new rounds name it, and the others open the shares of rounds that named them.
    sealing: Vec<SealingKey>,
    /// How many sums were given.
    pub(crate) spent: Counter,
}

impl Keys {
    /// Reads the file, or makes it with fresh secrets if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            write_new(path, &[fresh()?, fresh()?].concat())?;
            // A store that outlives a power cut is worth nothing without them.
            sync_folder(path)?;
        }
        private_file(path)?;
        Self::of(path, &fs::read(path)?)
    }

    fn of(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let ([identity, sealing @ ..], []) = bytes.as_chunks::<32>() else { return Err(damaged()) };
        if sealing.is_empty() {
            return Err(damaged());
        }
        let sealing = sealing.iter().map(SealingKey::from_seed).collect();
        Ok(Self { identity: Arc::new(Identity::from_seed(identity)), sealing, spent: Counter::beside(path) })
    }

    /// Adds a fresh sealing key for new rounds. Of the old ones those in `live` stay: rounds still name them. The others
    /// are gone for good when this returns.
    pub fn rotate(path: &Path, live: &[[u8; 32]]) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        Self::of(path, &bytes)?;
        let (seeds, _) = bytes.as_chunks::<32>();
        let lives = |seed: &&[u8; 32]| live.contains(&SealingKey::from_seed(seed).public());
        let kept: Vec<[u8; 32]> = seeds[1..].iter().filter(lives).copied().collect();
        let next = path.with_extension("keys.new");
        // What a crash left was never used.
        if next.exists() {
            fs::remove_file(&next)?;
        }
        write_new(&next, &[&[seeds[0]], &kept[..], &[fresh()?]].concat().concat())?;
        fs::rename(&next, path)?;
        sync_folder(path)?;
        Self::open(path)
    }

    /// What new rounds are sealed to.
    pub fn newest(&self) -> &SealingKey {
        self.sealing.last().expect("a key file has one")
    }

    /// The key that a round names, while it is kept.
    pub fn sealing(&self, public: &[u8; 32]) -> Option<&SealingKey> {
        self.sealing.iter().find(|key| key.public() == *public)
    }
}

fn fresh() -> io::Result<[u8; 32]> {
    Identity::fresh_seed().map_err(io::Error::other)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a key file has 64 bytes, and 32 more for each old key")
}

/// Readable by its owner alone from the first moment, and never written over another.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_gives_the_same_keys_and_a_damaged_one_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.keys");
        let made = Keys::open(&path).expect("it can be made");
        let read = Keys::open(&path).expect("it is there");
        assert_eq!(made.identity.public(), read.identity.public());
        assert_eq!(made.newest().public(), read.newest().public());
        assert_ne!(made.identity.public(), made.newest().public());
        for length in [0, 32, 63, 65] {
            fs::write(&path, vec![0; length]).expect("writable");
            assert!(Keys::open(&path).is_err(), "{length}");
        }
    }

    #[test]
    fn an_old_key_lives_as_long_as_a_round_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.keys");
        let first = Keys::open(&path).expect("it can be made");
        let old = first.newest().public();
        let second = Keys::rotate(&path, &[old]).expect("it is there");
        assert_eq!(second.identity.public(), first.identity.public(), "applications pin it");
        assert_ne!(second.newest().public(), old);
        assert!(second.sealing(&old).is_some());
        let third = Keys::rotate(&path, &[]).expect("it is there");
        assert!(third.sealing(&old).is_none());
        assert!(third.sealing(&second.newest().public()).is_none());
    }

    #[test]
    fn a_rotation_that_was_cut_off_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.keys");
        let old = Keys::open(&path).expect("it can be made").newest().public();
        fs::write(folder.path().join("a.keys.new"), [7; 40]).expect("writable");
        let new = Keys::rotate(&path, &[]).expect("it is there");
        assert!(new.newest().public() != old && new.sealing(&old).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.keys");
        let mode = || fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
        Keys::open(&path).expect("it can be made");
        assert_eq!(mode(), 0o600);
        Keys::rotate(&path, &[]).expect("it is there");
        assert_eq!(mode(), 0o600);
    }
}
