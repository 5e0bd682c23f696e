//! The command `privet`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks on the terminal")]

use std::{fmt::Display, net::SocketAddr, num::NonZero, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use privet_server::{Keys, Store, Task, app, evaluate};
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
    /// Measure how well models rank: on a data set, in generated worlds, or both.
    Evaluate {
        /// A folder with one .inter file, and an .item file beside it: tables with a header of `name:type` fields.
        folder: Option<PathBuf>,
        /// Run in the generated worlds, where relevance is known.
        #[arg(long)]
        generated: bool,
        /// One seed, and nothing left out in turn: under a minute.
        #[arg(long)]
        quick: bool,
        /// The events that are held back: tune on valid, report test.
        #[arg(long, value_enum, default_value = "test")]
        stage: evaluate::Stage,
        /// The users whose figures are shown: one fold is never tuned on.
        #[arg(long, value_enum, default_value = "all")]
        fold: evaluate::Fold,
        /// How many seeds the learnt figures are means of.
        #[arg(long, default_value_t = evaluate::SEEDS)]
        seeds: u64,
        /// How many threads work; all processors unless told. The figures do not depend on it.
        #[arg(long)]
        threads: Option<usize>,
        /// Where to write the figures as JSON lines.
        #[arg(long)]
        figures: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match Arguments::parse().command {
        Command::Serve { listen, store, pages, min_cohort } => serve(listen, store, pages, min_cohort).await,
        Command::Evaluate { folder, generated, quick, stage, fold, seeds, threads, figures } => {
            let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
            let options = evaluate::Options { folder, generated, quick, stage, fold, seeds, threads, figures };
            evaluate::run(&options, &mut std::io::stdout())
        }
    };
    match done {
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
