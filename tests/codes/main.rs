//! One list of error codes: what the crates, the server and the package can refuse is what the server's table, the package's
//! union and the document list.

use std::{collections::BTreeSet, fs, path::Path};

use privet::refusal;
use privet_server::{Advice, PROBLEMS, Refusal};

/// Each list of codes by the folder of its crate.
const LISTS: [(&str, &[&str]); 11] = [
    ("crate/aggregate", refusal::Aggregate::CODES),
    ("crate/base", refusal::Base::CODES),
    ("crate/decide", refusal::Decide::CODES),
    ("crate/mechanism", refusal::Mechanism::CODES),
    ("crate/model", refusal::Model::CODES),
    ("crate/ranker", refusal::Ranker::CODES),
    ("crate/release", refusal::Release::CODES),
    ("crate/shares", refusal::Shares::CODES),
    ("crate/terms", refusal::Terms::CODES),
    ("crate/wire", refusal::Wire::CODES),
    ("server", Refusal::CODES),
];

/// What the package raises by itself, in TypeScript.
const PACKAGE: [&str; 15] = [
    "aborted",
    "argument-refused",
    "closed",
    "consent-missing",
    "module-altered",
    "not-taking-part",
    "options-differ",
    "paused",
    "server-unreachable",
    "storage-evictable",
    "storage-full",
    "storage-unavailable",
    "timed-out",
    "token-missing",
    "worker-failed",
];

fn path(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(at: &str) -> String {
    fs::read_to_string(path(at)).expect("readable")
}

fn all() -> impl Iterator<Item = &'static str> {
    LISTS.iter().flat_map(|(_, codes)| codes.iter().copied()).chain(PACKAGE)
}

fn codes() -> BTreeSet<String> {
    all().map(str::to_owned).collect()
}

#[test]
fn no_code_stands_in_two_lists() {
    assert_eq!(codes().len(), all().count());
}

#[test]
fn every_crate_with_a_list_is_here() {
    let crates = fs::read_dir(path("crate")).expect("readable");
    let names = crates.map(|entry| format!("crate/{}", entry.expect("readable").file_name().display()));
    for name in names.chain(["lab", "server", "web"].map(str::to_owned)) {
        let named = LISTS.iter().any(|(list, _)| *list == name);
        assert_eq!(path(&name).join("src/refusal.rs").exists(), named, "{name}");
    }
}

#[test]
fn the_package_raises_what_no_crate_does() {
    // What decides when a device contributes says the package's words, too.
    let folders = ["worker", "web/ts", "crate/participation/src"];
    let files = folders.into_iter().flat_map(|folder| fs::read_dir(path(folder)).expect("readable"));
    let files = files.map(|file| file.expect("readable").path()).filter(|file| !file.ends_with("web/ts/error.ts"));
    let sources = files.filter(|file| file.extension().is_some_and(|extension| extension == "ts" || extension == "rs"));
    let sources: Vec<_> = sources.map(|file| fs::read_to_string(file).expect("readable")).collect();
    for code in PACKAGE {
        let quoted = format!("\"{code}\"");
        assert!(sources.iter().any(|source| source.contains(&quoted)), "{code} is raised nowhere");
    }
}

#[test]
fn the_servers_table_lists_every_code() {
    assert_eq!(PROBLEMS.iter().map(|(code, ..)| (*code).to_owned()).collect::<BTreeSet<_>>(), codes());
    assert_eq!(PROBLEMS.len(), codes().len(), "no code stands twice");
}

#[test]
fn the_packages_union_lists_every_code() {
    let source = read("web/ts/error.ts");
    let list = source.split("CODES = [").nth(1).and_then(|rest| rest.split(']').next()).expect("CODES = [ … ]");
    let listed: BTreeSet<_> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(listed, codes());
}

#[test]
fn the_document_lists_the_servers_table() {
    let document = read("docs/errors.md");
    let rows: BTreeSet<_> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').skip(1).take(3).map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>())
        .collect();
    let table = PROBLEMS.iter().map(|(code, status, advice)| {
        let advice = match advice {
            Advice::Retry => "retry",
            Advice::Refetch => "refetch",
            Advice::Stop => "stop",
        };
        vec![(*code).to_owned(), status.as_u16().to_string(), advice.to_owned()]
    });
    assert_eq!(rows, table.collect());
}
