//! The subcommands, one file each.

pub(crate) mod admin;
#[cfg(feature = "lab")]
pub(crate) mod audit;
pub(crate) mod backup;
#[cfg(feature = "lab")]
pub(crate) mod evaluate;
mod folder;
pub(crate) mod head;
pub(crate) mod issuer;
pub(crate) mod keys;
mod listener;
mod lock;
pub(crate) mod plan;
pub(crate) mod serve;
pub(crate) mod tasks;

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    path::Path,
};

/// What went wrong, for the terminal.
pub(crate) type Done<T = ()> = Result<T, String>;

/// Nobody guesses one of this many characters.
const TOKEN_LENGTH: usize = 32;

/// The token of requests under `/v1/admin`: in this file, or else in the environment.
fn admin_token(file: Option<&Path>) -> Done<Option<String>> {
    let token = match file {
        Some(file) => Some(std::fs::read_to_string(file).map_err(because(file.display()))?.trim().to_owned()),
        None => std::env::var("PRIVET_ADMIN_TOKEN").ok(),
    };
    match token.as_ref().map(String::len) {
        Some(length) if length < TOKEN_LENGTH => {
            Err(format!("the admin token has {length} characters and has to have {TOKEN_LENGTH} or more"))
        }
        _ => Ok(token),
    }
}

fn because<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |cause| format!("{what}: {cause}")
}

/// Prints a line. Whoever reads may have gone (`| head`): that ends no command, and is no error.
fn say(line: impl Display) -> Done {
    writeln!(Screen, "{line}").map_err(because("the output cannot be written"))
}

/// The standard output, as long as somebody reads it.
struct Screen;

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_gone(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_gone(io::stdout().flush(), ())
    }
}

fn unless_gone<T>(done: io::Result<T>, gone: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(gone),
        done => done,
    }
}
