//! Where an aggregator keeps what it has: one folder, a store and a key file for each role.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use privet_server::{Keys, SqliteStore};
use serde::{Deserialize, Serialize};

use super::{Done, because};

/// Which aggregator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The one that devices talk to.
    Leader,
    /// The other.
    Helper,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Helper => "helper",
        }
    }
}

/// The default folder.
pub(crate) const DATA: &str = "privet-data";

pub(crate) fn keys_path(data: &Path, role: Role) -> PathBuf {
    data.join(role.name()).with_extension("keys")
}

pub(crate) fn store_path(data: &Path, role: Role) -> PathBuf {
    data.join(role.name()).with_extension("sqlite")
}

/// Makes the folder if it is not there: nobody else looks into it.
fn make(data: &Path) -> Done {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(data).map_err(because(format!("the folder {} cannot be made", data.display())))
}

pub(crate) fn open_keys(data: &Path, role: Role) -> Done<Keys> {
    make(data)?;
    let path = keys_path(data, role);
    Keys::open(&path).map_err(because(format!("{} cannot be used", path.display())))
}

pub(crate) async fn open_store(data: &Path, role: Role) -> Done<SqliteStore> {
    make(data)?;
    let path = store_path(data, role);
    SqliteStore::open(&path).await.map_err(because(format!("{} cannot be opened", path.display())))
}

/// For commands about a store that is there.
pub(crate) async fn existing_store(data: &Path, role: Role) -> Done<SqliteStore> {
    let path = store_path(data, role);
    if path.exists() { open_store(data, role).await } else { Err(format!("there is no store {}", path.display())) }
}
