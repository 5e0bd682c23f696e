//! The table at the end of a test run.

use std::{fmt::Write, time::Duration};

#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) ok: bool,
    pub(super) took: Duration,
    pub(super) budget: Duration,
}

/// What ran, in order. Preparations stand in the table and are not counted as suites.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    passed: usize,
    failed: usize,
}

impl Report {
    pub(super) fn step(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn suite(&mut self, row: Row) {
        if row.ok {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        self.rows.push(row);
    }

    pub(super) fn failed(&self) -> bool {
        self.failed > 0
    }

    pub(super) fn print(&self) {
        print!("\n{}", self.text());
    }

    fn text(&self) -> String {
        let mut text = format!("{:<14} {:<7} {:>8} {:>9}\n", "suite", "", "seconds", "budget");
        for row in &self.rows {
            let (took, budget) = (row.took.as_secs_f64(), row.budget.as_secs());
            let verdict = if row.ok { "ok" } else { "FAILED" };
            let over = if row.took > row.budget { "  over" } else { "" };
            writeln!(text, "{:<14} {verdict:<7} {took:>8.1} {budget:>9}{over}", row.name).expect("a string takes all");
        }
        writeln!(text, "{} passed, {} failed", self.passed, self.failed).expect("a string takes all");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_suites_only() {
        let row = |name, ok, s| Row { name, ok, took: Duration::from_secs(s), budget: Duration::from_secs(5) };
        let mut report = Report::default();
        report.step(row("set-up", false, 1));
        report.suite(row("native", true, 9));
        report.suite(row("doc", false, 2));
        let text = report.text();
        assert!(text.ends_with("\n1 passed, 1 failed\n"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("native") && line.ends_with("over")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("doc") && line.contains("FAILED")), "{text}");
        assert!(report.failed());
    }
}
