//! The subcommands, one file each.

pub(crate) mod backup;
pub(crate) mod evaluate;
mod folder;
pub(crate) mod head;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod plan;
pub(crate) mod serve;
pub(crate) mod tasks;

use std::fmt::Display;

/// What went wrong, for the terminal.
pub(crate) type Done<T = ()> = Result<T, String>;

fn because<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |cause| format!("{what}: {cause}")
}
