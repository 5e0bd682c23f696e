//! `privet backup` and `privet restore`: a store's copy, taken while it is served, and put back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use privet_server::{Counter, Keys, SqliteStore, Store, create_private, files_of, store::RoundStore};

use super::{
    Done, because,
    folder::{DATA, Role, end_unfinished, existing_store, keys_path, lock, store_path},
    say,
};

/// Copy a store into one file, while it is served. Keys are not in it, nor what an open round has gathered.
#[derive(Args)]
pub(crate) struct Backup {
    /// The file to write; it must not be there yet.
    to: PathBuf,
    /// Which aggregator.
    #[arg(long)]
    role: Role,
    /// Its folder.
    #[arg(long, default_value = DATA)]
    data: PathBuf,
}

/// Put a copy in the place of a store that is lost, beside the keys. Rounds that were not finished in it end without a
/// sum, and nothing that was sealed before is opened again: what was given of it since the copy is not known.
#[derive(Args)]
pub(crate) struct Restore {
    /// The copy.
    from: PathBuf,
    /// Which aggregator.
    #[arg(long)]
    role: Role,
    /// Its folder; there must be keys in it, and no store.
    #[arg(long, default_value = DATA)]
    data: PathBuf,
}

impl Backup {
    pub(crate) async fn run(self) -> Done {
        let store = existing_store(&self.data, self.role).await?;
        let unwritable = format!("{} cannot be written", self.to.display());
        create_private(&self.to).map_err(because(&unwritable))?;
        if let Err(error) = store.backup(&self.to).await {
            // Half a copy is none.
            drop(fs::remove_file(&self.to));
            return Err(because(unwritable)(error));
        }
        store.shut().await;
        Ok(())
    }
}

impl Restore {
    pub(crate) async fn run(self) -> Done {
        let (path, keys) = (store_path(&self.data, self.role), keys_path(&self.data, self.role));
        if !keys.exists() {
            return Err(format!("there is no key file {}: put it there first, for it is renewed", keys.display()));
        }
        let _lock = lock(&self.data, self.role, "restore").await?;
        // A log of the store that was there would be read into the copy.
        if let Some(there) = files_of(&path).into_iter().find(|file| file.exists()) {
            return Err(format!("there is {} already: move it away first", there.display()));
        }
        // Under another name until it is safe to serve.
        let beside = path.with_extension("restoring");
        for left in files_of(&beside).iter().filter(|file| file.exists()) {
            fs::remove_file(left).map_err(because(left.display()))?;
        }
        let (ended, spent) = put_back(&self.from, &beside).await?;
        // A round that began after the copy is unknown to it and could be signed and summed once more, over other
        // uploads. It named a sealing key that is gone before the store is there.
        Keys::rotate(&keys, &[]).map_err(because(keys.display()))?;
        // What was given since the copy can be given to nobody any more, so nothing has to be refused for it.
        Counter::beside(&keys).set(spent).map_err(because("the counter beside the keys"))?;
        fs::rename(&beside, &path).map_err(because(path.display()))?;
        say(format!(
            "{} is back; {ended} unfinished rounds ended without a sum; the sealing key is new",
            path.display()
        ))?;
        if self.role == Role::Helper {
            say("Tasks that were withdrawn since the copy are admitted again: see `privet tasks list`")?;
        }
        Ok(())
    }
}

/// Copies a store and ends the rounds in it that are not over: how many those were, and how many sums it knows of.
async fn put_back(from: &Path, to: &Path) -> Done<(usize, u64)> {
    fs::copy(from, to).map_err(because(from.display()))?;
    let store = SqliteStore::open(to).await.map_err(because(to.display()))?;
    let ended = end_unfinished(&store).await?;
    let spent = store.spent_count().await.map_err(because("the store"))?;
    store.shut().await;
    Ok((ended, spent))
}
