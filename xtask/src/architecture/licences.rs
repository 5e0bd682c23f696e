//! The licences and the duplicate versions of everything that this is built from.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    place::{Place, read},
    run,
};

/// Those that let this be distributed under MIT or Apache-2.0.
const GOOD: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Packages that do not state their licence as an expression: name, licence, where it stands.
const STATED_ELSEWHERE: &[(&str, &str, &str)] =
    &[("opendp", "MIT", "its LICENSE file"), ("opendp_derive", "MIT", "the LICENSE file of opendp")];

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

/// Lists licences and duplicates, and gives the number of packages that may not be used.
pub(super) fn check(place: &Place) -> Result<usize> {
    let metadata = run::cargo(&place.root).args(["metadata", "--format-version", "1"]).output()?;
    let metadata = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let lock = read(&place.root.join("package-lock.json"))?;
    let lock = serde_json::from_str(&lock).context("package-lock.json is not JSON")?;
    let mut bad = 0;
    for (registry, packages) in [("crates", of_cargo(&metadata)), ("npm packages", of_npm(&lock))] {
        println!("{} {registry}: {}", packages.len(), counts(&packages));
        let duplicates = duplicates(&packages);
        println!("{} {registry} in more than one version: {}", duplicates.len(), duplicates.join(", "));
        for fault in packages.iter().filter_map(fault) {
            println!("{fault}");
            bad += 1;
        }
    }
    Ok(bad)
}

fn of_cargo(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list(&metadata["packages"])
        .filter_map(|package| {
            let (name, version) = (text(&package["name"])?, text(&package["version"])?);
            Some(Package { name, version, licence: text(&package["license"]) })
        })
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn of_npm(lock: &Value) -> Vec<Package> {
    let entries = lock["packages"].as_object().into_iter().flatten();
    entries
        .filter_map(|(path, entry)| {
            // The rest are the workspace's own packages and links to them.
            let (_, name) = path.rsplit_once("node_modules/")?;
            let version = entry["version"].as_str()?.to_owned();
            Some(Package { name: name.to_owned(), version, licence: entry["license"].as_str().map(str::to_owned) })
        })
        .collect()
}

fn counts(packages: &[Package]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages {
        *counts.entry(licence(package).unwrap_or("none stated")).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(licence, count)| format!("{licence} {count}")).collect::<Vec<_>>().join(", ")
}

fn duplicates(packages: &[Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several
        .map(|(name, versions)| format!("{name} {}", versions.into_iter().collect::<Vec<_>>().join(" and ")))
        .collect()
}

fn licence(package: &Package) -> Option<&str> {
    let elsewhere = STATED_ELSEWHERE.iter().find(|(name, _, _)| *name == package.name).map(|(_, licence, _)| *licence);
    package.licence.as_deref().or(elsewhere)
}

fn fault(package: &Package) -> Option<String> {
    let who = format!("{} {}", package.name, package.version);
    match licence(package) {
        None => Some(format!("{who} states no licence: read it, then name it in {}", file!())),
        Some(licence) if allows(licence) => None,
        Some(licence) => Some(format!("{who} is under {licence}, which this may not be built from")),
    }
}

/// Whether a licence expression leaves a choice that is good. Nobody writes one deeper than `(A OR B) AND C`.
fn allows(expression: &str) -> bool {
    // The old form of OR.
    let tokens = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = tokens.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any_of(&mut rest) && rest.is_empty()
}

fn any_of(rest: &mut &[&str]) -> bool {
    let mut good = all_of(rest);
    while let [word, after @ ..] = *rest
        && word.eq_ignore_ascii_case("OR")
    {
        *rest = after;
        good |= all_of(rest);
    }
    good
}

fn all_of(rest: &mut &[&str]) -> bool {
    let mut good = one(rest);
    while let [word, after @ ..] = *rest
        && word.eq_ignore_ascii_case("AND")
    {
        *rest = after;
        good &= one(rest);
    }
    good
}

fn one(rest: &mut &[&str]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let good = any_of(rest);
            *rest = rest.strip_prefix(&[")"]).unwrap_or(rest);
            good
        }
        // An exception only permits more.
        [licence, "WITH", _, after @ ..] | [licence, after @ ..] => {
            *rest = after;
            GOOD.contains(licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, licence: Option<&str>) -> Package {
        Package { name: name.to_owned(), version: "1.0.0".to_owned(), licence: licence.map(str::to_owned) }
    }

    #[test]
    fn copyleft_fails_unless_there_is_a_choice() {
        for bad in ["AGPL-3.0-only", "GPL-2.0", "LGPL-2.1-or-later", "MIT AND GPL-3.0", "MIT AND (GPL-3.0 OR AGPL-3.0)"]
        {
            let fault = fault(&package("a", Some(bad))).unwrap();
            assert_eq!(fault, format!("a 1.0.0 is under {bad}, which this may not be built from"));
        }
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert_eq!(fault(&package("a", Some(good))), None, "{good}");
        }
    }

    #[test]
    fn a_licence_that_is_not_stated_or_not_known_fails() {
        assert!(fault(&package("a", None)).unwrap().starts_with("a 1.0.0 states no licence"));
        assert!(fault(&package("a", Some("SEE LICENSE IN x"))).is_some());
        assert_eq!(fault(&package("opendp", None)), None);
    }

    #[test]
    fn both_lock_formats_are_read_and_duplicates_listed() {
        let cargo = serde_json::json!({ "packages": [
            { "name": "a", "version": "1.0.0", "license": "MIT" },
            { "name": "a", "version": "2.0.0", "license": null },
        ] });
        let cargo = of_cargo(&cargo);
        assert_eq!(duplicates(&cargo), ["a 1.0.0 and 2.0.0"]);
        assert_eq!(counts(&cargo), "MIT 1, none stated 1");
        let npm = serde_json::json!({ "packages": {
            "": { "name": "root", "version": "1.0.0" },
            "web/ts": { "version": "0.1.0" },
            "node_modules/privet": { "resolved": "web/ts", "link": true },
            "node_modules/@x/y": { "version": "3.0.0", "license": "ISC" },
        } });
        let npm: Vec<String> = of_npm(&npm).into_iter().map(|package| package.name).collect();
        assert_eq!(npm, ["@x/y"]);
    }
}
