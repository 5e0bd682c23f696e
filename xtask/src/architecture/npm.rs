//! Where the npm packages come from, and under which licences. What `deny.toml` holds of the crates, this holds of them.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Fault, File};

const LOCK: &str = "package-lock.json";
const DENY: &str = "deny.toml";
const REGISTRY: &str = "https://registry.npmjs.org/";

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let fault = |path: &str, says: String| Fault { path: path.to_owned(), line: 1, says };
    let allowed = files.iter().find(|file| file.path == DENY).map(|file| allowed(&file.text)).unwrap_or_default();
    let mut faults = Vec::new();
    for file in files {
        match file.path.rsplit('/').next() {
            Some(LOCK) => match of_lock(&file.text, &allowed, file.path == LOCK) {
                Ok(said) => faults.extend(said.into_iter().map(|says| fault(&file.path, says))),
                Err(error) => faults.push(fault(&file.path, format!("{error:#}"))),
            },
            Some(".npmrc") if file.text.contains("registry") => {
                faults.push(fault(&file.path, "a registry is named".to_owned()));
            }
            _ => {}
        }
    }
    faults
}

/// The list `allow` of the licences.
fn allowed(deny: &str) -> Vec<&str> {
    let list = deny.split_once("\nallow = [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).collect()
}

/// What is wrong with the packages that a lock file names. What only peers and tests of bundlers install has no part in what
/// ships: of that the source alone is asked.
fn of_lock(lock: &str, allowed: &[&str], licences: bool) -> Result<Vec<String>> {
    let lock: Value = serde_json::from_str(lock).context("it is not JSON")?;
    let mut faults = Vec::new();
    for (path, entry) in lock["packages"].as_object().into_iter().flatten() {
        // A workspace's own package is resolved to its folder.
        if let Some(source) = entry["resolved"].as_str().filter(|source| source.contains("://"))
            && !source.starts_with(REGISTRY)
        {
            faults.push(format!("{path} does not come from the public registry"));
        }
        // The rest are the workspace's own packages and links to them.
        let Some((_, name)) = path.rsplit_once("node_modules/").filter(|_| licences) else { continue };
        let Some(version) = entry["version"].as_str() else { continue };
        match entry["license"].as_str() {
            None => faults.push(format!("{name} {version} states no licence")),
            Some(licence) if allows(licence, allowed) => {}
            Some(licence) => faults.push(format!("{name} {version} is under {licence}, which {DENY} does not allow")),
        }
    }
    Ok(faults)
}

/// Whether a licence expression leaves a choice that is allowed. One with both words in it is read by a person.
fn allows(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.trim_matches(['(', ')']);
    let is_allowed = |licence: &str| allowed.contains(&licence);
    match (expression.contains(" OR "), expression.contains(" AND ")) {
        (true, false) => expression.split(" OR ").any(is_allowed),
        (false, true) => expression.split(" AND ").all(is_allowed),
        _ => is_allowed(expression),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn said(path: &str, entries: Value) -> Vec<String> {
        let lock = serde_json::json!({ "packages": entries }).to_string();
        let deny = "[licenses]\n# Good.\nallow = [\n    \"MIT\",\n    \"ISC\",\n]\n";
        check(&[file(DENY, deny), file(path, &lock)]).into_iter().map(|fault| fault.says).collect()
    }

    fn under(licence: &str) -> Vec<String> {
        said(LOCK, serde_json::json!({ "node_modules/@x/y": { "version": "3.0.0", "license": licence } }))
    }

    #[test]
    fn a_licence_that_is_not_on_the_list_fails_unless_there_is_a_choice() {
        for good in ["MIT", "(MIT OR GPL-3.0)", "GPL-3.0 OR ISC", "MIT AND ISC"] {
            assert_eq!(under(good), [""; 0], "{good}");
        }
        for bad in ["GPL-3.0", "SEE LICENSE IN x", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND AGPL-3.0"] {
            assert_eq!(under(bad), [format!("@x/y 3.0.0 is under {bad}, which deny.toml does not allow")]);
        }
        let none = serde_json::json!({ "node_modules/a": { "version": "1.0.0" } });
        assert_eq!(said(LOCK, none.clone()), ["a 1.0.0 states no licence"]);
        assert_eq!(said("tests/bench/peers/package-lock.json", none), [""; 0]);
    }

    #[test]
    fn what_comes_from_elsewhere_fails() {
        let from = |source: &str| {
            let entries = serde_json::json!({ "": {}, "node_modules/a": { "resolved": source, "link": true } });
            said("a/package-lock.json", entries)
        };
        assert_eq!(from("https://registry.npmjs.org/a/-/a-1.0.0.tgz"), [""; 0]);
        assert_eq!(from("web/ts"), [""; 0]);
        assert_eq!(from("http://mirror.example/a.tgz"), ["node_modules/a does not come from the public registry"]);
        assert_eq!(check(&[file(".npmrc", "registry=http://mirror.example\n")]).len(), 1);
    }
}
