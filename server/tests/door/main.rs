//! What anybody may do to a server that runs: connections that say nothing, bodies that do not come, guesses, paths. Each
//! attacker has an address of the loopback of its own, and whoever is honest another.
#![cfg(target_os = "linux")]

mod admin;
mod attackers;
#[path = "../device/mod.rs"]
mod device;
mod figures;
mod pages;
mod process;
mod uploads;
