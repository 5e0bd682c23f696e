//! Tools that Python's pip installs, each once per version, into the cache.

use anyhow::{Context, Result};
use std::{fs, path::PathBuf};

use super::announce;
use crate::{
    place::{Place, exe, which},
    run::{Program, version_of},
};

const SCHEMATHESIS: &str = "4.32.5";

/// The program that calls a server as its `OpenAPI` document says, and as it does not say.
pub(crate) fn schemathesis(place: &Place) -> Result<PathBuf> {
    let root = place.tool("schemathesis", SCHEMATHESIS);
    let programs = root.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let program = programs.join(exe("schemathesis"));
    // Asking for the version also finds what an install that was cut short left.
    if version_of(&program).is_some_and(|answer| answer.contains(SCHEMATHESIS)) {
        return Ok(program);
    }
    announce(&format!("schemathesis {SCHEMATHESIS}"), "to call the server as its `OpenAPI` document says");
    let python = which(&["python3", "python"])
        .context("there is no Python: install Python 3.10 or later with its venv, https://www.python.org")?;
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    let made = Program::new(python).args(["-m", "venv"]).arg(&root).run();
    made.context("Python makes no venv: on Debian, install python3-venv")?;
    let pip = Program::new(programs.join(exe("python"))).args(["-m", "pip", "install", "--quiet"]);
    pip.arg(format!("schemathesis=={SCHEMATHESIS}")).run().context("schemathesis cannot be installed")?;
    Ok(program)
}
