//! `privet keys`: an aggregator's secrets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use privet::hex;
use privet_server::{Store, store::RoundStore};

use super::{
    Done, because,
    folder::{DATA, Opened, Role, existing_store, is_lost, keys_path, lock, open_keys},
    say,
};

/// Make keys, and renew those that shares are sealed to.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key file if there is none, and print the key that others pin.
    New {
        #[command(flatten)]
        whose: Whose,
        /// The key file of this store is lost: make another. Every application then has to pin the new key.
        #[arg(long)]
        new_identity: bool,
    },
    /// Seal new rounds to a fresh key. Old keys stay as long as an unfinished round names them. Stop the server before.
    Rotate(Whose),
}

#[derive(Args)]
pub(crate) struct Whose {
    /// Which aggregator.
    #[arg(long)]
    role: Role,
    /// Its folder.
    #[arg(long, default_value = DATA)]
    data: PathBuf,
}

impl Keys {
    pub(crate) async fn run(self) -> Done {
        let (Self::New { whose: Whose { role, data }, .. } | Self::Rotate(Whose { role, data })) = &self;
        let keys = match self {
            Self::New { new_identity: true, .. } => {
                is_lost(data, &[*role])?;
                let Opened { keys, store, lock: _lock, .. } = Opened::new(data, *role, "keys new", true).await?;
                store.shut().await;
                keys
            }
            Self::New { .. } => open_keys(data, *role)?,
            Self::Rotate(_) => {
                // A server seals new rounds to the key that it has read, which a rotation might forget.
                let _lock = lock(data, *role, "keys rotate").await?;
                let store = existing_store(data, *role).await?;
                let rounds = store.unfinished().await.map_err(because("the store"))?;
                store.shut().await;
                let operator = |round: privet::Round| match role {
                    Role::Leader => Some(round.leader),
                    Role::Helper => round.helper,
                };
                let live: Vec<[u8; 32]> =
                    rounds.into_iter().filter_map(|stored| operator(stored.round)).map(|it| it.sealing_key()).collect();
                let path = keys_path(data, *role);
                privet_server::Keys::rotate(&path, &live).map_err(because(path.display()))?
            }
        };
        say(hex(&keys.identity.public()))
    }
}
