//! `cargo xtask fuzz`: libFuzzer over the targets in `tests/fuzz`.

use anyhow::{Context, Result, bail};
use pico_args::Arguments;
use std::{fs, path::Path, sync::Mutex, thread};

use crate::{
    place::{Place, path_with},
    run::{self, Program},
    setup,
};

const FOLDER: &str = "tests/fuzz";
const SECONDS: u64 = 60;

pub(crate) fn command(place: &Place, mut args: Arguments) -> Result<()> {
    let seconds = args.opt_value_from_str("--seconds").context("--seconds wants a number")?.unwrap_or(SECONDS);
    let chosen = crate::positional(args)?;
    if cfg!(windows) {
        bail!("fuzzing needs libFuzzer, which is not to be had on Windows: use Linux or macOS");
    }
    let folder = setup::cargo_fuzz(place)?;
    let targets = targets(place, &folder)?;
    if let Some(unknown) = chosen.iter().find(|name| !targets.contains(name)) {
        bail!("there is no fuzz target `{unknown}`: there are {}", targets.join(", "));
    }
    for target in targets.iter().filter(|target| chosen.is_empty() || chosen.contains(target)) {
        println!("\n== fuzz {target}, {seconds} s ==");
        one(place, &folder, target, seconds)?.run()?;
    }
    Ok(())
}

/// Every target for so long, as many at once as there are cores; what stopped any is an error.
pub(crate) fn all(place: &Place, seconds: u64) -> Result<()> {
    let folder = setup::cargo_fuzz(place)?;
    let targets = targets(place, &folder)?;
    cargo_fuzz(place, &folder)?.args(["build", "--fuzz-dir", FOLDER]).run()?;
    let waiting = Mutex::new(targets.iter());
    let work = || {
        let take = || waiting.lock().ok()?.next();
        while let Some(target) = take() {
            println!("fuzz {target}, {seconds} s");
            one(place, &folder, target, seconds)?.args(["-verbosity=0", "-print_final_stats=1"]).run()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })
}

fn one(place: &Place, folder: &Path, target: &str, seconds: u64) -> Result<Program> {
    // libFuzzer writes what it finds to the first folder; the committed seeds are only read.
    let finds = place.target.join("fuzz-corpus").join(target);
    fs::create_dir_all(&finds).with_context(|| format!("cannot make the folder {}", finds.display()))?;
    let seeds = place.root.join(FOLDER).join("corpus").join(target);
    Ok(cargo_fuzz(place, folder)?
        .args(["run", "--fuzz-dir", FOLDER, target])
        .arg(&finds)
        .args(seeds.is_dir().then_some(&seeds))
        .args(["--".to_owned(), format!("-max_total_time={seconds}")]))
}

fn targets(place: &Place, folder: &Path) -> Result<Vec<String>> {
    let list = cargo_fuzz(place, folder)?.args(["list", "--fuzz-dir", FOLDER]).output()?;
    Ok(list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

fn cargo_fuzz(place: &Place, folder: &Path) -> Result<Program> {
    let cargo = run::cargo(&place.root).arg("fuzz").env("PATH", path_with([folder.to_path_buf()])?);
    let list = Program::new("rustup").args(["toolchain", "list"]).output().unwrap_or_default();
    Ok(match list.split_whitespace().find(|name| name.starts_with("nightly")) {
        Some(nightly) => cargo.env("RUSTUP_TOOLCHAIN", nightly),
        // The sanitizers are not stable; a stable compiler that is told so has them all the same.
        None => cargo.env("RUSTC_BOOTSTRAP", "1"),
    })
}
