//! Who has a store: one process at a time. The lock is the operating system's, so it ends with its process, however that
//! ends; what is written in its file only says whose it is.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    time::Duration,
};

use privet_server::private_file;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime},
};

use super::{Done, because};

/// A process that was killed, or a helper whose leader was, is waited for so long.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);

/// A store that no other process serves or replaces as long as this lives.
#[must_use]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock beside a store, to do this with it.
    pub(crate) async fn take(store: &Path, to: &str) -> Done<Self> {
        let path = store.with_extension("lock");
        let unusable = || because(format!("{} cannot be used", path.display()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(unusable())?;
        private_file(&path).map_err(unusable())?;
        let mut left = PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if left.is_zero() => {
                    let mut holder = String::new();
                    drop(file.read_to_string(&mut holder));
                    let holder = if holder.is_empty() { "another process" } else { holder.trim_end() };
                    return Err(format!("{} is in use by {holder}", store.display()));
                }
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(AGAIN).await;
                    left = left.saturating_sub(AGAIN);
                }
                Err(TryLockError::Error(cause)) => return Err(unusable()(cause)),
            }
        }
        let mut since = String::new();
        SystemTime.format_time(&mut Writer::new(&mut since)).expect("a string takes all");
        let holder = format!("process {} (privet {to}), since {since}\n", std::process::id());
        file.set_len(0).map_err(unusable())?;
        file.rewind().map_err(unusable())?;
        file.write_all(holder.as_bytes()).map_err(unusable())?;
        Ok(Self { _file: file })
    }
}
