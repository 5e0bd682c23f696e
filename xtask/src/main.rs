//! `cargo xtask`: sets up, builds, tests and measures Privet.
//!
//! Each command does the set-up that it needs by itself, and does it once.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks through them")]

mod architecture;
mod audit;
mod bench;
mod build;
mod demo;
mod evaluate;
mod figures;
mod fuzz;
mod place;
mod run;
mod setup;
mod suites;

use anyhow::{Result, bail};
use pico_args::Arguments;
use std::process::ExitCode;

use place::Place;

struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&Place, Arguments) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        usage: "demo [--port N] [--open]",
        about: "build everything and serve the demo page on this machine",
        run: demo::command,
    },
    Command {
        name: "test",
        usage: "test [suite…] [--long]",
        about: "run all suites, or those named; --long adds the slow ones",
        run: suites::command,
    },
    Command {
        name: "build",
        usage: "build",
        about: "build the Wasm module, the npm package and the demo page for release",
        run: build::command,
    },
    Command {
        name: "bench",
        usage: "bench [sizes|package|path|privacy|ranking|server|audit]",
        about: "measure, and write the figures to target/figures/",
        run: bench::command,
    },
    Command {
        name: "evaluate",
        usage: "evaluate [folder] [--quick]",
        about: "fetch MovieLens-100K (or take a folder) and measure how well models rank; also --stage, --fold, --seeds",
        run: evaluate::command,
    },
    Command {
        name: "fuzz",
        usage: "fuzz [target] [--seconds N]",
        about: "fuzz one target or each in turn, 60 s each unless told",
        run: fuzz::command,
    },
    Command {
        name: "screenshots",
        usage: "screenshots",
        about: "photograph the demo page into target/screenshots/",
        run: bench::screenshots,
    },
    Command {
        name: "setup",
        usage: "setup",
        about: "install what the other commands need (they do so by themselves)",
        run: setup::command,
    },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `{:#}` keeps to one line where `RUST_BACKTRACE` would make `{:?}` print a trace.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut args = Arguments::from_env();
    let help = args.contains(["-h", "--help"]);
    let Some(name) = args.subcommand()? else {
        print_commands();
        return Ok(());
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        bail!("there is no command `{name}`: `cargo xtask` lists them");
    };
    if help {
        println!("cargo xtask {}\n    {}", command.usage, command.about);
        if name == "test" {
            println!("    suites: {}", suites::names().join(", "));
        }
        return Ok(());
    }
    (command.run)(&Place::find()?, args)
}

fn print_commands() {
    println!("cargo xtask …");
    let width = COMMANDS.iter().map(|command| command.usage.len()).max().unwrap_or_default();
    for command in COMMANDS {
        println!("  {:<width$} {}", command.usage, command.about);
    }
    println!("suites: {}", suites::names().join(", "));
}

/// The arguments that are left, when none of them is an option.
fn positional(args: Arguments) -> Result<Vec<String>> {
    args.finish()
        .into_iter()
        .map(|arg| match arg.into_string() {
            Ok(word) if !word.starts_with('-') => Ok(word),
            Ok(option) => bail!("there is no option `{option}` here: `cargo xtask` lists what there is"),
            Err(arg) => bail!("the argument `{}` is not UTF-8", arg.display()),
        })
        .collect()
}

/// For a command that takes nothing more.
fn nothing_left(args: Arguments) -> Result<()> {
    match positional(args)?.first() {
        Some(word) => bail!("`{word}` is not expected here: `cargo xtask` lists what there is"),
        None => Ok(()),
    }
}
