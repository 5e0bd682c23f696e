//! Finds what the other commands need and installs what is missing.
//!
//! What is there costs well under a second to check and is not mentioned.

mod apt;
mod browser;
mod npm;
mod python;
mod tools;
mod wasm;

use anyhow::{Context, Result};
use pico_args::Arguments;
use std::time::Instant;

use crate::place::{Place, no_gpu};

pub(crate) use browser::Browser;
pub(crate) use python::schemathesis;
pub(crate) use tools::{cargo_deny, cargo_fuzz};
pub(crate) use wasm::WasmTools;

/// One thing that a command or a suite needs of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Node and the npm packages: esbuild, tsc, wasm-opt, Playwright.
    Npm,
    /// A compiler for wasm32.
    Wasm,
    /// Beside it wasm-pack and wasm-bindgen's test runner.
    WasmPack,
    /// cargo-deny, for the licences and sources of crates.
    Deny,
    /// Chromium and its driver.
    Browser,
    /// A Vulkan device, the CPU's if need be, for the GPU tests outside a browser.
    Vulkan,
}

pub(crate) const ALL: &[Need] = &[Need::Npm, Need::Deny, Need::Wasm, Need::WasmPack, Need::Browser, Need::Vulkan];

/// What was found; a part that nobody asked for is absent.
#[derive(Default)]
pub(crate) struct Machine {
    wasm: Option<WasmTools>,
    browser: Option<Browser>,
}

impl Machine {
    pub(crate) fn wasm(&self) -> Result<&WasmTools> {
        self.wasm.as_ref().context("the Wasm tools were not set up")
    }

    pub(crate) fn browser(&self) -> Result<&Browser> {
        self.browser.as_ref().context("the browser was not set up")
    }
}

pub(crate) fn command(place: &Place, args: Arguments) -> Result<()> {
    crate::nothing_left(args)?;
    let start = Instant::now();
    ensure(place, ALL)?;
    println!("all is set up ({:.1} s)", start.elapsed().as_secs_f64());
    Ok(())
}

/// Makes sure that the machine has what is needed. Installs what it lacks, and says so.
pub(crate) fn ensure(place: &Place, needs: &[Need]) -> Result<Machine> {
    let need = |what| needs.contains(&what);
    // All of Debian's packages in one call: apt-get is slow to start and must not run twice at once.
    let mut packages = Vec::new();
    if need(Need::Wasm) && wasm::find(place).is_none() && !wasm::add_by_rustup()? {
        packages.extend(wasm::debian_packages(place)?);
    }
    if need(Need::Browser) && Browser::find()?.is_none() {
        packages.extend(browser::debian_packages()?);
    }
    if need(Need::Vulkan) && !no_gpu() && !browser::has_vulkan() {
        packages.extend(browser::vulkan_packages());
    }
    if !packages.is_empty() {
        apt::install(&packages)?;
    }

    let mut machine = Machine::default();
    if need(Need::Npm) {
        npm::ensure(place)?;
    }
    if need(Need::Deny) {
        cargo_deny(place)?;
    }
    if need(Need::Wasm) {
        machine.wasm = Some(WasmTools::ensure(place, need(Need::WasmPack))?);
    }
    if need(Need::Browser) {
        machine.browser = Some(Browser::find()?.context(browser::MISSING)?);
    }
    Ok(machine)
}

/// Says what is about to be installed, and why.
fn announce(what: &str, why: &str) {
    println!("set-up: {what}, {why}");
}
