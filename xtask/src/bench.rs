//! Measurements, and photographs of the page.

use anyhow::{Context, Result, bail};
use pico_args::Arguments;
use serde_json::Value;

use crate::{
    audit, build, figures,
    place::{Place, exe, read, write},
    run::{Program, cargo, version_of},
    setup::{self, Machine, Need},
    suites::node_tests::page_env,
};

const NEEDS: &[Need] = &[Need::Npm, Need::Wasm, Need::Browser];
const NAMES: [&str; 7] = ["sizes", "package", "path", "privacy", "ranking", "server", "audit"];

pub(crate) fn command(place: &Place, args: Arguments) -> Result<()> {
    let names = crate::positional(args)?;
    if let Some(name) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("there is no benchmark `{name}`: there are {}", NAMES.join(", "));
    }
    let chosen = |name| names.is_empty() || names.iter().any(|chosen| chosen == name);
    if chosen("server") {
        server(place)?;
    }
    if chosen("audit") {
        audit::bench(place)?;
    }
    let paged = chosen("package") || chosen("path") || chosen("privacy") || chosen("ranking");
    if !paged && !chosen("sizes") {
        return Ok(());
    }
    let machine = built(place, if paged { NEEDS } else { build::NEEDS })?;
    if chosen("sizes") {
        figures::sizes(place)?;
    }
    if paged {
        build::server(place)?;
    }
    if chosen("package") {
        script(place, page_env(place, &machine)?, "tests/bench/package.ts")?;
        figures::sizes(place)?.append(place, "package.jsonl", "cargo xtask bench package")?;
    }
    if chosen("path") {
        script(place, page_env(place, &machine)?, "tests/bench/path.ts")?;
    }
    if chosen("privacy") {
        let env = page_env(place, &machine)?.env("PRIVET_PAGES", build::bench(place, &machine)?);
        let lock = read(&place.root.join("tests/bench/wasm/Cargo.lock"))?;
        script(place, env.env("PRIVET_PEER", version(&lock, "prio")?), "tests/bench/privacy.ts")?;
    }
    if chosen("ranking") {
        let pages = build::ranking(place, &machine)?;
        script(place, page_env(place, &machine)?.env("PRIVET_PAGES", pages), "tests/bench/ranking.ts")?;
        crossover(place)?;
    }
    Ok(())
}

/// How often each row of the table of shaders and kernels is measured natively.
const CROSSINGS: &str = "5";

/// The same table natively, through Vulkan, after those of the page.
fn crossover(place: &Place) -> Result<()> {
    let run = ["run", "--release", "--package", "privet-tests", "--example", "crossover", "--", CROSSINGS];
    let said = cargo(&place.root).args(run).output()?;
    let (commit, mut lines, mut adapter) = (figures::commit(&place.root), Vec::new(), Value::Null);
    for line in said.lines() {
        println!("{line}");
        let mut figure: Value = serde_json::from_str(line).context("it prints a JSON line for each row")?;
        if let Some(named) = figure.get("adapter") {
            adapter = named.clone();
            continue;
        }
        let is_emulated =
            adapter.as_str().is_some_and(|name| name.contains("llvmpipe") || name.contains("SwiftShader"));
        figure["id"] = "crossover".into();
        figure["adapter"] = adapter.clone();
        figure["emulated"] = is_emulated.into();
        figure["where"] = "native".into();
        figure["commit"] = commit.clone().into();
        figure["command"] = "cargo xtask bench ranking".into();
        lines.push(figure.to_string());
    }
    let file = place.figures().join("ranking.jsonl");
    write(&file, read(&file)? + &lines.join("\n") + "\n")
}

/// Uploads of the plain measurement, and of the one for memory.
const UPLOADS: [&str; 2] = ["20000", "200000"];

fn server(place: &Place) -> Result<()> {
    cargo(&place.root).args(["build", "--release", "--package", "privet-server", "--example", "load"]).run()?;
    let load = place.target.join("release/examples").join(exe("load"));
    let cores = two_of_all();
    let said = if let Some(cores) = &cores {
        // Whatever it starts is held to the same two.
        Program::new("taskset").args(["--cpu-list", cores]).arg(load)
    } else {
        println!("not held to two cores: there is no taskset here, or no second core");
        Program::new(load)
    };
    let said = said.arg("measure").args(UPLOADS).output()?;
    let (commit, mut lines) = (figures::commit(&place.root), Vec::new());
    for line in said.lines() {
        println!("{line}");
        let mut figure: Value = serde_json::from_str(line).context("the load prints a JSON line for each figure")?;
        figure["commit"] = commit.clone().into();
        figure["command"] = "cargo xtask bench server".into();
        figure["cores"] = cores.clone().into();
        lines.push(figure.to_string());
    }
    write(&place.figures().join("server.jsonl"), lines.join("\n") + "\n")
}

/// Two of the cores that this process may use, where it can be held to them.
fn two_of_all() -> Option<String> {
    version_of("taskset")?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    first_two(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)
}

/// The first two of a list of cores as Linux writes it: `0-3,7`.
fn first_two(list: &str) -> Option<String> {
    let cores = list.trim().split(',').flat_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse::<u32>().ok().zip(last.parse().ok());
        range.into_iter().flat_map(|(first, last)| first..=last)
    });
    let two: Vec<String> = cores.take(2).map(|core| core.to_string()).collect();
    (two.len() == 2).then(|| two.join(","))
}

fn script(place: &Place, env: Program, file: &str) -> Result<()> {
    env.env("PRIVET_FIGURES", place.figures())
        .env("PRIVET_COMMIT", figures::commit(&place.root))
        .args(["--import", "tsx", file])
        .run()
}

/// The version of a package that a lock file names.
fn version(lock: &str, name: &str) -> Result<String> {
    let (_, rest) =
        lock.split_once(&format!("name = \"{name}\"\nversion = \"")).context("the lock file lacks the peer")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_are_the_first_that_may_be_used() {
        let two = |list| first_two(list).unwrap_or_default();
        assert_eq!(["\t0-1\n", "0-63", "3,5-7", "2,9"].map(two), ["0,1", "0,1", "3,5", "2,9"]);
        assert_eq!(["4", "", "some"].map(two), [""; 3], "one core is not two");
    }

    #[test]
    fn the_list_of_commands_names_every_benchmark() {
        let bench = crate::COMMANDS.iter().find(|command| command.name == "bench").expect("there is one");
        assert_eq!(bench.usage, format!("bench [{}]", NAMES.join("|")));
    }

    /// A figure of another build would be a figure of another thing.
    #[test]
    fn what_is_measured_is_built_as_what_ships() {
        let [ships, measured] =
            [include_str!("../../Cargo.toml"), include_str!("../../tests/bench/wasm/Cargo.toml")].map(profiles);
        let peer = "[profile.wasm.package.prio]\nopt-level = 3\n";
        assert_eq!(measured.replace(peer, ""), ships);
        assert!(measured.contains(peer) && ships.contains("[profile.wasm]"));
    }

    #[test]
    fn the_shared_packages_are_measured_in_the_version_that_ships() {
        let [ships, measured] = [include_str!("../../Cargo.lock"), include_str!("../../tests/bench/wasm/Cargo.lock")];
        for name in ["opendp", "dashu-int", "hpke", "x25519-dalek", "chacha20poly1305", "turboshake"] {
            assert_eq!(
                version(measured, name).expect("it is there"),
                version(ships, name).expect("it is there"),
                "{name}"
            );
        }
    }

    /// The release profile and the module's, without what is only for tests.
    fn profiles(manifest: &str) -> String {
        let sections = manifest
            .split("\n[")
            .filter(|section| section.starts_with("profile.release") || section.starts_with("profile.wasm"));
        let lines = sections.flat_map(|section| section.lines().map(str::to_owned).collect::<Vec<_>>());
        let plain = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        plain.map(|line| if line.starts_with("profile") { format!("[{line}\n") } else { line + "\n" }).collect()
    }
}
