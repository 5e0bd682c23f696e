//! Which crate under `crate/` may depend on which. Cargo refuses a circle and holds what is written in a manifest; this holds
//! that nothing else is written there than is drawn in `docs/architecture.md`.

use super::{Fault, File};

/// Each with what it may depend on. Nobody stands above the façade, which may take in all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernels", &[]),
    ("base", &[]),
    ("accounting", &["base"]),
    ("wire", &["base"]),
    ("decide", &["base", "kernels"]),
    ("model", &["base", "kernels"]),
    ("gpu", &["model"]),
    ("shares", &["base", "wire"]),
    ("mechanism", &["accounting", "base"]),
    ("terms", &["accounting", "base", "model", "wire"]),
    ("ranker", &["base", "decide", "kernels", "model", "terms", "wire"]),
    ("release", &["accounting", "base", "mechanism", "model", "shares", "terms", "wire"]),
    ("aggregate", &["base", "mechanism", "shares", "wire"]),
    ("effects", &["base"]),
    ("participation", &["base", "effects", "model", "release", "terms", "wire"]),
    ("personalisation", &["base", "effects", "model", "ranker", "terms", "wire"]),
    ("client", &["effects", "participation", "personalisation"]),
    ("audit", &["aggregate", "base", "release", "wire"]),
    ("device", &["base", "model", "ranker", "release", "terms", "wire"]),
    ("testkit", &["device", "model", "terms", "wire"]),
];
/// What tests are made with: nothing that ships depends on it, the façade neither.
const OF_TESTS: &str = "testkit";
const FACADE: &str = "privet";
/// What a page loads first holds: the façade has the others behind features.
const FIRST: [&str; 7] = ["accounting", "base", "decide", "model", "ranker", "terms", "wire"];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().filter_map(|file| Some((file, own(&file.path)?))).flat_map(|(file, own)| faults(file, own)).collect()
}

/// The crate that a manifest describes.
fn own(path: &str) -> Option<&str> {
    let (own, file) = path.strip_prefix("crate/")?.split_once('/')?;
    (file == "Cargo.toml").then_some(own)
}

fn faults(file: &File, own: &str) -> Vec<Fault> {
    let fault = |line: usize, says: String| Fault { path: file.path.clone(), line, says };
    let allowed = ARROWS.iter().find(|(name, _)| *name == own).map(|(_, below)| *below);
    if own != FACADE && allowed.is_none() {
        return vec![fault(1, format!("`{own}` is drawn nowhere: give it a place in docs/architecture.md and here"))];
    }
    let mut faults = Vec::new();
    let mut of_dependencies = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            // What tests alone need may stand anywhere: it is in nothing that ships.
            of_dependencies = line.ends_with("dependencies]") && !line.contains("dev-");
        }
        // `[dependencies.privet-name]` names one in its header.
        let named = line.strip_prefix("privet-").filter(|_| of_dependencies);
        let named = named.or_else(|| line.strip_prefix("[dependencies.privet-")?.strip_suffix(']'));
        let Some(used) = named.and_then(|rest| rest.split(['.', ' ', '=']).next()) else { continue };
        match allowed {
            Some(below) if !below.contains(&used) => {
                faults.push(fault(index + 1, format!("`{own}` may not depend on `{used}`")));
            }
            None if used == OF_TESTS => {
                faults.push(fault(index + 1, format!("`{used}` is for tests alone")));
            }
            None if !FIRST.contains(&used) && !line.contains("optional = true") => {
                faults.push(fault(index + 1, format!("`{used}` is not for what a page loads first: make it optional")));
            }
            _ => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    fn fault_in(path: &str, text: &str) -> Vec<String> {
        places(&check(&[file(path, text)]))
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_caught() {
        for (own, used) in [
            ("ranker", "release"),
            ("release", "gpu"),
            ("release", "aggregate"),
            ("aggregate", "release"),
            ("aggregate", "model"),
            ("wire", "accounting"),
            ("model", "decide"),
            ("base", "wire"),
        ] {
            let path = format!("crate/{own}/Cargo.toml");
            for line in [format!("privet-{used}.workspace = true"), format!("privet-{used} = {{ optional = true }}")] {
                assert_eq!(fault_in(&path, &format!("[dependencies]\n{line}\n")), [format!("{path}:2")], "{line}");
                assert_eq!(fault_in(&path, &format!("[dev-dependencies]\n{line}\n")), [""; 0], "{line}");
            }
        }
        assert_eq!(fault_in("crate/ranker/Cargo.toml", "[dependencies]\nprivet-model.workspace = true\n"), [""; 0]);
        let header = "[dependencies.privet-release]\nworkspace = true\n";
        assert_eq!(fault_in("crate/ranker/Cargo.toml", header), ["crate/ranker/Cargo.toml:1"]);
        assert_eq!(fault_in("crate/else/Cargo.toml", "[package]\n"), ["crate/else/Cargo.toml:1"]);
    }

    #[test]
    fn what_releases_is_optional_in_the_facade() {
        let with = |line: &str| fault_in("crate/privet/Cargo.toml", &format!("[dependencies]\n{line}\n"));
        for name in ["release", "aggregate", "audit", "device", "gpu", "mechanism", "shares"] {
            assert_eq!(with(&format!("privet-{name}.workspace = true")), ["crate/privet/Cargo.toml:2"]);
            assert_eq!(with(&format!("privet-{name} = {{ workspace = true, optional = true }}")), [""; 0]);
        }
        assert_eq!(with("privet-ranker.workspace = true"), [""; 0]);
        let of_tests = with("privet-testkit = { workspace = true, optional = true }");
        assert_eq!(of_tests, ["crate/privet/Cargo.toml:2"], "nothing that ships has it");
    }

    /// Each stands below what may depend on it, so no arrow points upwards; and a page's first module is closed.
    #[test]
    fn the_arrows_point_downwards() {
        for (place, (name, below)) in ARROWS.iter().enumerate() {
            for used in *below {
                assert!(ARROWS[..place].iter().any(|(other, _)| other == used), "{name} stands under {used}");
            }
        }
        let kernels = ["kernels"];
        for (name, below) in ARROWS.iter().filter(|(name, _)| FIRST.contains(name)) {
            let closed = below.iter().all(|used| FIRST.contains(used) || kernels.contains(used));
            assert!(closed, "{name} brings more than a page loads first");
        }
    }
}
