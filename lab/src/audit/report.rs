//! What was found, as a table and as JSON lines.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Options, What, html,
    judge::{Found, Judged, Pair},
    one_run::Proved,
    probe::Probed,
};

/// One attacker against one claim.
pub(super) struct Line<'a> {
    pub(super) what: What,
    pub(super) attacker: &'static str,
    pub(super) rho: f64,
    pub(super) claimed: f64,
    pub(super) pairs: &'a [Pair],
    pub(super) wanted: u64,
    pub(super) seconds: f64,
    pub(super) judged: Judged,
}

impl Line<'_> {
    fn holds(&self) -> bool {
        self.judged.epsilon() <= self.claimed
    }

    fn verdict(&self) -> String {
        verdict(self.holds(), self.claimed)
    }
}

fn verdict(consistent: bool, claimed: f64) -> String {
    if consistent { format!("consistent with ε = {claimed:.2}") } else { format!("FAILS ε = {claimed:.2}") }
}

/// What is said while it is found, and kept for the end.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    delta: f64,
    command: String,
    plant: Option<String>,
    json: Option<PathBuf>,
    html: Option<PathBuf>,
    lines: Vec<String>,
    sections: Vec<String>,
    failed: usize,
}

impl<'a> Report<'a> {
    /// Nothing is found yet. That the file cannot be written is better known before an hour's work.
    pub(super) fn begin(options: &Options, out: &'a mut dyn Write) -> Result<Self, String> {
        let report = Self {
            out,
            delta: options.delta,
            command: options.command.clone(),
            plant: options.plant.map(super::Plant::name),
            json: options.json.clone(),
            html: options.html.clone(),
            lines: Vec::new(),
            sections: Vec::new(),
            failed: 0,
        };
        report.write()?;
        Ok(report)
    }

    pub(super) fn say(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.out, "{line}").map_err(|error| format!("the table cannot be written: {error}"))
    }

    pub(super) fn head(&mut self) -> Result<(), String> {
        let delta = self.delta;
        self.say(&format!(
            "The noise is opendp's, from this platform's random source. Bounds at 95%, at a delta of {delta:e}: `gaussian` if \
             the mechanism is, `plain` whatever it is.\n\n{:<8}{:<36}{:>8}{:>10}{:>10}{:>10}{:>11}  verdict",
            "what", "attacker", "trials", "claimed", "gaussian", "plain", "threshold"
        ))
    }

    pub(super) fn line(&mut self, line: &Line<'_>) -> Result<(), String> {
        let Judged { gaussian, plain } = line.judged;
        let cut = if (line.pairs.len() as u64) < line.wanted { ", stopped early" } else { "" };
        self.say(&format!(
            "{:<8}{:<36}{:>8}{:>10.3}{:>10.3}{:>10.3}{:>11.3}  {}{cut}",
            format!("{:?}", line.what).to_lowercase(),
            line.attacker,
            line.pairs.len(),
            line.claimed,
            gaussian.epsilon,
            plain.epsilon,
            gaussian.threshold,
            line.verdict()
        ))?;
        let found = |found: Found| {
            let e = found.errors;
            json!({
                "epsilon": found.epsilon, "threshold": found.threshold, "missed": e.missed, "of_a": e.of_a,
                "alarms": e.alarms, "of_b": e.of_b,
            })
        };
        let record = json!({
            "what": format!("{:?}", line.what).to_lowercase(), "attacker": line.attacker, "claimed_epsilon": line.claimed,
            "rho": line.rho, "delta": self.delta, "trials": line.pairs.len(), "wanted": line.wanted, "seconds": line.seconds,
            "gaussian": found(gaussian), "plain": found(plain), "consistent": line.holds(), "sampler": "opendp",
            "plant": self.plant, "command": self.command,
        });
        self.lines.push(format!("{record}\n"));
        let title = format!("{}: {}", format!("{:?}", line.what).to_lowercase(), line.attacker);
        self.sections.push(html::section(&title, line.pairs, line.claimed, &line.judged, &line.verdict()));
        self.failed += usize::from(!line.holds());
        self.write()
    }

    pub(super) fn one_run_head(&mut self) -> Result<(), String> {
        let delta = self.delta;
        self.say(&format!(
            "The noise is opendp's, from this platform's random source. Bounds at 95%, at a delta of {delta:e}: `gaussian` if \
             the mechanism is, `plain` whatever it is.\n\n{:>9}{:>9}{:>7}{:>10}{:>10}{:>10}  verdict",
            "canaries", "guesses", "right", "claimed", "gaussian", "plain"
        ))
    }

    /// What one round proved of its claim.
    pub(super) fn one_run(&mut self, rho: f64, claimed: f64, proved: &Proved) -> Result<(), String> {
        let Proved { canaries, guesses, right, gaussian, plain } = *proved;
        let consistent = gaussian.max(plain) <= claimed;
        let verdict = verdict(consistent, claimed);
        self.say(&format!(
            "{canaries:>9}{guesses:>9}{right:>7}{claimed:>10.3}{gaussian:>10.3}{plain:>10.3}  {verdict}"
        ))?;
        let record = json!({
            "what": "one-run", "attacker": "one aggregator", "claimed_epsilon": claimed, "rho": rho, "delta": self.delta,
            "canaries": canaries, "guesses": guesses, "right": right, "gaussian": { "epsilon": gaussian },
            "plain": { "epsilon": plain }, "consistent": consistent, "sampler": "opendp", "command": self.command,
        });
        self.lines.push(format!("{record}\n"));
        self.failed += usize::from(!consistent);
        self.write()
    }

    /// What was tried, and how it was refused.
    pub(super) fn probed(&mut self, probed: &Probed) -> Result<(), String> {
        let verdict = probed.code.map_or_else(|| "FAILS: not refused".to_owned(), |code| format!("refused: {code}"));
        self.say(&format!("{:<8}{:<85}  {verdict}", "split", probed.what))?;
        let record = json!({ "what": "split", "tried": probed.what, "refused": probed.code, "consistent": probed.code.is_some(),
            "plant": self.plant, "command": self.command });
        self.lines.push(format!("{record}\n"));
        self.failed += usize::from(probed.code.is_none());
        self.write()
    }

    /// Whether nothing failed.
    pub(super) fn end(mut self) -> Result<bool, String> {
        if self.lines.is_empty() {
            return Err("stopped before anything was measured".to_owned());
        }
        self.say(&format!("\n{}", self.verdict()))?;
        Ok(self.failed == 0)
    }

    fn verdict(&self) -> String {
        let (failed, all) = (self.failed, self.lines.len());
        match failed {
            _ if all == 0 => "Nothing is measured yet.".to_owned(),
            0 => format!("Consistent with what is claimed, in {all} of {all} lines."),
            _ => format!("FAILS in {failed} of {all} lines."),
        }
    }

    fn write(&self) -> Result<(), String> {
        if let Some(file) = &self.json {
            written(file, &self.lines.concat())?;
        }
        let Some(file) = &self.html else { return Ok(()) };
        written(file, &html::page(&self.command, self.delta, &self.verdict(), &self.sections))
    }
}

fn written(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))
}
