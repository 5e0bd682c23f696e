//! The client half and the aggregator half of the core never use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Fault, File,
    lex::{Kind, Language, only, word_places},
    line_of,
};

const CLIENT: [&str; 24] = [
    "event",
    "stored",
    "sorted",
    "profile",
    "propensity",
    "memory",
    "example",
    "learner",
    "ranking",
    "slate",
    "order",
    "running",
    "drift",
    "gradient",
    "backend",
    "clip",
    "noise",
    "ledger",
    "cpu",
    "gpu",
    "fresh",
    "ranker",
    "contributor",
    "device",
];
const AGGREGATOR: [&str; 1] = ["aggregate"];
/// These look at both sides: that is what they are for.
const BOTH: [&str; 2] = ["audit", "simulate"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Half {
    Client,
    Aggregator,
}

fn half(module: &str) -> Option<Half> {
    if CLIENT.contains(&module) {
        Some(Half::Client)
    } else if AGGREGATOR.contains(&module) {
        Some(Half::Aggregator)
    } else {
        None
    }
}

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let sources: Vec<(&File, Vec<String>, String)> = files
        .iter()
        .filter_map(|file| {
            let module = module_of(&file.path)?;
            Some((file, module, only(&file.text, Language::Rust, &[Kind::Code])))
        })
        .collect();
    // What the root gives out by a shorter name is still what it is.
    let mut given_out = BTreeMap::new();
    for (_, _, code) in sources.iter().filter(|(_, module, _)| module.is_empty()) {
        for (_, path) in paths(code) {
            let from = if path[0] == "crate" || path[0] == "self" { &path[1..] } else { &path[..] };
            if let [first, .., last] = from {
                given_out.insert(last.clone(), first.clone());
            }
        }
    }
    sources
        .iter()
        .filter(|(_, module, _)| module.first().is_some_and(|module| !BOTH.contains(&module.as_str())))
        .flat_map(|(file, module, code)| faults(file, module, code, &given_out))
        .collect()
}

/// The module that a file of the core holds: `crate/privet/src/gpu/pass.rs` is `[gpu, pass]`, the root is empty.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("crate/privet/src/")?.strip_suffix(".rs")?;
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    Some(module)
}

fn faults(file: &File, module: &[String], code: &str, given_out: &BTreeMap<String, String>) -> Vec<Fault> {
    let mut seen: BTreeSet<Half> = half(&module[0]).into_iter().collect();
    let mut faults = Vec::new();
    for (at, path) in paths(code) {
        let Some(name) = top(module, &path) else { continue };
        let used = given_out.get(name).map_or(name, String::as_str);
        let Some(half) = half(used) else { continue };
        seen.insert(half);
        if seen.len() > 1 {
            faults.push(Fault {
                path: file.path.clone(),
                line: line_of(code, at),
                says: format!("`{used}` is of the other half: only {} may use both", BOTH.join(" and ")),
            });
        }
    }
    faults
}

/// The name below the crate's root that a path leads through.
fn top<'a>(module: &'a [String], path: &'a [String]) -> Option<&'a str> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let rest = match path[0].as_str() {
        "crate" => &path[1..],
        "super" if ups >= module.len() => &path[ups..],
        "super" => return Some(&module[0]),
        _ => return None,
    };
    rest.first().map(String::as_str)
}

/// All paths that begin with `crate` or `super`, and all that a `use` names, each with its place.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    let mut spread = Vec::new();
    for at in word_places(code, "use") {
        let tree = code[at + 3..].split(';').next().unwrap_or_default();
        // `use<'a>` in a type is no import.
        if !tree.trim_start().starts_with('<') {
            expand(tree, &[], at, &mut paths);
            spread.push(at..at + 3 + tree.len());
        }
    }
    for start in ["crate", "super"] {
        for at in word_places(code, start) {
            // The middle of a path, or a path that is spread already.
            if code[..at].ends_with("::") || spread.iter().any(|tree| tree.contains(&at)) {
                continue;
            }
            let parts = code[at..].split("::");
            let names = parts.map(|part| part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            paths.push((at, names.take_while(|name: &String| !name.is_empty()).take(8).collect()));
        }
    }
    paths.sort_by_key(|(at, _)| *at);
    paths
}

/// Spreads `a::{b, c::{d}}` into its paths.
fn expand(tree: &str, before: &[String], at: usize, paths: &mut Vec<(usize, Vec<String>)>) {
    let (head, inner) = match tree.split_once('{') {
        Some((head, rest)) => (head, Some(rest.rsplit_once('}').map_or(rest, |(inner, _)| inner))),
        None => (tree, None),
    };
    let head = head.split(" as ").next().unwrap_or_default();
    let mut path = before.to_vec();
    path.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    match inner {
        None if path.is_empty() => {}
        None => paths.push((at, path)),
        Some(inner) => {
            let mut depth = 0;
            let branches = inner.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ',' && depth == 0
            });
            for branch in branches.filter(|branch| !branch.trim().is_empty()) {
                expand(branch, &path, at, paths);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    fn fault_in(path: &str, text: &str) -> Vec<String> {
        let root = file(
            "crate/privet/src/lib.rs",
            "mod aggregate;\npub use aggregate::{Aggregate, Sum};\npub use clip::clip;\n",
        );
        places(&check(&[root, file(path, text)]))
    }

    #[test]
    fn neither_half_may_use_the_other() {
        for text in [
            "use crate::aggregate::Aggregate;",
            "use crate::{wire::Upload, aggregate::{Aggregate}};",
            "use super::aggregate;",
            "fn f() -> crate::aggregate::Sum { todo() }",
            "use crate::Aggregate;",
            "use crate::{error::{A, B}, Sum as S};",
        ] {
            assert_eq!(fault_in("crate/privet/src/clip.rs", text), ["crate/privet/src/clip.rs:1"], "{text}");
        }
        assert_eq!(
            fault_in("crate/privet/src/gpu/pass.rs", "use super::super::aggregate;"),
            ["crate/privet/src/gpu/pass.rs:1"]
        );
        assert_eq!(
            fault_in("crate/privet/src/aggregate.rs", "\nuse crate::{Error, noise};"),
            ["crate/privet/src/aggregate.rs:2"]
        );
        assert_eq!(fault_in("crate/privet/src/aggregate.rs", "use crate::clip;"), ["crate/privet/src/aggregate.rs:1"]);
    }

    #[test]
    fn nothing_between_them_may_use_both() {
        let both = "use crate::aggregate::Aggregate;\nuse crate::noise::Noised;\n";
        assert_eq!(fault_in("crate/privet/src/wire.rs", both), ["crate/privet/src/wire.rs:2"]);
        assert_eq!(fault_in("crate/privet/src/audit.rs", both), [""; 0]);
        assert_eq!(fault_in("crate/privet/src/simulate/rounds.rs", both), [""; 0]);
    }

    #[test]
    fn what_both_share_is_free() {
        let text =
            "//! See crate::aggregate.\nuse crate::{error::Error, wire::Upload};\nuse super::head;\nuse std::mem;\n";
        assert_eq!(fault_in("crate/privet/src/clip.rs", text), [""; 0]);
        assert_eq!(fault_in("crate/privet/src/aggregate.rs", text), [""; 0]);
        assert_eq!(fault_in("crate/privet/src/gpu/pass.rs", "use super::aggregate;"), [""; 0]);
    }
}
