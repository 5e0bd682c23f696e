//! A compiler for wasm32: rustup's target, else Debian's Rust, which builds std from its sources.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    announce,
    apt::{self, Package},
    tools,
};
use crate::{
    place::{Place, env_path, path_with, which, write},
    run::{Program, version_of},
};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// The workspace's `rust-version`.
const OLDEST_MINOR: u32 = 95;
const LACKING: &str = "the Wasm module needs Rust's target wasm32-unknown-unknown";

/// What the user's rustup and Cargo say to a compiler; Debian's must not hear it.
const FOREIGN: [&str; 8] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTC",
];

/// The lanes of the kernels.
const SIMD: &str = "-C target-feature=+simd128";
/// Where there are none, a hash comes as a loop: written out it is 15 KB longer, which weighs more than all kernels.
const SCALAR: &str = "--cfg sha2_backend_soft=\"compact\"";
/// A panic ends the module at once and says nothing: half of what a std built for speed would weigh is how it says it.
const SMALL: &str = " -Zunstable-options -Cpanic=immediate-abort -Zfmt-debug=none -Zlocation-detail=none";

pub(super) enum Toolchain {
    /// The compiler on the PATH has the target, and perhaps std's sources.
    Own { sources: bool },
    /// Debian's compiler, through a folder of links that goes first on the PATH: the user's rustup stays as it is.
    Debian { links: PathBuf, linker: PathBuf },
}

pub(crate) struct WasmTools {
    toolchain: Toolchain,
    /// wasm-pack and the test runner, where something asked for them.
    testing: Option<[PathBuf; 2]>,
}

impl WasmTools {
    pub(super) fn ensure(place: &Place, testing: bool) -> Result<Self> {
        let toolchain = match find(place) {
            Some(toolchain) => toolchain,
            None => debian(place)?,
        };
        let testing = if testing { Some([tools::wasm_pack(place)?, tools::test_runner(place)?]) } else { None };
        Ok(Self { toolchain, testing })
    }

    /// wasm-pack, with everything that a build and a test have in common.
    pub(crate) fn wasm_pack(&self, place: &Place) -> Result<Program> {
        let folders = self.testing.as_ref().context("wasm-pack was not set up")?;
        let program = Program::new(folders[0].join("wasm-pack"));
        // A folder of its own: two compilers in one would throw away each other's work.
        self.compiling(program, folders, &place.target.join("wasm"), &flags(place, true), "std,panic_abort")
            .map(|program| program.dir(&place.root))
    }

    /// Cargo by itself, for what needs no bindings and no std.
    pub(crate) fn cargo(&self, target: &Path, flags: &str) -> Result<Program> {
        self.compiling(Program::new("cargo"), &[], target, flags, "core,panic_abort")
    }

    /// Cargo for a module that ships, into this folder: std built for size with it, where its sources are there. Where
    /// they are not, the module does the same and weighs more.
    pub(crate) fn shipping(&self, place: &Place, target: &Path, simd: bool) -> Result<Program> {
        let small = if self.builds_std() { SMALL } else { "" };
        let flags = flags(place, simd) + small;
        let program = self.compiling(Program::new("cargo"), &[], target, &flags, "std,panic_abort")?;
        Ok(if self.builds_std() {
            // As in `compiling`, now for the user's own compiler, too.
            program
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size")
        } else {
            program
        })
    }

    pub(crate) fn builds_std(&self) -> bool {
        !matches!(self.toolchain, Toolchain::Own { sources: false })
    }

    fn compiling(
        &self,
        mut program: Program,
        folders: &[PathBuf],
        target: &Path,
        flags: &str,
        std: &str,
    ) -> Result<Program> {
        let mut folders = folders.to_vec();
        if let Toolchain::Debian { links, linker } = &self.toolchain {
            folders.insert(0, links.clone());
            program = program
                .without(&FOREIGN)
                // Building std is not stable yet; the compiler is a stable one all the same.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", std)
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(program
            .env("PATH", path_with(folders)?)
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags))
    }

    /// What else decides how the module comes out, besides the sources.
    pub(crate) fn describe(&self, place: &Place) -> String {
        let compiler = match &self.toolchain {
            Toolchain::Own { .. } => version_of("rustc"),
            Toolchain::Debian { links, .. } => version_of(links.join("rustc")),
        };
        let flags = [true, false].map(|simd| flags(place, simd));
        format!("{compiler:?} {} {flags:?} {SMALL}", self.builds_std())
    }
}

/// The extra compiler flags, and no path of the machine that built it in what ships.
fn flags(place: &Place, simd: bool) -> String {
    let home = env_path("CARGO_HOME").or_else(|| Some(env_path("HOME")?.join(".cargo")));
    let remap = |from: &Path, to: &str| format!(" --remap-path-prefix={}={to}", from.display());
    let mut flags = if simd { SIMD } else { SCALAR }.to_owned();
    for (from, to) in [(Some(place.root.clone()), "privet"), (home, "cargo")] {
        // Cargo splits this variable at spaces.
        if let Some(from) = from.filter(|from| !from.to_string_lossy().contains(' ')) {
            flags += &remap(&from, to);
        }
    }
    flags
}

/// What is there now, without installing anything.
pub(super) fn find(place: &Place) -> Option<Toolchain> {
    // For tests of the fallback, and for whoever prefers Debian's.
    let forced = env_path("PRIVET_WASM_RUST").is_some_and(|choice| choice == Path::new("debian"));
    let own = !forced && own_has_target();
    if own && own_has_sources() {
        return Some(Toolchain::Own { sources: true });
    }
    // With std's sources the module comes out smaller: so Debian's set is preferred to a target without them. Without
    // any target rustup is tried first, until Debian's was chosen.
    if own || forced || choice_file(place).is_file() {
        let plain = own.then_some(Toolchain::Own { sources: false });
        return debian(place).ok().or(plain);
    }
    None
}

fn own_has_target() -> bool {
    let folder = Program::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    folder.is_ok_and(|folder| fs::read_dir(folder.trim()).is_ok_and(|mut entries| entries.next().is_some()))
}

fn own_has_sources() -> bool {
    let sysroot = Program::new("rustc").args(["--print", "sysroot"]).output();
    sysroot.is_ok_and(|root| Path::new(root.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
}

/// Whether rustup could add the target. With it come std's sources if they can be had: without them it works, too.
pub(super) fn add_by_rustup() -> Result<bool> {
    if which(&["rustup"]).is_none() || env_path("PRIVET_WASM_RUST").is_some() {
        return Ok(false);
    }
    announce(&format!("the target {TARGET} by rustup"), "to build the Wasm module");
    if Program::new("rustup").args(["target", "add", TARGET]).run().is_ok() && own_has_target() {
        _ = Program::new("rustup").args(["component", "add", "rust-src"]).run();
        return Ok(true);
    }
    if !apt::available() {
        bail!("{LACKING}: `rustup target add {TARGET}` failed, and without apt-get there is no other way here");
    }
    println!("set-up: rustup cannot add the target; Debian's Rust takes its place");
    Ok(false)
}

pub(super) fn debian_packages(place: &Place) -> Result<Vec<Package>> {
    if !apt::available() {
        bail!("{LACKING}: add it to this Rust, or install Rust by https://rustup.rs");
    }
    write(&choice_file(place), "debian\n")?;
    if debian(place).is_ok() {
        return Ok(Vec::new());
    }
    let why = "to build the Wasm module and its std from source";
    let mut packages: Vec<Package> =
        ["rustc-web", "cargo-web", "rust-web-src"].into_iter().map(|name| Package(name, why)).collect();
    if linker().is_none() {
        packages.push(Package("lld", "to link the Wasm module"));
    }
    Ok(packages)
}

fn choice_file(place: &Place) -> PathBuf {
    place.cache.join("wasm-rust")
}

/// Debian's set, checked, with its folder of links in place.
fn debian(place: &Place) -> Result<Toolchain> {
    let version = version_of("/usr/bin/rustc").context("Debian's package rustc-web is not installed")?;
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < OLDEST_MINOR) {
        bail!(
            "{LACKING}: Debian's compiler is {version}, and 1.{OLDEST_MINOR} is needed: run apt-get update and again"
        );
    }
    if !Path::new(DEBIAN_SOURCES).is_file() {
        bail!("Debian's package rust-web-src is not installed");
    }
    let linker = linker().with_context(|| format!("{LACKING}: no rust-lld or wasm-ld was found: install lld"))?;
    let links = place.cache.join("debian-rust");
    for name in ["cargo", "rustc", "rustdoc"] {
        link(&Path::new("/usr/bin").join(name), &links.join(name))?;
    }
    Ok(Toolchain::Debian { links, linker })
}

/// The linker inside the toolchain in use or any other, else the system's.
fn linker() -> Option<PathBuf> {
    let rustup = env_path("RUSTUP_HOME").or_else(|| Some(env_path("HOME")?.join(".rustup")));
    let own = Program::new("rustc").args(["--print", "sysroot"]).output().ok().map(|path| PathBuf::from(path.trim()));
    let toolchains = rustup.map(|home| entries(&home.join("toolchains"))).unwrap_or_default();
    own.into_iter()
        .chain(toolchains)
        .flat_map(|toolchain| entries(&toolchain.join("lib/rustlib")))
        .map(|target| target.join("bin/rust-lld"))
        .find(|file| file.is_file())
        .or_else(|| which(&["wasm-ld", "lld"]))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result<()> {
    if fs::read_link(at).is_ok_and(|present| present == to) {
        return Ok(());
    }
    let folder = at.parent().context("a link stands in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::remove_file(at).or_else(|error| if at.is_symlink() { Err(error) } else { Ok(()) }))
        .and_then(|()| std::os::unix::fs::symlink(to, at))
        .with_context(|| format!("cannot make the link {}", at.display()))
}

#[cfg(not(unix))]
fn link(_to: &Path, _at: &Path) -> Result<()> {
    bail!("Debian's Rust is for Debian only")
}
