//! Chromium, its driver, and a Vulkan device.

use anyhow::{Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::apt::{self, Package};
use crate::place::{Place, env_path, which, write};

#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

pub(super) const MISSING: &str =
    "the browser tests need Chromium and chromedriver: install both, or set CHROMIUM=/path and CHROMEDRIVER=/path";

/// `SwiftShader` is a Vulkan device on the CPU that ships with Chromium: WebGPU on a machine without a GPU.
const FLAGS: [&str; 9] = [
    "headless",
    "no-sandbox",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "enable-unsafe-webgpu",
    "use-webgpu-adapter=swiftshader",
];

impl Browser {
    /// The one that the environment names, else the one on the PATH.
    pub(super) fn find() -> Result<Option<Self>> {
        let chromium =
            named_or("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])?;
        let driver = named_or("CHROMEDRIVER", &["chromedriver", "chromium-driver"])?;
        Ok(chromium.zip(driver).map(|(chromium, driver)| Self { chromium, driver }))
    }

    /// Writes what wasm-bindgen's test runner tells the driver; the browser's path differs from machine to machine.
    pub(crate) fn webdriver_json(&self, place: &Place) -> Result<PathBuf> {
        let file = place.target.join("webdriver.json");
        let options = serde_json::json!({ "binary": self.chromium, "args": FLAGS });
        write(&file, format!("{:#}\n", serde_json::json!({ "goog:chromeOptions": options })))?;
        Ok(file)
    }
}

fn named_or(variable: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    match env_path(variable) {
        Some(path) if path.is_file() => Ok(Some(path)),
        Some(path) => bail!("{variable} names {}, and there is no such file", path.display()),
        None => Ok(which(names)),
    }
}

pub(super) fn debian_packages() -> Result<Vec<Package>> {
    if !apt::available() {
        bail!(MISSING);
    }
    let why = "for the tests in a browser";
    Ok(vec![Package("chromium", why), Package("chromium-driver", why)])
}

pub(super) fn has_vulkan() -> bool {
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let has_files = |folder| fs::read_dir(Path::new(folder)).is_ok_and(|mut entries| entries.next().is_some());
    // Elsewhere the system's own GPU interface is there or nothing can be done about it.
    !cfg!(target_os = "linux") || folders.into_iter().any(has_files)
}

pub(super) fn vulkan_packages() -> Vec<Package> {
    if apt::available() {
        let why = "for the GPU tests outside a browser";
        vec![Package("libvulkan1", why), Package("mesa-vulkan-drivers", why)]
    } else {
        println!("set-up: no Vulkan driver was found; the GPU tests fail without one (Mesa's will do) unless NO_GPU=1");
        Vec::new()
    }
}
