//! The suites that Node runs.

use anyhow::{Context as _, Result, bail};
use std::{fs, path::PathBuf};

use super::Context;
use crate::{
    build, figures,
    place::Place,
    run::{self, Program},
    setup::{Machine, Need},
};

pub(super) const NEEDS: &[Need] = &[Need::Npm, Need::Wasm, Need::Browser];

/// What is linted: all TypeScript that is not made.
const SOURCES: [&str; 5] = ["web/ts", "web/audit", "worker", "demo", "tests"];

/// Each has libraries of its own: a worker has no `document`, a test has Node.
const PROJECTS: [&str; 6] = ["web/ts", "web/ts/node", "web/audit", "worker", "demo", "tests"];

pub(super) fn typescript(context: &Context) -> Result<()> {
    let place = context.place;
    for project in PROJECTS {
        build::node_program(place, "tsc").args(["--project", project, "--noEmit"]).run()?;
    }
    build::node_program(place, "oxlint").args(["--type-aware", "--deny-warnings"]).args(SOURCES).run()?;
    node_test(place, run::node(&place.root), "tests/typescript")
}

pub(super) fn end_to_end(context: &Context) -> Result<()> {
    let place = context.place;
    build::server_beside_tests(place)?;
    // Without a browser, and in seconds.
    node_test(place, run::node(&place.root).env("PRIVET_SERVER", place.server()), "tests/stranger")?;
    node_test(place, page_env(place, &context.machine)?, "tests/page")
}

pub(super) fn package(context: &Context) -> Result<()> {
    let place = context.place;
    build::server_beside_tests(place)?;
    let env = page_env(place, &context.machine)?
        .env("PRIVET_TARBALL", build::pack(place, "web/ts")?)
        .env("PRIVET_AUDIT_TARBALL", build::pack(place, "web/audit")?);
    // Next alone is 340 MB to install.
    let env = if context.long { env.env("PRIVET_LONG", "1") } else { env };
    node_test(place, env, "tests/package")?;
    figures::sizes(place)?.check()
}

/// The vectors by the package, the modules that ship searched for what may not be in them, and what a page stores and sends.
pub(super) fn privacy(context: &Context) -> Result<()> {
    let (place, test) = (context.place, |name: &str| context.place.root.join("tests").join(name));
    build::server_beside_tests(place)?;
    let files = ["typescript/vectors.test.ts", "typescript/module.test.ts", "page/privacy.test.ts"].map(test);
    run_tests(page_env(place, &context.machine)?, &files)
}

/// Node, told where the browser, the server and the pages are.
pub(crate) fn page_env(place: &Place, machine: &Machine) -> Result<Program> {
    Ok(run::node(&place.root)
        .env("PRIVET_CHROMIUM", &machine.browser()?.chromium)
        .env("PRIVET_SERVER", place.server())
        .env("PRIVET_PAGES", place.root.join("demo/dist")))
}

/// Runs a folder's tests with Node's own runner, one file at a time: each may hold a browser and a server.
fn node_test(place: &Place, node: Program, folder: &str) -> Result<()> {
    run_tests(node, &test_files(place, folder)?)
}

fn run_tests(node: Program, files: &[PathBuf]) -> Result<()> {
    node.args(["--import", "tsx", "--test", "--test-concurrency=1", "--test-reporter=spec"]).args(files).run()
}

/// Node 20 does not expand patterns. No file at all is an error: a suite that runs nothing proves nothing.
fn test_files(place: &Place, folder: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(place.root.join(folder)).with_context(|| format!("cannot list {folder}"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.ts"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{folder} holds no *.test.ts");
    }
    Ok(files)
}
