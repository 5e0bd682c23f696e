//! `privet tasks`: what a helper's operator lets the leader ask for.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use privet_server::{
    Offer, SqliteStore, Store, Task,
    store::{HeadStore, StoredTask},
    tasks_from_file,
};

use super::{
    Done, because,
    folder::{DATA, Role, existing_store},
    say,
};

/// Look at tasks, and admit them.
#[derive(Subcommand)]
pub(crate) enum Tasks {
    /// Print the tasks that the leader proposed to this helper, with their hashes.
    List {
        /// The helper's folder.
        #[arg(long, default_value = DATA)]
        data: PathBuf,
    },
    /// Let this helper sign rounds of the task with this hash.
    Admit {
        /// The hash that `privet tasks list` prints.
        hash: String,
        /// The helper's folder.
        #[arg(long, default_value = DATA)]
        data: PathBuf,
    },
    /// Sign no more rounds of the task with this hash. What is open is closed; its head is not signed.
    Withdraw {
        /// The hash that `privet tasks list` prints.
        hash: String,
        /// The helper's folder.
        #[arg(long, default_value = DATA)]
        data: PathBuf,
    },
    /// Read a file of tasks and print their hashes.
    Check {
        /// The file.
        file: PathBuf,
    },
}

impl Tasks {
    pub(crate) async fn run(self) -> Done {
        match self {
            Self::List { data } => {
                let store = existing_store(&data, Role::Helper).await?;
                for task in store.tasks().await.map_err(because("the store"))? {
                    let standing = if task.admitted { "admitted" } else { "proposed" };
                    say(format!("{} {standing}\n{}", task.hash, task.text))?;
                }
                store.shut().await;
            }
            Self::Admit { hash, data } => {
                let (store, task) = found(&data, &hash).await?;
                Task::read(&task.text).map_err(because("the task"))?;
                let said = format!("{} is admitted; its rounds are signed from now on", task.name);
                store.put_task(&StoredTask { admitted: true, ..task }).await.map_err(because("the store"))?;
                store.shut().await;
                say(said)?;
            }
            Self::Withdraw { hash, data } => {
                let (store, task) = found(&data, &hash).await?;
                store.withdraw(&hash).await.map_err(because("the store"))?;
                store.shut().await;
                say(format!("{} is withdrawn; no more rounds of it are signed", task.name))?;
            }
            Self::Check { file } => {
                for Offer { task, .. } in tasks_from_file(&file)? {
                    say(format!("{} {}", task.hash(), task.name))?;
                }
            }
        }
        Ok(())
    }
}

async fn found(data: &Path, hash: &str) -> Done<(SqliteStore, StoredTask)> {
    let store = existing_store(data, Role::Helper).await?;
    let tasks = store.tasks().await.map_err(because("the store"))?;
    let task = tasks.into_iter().find(|task| task.hash == hash);
    Ok((store, task.ok_or_else(|| format!("the leader has proposed no task {hash}"))?))
}
