//! Where an aggregator keeps what it has: one folder, a store and a key file for each role.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use privet_server::{Keys, SqliteStore, private_folder, store::RoundStore};
use serde::{Deserialize, Serialize};

use super::{Done, because, lock::Lock, say};

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
    const ALL: [Self; 2] = [Self::Leader, Self::Helper];

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
    let ours = |name: &str| Role::ALL.iter().any(|role| name.starts_with(&format!("{}.", role.name())));
    private_folder(data, ours).map_err(because(format!("the folder {} cannot be used", data.display())))
}

/// Keys that are there, or new ones for a folder without a store: every application pins the key of a store's rounds.
pub(crate) fn open_keys(data: &Path, role: Role) -> Done<Keys> {
    make(data)?;
    let (path, store) = (keys_path(data, role), store_path(data, role));
    if !path.exists() && store.exists() {
        return Err(format!(
            "the key file {} is missing, and there is the store {}: put the file back, for applications pin its key. \
             If it is lost, --new-identity makes another; open rounds then end without a sum, and applications have to \
             pin the new key",
            path.display(),
            store.display()
        ));
    }
    Keys::open(&path).map_err(because(format!("{} cannot be used", path.display())))
}

/// A role's folder in the hands of this process.
pub(crate) struct Opened {
    pub(crate) keys: Keys,
    pub(crate) store: SqliteStore,
    pub(crate) lock: Lock,
    /// Whether the identity is a new one over a store that is not.
    pub(crate) renewed: bool,
}

impl Opened {
    /// Takes the lock of a role's store, to do this with it, and opens what is there. With `new_identity`, keys that are
    /// lost are replaced.
    pub(crate) async fn new(data: &Path, role: Role, to: &str, new_identity: bool) -> Done<Self> {
        let lock = lock(data, role, to).await?;
        if new_identity && !keys_path(data, role).exists() && store_path(data, role).exists() {
            let store = open_store(data, role).await?;
            // What names the old keys: nothing of it can be opened or signed any more. Ended before there are new ones.
            let ended = end_unfinished(&store).await?;
            say(format!("The {} has a new identity; {ended} unfinished rounds ended without a sum", role.name()))?;
            let path = keys_path(data, role);
            let keys = Keys::open(&path).map_err(because(format!("{} cannot be used", path.display())))?;
            return Ok(Self { keys, store, lock, renewed: true });
        }
        let keys = open_keys(data, role)?;
        Ok(Self { keys, store: open_store(data, role).await?, lock, renewed: false })
    }
}

/// Refuses to make a new identity where none is lost, so that the word does not stay where servers are started.
pub(crate) fn is_lost(data: &Path, roles: &[Role]) -> Done {
    if roles.iter().any(|role| !keys_path(data, *role).exists()) {
        return Ok(());
    }
    Err("--new-identity is for a key file that is lost, and none is".into())
}

/// Takes the lock of a role's store, to do this with it.
pub(crate) async fn lock(data: &Path, role: Role, to: &str) -> Done<Lock> {
    make(data)?;
    Lock::take(&store_path(data, role), &format!("{to} --role {}", role.name())).await
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

/// Ends the rounds of a store that are not over; how many those were.
pub(crate) async fn end_unfinished(store: &SqliteStore) -> Done<usize> {
    let unfinished = store.unfinished().await.map_err(because("the store"))?;
    for stored in &unfinished {
        store.end(stored.id).await.map_err(because("the store"))?;
    }
    Ok(unfinished.len())
}
