//! The evaluation from a folder to its tables, on a small generated set.

use std::{fs, path::Path};

use privet_lab::{Fold, Options, SEEDS, Stage, run, write_small_set};

fn options(folder: &Path, threads: usize) -> Options {
    Options {
        folder: Some(folder.to_path_buf()),
        generated: false,
        quick: true,
        stage: Stage::Test,
        fold: Fold::All,
        seeds: SEEDS,
        threads,
        figures: Some(folder.join("figures/evaluate.jsonl")),
        command: "privet evaluate small".into(),
    }
}

fn tables(options: &Options) -> String {
    let mut out = Vec::new();
    run(options, &mut out).expect("the set is well-formed");
    String::from_utf8(out).expect("tables are text")
}

/// The figure in a column of a row's first occurrence.
fn figure(tables: &str, row: &str, column: usize) -> f64 {
    let line = tables.lines().find_map(|line| line.strip_prefix(row)?.starts_with("  ").then_some(line));
    let line = line.unwrap_or_else(|| panic!("a row `{row}` is wanted in\n{tables}"));
    line[row.len()..].split_whitespace().nth(column).and_then(|word| word.parse().ok()).expect("a number stands there")
}

#[test]
fn a_set_is_evaluated_and_threads_change_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write_small_set(folder.path()).expect("it can be written");
    let once = tables(&options(folder.path(), 2));
    let figures = fs::read_to_string(folder.path().join("figures/evaluate.jsonl")).expect("they were written");
    assert_eq!(once, tables(&options(folder.path(), 1)));
    assert!(figures.lines().all(|line| line.contains("\"command\":\"privet evaluate small\"")), "{figures}");
    for id in ["loo99_hr10", "loo99_gain_hr10", "exp20_short_auc_low", "ease_auc_gain", "leak_hr10"] {
        assert!(figures.contains(&format!("\"id\":\"{id}\"")), "{id} is wanted in {figures}");
    }
    // Users like two genres: everything that knows them is better than chance, and counting negatives is not. By AUC,
    // because of 45 users' hits three standard errors are a tenth.
    let auc = |row| figure(&once, row, 2);
    for row in ["popularity", "item-kNN", "EASE", "ALS, 32 factors", "privet: on the device"] {
        assert!(auc(row) > 0.6, "{row}\n{once}");
    }
    assert!(auc("random") < 0.6 && auc("leak: minus the draws as negative") < 0.6, "{once}");
    assert!(!once.contains("reference"), "only the real set has reference figures");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let refused = |folder: &Path| run(&options(folder, 1), &mut Vec::new()).expect_err("it is refused");
    assert!(refused(folder.path()).ends_with("one .inter file is wanted here, and there are 0"));
    let rows = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t5\t1\n";
    fs::write(folder.path().join("x.inter"), rows).expect("it can be written");
    assert_eq!(refused(folder.path()), "no user has three events and 99 items left to draw from");
}
