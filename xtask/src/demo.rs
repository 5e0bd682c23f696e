//! `cargo xtask demo`: the page, the server and an address.

use anyhow::{Context, Result};
use pico_args::Arguments;
use std::{
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use crate::{build, place::Place, run::Program, setup};

const PORT: u16 = 8787;
/// Said before anything is: whoever waits should know for what and how long.
const FIRST: &str = "the first time, everything is compiled: the program that lays out the Wasm modules, four modules and the \
    server, about 8 minutes on two cores. After that it takes seconds.";

pub(crate) fn command(place: &Place, mut args: Arguments) -> Result<()> {
    let port = args.opt_value_from_str("--port").context("--port wants a number")?.unwrap_or(PORT);
    let open = args.contains("--open");
    crate::nothing_left(args)?;
    free(port)?;
    if !place.server().is_file() {
        println!("{FIRST}");
    }
    let machine = setup::ensure(place, build::NEEDS)?;
    build::beside(|| build::all(place, &machine), || build::server(place))?;
    if open {
        thread::spawn(move || open_page(port));
    }
    let server = Program::new(place.server())
        .dir(&place.root)
        // A leader and a helper, as two operators would run them. One runs both here, and the page says so.
        .args([
            "serve",
            "--leader-name",
            "this demo's host",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--pages",
            "demo/dist",
        ])
        .args(["--tasks", "demo/task/tasks.toml", "--data"])
        .arg(place.target.join("demo-data"));
    // The thread that opens the page would end with this process.
    if open { server.run() } else { server.replace() }
}

/// Asked before the long build, and in this command's own words: the server's would name an option of its own.
fn free(port: u16) -> Result<()> {
    let another = || format!("port {port} is not free: choose another with --port N");
    TcpListener::bind(("127.0.0.1", port)).map(drop).with_context(another)
}

/// Shows the page in the user's browser once the server answers. The address is printed anyway, so it may fail.
fn open_page(port: u16) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            if let Err(error) = Program::new(opener).arg(format!("http://127.0.0.1:{port}/")).run() {
                eprintln!("the page does not open by itself: {error:#}");
            }
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_said_with_the_option_that_changes_it() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).expect("some port is free");
        let port = taken.local_addr().expect("it is bound").port();
        let error = free(port).expect_err("it is taken").to_string();
        assert_eq!(error, format!("port {port} is not free: choose another with --port N"));
        drop(taken);
        assert!(free(port).is_ok());
    }
}
