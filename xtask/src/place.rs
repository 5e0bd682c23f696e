//! Where things are: the workspace, its build output and the cache of tools.

use anyhow::{Context, Result};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

pub(crate) struct Place {
    pub(crate) root: PathBuf,
    /// Cargo's build output, and ours.
    pub(crate) target: PathBuf,
    /// Outside `target`, so that a clean checkout does not build the tools again.
    pub(crate) cache: PathBuf,
}

impl Place {
    pub(crate) fn find() -> Result<Self> {
        // Cargo names the manifest at run time, which stays right when the checkout has moved since the build.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("xtask must stand in the workspace")?.to_path_buf();
        let target = env_path("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
        let home = || env_path("HOME").or_else(|| env_path("USERPROFILE"));
        let cache = env_path("PRIVET_CACHE")
            .or_else(|| Some(env_path("XDG_CACHE_HOME")?.join("privet")))
            .or_else(|| Some(home()?.join(".cache/privet")))
            .context("no place for the tools: set PRIVET_CACHE to a folder that may be written")?;
        Ok(Self { root, target, cache })
    }

    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.cache.join("tools").join(format!("{name}-{version}"))
    }

    /// A program from one of the npm packages.
    pub(crate) fn npm_bin(&self, name: &str) -> PathBuf {
        let name = if cfg!(windows) { format!("{name}.cmd") } else { name.to_owned() };
        self.root.join("node_modules/.bin").join(name)
    }

    pub(crate) fn server(&self) -> PathBuf {
        self.target.join("debug").join(exe("privet"))
    }

    pub(crate) fn figures(&self) -> PathBuf {
        self.target.join("figures")
    }
}

pub(crate) fn exe(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// The path in an environment variable; an empty one counts as not set.
pub(crate) fn env_path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

pub(crate) fn no_gpu() -> bool {
    env::var_os("NO_GPU").is_some_and(|value| value == "1")
}

/// The first of these programs on the PATH.
pub(crate) fn which(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(exe(name))).find(|file| file.is_file()))
}

/// The PATH with these folders before it.
pub(crate) fn path_with(first: impl IntoIterator<Item = PathBuf>) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.into_iter().chain(env::split_paths(&path))).context("a folder's name cannot stand in PATH")
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file, and the folder it stands in.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, read_bytes(from)?)
}
