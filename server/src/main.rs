//! The command `privet`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks on the terminal")]

use std::{fmt::Display, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use privet_server::{Keys, Store, Task, app};
use tokio::{net::TcpListener, signal};
use tracing_subscriber::EnvFilter;

/// Re-rank on the device; aggregate what devices release.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a round: publish its head, take uploads, count them.
    Serve {
        /// Where to listen; port 0 takes any free one.
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// The SQLite file that holds the uploads; the secret keys lie beside it.
        #[arg(long, default_value = "privet.sqlite")]
        store: PathBuf,
        /// A folder of static pages to serve beside the interface.
        #[arg(long)]
        pages: Option<PathBuf>,
        /// The least number of devices over which the round's sum is opened.
        #[arg(long, default_value_t = 100)]
        min_cohort: u32,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Command::Serve { listen, store, pages, min_cohort } = Arguments::parse().command;
    match serve(listen, store, pages, min_cohort).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("privet: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(listen: SocketAddr, store: PathBuf, pages: Option<PathBuf>, min_cohort: u32) -> Result<(), String> {
    if let Some(pages) = pages.as_ref().filter(|pages| !pages.is_dir()) {
        return Err(format!("there is no folder {}", pages.display()));
    }
    if let Some(folder) = store.parent() {
        std::fs::create_dir_all(folder).map_err(because(format!("the folder {} cannot be made", folder.display())))?;
    }
    let keys = store.with_extension("keys");
    let keys = Keys::open(&keys).map_err(because(format!("{} cannot be used", keys.display())))?;
    let task = Task::demo(min_cohort, &keys).map_err(|error| error.to_string())?;
    let store = Store::open(&store).await.map_err(because(format!("{} cannot be opened", store.display())))?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(because(format!("cannot listen on {listen} (choose another with --listen 127.0.0.1:0)")))?;
    let address = listener.local_addr().map_err(because("the address is not known".into()))?;
    println!("Privet listens on http://{address}");
    let served =
        axum::serve(listener, app(task, store.clone(), pages.as_deref())).with_graceful_shutdown(asked_to_stop());
    served.await.map_err(because("the server stopped".into()))?;
    store.close().await;
    Ok(())
}

fn because<E: Display>(what: String) -> impl FnOnce(E) -> String {
    move |cause| format!("{what}: {cause}")
}

async fn asked_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        let kind = signal::unix::SignalKind::terminate();
        signal::unix::signal(kind).expect("a handler can be installed at the start").recv().await;
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! { _ = signal::ctrl_c() => {}, () = terminated => {} }
}
