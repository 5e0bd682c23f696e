//! `privet issuer`: signs blind tokens for an application's accounts.

use std::{fs, net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use privet::hex;
use privet_server::{Accounts, Connections, Issued, Issuer, IssuerKey, Quota, issuer_app, serve};
use tokio::net::TcpListener;

use super::{Done, because, listener, say, serve::asked_to_stop};

/// A shorter secret could be guessed.
const SECRET_LENGTH: usize = 32;

/// Sign blind tokens for an application's accounts, as many as its quota allows.
#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// Make a key file if there is none, and print the `token_key` of a task.
    Key(Key),
    /// Serve the application's backend.
    Serve(Box<Serve>),
    /// Print what an account has had.
    Account(Account),
}

#[derive(Args)]
pub(crate) struct Key {
    /// The key file.
    #[arg(default_value = "issuer.key")]
    key: PathBuf,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The key file.
    #[arg(long, default_value = "issuer.key")]
    key: PathBuf,
    /// Where accounts' counts are kept.
    #[arg(long, default_value = "issuer.sqlite")]
    store: PathBuf,
    /// Where to listen: the backend is the only client, so not where others reach it.
    #[arg(long, default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// A file with the backend's secret, of at least 32 characters. `PRIVET_ISSUER_SECRET` may be it instead.
    #[arg(long)]
    secret_file: Option<PathBuf>,
    /// How many tokens an account may have in an interval.
    #[arg(long, default_value_t = 4)]
    per_interval: u32,
    /// How long an interval is, in seconds.
    #[arg(long, default_value_t = 28 * 24 * 60 * 60)]
    interval_s: u64,
    /// How many tokens an account may ever have.
    #[arg(long, default_value_t = 33)]
    lifetime: u32,
}

#[derive(Args)]
pub(crate) struct Account {
    /// Where accounts' counts are kept.
    #[arg(long, default_value = "issuer.sqlite")]
    store: PathBuf,
    /// The account, as the backend names it.
    account: String,
}

impl IssuerCommand {
    pub(crate) async fn run(self) -> Done {
        match self {
            Self::Key(Key { key }) => {
                let made = IssuerKey::open(&key).map_err(because(key.display()))?;
                say(format!("token_key = \"{}\"", hex(&made.public())))
            }
            Self::Serve(serve) => serve.run().await,
            Self::Account(Account { store, account }) => {
                let accounts = Accounts::open(&store, false).await.map_err(because(store.display()))?;
                let issued = accounts.of(&account).await.map_err(because(store.display()))?;
                let Issued { lifetime, within, since_s } = issued.unwrap_or_default();
                say(format!("{lifetime} in all; {within} in the interval that began at {since_s} s of Unix time"))
            }
        }
    }
}

impl Serve {
    fn secret(&self) -> Done<String> {
        let secret = match &self.secret_file {
            Some(file) => Some(fs::read_to_string(file).map_err(because(file.display()))?.trim_end().to_owned()),
            None => std::env::var("PRIVET_ISSUER_SECRET").ok(),
        };
        let length = secret.as_ref().map_or(0, String::len);
        secret.filter(|_| length >= SECRET_LENGTH).ok_or_else(|| {
            format!(
                "the backend's secret has {length} characters and has to have {SECRET_LENGTH} or more: --secret-file"
            )
        })
    }

    async fn run(self) -> Done {
        let secret = self.secret()?;
        if !self.key.exists() {
            return Err(format!("{}: there is no key; make it with `privet issuer key`", self.key.display()));
        }
        let key = IssuerKey::open(&self.key).map_err(because(self.key.display()))?;
        let Self { per_interval, interval_s, lifetime, .. } = self;
        let quota = Quota { per_interval, interval_s, lifetime };
        let issuer = Issuer::open(key, quota, &self.store).await.map_err(because(self.store.display()))?;
        let listener = TcpListener::bind(self.listen).await.map_err(because(self.listen))?;
        let address = listener.local_addr().map_err(because("the address is not known"))?;
        // It serves on, whether or not anybody reads that.
        drop(say(format!("Privet's issuer listens on http://{address}")));
        let connections = listener::connections(None, Connections::EACH)?;
        // What was counted is on disk; who waits asks again.
        let served = serve(listener, None, connections, issuer_app(issuer, &secret), asked_to_stop()).await;
        served.map_err(because("the issuer stopped"))
    }
}
