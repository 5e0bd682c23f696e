//! `cargo xtask bench audit`: what `privet audit` finds, as figures.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    figures,
    place::{Place, exe, read, write},
    run::{Program, cargo},
};

pub(crate) fn bench(place: &Place) -> Result<()> {
    cargo(&place.root).args(["build", "--release", "--package", "privet-server"]).run()?;
    let found = |words: &[&str]| -> Result<Vec<Value>> {
        let file = place.target.join("audit.jsonl");
        let privet = Program::new(place.target.join("release").join(exe("privet")));
        privet.dir(&place.root).arg("audit").args(words).arg("--json").arg(&file).run()?;
        read(&file)?.lines().map(|line| serde_json::from_str(line).context("the audit writes JSON lines")).collect()
    };
    let mut all = two_worlds(&found(&["device"])?);
    all.extend(one_run(&found(&["--one-run", "--epsilon", "4"])?));
    all.extend(controls(&found(&["--controls"])?));
    let commit = figures::commit(&place.root);
    let line = |(id, value, unit, n): &(String, Value, &str, Value)| {
        let figure = json!({ "id": id, "value": value, "unit": unit, "n": n, "commit": commit, "command": "cargo xtask bench audit" });
        println!("{figure}");
        format!("{figure}\n")
    };
    write(&place.figures().join("audit.jsonl"), all.iter().map(line).collect::<String>())
}

/// Its id, value, unit, and of how many trials or runs it is.
type Figure = (String, Value, &'static str, Value);

/// A bound for each claim, and how many trials of a device there are in a second: one in each of two worlds is a pair.
fn two_worlds(lines: &[Value]) -> Vec<Figure> {
    let number = |line: &Value, name: &str| line[name].as_f64().unwrap_or(f64::NAN);
    let bound = |line: &Value| {
        let id = format!("audit_gdp_eps{}", number(line, "claimed_epsilon").round());
        (id, line["gaussian"]["epsilon"].clone(), "epsilon", line["trials"].clone())
    };
    let sum = |name: &str| lines.iter().map(|line| number(line, name)).sum::<f64>();
    let per_s = 2.0 * sum("trials") / sum("seconds");
    let speed = ("audit_trials_per_s".to_owned(), per_s.round().into(), "trials/s", (2.0 * sum("trials")).into());
    lines.iter().map(bound).chain([speed]).collect()
}

fn one_run(lines: &[Value]) -> Vec<Figure> {
    let bound = |line: &Value| {
        let id = "audit_one_run_eps4".to_owned();
        (id, line["gaussian"]["epsilon"].clone(), "epsilon", line["canaries"].clone())
    };
    lines.iter().map(bound).collect()
}

fn controls(lines: &[Value]) -> Vec<Figure> {
    let both = |line: &Value| {
        [
            ("audit_controls_caught_min".to_owned(), line["caught_min"].clone(), "runs", line["runs"].clone()),
            ("audit_false_alarms".to_owned(), line["false_alarms"].clone(), "runs", line["honest_runs"].clone()),
        ]
    };
    lines.iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_named_by_their_claims() {
        let line = |claimed: f64| json!({ "claimed_epsilon": claimed, "trials": 100, "seconds": 2.0, "gaussian": { "epsilon": 0.5 } });
        let figures = two_worlds(&[line(0.999_99), line(8.0)]);
        let ids: Vec<&str> = figures.iter().map(|(id, ..)| &**id).collect();
        assert_eq!(ids, ["audit_gdp_eps1", "audit_gdp_eps8", "audit_trials_per_s"]);
        assert_eq!((&figures[0].1, &figures[2].1), (&json!(0.5), &json!(100.0)));
        let counted = controls(&[json!({ "caught_min": 19, "runs": 20, "false_alarms": 1, "honest_runs": 200 })]);
        assert_eq!((&counted[0].1, &counted[1].3), (&json!(19), &json!(200)));
    }
}
