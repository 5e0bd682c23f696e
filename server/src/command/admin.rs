//! `privet admin`: which version of a task's head a running leader goes on from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use privet_server::Administrator;
use serde::Deserialize;

use super::{Done, admin_token, because, say};

/// List the heads of a running leader's task, and choose which one the next round starts from.
#[derive(Args)]
pub(crate) struct Admin {
    /// The operator's port, as `privet serve` prints it.
    #[arg(long, env = "PRIVET_OPERATOR", default_value = "http://127.0.0.1:9787")]
    operator: String,
    /// A file with the token. `PRIVET_ADMIN_TOKEN` in the environment may be it instead.
    #[arg(long = "admin-token-file", env = "PRIVET_ADMIN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A file with the certificate of the authority that vouches for an `https` port, in PEM. [default: those that the system
    /// trusts]
    #[arg(long)]
    operator_ca: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print every version of a task's head: its hash, its round, how many uploads it is of, and why it is held back.
    Heads {
        /// The task's name.
        task: String,
    },
    /// Start the next round from this head: an older one, or one that was held back.
    Promote {
        /// The task's name.
        task: String,
        /// The hash that `privet admin heads` prints.
        hash: String,
        #[command(flatten)]
        cost: Cost,
    },
    /// Start the next round from the head before the current one.
    Rollback {
        /// The task's name.
        task: String,
        #[command(flatten)]
        cost: Cost,
    },
}

#[derive(Args)]
struct Cost {
    /// Lose the uploads of a round that is open over another head: without this, you are told how many those are.
    #[arg(long)]
    discard: bool,
}

impl Cost {
    fn query(&self) -> &'static str {
        if self.discard { "?discard=true" } else { "" }
    }
}

#[derive(Deserialize)]
struct Version {
    hash: String,
    round: u32,
    count: u32,
    current: bool,
    held: Option<String>,
}

impl Admin {
    pub(crate) async fn run(self) -> Done {
        let token = admin_token(self.token_file.as_deref())?;
        let token = token.ok_or("the leader's token is in --admin-token-file or PRIVET_ADMIN_TOKEN")?;
        let leader = Administrator::new(&self.operator, self.operator_ca.as_deref(), token)?;
        match self.what {
            What::Heads { task } => {
                let listed = leader.get(&format!("tasks/{task}/heads")).await?;
                let versions: Vec<Version> = serde_json::from_slice(&listed).map_err(because("the answer"))?;
                for Version { hash, round, count, current, held } in versions {
                    let standing = held.map(|why| format!(", held back: {why}"));
                    let current = if current { ", current" } else { "" };
                    say(format!("{hash} round {round}, {count} uploads{current}{}", standing.unwrap_or_default()))?;
                }
            }
            What::Promote { task, hash, cost } => {
                leader.post(&format!("tasks/{task}/heads/{hash}/promote{}", cost.query())).await?;
                say(format!("the next round of {task} starts from {hash}"))?;
            }
            What::Rollback { task, cost } => {
                leader.post(&format!("tasks/{task}/rollback{}", cost.query())).await?;
                say(format!("the next round of {task} starts from the head before"))?;
            }
        }
        Ok(())
    }
}
