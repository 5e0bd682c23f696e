//! The Wasm module, the npm package and the demo page, as they ship.

mod kernels;
mod names;
pub(crate) mod stamp;

use anyhow::{Context, Result};
use pico_args::Arguments;
use std::{fs, path::PathBuf};

use crate::{
    figures,
    place::{Place, copy, write},
    run::{self, Program},
    setup::{self, Machine, Need, WasmTools},
};
use stamp::Stamp;

/// What a build needs of the machine.
pub(crate) const NEEDS: &[Need] = &[Need::Npm, Need::Wasm];

/// What rustc turns on for wasm32 by itself, and SIMD. One by one: with `--all-features` wasm-opt writes a module
/// that browsers refuse.
const WASM_FEATURES: [&str; 8] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
    "simd",
];

/// What the kernels are measured beside, and what of it is fetched at run time.
const PEERS: &str = "tests/bench/peers";
const PEER_FILES: &[(&str, &[&str])] = &[
    ("@tensorflow/tfjs-backend-wasm", &["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"]),
    ("onnxruntime-web", &["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]),
];

/// The files of the page that are served as they are.
const STATIC: [&str; 4] = ["html", "css", "svg", "png"];

pub(crate) fn command(place: &Place, args: Arguments) -> Result<()> {
    crate::nothing_left(args)?;
    let machine = setup::ensure(place, NEEDS)?;
    all(place, &machine)?;
    figures::sizes(place).map(drop)
}

/// Builds everything that a browser loads.
pub(crate) fn all(place: &Place, machine: &Machine) -> Result<()> {
    wasm(place, machine)?;
    package(place)?;
    demo(place)
}

/// The `privet` command, in the dev profile: it starts quickly and its tests want the checks.
pub(crate) fn server(place: &Place) -> Result<()> {
    run::cargo(&place.root).args(["build", "--package", "privet-server"]).run()
}

/// The same command out of the native tests' build. Cargo chooses features for the workspace's tests together:
/// on its own, the server would have most of its dependencies built a second time.
pub(crate) fn server_beside_tests(place: &Place) -> Result<()> {
    run::cargo(&place.root).args(["build", "--workspace", "--bin", "privet", "--tests"]).run()
}

fn wasm(place: &Place, machine: &Machine) -> Result<()> {
    let tools = machine.wasm()?;
    let module = place.root.join("web/pkg/privet_bg.wasm");
    let sources = ["crate", "web/src", "web/Cargo.toml", "Cargo.toml", "Cargo.lock", "xtask/src/build/names.rs"]
        .map(|path| place.root.join(path));
    let sources: Vec<_> = sources.iter().map(PathBuf::as_path).collect();
    // Even when there is nothing to do wasm-pack takes seconds, and it writes its module over the optimised one.
    let also = format!("{} {WASM_FEATURES:?}", tools.describe(place));
    let inputs = Stamp::new(place.target.join("xtask/wasm-inputs"), &sources, &also)?;
    let unchanged = || Stamp::new(place.target.join("xtask/wasm-module"), &[&module], "");
    if inputs.holds() && module.is_file() && unchanged()?.holds() {
        return Ok(());
    }
    println!("building the Wasm module");
    optimised(place, tools, "web", "pkg", "privet")?;
    unchanged()?.record()?;
    inputs.record()
}

/// The release path and its peer, built as the module that ships is, with a page around them.
pub(crate) fn bench(place: &Place, machine: &Machine) -> Result<PathBuf> {
    let pages = place.target.join("bench/privacy");
    let out = pages.to_str().context("the path of target/ is not UTF-8")?;
    optimised(place, machine.wasm()?, "tests/bench/wasm", out, "bench")?;
    let page = "<!doctype html><title>bench</title><link rel=\"icon\" href=\"data:,\">";
    write(&pages.join("index.html"), page)?;
    Ok(pages)
}

/// Compiles a package to Wasm in the profile that ships, and shrinks it.
fn optimised(place: &Place, tools: &WasmTools, package: &str, out: &str, name: &str) -> Result<()> {
    tools
        .wasm_pack(place)?
        .args(["build", package, "--mode", "force", "--target", "web", "--no-pack", "--no-opt"])
        .args(["--out-dir", out, "--out-name", name, "--profile", "wasm"])
        .run()
        .context("the Wasm module does not build")?;
    let module = place.root.join(package).join(out).join(format!("{name}_bg.wasm"));
    let before = file_size(&module)?;
    let small = place.target.join("xtask").join(format!("{name}_bg.wasm"));
    fs::create_dir_all(place.target.join("xtask"))?;
    node_program(place, "wasm-opt")
        .args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")))
        .args(["-Oz", "--strip-debug", "--strip-producers"])
        .arg(&module)
        .arg("--output")
        .arg(&small)
        .run()?;
    copy(&small, &module)?;
    println!("wasm-opt: {before} bytes became {}", file_size(&module)?);
    let glue = place.root.join(package).join(out).join(format!("{name}.js"));
    names::number(&glue, &module)
}

/// The page of `cargo xtask bench ranking`: the kernels, and their peers in the versions that the lock file names.
pub(crate) fn ranking(place: &Place, machine: &Machine) -> Result<PathBuf> {
    let (folder, pages) = (place.root.join(PEERS), place.target.join("bench/ranking"));
    run::npm(&folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]).run()?;
    node_program(place, "tsc").args(["--project", PEERS]).run()?;
    kernels::kernels(place, machine, &pages.join("kernels"))?;
    let page = pages.join("peers/page.js");
    bundle(place, &format!("{PEERS}/page.ts"), page.to_str().context("the path of target/ is not UTF-8")?, true)?;
    for (package, files) in PEER_FILES {
        for file in *files {
            let from = folder.join("node_modules").join(package).join("dist").join(file);
            copy(&from, &pages.join("peers").join(file))?;
        }
    }
    let page = "<!doctype html><title>bench</title><link rel=\"icon\" href=\"data:,\"><script type=\"module\" src=\"/peers/page.js\"></script>";
    write(&pages.join("index.html"), page)?;
    Ok(pages)
}

/// `web/ts/dist`, and the files that npm wants beside it.
fn package(place: &Place) -> Result<()> {
    let root = &place.root;
    let dist = root.join("web/ts/dist");
    let inputs =
        ["web/ts", "worker", "web/pkg", "README.md", "tsconfig.base.json", "package-lock.json", "xtask/src/build"];
    let inputs: Vec<PathBuf> = inputs.iter().map(|path| root.join(path)).filter(|path| path.exists()).collect();
    let inputs: Vec<_> = inputs.iter().map(PathBuf::as_path).collect();
    let outputs = ["index.js", "worker.js", "types/web/ts/index.d.ts", "privet_bg.wasm"].map(|name| dist.join(name));
    let stamp = || Stamp::new(place.target.join("xtask/package"), &inputs, "");
    if stamp()?.holds() && outputs.iter().all(|file| file.is_file()) {
        return Ok(());
    }
    println!("building the npm package");
    if dist.exists() {
        // A declaration of a file that is gone would stay.
        fs::remove_dir_all(&dist).context("cannot empty web/ts/dist")?;
    }
    bundle(place, "web/ts/index.ts", "web/ts/dist/index.js", true)?;
    bundle(place, "worker/worker.ts", "web/ts/dist/worker.js", true)?;
    copy(&root.join("web/pkg/privet_bg.wasm"), &dist.join("privet_bg.wasm"))?;
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        if root.join(name).is_file() {
            copy(&root.join(name), &root.join("web/ts").join(name))?;
        }
    }
    node_program(place, "tsc")
        // The package's own types and the worker's, which they name, keep their places under one folder.
        .args(["--project", "web/ts", "--noEmit", "false", "--emitDeclarationOnly", "--outDir", "web/ts/dist/types"])
        .run()?;
    stamp()?.record()
}

/// `demo/dist`, which the server hands out.
fn demo(place: &Place) -> Result<()> {
    let (root, dist) = (&place.root, place.root.join("demo/dist"));
    bundle(place, "demo/main.ts", "demo/dist/main.js", false)?;
    for entry in fs::read_dir(root.join("demo")).context("cannot list demo")? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?;
        if path.extension().is_some_and(|extension| STATIC.iter().any(|kind| extension == *kind)) {
            copy(&path, &dist.join(name))?;
        }
    }
    for name in ["worker.js", "privet_bg.wasm"] {
        copy(&root.join("web/ts/dist").join(name), &dist.join(name))?;
    }
    Ok(())
}

fn bundle(place: &Place, from: &str, to: &str, minify: bool) -> Result<()> {
    node_program(place, "esbuild")
        .args([from, "--bundle", "--format=esm", "--platform=browser", "--target=es2022", "--sourcemap"])
        // Loaded late, and only where the device lives in the page's own thread.
        .arg("--external:./worker.js")
        .args(["--log-level=warning".to_owned(), format!("--outfile={to}")])
        .args(minify.then_some("--minify"))
        .run()
}

/// A program from one of the npm packages, in the root.
pub(crate) fn node_program(place: &Place, name: &str) -> Program {
    Program::new(place.npm_bin(name)).dir(&place.root)
}

/// Packs `web/ts` and gives the tarball's path.
pub(crate) fn pack(place: &Place) -> Result<PathBuf> {
    let folder = place.target.join("package");
    fs::create_dir_all(&folder).context("cannot make target/package")?;
    let printed = run::npm(&place.root.join("web/ts"))
        .args(["pack", "--json", "--ignore-scripts", "--pack-destination"])
        .arg(&folder)
        .output()?;
    let report: serde_json::Value = serde_json::from_str(&printed).context("`npm pack --json` printed no JSON")?;
    // npm 11 prints a list; a later one prints an object by package name.
    let name = report.pointer("/0/filename").or_else(|| report.pointer("/privet/filename"));
    Ok(folder.join(name.and_then(|name| name.as_str()).context("`npm pack` named no file")?))
}

fn file_size(path: &std::path::Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}
