//! Measurements, and photographs of the page.

use anyhow::{Context, Result, bail};
use pico_args::Arguments;
use serde_json::Value;

use crate::{
    build, figures,
    place::{Place, exe, write},
    run::{Program, cargo},
    setup::{self, Machine, Need},
    suites::node_tests::page_env,
};

const NEEDS: &[Need] = &[Need::Npm, Need::Wasm, Need::Browser];

pub(crate) fn command(place: &Place, args: Arguments) -> Result<()> {
    let names = crate::positional(args)?;
    if let Some(name) = names.iter().find(|name| !["sizes", "path", "server"].contains(&name.as_str())) {
        bail!("there is no benchmark `{name}`: there are sizes, path and server");
    }
    let chosen = |name| names.is_empty() || names.iter().any(|chosen| chosen == name);
    if chosen("server") {
        server(place)?;
    }
    if !chosen("sizes") && !chosen("path") {
        return Ok(());
    }
    let needs = if chosen("path") { NEEDS } else { build::NEEDS };
    let machine = built(place, needs)?;
    if chosen("sizes") {
        figures::sizes(place)?;
    }
    if chosen("path") {
        build::server(place)?;
        page_env(place, &machine)?
            .env("PRIVET_FIGURES", place.figures())
            .env("PRIVET_COMMIT", figures::commit(&place.root))
            .args(["--import", "tsx", "tests/bench/path.ts"])
            .run()?;
    }
    Ok(())
}

/// Uploads of the plain measurement, and of the one for memory.
const UPLOADS: [&str; 2] = ["20000", "200000"];

fn server(place: &Place) -> Result<()> {
    cargo(&place.root).args(["build", "--release", "--package", "privet-server", "--example", "load"]).run()?;
    let load = place.target.join("release/examples").join(exe("load"));
    let said = Program::new(load).arg("measure").args(UPLOADS).output()?;
    let (commit, mut lines) = (figures::commit(&place.root), Vec::new());
    for line in said.lines() {
        println!("{line}");
        let mut figure: Value = serde_json::from_str(line).context("the load prints a JSON line for each figure")?;
        figure["commit"] = commit.clone().into();
        figure["command"] = "cargo xtask bench server".into();
        lines.push(figure.to_string());
    }
    write(&place.figures().join("server.jsonl"), lines.join("\n") + "\n")
}

pub(crate) fn screenshots(place: &Place, args: Arguments) -> Result<()> {
    crate::nothing_left(args)?;
    let machine = built(place, NEEDS)?;
    build::server(place)?;
    let folder = place.target.join("screenshots");
    std::fs::create_dir_all(&folder)?;
    page_env(place, &machine)?
        .env("PRIVET_SCREENSHOTS", &folder)
        .args(["--import", "tsx", "tests/screenshots.ts"])
        .run()
}

fn built(place: &Place, needs: &[Need]) -> Result<Machine> {
    let machine = setup::ensure(place, needs)?;
    build::all(place, &machine)?;
    Ok(machine)
}
