//! Runs other programs, and says plainly which one is missing or has failed.

use anyhow::{Context, Result, anyhow, bail};
use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub(crate) struct Program {
    command: Command,
    name: String,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let name = Path::new(program.as_ref()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        // What Cargo told this process about itself is wrong for any other Cargo or compiler.
        for (key, _) in env::vars_os() {
            if key.to_str().is_some_and(is_cargos_own) {
                command.env_remove(key);
            }
        }
        if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
            match without_toolchains(&libraries) {
                Some(rest) => command.env("LD_LIBRARY_PATH", rest),
                None => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        Self { command, name }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub(crate) fn without(mut self, keys: &[&str]) -> Self {
        for key in keys {
            self.command.env_remove(key);
        }
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs to its end, with its output on ours.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.command.status().map_err(|error| self.missing(&error))?;
        if status.success() { Ok(()) } else { Err(anyhow!("`{}` failed ({status})", self.line())) }
    }

    /// Runs to its end beside others, between whose lines its own would stand: they are shown when it fails.
    pub(crate) fn run_beside(mut self) -> Result<()> {
        let output = self.command.stdin(Stdio::null()).output().map_err(|error| self.missing(&error))?;
        if output.status.success() {
            return Ok(());
        }
        eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(anyhow!("`{}` failed ({})", self.line(), output.status))
    }

    /// Starts, with its output to be read; it goes on until it is killed.
    pub(crate) fn start(mut self) -> Result<Child> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| self.missing(&error))
    }

    /// Runs in this process's place, so that whoever ends this one ends it.
    pub(crate) fn replace(self) -> Result<()> {
        #[cfg(unix)]
        {
            let mut program = self;
            let error = std::os::unix::process::CommandExt::exec(&mut program.command);
            Err(program.missing(&error))
        }
        #[cfg(not(unix))]
        self.run()
    }

    /// Runs to its end and gives what it printed. What it says on stderr is shown when it fails.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self.command.stdin(Stdio::null()).output().map_err(|error| self.missing(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", self.line(), output.status, said.trim().replace('\n', "; "));
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something that is not UTF-8", self.name))
    }

    fn line(&self) -> String {
        let args = self.command.get_args().map(OsStr::to_string_lossy);
        let line = args.fold(self.name.clone(), |line, arg| line + " " + &arg);
        if line.chars().count() > 160 { line.chars().take(160).collect::<String>() + "…" } else { line }
    }

    fn missing(&self, error: &io::Error) -> anyhow::Error {
        if error.kind() != io::ErrorKind::NotFound {
            return anyhow!("`{}` does not start: {error}", self.name);
        }
        let how = match self.name.as_str() {
            "node" | "npm" => "install Node 20 or later, https://nodejs.org",
            "cargo" | "rustc" | "rustup" => "install Rust, https://rustup.rs",
            "git" => "install git",
            "esbuild" | "tsc" | "prettier" | "wasm-opt" => "`cargo xtask setup` installs it",
            _ => "it was expected there",
        };
        anyhow!("`{}` is not to be found: {how}", Path::new(self.command.get_program()).display())
    }
}

fn is_cargos_own(key: &str) -> bool {
    const EXACT: [&str; 6] =
        ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PRIMARY_PACKAGE", "CARGO_CRATE_NAME", "OUT_DIR"];
    EXACT.contains(&key)
        || key == "RUST_RECURSION_COUNT"
        || key.starts_with("CARGO_PKG_")
        || key.starts_with("CARGO_BIN_")
}

/// The library path less what rustup and Cargo put there: another toolchain's compiler must not load these.
fn without_toolchains(libraries: &OsStr) -> Option<OsString> {
    let ours = |folder: &PathBuf| {
        let folder = folder.to_string_lossy();
        !folder.is_empty() && !["rustlib", "toolchains", "/debug", "/release"].iter().any(|word| folder.contains(word))
    };
    let rest: Vec<PathBuf> = env::split_paths(libraries).filter(ours).collect();
    if rest.is_empty() { None } else { env::join_paths(rest).ok() }
}

/// Cargo, as the user chose it.
pub(crate) fn cargo(root: &Path) -> Program {
    Program::new("cargo").dir(root)
}

pub(crate) fn node(root: &Path) -> Program {
    Program::new("node").dir(root)
}

pub(crate) fn npm(dir: &Path) -> Program {
    Program::new(if cfg!(windows) { "npm.cmd" } else { "npm" }).dir(dir)
}

/// What a program answers to `--version`, if it starts at all.
pub(crate) fn version_of(program: impl AsRef<OsStr>) -> Option<String> {
    Program::new(program).arg("--version").output().ok().map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_one_sentence() {
        let error = Program::new("no-such-program").run().unwrap_err();
        assert_eq!(format!("{error:#}"), "`no-such-program` is not to be found: it was expected there");
    }

    #[test]
    fn only_cargos_own_variables_are_dropped() {
        assert!(is_cargos_own("CARGO_PKG_NAME") && is_cargos_own("CARGO") && is_cargos_own("CARGO_MANIFEST_DIR"));
        assert!(!is_cargos_own("CARGO_HOME") && !is_cargos_own("CARGO_TARGET_DIR") && !is_cargos_own("RUSTFLAGS"));
    }

    #[test]
    fn toolchain_folders_leave_the_library_path() {
        let kept = without_toolchains(OsStr::new("/opt/x/lib:/u/.rustup/toolchains/stable/lib:/w/target/debug/deps"));
        if cfg!(unix) {
            assert_eq!(kept, Some("/opt/x/lib".into()));
            assert_eq!(without_toolchains(OsStr::new("/u/.rustup/toolchains/stable/lib")), None);
        }
    }
}
