//! Which package may depend on what, and no source but the public registries.

use super::{Fault, File};

/// A dependency and the manifests that may name it, besides the workspace's table of versions.
const PLACES: &[(&[&str], &[&str])] = &[
    (&["wgpu"], &["crate/gpu/"]),
    (&["opendp"], &["crate/mechanism/", "crate/release/"]),
    (&["wasm-bindgen", "wasm-bindgen-futures", "wasm-bindgen-test", "web-sys", "js-sys"], &["web/", "tests/bench/"]),
    (&["axum", "hyper", "reqwest", "tower-http", "http"], &["server/", "tests/"]),
    (&["privet"], &["web/", "server/", "lab/", "tests/"]),
    (&["nalgebra"], &["lab/"]),
    (&["privet-lab"], &["server/"]),
    (&["privet-server"], &["tests/"]),
    (&["privet-web", "xtask"], &[]),
];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        let rule: fn(&str, &str, &mut Section) -> Option<String> = match file.path.rsplit('/').next() {
            Some("Cargo.toml") if file.path != "Cargo.toml" => dependency,
            Some("Cargo.lock") => cargo_source,
            Some("package-lock.json") => npm_source,
            Some(".npmrc") => |_, line, _| line.contains("registry").then(|| "a registry is named".to_owned()),
            _ => continue,
        };
        let mut section = Section::default();
        for (index, line) in file.text.lines().enumerate() {
            if let Some(says) = rule(&file.path, line.trim(), &mut section) {
                faults.push(Fault { path: file.path.clone(), line: index + 1, says });
            }
        }
    }
    faults
}

#[derive(Default)]
struct Section {
    lists_dependencies: bool,
}

fn dependency(path: &str, line: &str, section: &mut Section) -> Option<String> {
    let mut name = line.split(['=', '.', ' ']).next().unwrap_or_default();
    if let Some(header) = line.strip_prefix('[') {
        let header = header.trim_end_matches(']');
        section.lists_dependencies = header.ends_with("dependencies");
        // `[dependencies.name]` names one in its header.
        name = header.split_once("dependencies.").map_or("", |(_, name)| name);
    } else if !section.lists_dependencies || !line.contains('=') {
        return None;
    }
    let (_, places) = PLACES.iter().find(|(names, _)| names.contains(&name))?;
    let allowed = places.iter().any(|place| path.starts_with(place));
    (!allowed).then(|| format!("this package may not depend on `{name}`"))
}

fn cargo_source(_: &str, line: &str, _: &mut Section) -> Option<String> {
    let source = line.strip_prefix("source = ")?;
    let public = source == "\"registry+https://github.com/rust-lang/crates.io-index\"";
    (!public).then(|| format!("{source} is not the public registry"))
}

fn npm_source(_: &str, line: &str, _: &mut Section) -> Option<String> {
    let source = line.strip_prefix("\"resolved\": \"")?;
    // A workspace's own package is resolved to its folder.
    let public = source.starts_with("https://registry.npmjs.org/") || !source.contains("://");
    (!public).then(|| "this package does not come from the public registry".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    fn fault_in(path: &str, text: &str) -> Vec<String> {
        places(&check(&[file(path, text)]))
    }

    #[test]
    fn a_dependency_in_the_wrong_package_is_caught() {
        for text in [
            "[dependencies]\nwgpu.workspace = true\n",
            "[dev-dependencies]\nopendp = \"0.16\"\n",
            "[target.'cfg(unix)'.dependencies]\nweb-sys = { version = \"0.3\" }\n",
            "[package]\n[dependencies.privet-web]\npath = \"../web\"\n",
        ] {
            assert_eq!(fault_in("server/Cargo.toml", text), ["server/Cargo.toml:2"], "{text}");
        }
        for (path, name) in
            [("crate/wire", "axum"), ("crate/model", "wgpu"), ("crate/aggregate", "opendp"), ("web", "wgpu")]
        {
            let path = format!("{path}/Cargo.toml");
            assert_eq!(fault_in(&path, &format!("[dependencies]\n{name} = \"1\"\n")), [format!("{path}:2")]);
        }
        assert_eq!(
            fault_in("crate/privet/Cargo.toml", "[dependencies]\nprivet-server = \"1\"\n"),
            ["crate/privet/Cargo.toml:2"]
        );
    }

    #[test]
    fn the_right_packages_are_free() {
        let wgpu = "[features]\ngpu = [\"dep:wgpu\"]\nwgpu = []\n[dependencies]\nwgpu = { version = \"30\" }\n";
        assert_eq!(fault_in("crate/gpu/Cargo.toml", wgpu), [""; 0]);
        let opendp = "[dependencies]\nopendp.workspace = true\n";
        assert_eq!(fault_in("crate/mechanism/Cargo.toml", opendp), [""; 0]);
        assert_eq!(fault_in("crate/release/Cargo.toml", opendp), [""; 0]);
        assert_eq!(fault_in("Cargo.toml", "[workspace.dependencies]\nwgpu = \"30\"\n"), [""; 0]);
        assert_eq!(fault_in("web/Cargo.toml", "[dependencies]\nprivet.workspace = true\njs-sys = \"0.3\"\n"), [""; 0]);
    }

    #[test]
    fn lock_files_name_the_public_registries_only() {
        let good = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(fault_in("Cargo.lock", good), [""; 0]);
        assert_eq!(fault_in("Cargo.lock", "source = \"registry+https://mirror.example/x\"\n"), ["Cargo.lock:1"]);
        let lock = "\"resolved\": \"https://registry.npmjs.org/a.tgz\",\n\"resolved\": \"web/ts\",\n\"resolved\": \"http://mirror.example/a.tgz\",\n";
        assert_eq!(fault_in("package-lock.json", lock), ["package-lock.json:3"]);
        assert_eq!(fault_in(".npmrc", "registry=http://mirror.example\n"), [".npmrc:1"]);
    }
}
