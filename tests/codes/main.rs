//! One list of error codes in four places: the core, the server's problem documents, the package and the document.

use std::{collections::BTreeSet, fs, path::Path};

use privet::Error;
use privet_server::{Advice, PROBLEMS};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("readable")
}

fn core() -> BTreeSet<String> {
    Error::CODES.iter().map(|&code| code.to_owned()).collect()
}

#[test]
fn the_servers_table_lists_the_cores_codes() {
    assert_eq!(PROBLEMS.iter().map(|(code, ..)| (*code).to_owned()).collect::<BTreeSet<_>>(), core());
    assert_eq!(PROBLEMS.len(), Error::CODES.len(), "no code stands twice");
}

#[test]
fn the_packages_union_lists_the_cores_codes() {
    let source = read("web/ts/error.ts");
    let list = source.split("CODES = [").nth(1).and_then(|rest| rest.split(']').next()).expect("CODES = [ … ]");
    let listed: BTreeSet<_> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(listed, core());
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
