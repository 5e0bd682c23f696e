//! Whether the audit catches what it has to, and cries at nothing: each planted fault again and again, and what ships.

use std::{fs, io::Write, sync::atomic::AtomicBool};

use clap::ValueEnum;
use serde_json::json;

use super::{CONTROL_TRIALS, Claim, Options, What, judge::judge, measure, plant::Plant, probe::probe, setting};
use crate::progress::Progress;

/// How often each fault is planted.
pub const RUNS: u64 = 20;
/// In how many of these it has to be caught.
const CAUGHT: u64 = 19;
/// How often what ships is audited, and how many false alarms are too many: at 95% one in twenty.
pub const HONEST_RUNS: u64 = 200;
const ALARMS: u64 = 10;
/// The claim of all of them.
const EPSILON: f64 = 4.0;

/// What the controls come to, as figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Controls {
    /// The fewest times that a fault was caught.
    pub caught_min: u64,
    /// How often what ships was found to fail.
    pub false_alarms: u64,
}

/// Runs all controls and writes how often each was caught. An error says what could not be done; what comes of an
/// interruption is nothing: a fault that was planted fewer times has been caught in fewer.
pub fn controls(
    options: &Options,
    (runs, honest_runs): (u64, u64),
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<(Controls, bool), String> {
    let mut say =
        |line: String| writeln!(out, "{line}").map_err(|error| format!("the table cannot be written: {error}"));
    say(format!(
        "Each fault {runs} times, a claim of {EPSILON} and {CONTROL_TRIALS} trials in each world; what ships {honest_runs} times.\n\n{:<22}{:<9}caught",
        "fault", "breaks"
    ))?;
    let claim = |what| Claim { what, epsilon: EPSILON, trials: CONTROL_TRIALS };
    // All but one are planted in trials.
    let planted = Plant::value_variants().len() as u64 - 1;
    let progress = Progress::of("audit", (CONTROL_TRIALS * (planted * runs + honest_runs)) as usize);
    let fails = |what: What, plant: Option<Plant>| -> Result<bool, String> {
        let options = Options { plant, ..options.clone() };
        let measured = measure(claim(what), &options, stop, &progress)?;
        if measured.iter().any(|seen| (seen.pairs.len() as u64) < CONTROL_TRIALS) || measured.is_empty() {
            return Err("stopped: controls that are not finished say nothing".to_owned());
        }
        Ok(measured.iter().any(|seen| judge(&seen.pairs, options.delta).epsilon() > seen.claimed(options.delta)))
    };
    let mut caught_min = runs;
    for &plant in Plant::value_variants() {
        let mut caught = 0;
        for _ in 0..runs {
            // That too few are opened shows in no distribution: it has to be refused.
            let found = if plant == Plant::SmallCohort {
                let setting = setting(What::Split, EPSILON, options.delta)?;
                probe(&setting, Some(plant))?.iter().any(|probed| probed.code.is_none())
            } else {
                fails(plant.breaks(), Some(plant))?
            };
            caught += u64::from(found);
        }
        let how = if plant == Plant::SmallCohort { ", not refused where it has to be" } else { "" };
        let breaks = format!("{:?}", plant.breaks()).to_lowercase();
        say(format!("{:<22}{breaks:<9}{caught} of {runs}{how}", plant.name()))?;
        caught_min = caught_min.min(caught);
    }
    let mut false_alarms = 0;
    for _ in 0..honest_runs {
        false_alarms += u64::from(fails(What::Device, None)?);
    }
    say(format!("{:<22}{:<9}{false_alarms} false alarms of {honest_runs}", "what ships", "-"))?;
    if let Some(file) = &options.json {
        let line = json!({
            "what": "controls", "caught_min": caught_min, "runs": runs, "false_alarms": false_alarms, "honest_runs": honest_runs,
            "trials": CONTROL_TRIALS, "claimed_epsilon": EPSILON, "sampler": "opendp", "command": options.command,
        });
        fs::write(file, format!("{line}\n"))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    let holds = caught_min * RUNS >= CAUGHT * runs && false_alarms * HONEST_RUNS <= ALARMS * honest_runs;
    Ok((Controls { caught_min, false_alarms }, holds))
}
