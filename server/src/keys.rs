//! The secrets of an aggregator: one file that nobody else reads.

use std::{fs, io, path::Path};

use privet::{Identity, SealingKey};

/// What signs rounds, and what opens the shares that are sealed to this aggregator.
pub struct Keys {
    /// Signs what is published.
    pub identity: Identity,
    /// Opens shares.
    pub sealing: SealingKey,
}

impl Keys {
    /// Reads the file, or makes it with fresh secrets if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            let fresh = [Identity::fresh_seed(), Identity::fresh_seed()];
            let [identity, sealing] = fresh.map(|seed| seed.map_err(io::Error::other));
            write_new(path, &[identity?, sealing?].concat())?;
        }
        let bytes = fs::read(path)?;
        let ([identity, sealing], []) = bytes.as_chunks::<32>() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a key file has 64 bytes"));
        };
        Ok(Self { identity: Identity::from_seed(identity), sealing: SealingKey::from_seed(sealing) })
    }
}

/// Readable by its owner alone from the first moment, and never written over another.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_gives_the_same_keys_and_a_damaged_one_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        let made = Keys::open(&path).expect("it can be made");
        let read = Keys::open(&path).expect("it is there");
        assert_eq!(made.identity.public(), read.identity.public());
        assert_eq!(made.sealing.public(), read.sealing.public());
        assert_ne!(made.identity.public(), made.sealing.public());
        fs::write(&path, [0; 63]).expect("writable");
        assert!(Keys::open(&path).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        Keys::open(&path).expect("it can be made");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
}
