//! Load for the aggregation server: measures what `cargo xtask bench server` prints.
//!
//! One process makes uploads and sends them; the leader, and in `split` mode the helper, are processes of their own that
//! run the same program. Uploads are sealed here by another hand than the core's, so that a million entries need no
//! noise: the servers cannot tell.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement speaks on the terminal")]

mod client;
mod figures;
mod serve;
mod upload;

use std::{env, process::ExitCode};

use privet::Mode;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("it starts");
    match words[..] {
        ["leader", mode, folder, helper, key] => runtime.block_on(serve::leader(mode_of(mode), folder, helper, key)),
        ["helper", folder, leader] => runtime.block_on(serve::helper(folder, leader)),
        ["measure", uploads, growth] => {
            let number = |text: &str| text.parse().expect("a number");
            runtime.block_on(figures::measure(number(uploads), number(growth)));
        }
        _ => {
            eprintln!("load measure UPLOADS GROWTH");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn mode_of(name: &str) -> Mode {
    if name == "split" { Mode::Split } else { Mode::Device }
}
