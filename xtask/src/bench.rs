//! Measurements, and photographs of the page.

use anyhow::{Result, bail};
use pico_args::Arguments;

use crate::{
    build, figures,
    place::Place,
    setup::{self, Machine, Need},
    suites::node_tests::page_env,
};

const NEEDS: &[Need] = &[Need::Npm, Need::Wasm, Need::Browser];

pub(crate) fn command(place: &Place, args: Arguments) -> Result<()> {
    let names = crate::positional(args)?;
    if let Some(name) = names.iter().find(|name| !["sizes", "path"].contains(&name.as_str())) {
        bail!("there is no benchmark `{name}`: there are sizes and path");
    }
    let chosen = |name| names.is_empty() || names.iter().any(|chosen| chosen == name);
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
