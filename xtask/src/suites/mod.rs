//! `cargo xtask test`: all suites, or those that are named.

mod contract;
pub(crate) mod node_tests;
mod report;
mod rust_tests;

use anyhow::{Result, anyhow, bail};
use pico_args::Arguments;
use std::time::{Duration, Instant};

use crate::{
    architecture, build,
    place::Place,
    setup::{self, Machine, Need},
};
use report::{Report, Row};

/// What a suite is given.
pub(crate) struct Context<'a> {
    pub(crate) place: &'a Place,
    pub(crate) machine: Machine,
    /// Also the slow statistics, long fuzzing and long fault runs.
    pub(crate) long: bool,
    /// Whether every suite runs, and none has to show alone what others show.
    pub(crate) all: bool,
}

struct Suite {
    name: &'static str,
    needs: &'static [Need],
    /// Whether the Wasm module, the package and the page must be built before.
    built: bool,
    budget_s: u64,
    run: fn(&Context) -> Result<()>,
}

const SET_UP_S: u64 = 25 * 60;
/// Four modules, two of them with the standard library anew.
const BUILD_S: u64 = 6 * 60;

const PRIVACY: &[Need] = &[Need::Npm, Need::Wasm, Need::WasmPack, Need::Browser];

/// In the order in which they run: what fails soonest comes first.
const SUITES: &[Suite] = &[
    Suite { name: "format", needs: &[Need::Npm], built: false, budget_s: 60, run: format },
    Suite {
        name: "architecture",
        needs: &[Need::Deny],
        built: false,
        budget_s: 20,
        run: |it| architecture::check(it.place, it.long),
    },
    Suite { name: "clippy", needs: &[], built: false, budget_s: 4 * 60, run: rust_tests::clippy },
    Suite { name: "doc", needs: &[], built: false, budget_s: 6 * 60, run: rust_tests::doc },
    Suite { name: "native", needs: &[Need::Vulkan], built: false, budget_s: 8 * 60, run: rust_tests::native },
    Suite {
        name: "browser",
        needs: &[Need::Wasm, Need::WasmPack, Need::Browser],
        built: false,
        // It builds the module for tests, too.
        budget_s: 9 * 60,
        run: rust_tests::browser,
    },
    Suite { name: "typescript", needs: build::NEEDS, built: true, budget_s: 60, run: node_tests::typescript },
    Suite { name: "privacy", needs: PRIVACY, built: true, budget_s: 6 * 60, run: privacy },
    Suite { name: "end-to-end", needs: node_tests::NEEDS, built: true, budget_s: 8 * 60, run: node_tests::end_to_end },
    Suite { name: "package", needs: node_tests::NEEDS, built: true, budget_s: 4 * 60, run: node_tests::package },
    Suite { name: CONTRACT, needs: &[], built: false, budget_s: 5 * 60, run: contract::check },
];

/// Only in the long form: it installs a Python package.
const CONTRACT: &str = "contract";

pub(crate) fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

pub(crate) fn command(place: &Place, mut args: Arguments) -> Result<()> {
    let long = args.contains("--long");
    let chosen = crate::positional(args)?;
    if let Some(unknown) = chosen.iter().find(|name| !names().contains(&name.as_str())) {
        bail!("there is no suite `{unknown}`: there are {}", names().join(", "));
    }
    if !long && chosen.iter().any(|name| name == CONTRACT) {
        bail!("`{CONTRACT}` is a part of --long");
    }
    let wanted = |suite: &&Suite| {
        let all = chosen.is_empty() && (long || suite.name != CONTRACT);
        all || chosen.iter().any(|name| name == suite.name)
    };
    let suites: Vec<&Suite> = SUITES.iter().filter(wanted).collect();

    let mut report = Report::default();
    // All set-up at once and first, so that its time is its own and apt-get runs once.
    let all: Vec<Need> =
        setup::ALL.iter().copied().filter(|need| suites.iter().any(|suite| suite.needs.contains(need))).collect();
    let set_up = step("set-up", SET_UP_S, || setup::ensure(place, &all).map(drop));
    report.step(set_up);

    let mut build: Option<Row> = None;
    for suite in suites {
        if suite.built && build.is_none() {
            build = Some(step("build", BUILD_S, || build::all(place, &setup::ensure(place, build::NEEDS)?)));
            report.step(build.clone().expect("it was just set"));
        }
        let build_failed = suite.built && build.as_ref().is_some_and(|row| !row.ok);
        report.suite(step(suite.name, suite.budget_s, || {
            if build_failed {
                return Err(anyhow!("it needs the build, which failed"));
            }
            // Costs nothing after a good set-up; after a bad one, only the suites that lack something fail.
            let machine = setup::ensure(place, suite.needs)?;
            (suite.run)(&Context { place, machine, long, all: chosen.is_empty() })
        }));
    }
    report.print();
    if report.failed() {
        // Not as an error, which would print a line after the count: that line is the last.
        std::process::exit(1);
    }
    Ok(())
}

fn step(name: &'static str, budget_s: u64, run: impl FnOnce() -> Result<()>) -> Row {
    println!("\n== {name} ==");
    let start = Instant::now();
    let result = run();
    if let Err(error) = &result {
        eprintln!("{name}: {error:#}");
    }
    Row { name, ok: result.is_ok(), took: start.elapsed(), budget: Duration::from_secs(budget_s) }
}

/// All that holds the promise. What of it is in a page or in the package, other suites run where all of them run.
fn privacy(context: &Context) -> Result<()> {
    rust_tests::privacy(context)?;
    if context.all {
        return Ok(());
    }
    rust_tests::browser_only(context, "noise")?;
    node_tests::privacy(context)
}

/// Both formatters, so that one run names all that is to be mended.
fn format(context: &Context) -> Result<()> {
    let place = context.place;
    let rust = crate::run::cargo(&place.root).args(["fmt", "--all", "--check"]).run();
    build::node_program(place, "prettier")
        .args(["--check", "--log-level=warn", "web/ts", "web/audit", "worker", "demo", "tests"])
        .run()?;
    rust
}
