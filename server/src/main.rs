//! The command `privet`.

mod command;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};
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
    Serve(Box<command::serve::Serve>),
    #[command(subcommand)]
    Tasks(command::tasks::Tasks),
    Admin(command::admin::Admin),
    #[command(subcommand)]
    Keys(command::keys::Keys),
    #[command(subcommand)]
    Issuer(command::issuer::IssuerCommand),
    #[command(subcommand)]
    Head(command::head::Head),
    #[cfg(feature = "lab")]
    Evaluate(command::evaluate::Evaluate),
    #[cfg(feature = "lab")]
    Audit(command::audit::Audit),
    Plan(command::plan::Plan),
    Backup(command::backup::Backup),
    Restore(command::backup::Restore),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // A line that cannot be written, to a log on a full disk, is lost: to say so on the same stream would be a panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.log_internal_errors(false).init();
    let done = match Arguments::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Tasks(tasks) => tasks.run().await,
        Command::Admin(admin) => admin.run().await,
        Command::Keys(keys) => keys.run().await,
        Command::Issuer(issuer) => issuer.run().await,
        Command::Head(head) => head.run(),
        #[cfg(feature = "lab")]
        Command::Evaluate(evaluate) => evaluate.run(),
        #[cfg(feature = "lab")]
        Command::Audit(audit) => audit.run(),
        Command::Plan(plan) => plan.run(),
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Whoever reads that may have gone.
            drop(writeln!(std::io::stderr(), "privet: {message}"));
            ExitCode::FAILURE
        }
    }
}
