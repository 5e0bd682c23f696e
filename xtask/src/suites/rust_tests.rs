//! The suites that Cargo runs.

use anyhow::Result;

use super::Context;
use crate::{place::no_gpu, run::cargo};

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
        tests = tests.env("PRIVET_LONG", "1").args(["--", "--include-ignored"]);
    }
    tests.run()
}

/// The core once more with its seedable sampler, which no other build has: the statistics want both.
pub(super) fn privacy(context: &Context) -> Result<()> {
    // Over the whole workspace, so that every dependency keeps the features that it was built with before.
    let tests = cargo(&context.place.root).args(["test", "--workspace", "--lib", "--features", "privet/simulate"]);
    if context.long {
        // Ten million draws each are minutes when they are not optimised.
        return tests.args(["--release", "--", "--include-ignored"]).run();
    }
    tests.run()
}

pub(super) fn browser(context: &Context) -> Result<()> {
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
    tests.run()
}
