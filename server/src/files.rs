//! Files that nobody but their owner reads: stores, logs and keys.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A store's file and its logs.
pub fn files_of(store: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = store.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Makes a file that its owner alone reads, from the first moment on; one that is there stays, and is an error.
pub fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the folder if it is not there. One that holds nothing else is closed to others; a folder with other files
/// in it is left as it is, for their sake.
pub fn private_folder(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)?;
    for file in fs::read_dir(path)? {
        if !file?.file_name().to_str().is_some_and(&ours) {
            return Ok(());
        }
    }
    narrow(path, 0o700)
}

/// Takes from others what they may do with a file, and says so.
pub fn private_file(path: &Path) -> io::Result<()> {
    if path.exists() { narrow(path, 0o600) } else { Ok(()) }
}

#[cfg(unix)]
fn narrow(path: &Path, most: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    if mode & !most == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & most))?;
    let (was, now) = (format!("{mode:o}"), format!("{:o}", mode & most));
    tracing::warn!(path = %path.display(), was, now, "others were let into what is the operator's alone: no longer");
    Ok(())
}

#[cfg(not(unix))]
fn narrow(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
