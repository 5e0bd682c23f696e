//! `privet keys`: an aggregator's secrets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use privet::hex;
use privet_server::{Store, store::Calendar};

use super::{
    Done, because,
    folder::{DATA, Role, existing_store, keys_path, open_keys},
};

/// Make keys, and renew those that shares are sealed to.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key file if there is none, and print the key that others pin.
    New(Whose),
    /// Seal new rounds to a fresh key. Old keys stay as long as an unfinished round names them. Restart the server then.
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
        let (Self::New(Whose { role, data }) | Self::Rotate(Whose { role, data })) = &self;
        let keys = match self {
            Self::New(_) => open_keys(data, *role)?,
            Self::Rotate(_) => {
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
        println!("{}", hex(&keys.identity.public()));
        Ok(())
    }
}
