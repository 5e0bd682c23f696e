//! The suites that Cargo runs.

use anyhow::Result;

use super::Context;
use crate::{
    fuzz,
    place::no_gpu,
    run::{Program, cargo},
};

pub(super) fn clippy(context: &Context) -> Result<()> {
    cargo(&context.place.root)
        .args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        .run()
}

pub(super) fn doc(context: &Context) -> Result<()> {
    let root = &context.place.root;
    cargo(root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").run()?;
    cargo(root).args(["test", "--workspace", "--doc"]).run()
}

pub(super) fn native(context: &Context) -> Result<()> {
    let mut tests = cargo(&context.place.root).args(["test", "--workspace", "--lib", "--bins", "--tests"]);
    // All test programs run even if one fails: one run names all that is to be mended.
    tests = tests.arg("--no-fail-fast");
    if context.long {
        tests = with_ignored(tests.env("PRIVET_LONG", "1"));
    }
    tests.run()
}

/// Tests that check nothing: they print the documentation's tables when they are asked for by name.
const TABLES: [&str; 4] =
    ["clip::tests::variance_table", "drift::tests::rates", "order::tests::times", "running::tests::simulated::sweep"];

fn with_ignored(tests: Program) -> Program {
    tests.args(["--", "--include-ignored"]).args(TABLES.iter().flat_map(|table| ["--skip", table]))
}

/// How long each decoder is fuzzed in the long form.
const FUZZED_S: u64 = 600;

/// The core once more with its seedable sampler, which no other build has: the statistics want both. Then what needs
/// more than the core: that nothing un-noised is an upload, the vectors, and what fuzzers kept.
pub(super) fn privacy(context: &Context) -> Result<()> {
    // Over the whole workspace, so that every dependency keeps the features that it was built with before.
    let simulating = ["--workspace", "--features", "privet/simulate", "--lib"];
    let tests = || cargo(&context.place.root).arg("test").args(simulating);
    tests().args(["--test", "privacy", "--test", "wire", "--no-fail-fast"]).run()?;
    if context.long {
        // Ten million draws each are minutes when they are not optimised.
        with_ignored(tests().arg("--release")).run()?;
        fuzz::all(context.place, FUZZED_S)?;
    }
    Ok(())
}

pub(super) fn browser(context: &Context) -> Result<()> {
    in_browser(context)?.run()
}

/// Those whose names hold this word.
pub(super) fn browser_only(context: &Context, word: &str) -> Result<()> {
    in_browser(context)?.args(["--", word]).run()
}

fn in_browser(context: &Context) -> Result<Program> {
    let (place, browser) = (context.place, context.machine.browser()?);
    let mut tests = context
        .machine
        .wasm()?
        .wasm_pack(place)?
        .args(["test", "--headless", "--chrome", "--chromedriver"])
        .arg(&browser.driver)
        .args(["--mode", "no-install", "web"])
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", browser.webdriver_json(place)?)
        // SwiftShader compiles shaders on the CPU; the runner's 20 s are too few on a busy machine.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "240");
    if no_gpu() {
        // Read when the tests are compiled: a page has no environment.
        tests = tests.env("NO_GPU", "1");
    }
    Ok(tests)
}
