//! The Wasm module, the npm package and the demo page, as they ship.

mod audit;
mod integrity;
mod kernels;
pub(crate) mod stamp;

use anyhow::{Context, Result, ensure};
use pico_args::Arguments;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use crate::{
    figures,
    place::{Place, copy, exe, read, write},
    run::{self, Program},
    setup::{self, Machine, Need, WasmTools},
};
use stamp::Stamp;

/// What a build needs of the machine.
pub(crate) const NEEDS: &[Need] = &[Need::Npm, Need::Wasm];

/// What rustc turns on for wasm32 by itself. One by one: with `--all-features` wasm-opt writes a module that browsers
/// refuse.
const WASM_FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];
/// What a module has besides, where it is built for it.
const SIMD: &str = "--enable-simd";

/// How wasm-opt shrinks a module, and once more with its branches laid out anew. Nothing lies in the first kilobyte of its
/// memory: that is the end of the stack.
const SHRINKING: [&str; 6] = ["-Oz", "--converge", "--low-memory-unused", "--flatten", "--rereloop", "-Oz"];
/// How it takes the names away, once it has put the functions in their order, and shrinks what is left.
const ORDERING: [&str; 5] =
    ["--reorder-functions-by-name", "--strip-debug", "--strip-producers", "--strip-target-features", "-Oz"];

/// What the kernels are measured beside, and what of it is fetched at run time.
const PEERS: &str = "tests/bench/peers";
const PEER_FILES: &[(&str, &[&str])] = &[
    ("@tensorflow/tfjs-backend-wasm", &["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"]),
    ("onnxruntime-web", &["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]),
];

/// Everything that a page ever loads of the package: what it loads before the first re-ranking comes first.
pub(crate) const LOADED: [&str; 5] = ["index.js", "worker.js", "rank_bg.wasm", "release.js", "release_bg.wasm"];
/// How many of these it loads before the first re-ranking.
pub(crate) const LOADED_FIRST: usize = 3;
/// What a browser without SIMD loads instead of a module: the same, built without.
pub(crate) const SCALAR: [(&str, &str); 2] =
    [("rank_bg.wasm", "rank_scalar_bg.wasm"), ("release_bg.wasm", "release_scalar_bg.wasm")];

/// What tells bundlers to leave an import as it is: webpack, Turbopack, Vite.
const LEAVE_IT: [&str; 3] = ["webpackIgnore", "turbopackIgnore", "@vite-ignore"];

/// The files of the page that are served as they are.
const STATIC: [&str; 3] = ["html", "svg", "png"];
/// How the name of a file ends that is a worker of the page.
const WORKER: &str = ".worker.ts";
/// What the page is served of an item.
const FEED_COLUMNS: [&str; 9] = ["id", "topic", "kind", "source", "title", "summary", "minutes", "ageHours", "score"];

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
    audit::package(place)?;
    demo(place)
}

/// The `privet` command, in the dev profile: it starts quickly and its tests want the checks. Beside the modules.
pub(crate) fn server(place: &Place) -> Result<()> {
    let (begun, first) = (Instant::now(), !place.server().is_file());
    if first {
        println!("building the server, about 5 minutes beside the modules");
    }
    // Without what evaluates: serving wants none of it.
    run::cargo(&place.root).args(["build", "--package", "privet-server", "--no-default-features"]).run_beside()?;
    if first {
        println!("the server is built ({} s)", begun.elapsed().as_secs());
    }
    Ok(())
}

/// The same command out of the native tests' build. Cargo chooses features for the workspace's tests together:
/// on its own, the server would have most of its dependencies built a second time.
pub(crate) fn server_beside_tests(place: &Place) -> Result<()> {
    run::cargo(&place.root).args(["build", "--workspace", "--bin", "privet", "--tests"]).run()
}

/// The modules: the one that ranks loads first, the one that releases beside it when something is to be released.
const MODULES: [(&str, &[&str]); 2] = [
    ("rank", &["--no-default-features", "--features", "rank"]),
    ("release", &["--no-default-features", "--features", "release"]),
];

/// Those with SIMD beside those without: whatever one core does at a time, linking and wasm-opt, leaves the other one to them.
fn wasm(place: &Place, machine: &Machine) -> Result<()> {
    let build = |simd: bool| -> Result<Vec<String>> {
        let one = |(name, features): (&str, &[&str])| {
            let folder = place.root.join("web/pkg").join(format!("{name}{}", if simd { "" } else { "_scalar" }));
            let wasm = Wasm { package: "web", crate_name: "privet_web", features, folder: &folder, name, simd };
            module(place, machine.wasm()?, &wasm)?;
            read(&folder.join(format!("{name}.js")))
        };
        MODULES.into_iter().map(one).collect()
    };
    let (simd, scalar) = beside(|| build(true), || build(false))?;
    for (((name, _), glue), other) in MODULES.iter().zip(simd).zip(scalar) {
        ensure!(glue == other, "the module `{name}` wants other glue without SIMD than with it");
    }
    Ok(())
}

/// Does both at once.
pub(crate) fn beside<A, B: Send>(
    one: impl FnOnce() -> Result<A>,
    other: impl FnOnce() -> Result<B> + Send,
) -> Result<(A, B)> {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        let other = other.join().expect("it does not panic");
        Ok((one?, other?))
    })
}

/// How long, on two cores, where the other three are built beside it.
const MODULE_TAKES: &str = "up to 2 minutes";

/// Builds a module, if anything that it is made of has changed.
fn module(place: &Place, tools: &WasmTools, wasm: &Wasm) -> Result<()> {
    let &Wasm { features, folder, name, simd, .. } = wasm;
    let sources = ["crate", "web/src", "web/Cargo.toml", "Cargo.toml", "Cargo.lock", "xtask/src/build", "xtask/module"]
        .map(|path| place.root.join(path));
    let sources: Vec<_> = sources.iter().map(PathBuf::as_path).collect();
    let modules = [module_file(folder, name), named_file(folder, name)];
    let also = format!("{} {features:?} {simd}", tools.describe(place));
    let stamp = |of: &str| place.target.join(format!("xtask/{name}{}-{of}", if simd { "" } else { "-scalar" }));
    let inputs = Stamp::new(stamp("inputs"), &sources, &also)?;
    let made = || Stamp::new(stamp("module"), &modules.each_ref().map(PathBuf::as_path), "");
    if inputs.holds() && modules.iter().all(|module| module.is_file()) && made()?.holds() {
        return Ok(());
    }
    inputs.withdraw()?;
    let begun = Instant::now();
    let which = if simd { "" } else { " without SIMD" };
    println!("building the Wasm module `{name}`{which}, {MODULE_TAKES}");
    optimised(place, tools, wasm)?;
    println!("the Wasm module `{name}`{which} is built ({} s)", begun.elapsed().as_secs());
    made()?.record()?;
    inputs.record()
}

/// The release path and its peer, built as the module that ships is, with a page around them.
pub(crate) fn bench(place: &Place, machine: &Machine) -> Result<PathBuf> {
    let pages = place.target.join("bench/privacy");
    let (package, crate_name, name) = ("tests/bench/wasm", "privet_bench", "bench");
    let wasm = Wasm { package, crate_name, features: &[], folder: &pages, name, simd: true };
    optimised(place, machine.wasm()?, &wasm)?;
    let page = "<!doctype html><title>bench</title><link rel=\"icon\" href=\"data:,\">";
    write(&pages.join("index.html"), page)?;
    Ok(pages)
}

/// A module to build: out of what, with what features, and where to.
struct Wasm<'a> {
    package: &'a str,
    crate_name: &'a str,
    features: &'a [&'a str],
    folder: &'a Path,
    name: &'a str,
    simd: bool,
}

fn module_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}_bg.wasm"))
}

/// The same module before its functions lose their names: a test reads in it what is linked in.
fn named_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}_named.wasm"))
}

/// Compiles a package to Wasm in the profile that ships, and shrinks it.
fn optimised(place: &Place, tools: &WasmTools, wasm: &Wasm) -> Result<()> {
    let &Wasm { package, crate_name, features, folder, name, simd } = wasm;
    // Of each kind a folder: other flags in the same one, and Cargo builds std again.
    let target = place.target.join(if simd { "wasm" } else { "wasm-scalar" });
    tools
        .shipping(place, &target, simd)?
        .dir(&place.root.join(package))
        // Of nothing but this kind: beside a library for Rust, Cargo would leave out most of the optimising at the end.
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--profile", "wasm", "--target", "wasm32-unknown-unknown"])
        .args(features)
        .run_beside()
        .with_context(|| format!("the Wasm module `{name}` does not build"))?;
    let made = target.join("wasm32-unknown-unknown/wasm").join(format!("{crate_name}.wasm"));
    module_tool(place)?.arg("bindgen").arg(made).arg(folder).arg(name).run()?;
    let (module, named) = (module_file(folder, name), named_file(folder, name));
    let before = file_size(&module)?;
    let shrink = || {
        let features = WASM_FEATURES.map(|feature| format!("--enable-{feature}"));
        node_program(place, "wasm-opt").args(features).args(simd.then_some(SIMD))
    };
    shrink().args(SHRINKING).arg("--debuginfo").arg(&module).arg("--output").arg(&named).run()?;
    module_tool(place)?.arg("order").arg(&named).arg(&module).run()?;
    shrink().args(ORDERING).arg(&module).arg("--output").arg(&module).run()?;
    module_tool(place)?.arg("shorten").arg(folder.join(format!("{name}.js"))).arg(&module).run()?;
    println!("wasm-opt: {before} bytes of `{name}` became {}", file_size(&module)?);
    Ok(())
}

/// The program `xtask/module`, once it is built: in the cache, so that a clean checkout finds the libraries that it is made of.
fn module_tool(place: &Place) -> Result<Program> {
    let target = place.cache.join("module");
    run::cargo(&place.root)
        .args(["build", "--package", "xtask-module"])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .run_beside()?;
    Ok(Program::new(target.join("debug").join(exe("xtask-module"))))
}

/// The page of `cargo xtask bench ranking`: the module that ranks, its kernels by themselves, and their peers in the
/// versions that the lock file names.
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
    for name in ["rank", "release"] {
        for file in [format!("{name}.js"), format!("{name}_bg.wasm")] {
            copy(&place.root.join("web/pkg").join(name).join(&file), &pages.join(name).join(&file))?;
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
    let scalar = SCALAR.map(|(_, file)| file);
    let outputs = LOADED.iter().chain(&scalar).chain(&["types/web/ts/index.d.ts"]).map(|name| dist.join(name));
    let stamp = || Stamp::new(place.target.join("xtask/package"), &inputs, "");
    if stamp()?.holds() && outputs.into_iter().all(|file| file.is_file()) {
        return Ok(());
    }
    stamp()?.withdraw()?;
    println!("building the npm package");
    if dist.exists() {
        // A declaration of a file that is gone would stay.
        fs::remove_dir_all(&dist).context("cannot empty web/ts/dist")?;
    }
    for (name, _) in MODULES {
        for folder in [name.to_owned(), format!("{name}_scalar")] {
            copy(&module_file(&root.join("web/pkg").join(&folder), name), &module_file(&dist, &folder))?;
        }
    }
    // What is compared goes before what compares.
    shipped(place, "worker/release.ts", "web/ts/dist/release.js", &[])?;
    let hashes = [integrity::define(place, &dist)?];
    for (from, to) in [("index", "index"), ("auditor", "audit"), ("create_head", "head")] {
        shipped(place, &format!("web/ts/{from}.ts"), &format!("web/ts/dist/{to}.js"), &hashes)?;
    }
    for name in ["worker", "service"] {
        shipped(place, &format!("worker/{name}.ts"), &format!("web/ts/dist/{name}.js"), &hashes)?;
    }
    shipped_for(place, "node", "web/ts/node/index.ts", "web/ts/dist/node.js", &hashes)?;
    for name in ["worker", "service", "node"] {
        let script = read(&dist.join(format!("{name}.js")))?;
        for word in LEAVE_IT {
            ensure!(script.contains(word), "{name}.js lost `{word}`: a bundler would take its late import apart");
        }
    }
    copy(&root.join("web/ts/dev.jsx"), &dist.join("dev.jsx"))?;
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        if root.join(name).is_file() {
            copy(&root.join(name), &root.join("web/ts").join(name))?;
        }
    }
    for project in ["web/ts", "web/ts/node"] {
        node_program(place, "tsc")
            // The package's own types and the worker's, which they name, keep their places under one folder.
            .args(["--project", project, "--noEmit", "false", "--emitDeclarationOnly", "--outDir", "web/ts/dist/types"])
            .run()?;
    }
    stamp()?.record()
}

/// `demo/dist`, which the server hands out: the page, its style, each worker of its own, and the feed.
fn demo(place: &Place) -> Result<()> {
    let (root, dist) = (&place.root, place.root.join("demo/dist"));
    if dist.exists() {
        // What is not built any more would go on being served.
        fs::remove_dir_all(&dist).context("cannot empty demo/dist")?;
    }
    shipped(place, "demo/main.ts", "demo/dist/main.js", &[])?;
    bundle(place, "demo/style.css", "demo/dist/style.css", true)?;
    // A page with nothing but the audit, as any site can place it, and the Service Worker that it may register.
    bundle(place, "demo/alone.ts", "demo/dist/alone.js", true)?;
    copy(&root.join("demo/alone.css"), &dist.join("alone.css"))?;
    copy(&root.join("web/audit/dist/witness.js"), &dist.join("witness.js"))?;
    for path in files(&root.join("demo"))? {
        let name = path.file_name().and_then(|name| name.to_str()).context("a file has a name")?;
        if let Some(worker) = name.strip_suffix(WORKER) {
            let from = path.strip_prefix(root).context("it lies in the root")?.to_str().context("its path is UTF-8")?;
            shipped(place, from, &format!("demo/dist/{worker}.worker.js"), &[])?;
        } else if path.extension().is_some_and(|extension| STATIC.iter().any(|kind| extension == *kind)) {
            copy(&path, &dist.join(name))?;
        }
    }
    feed(&root.join("demo/feed"), &dist)?;
    for name in LOADED.iter().chain(&SCALAR.map(|(_, file)| file)).filter(|name| **name != "index.js") {
        copy(&root.join("web/ts/dist").join(name), &dist.join(name))?;
    }
    Ok(())
}

/// Every file of a folder and those in it, but what is built there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            found.push(path);
        } else if !["dist", "node_modules"].iter().any(|made| path.ends_with(made)) {
            found.extend(files(&path)?);
        }
    }
    Ok(found)
}

/// The feed as it is served: a column for each field that the page shows, and the embeddings as they are.
fn feed(from: &Path, dist: &Path) -> Result<()> {
    let json = |name: &str| -> Result<Value> {
        serde_json::from_str(&read(&from.join(name))?).with_context(|| format!("{name} is no JSON"))
    };
    let (items, about) = (json("items.json")?, json("embeddings.json")?);
    let items = items.as_array().context("the items are a list")?;
    let column = |name: &str| (name.to_owned(), items.iter().map(|item| item[name].clone()).collect());
    let columns: serde_json::Map<String, Value> = FEED_COLUMNS.into_iter().map(column).collect();
    let served = json!({ "scale": about["scale"], "dimensions": about["dimensions"], "columns": columns });
    write(&dist.join("feed.json"), served.to_string())?;
    copy(&from.join("embeddings.bin"), &dist.join("feed.bin"))
}

/// A bundle, once more through what makes a few percent less of it.
fn shipped(place: &Place, from: &str, to: &str, defines: &[String]) -> Result<()> {
    shipped_for(place, "browser", from, to, defines)
}

fn shipped_for(place: &Place, platform: &str, from: &str, to: &str, defines: &[String]) -> Result<()> {
    // Not its white space: with that go the comments that bundlers have to find.
    let platform = format!("--platform={platform}");
    bundled(place, from, to).args([&platform, "--minify-syntax", "--minify-identifiers"]).args(defines).run()?;
    let map = Path::new(to).file_name().and_then(|name| name.to_str()).context("a bundle has a name")?;
    node_program(place, "terser")
        .args([to, "--module", "--ecma=2022", "--mangle", "--compress", "passes=3,hoist_funs", "--output", to])
        .args(["--comments".to_owned(), format!("/{}/", LEAVE_IT.join("|"))])
        .args(["--source-map", &format!("content='{to}.map',url='{map}.map'")])
        .run()
}

fn bundle(place: &Place, from: &str, to: &str, minify: bool) -> Result<()> {
    bundled(place, from, to).arg("--platform=browser").args(minify.then_some("--minify")).run()
}

fn bundled(place: &Place, from: &str, to: &str) -> Program {
    node_program(place, "esbuild")
        .args([from, "--bundle", "--format=esm", "--target=es2022", "--sourcemap"])
        .args(["--log-level=warning".to_owned(), format!("--outfile={to}")])
}

/// A program from one of the npm packages, in the root.
pub(crate) fn node_program(place: &Place, name: &str) -> Program {
    Program::new(place.npm_bin(name)).dir(&place.root)
}

/// Packs the package of a folder and gives the tarball's path.
pub(crate) fn pack(place: &Place, package: &str) -> Result<PathBuf> {
    let folder = place.target.join("package");
    fs::create_dir_all(&folder).context("cannot make target/package")?;
    let printed = run::npm(&place.root.join(package))
        .args(["pack", "--json", "--ignore-scripts", "--pack-destination"])
        .arg(&folder)
        .output()?;
    let report: Value = serde_json::from_str(&printed).context("`npm pack --json` printed no JSON")?;
    // npm 11 prints a list; a later one prints an object by package name.
    let packed = match &report {
        Value::Array(packages) => packages.first(),
        Value::Object(packages) => packages.values().next(),
        _ => None,
    };
    let name = packed.and_then(|packed| packed["filename"].as_str());
    Ok(folder.join(name.context("`npm pack` named no file")?))
}

fn file_size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}
