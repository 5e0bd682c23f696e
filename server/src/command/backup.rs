//! `privet backup` and `privet restore`: a store's copy, taken while it is served, and put back.

use std::{fs, path::PathBuf};

use clap::Args;
use privet_server::{Store, store::Calendar};

use super::{
    Done, because,
    folder::{DATA, Role, existing_store, store_path},
};

/// Copy a store into one file, while it is served. Keys are not in it.
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

/// Put a copy in the place of a store that is lost. Rounds that were not finished in it end without a sum: what they
/// gave out since is not known, so nothing of them is given again.
#[derive(Args)]
pub(crate) struct Restore {
    /// The copy.
    from: PathBuf,
    /// Which aggregator.
    #[arg(long)]
    role: Role,
    /// Its folder; there must be no store in it.
    #[arg(long, default_value = DATA)]
    data: PathBuf,
}

impl Backup {
    pub(crate) async fn run(self) -> Done {
        let store = existing_store(&self.data, self.role).await?;
        store.backup(&self.to).await.map_err(because(format!("{} cannot be written", self.to.display())))?;
        store.shut().await;
        Ok(())
    }
}

impl Restore {
    pub(crate) async fn run(self) -> Done {
        let path = store_path(&self.data, self.role);
        if path.exists() {
            return Err(format!("there is a store {} already", path.display()));
        }
        fs::create_dir_all(&self.data).map_err(because(self.data.display()))?;
        // Under another name until it is safe to serve.
        let beside = path.with_extension("restoring");
        fs::copy(&self.from, &beside).map_err(because(self.from.display()))?;
        let store = privet_server::SqliteStore::open(&beside).await.map_err(because(beside.display()))?;
        let unfinished = store.unfinished().await.map_err(because("the store"))?;
        for stored in &unfinished {
            store.end(stored.id).await.map_err(because("the store"))?;
        }
        store.shut().await;
        fs::rename(&beside, &path).map_err(because(path.display()))?;
        println!("{} is back; {} unfinished rounds ended without a sum", path.display(), unfinished.len());
        Ok(())
    }
}
