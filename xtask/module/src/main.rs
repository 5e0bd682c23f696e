//! What becomes of a Wasm module between the compiler and the browser, apart from what wasm-opt does.
//!
//! `cargo xtask build` runs it. A program of its own, so that no other command waits for these libraries; and not
//! wasm-bindgen's own command, which brings an HTTP server and a client for its test runner.
#![expect(clippy::print_stderr, reason = "a command line tool speaks through it")]

mod names;
mod order;

use anyhow::{Context, Result, bail, ensure};
use std::{env, fs, path::Path, process::ExitCode};
use wasm_bindgen_cli_support::Bindgen;
use wasmparser::{Parser, Payload};

const USAGE: &str = "xtask-module bindgen MODULE FOLDER NAME | order FROM TO | shorten GLUE MODULE | no-data MODULE";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["bindgen", module, folder, name] => {
            let mut bindgen = Bindgen::new();
            bindgen.input_path(module).web(true)?.out_name(name).typescript(true);
            // As its command does: the glue finds a module that lies beside it.
            bindgen.omit_default_module_path(false).generate(folder)
        }
        ["order", from, to] => write(to, order::numbered(&read(from)?)?),
        ["shorten", glue, module] => {
            let text = String::from_utf8(read(glue)?).context("the glue is not UTF-8")?;
            let (text, bytes) = names::shortened(&text, &read(module)?)?;
            write(glue, text)?;
            write(module, bytes)
        }
        ["no-data", module] => {
            let whole = read(module)?;
            for payload in Parser::new(0).parse_all(&whole) {
                ensure!(!matches!(payload?, Payload::DataSection(_)), "{module} holds data");
            }
            Ok(())
        }
        _ => bail!("{USAGE}"),
    }
}

fn read(file: impl AsRef<Path>) -> Result<Vec<u8>> {
    fs::read(&file).with_context(|| format!("cannot read {}", file.as_ref().display()))
}

fn write(file: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.as_ref().display()))
}
