//! `privet audit`: whether the noise that is charged for is there. It runs the path that ships in two worlds, one with a canary,
//! lets an attacker guess which it is, and prints what the guesses prove beside what is claimed.
//!
//! `path` makes a trial, `trials` makes many, `judge` makes a bound of them by `statistics`, `report` says it. A bound over
//! the claim is a failure; one under it proves nothing but that this attacker found nothing more.

pub mod controls;
mod hexadecimal;
mod html;
mod judge;
mod one_run;
mod path;
mod plant;
mod probe;
mod report;
mod statistics;
mod traffic;
mod trials;

use std::{io::Write, path::PathBuf, sync::atomic::AtomicBool};

use ::privet::{NanoRho, accounting::epsilon_from_rho};
use clap::ValueEnum;

use crate::progress::Progress;
use judge::{LEAST_TRIALS, Pair, RULE, judge};
use path::{Setting, World};
pub use plant::Plant;
use plant::Planted;
use report::{Line, Report};
pub use traffic::traffic;

/// How many trials each world has in the long form.
const TRIALS: u64 = 100_000;
/// In the quick one.
const QUICK_TRIALS: u64 = 10_000;
/// In each run of a planted fault, and of what ships beside it.
const CONTROL_TRIALS: u64 = 3000;
/// Of whole rounds there are so many times fewer.
const FEWER_ROUNDS: u64 = 10;
/// A round of eight devices with seals takes as long as so many trials of one device without.
const ROUND_WEIGHT: u64 = 20;

/// What is audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Rounds in which each device adds all of the noise: this device's data against any other, as the server sees them.
    Device,
    /// Rounds of two aggregators: this device's data against nothing, as one of them sees them who runs all other devices.
    Split,
    /// The same rounds where both aggregators collude: this device's data against any other.
    Alone,
}

/// How to audit.
#[derive(Debug, Clone)]
pub struct Options {
    /// What; all of it where nothing is named.
    pub what: Vec<What>,
    /// The claims, as epsilons.
    pub epsilons: Vec<f64>,
    /// The delta of claims and bounds.
    pub delta: f64,
    /// How many trials each world has.
    pub trials: Option<u64>,
    /// Few trials: a minute.
    pub quick: bool,
    /// One round of many canaries in place of two worlds.
    pub one_run: bool,
    /// A fault that the audit has to catch, in place of the path that ships.
    pub plant: Option<Plant>,
    /// How many threads work.
    pub threads: usize,
    /// Where the results are written as JSON lines.
    pub json: Option<PathBuf>,
    /// Where one page with plots is written.
    pub html: Option<PathBuf>,
    /// The command that does the same again, as it was typed.
    pub command: String,
}

/// One setting that is audited: what, and the epsilon that is claimed.
#[derive(Debug, Clone, Copy)]
struct Claim {
    what: What,
    epsilon: f64,
    trials: u64,
}

impl Claim {
    /// How many steps one of its trials takes: a planted round has no seals.
    fn weight(&self, plant: Option<Plant>) -> u64 {
        if self.what == What::Split && plant.is_none() { ROUND_WEIGHT } else { 1 }
    }

    fn title(&self) -> String {
        format!("{:?}, a claim of {}", self.what, self.epsilon)
    }
}

impl Options {
    /// A sentence about what is not to be had.
    fn check(&self) -> Result<(), String> {
        if !(self.delta > 0.0 && self.delta < 1.0) {
            return Err(format!("a delta of {} is none: it lies between 0 and 1", self.delta));
        }
        if let Some(epsilon) = self.epsilons.iter().find(|&&epsilon| !(0.05..=20.0).contains(&epsilon)) {
            return Err(format!("an epsilon of {epsilon} is not audited: 0.05 to 20 is"));
        }
        Ok(())
    }

    /// The settings that are asked for, and why others are left out; or a sentence about what cannot be.
    fn claims(&self) -> Result<(Vec<Claim>, Vec<String>), String> {
        self.check()?;
        let trials = self.trials.unwrap_or(if self.quick { QUICK_TRIALS } else { TRIALS });
        if trials < LEAST_TRIALS {
            return Err(format!("{trials} trials prove nothing: at least {LEAST_TRIALS} are wanted"));
        }
        let all = [What::Device, What::Split, What::Alone];
        let broken = self.plant.map(|plant| [plant.breaks()]);
        let chosen = match (&broken, &self.what[..]) {
            (Some(broken), []) => &broken[..],
            (None, []) => &all[..],
            (Some(broken), chosen) if chosen != broken => {
                return Err(format!("this fault breaks {:?}, and {chosen:?} was to be audited", broken[0]));
            }
            (_, chosen) => chosen,
        };
        let (mut claims, mut left_out) = (Vec::new(), Vec::new());
        for &what in chosen {
            for &epsilon in &self.epsilons {
                // Of rounds there are fewer, unless a number was named.
                let fewer = what == What::Split && self.trials.is_none();
                let trials = if fewer { trials / FEWER_ROUNDS } else { trials };
                if let Err(why) = setting(what, epsilon, self.delta) {
                    // What was asked for by name is refused; of all there is, what the wire refuses is left out.
                    if !self.what.is_empty() || self.epsilons.len() == 1 {
                        return Err(why);
                    }
                    left_out.push(why);
                    continue;
                }
                claims.push(Claim { what, epsilon, trials });
            }
        }
        Ok((claims, left_out))
    }
}

/// The round that claims this epsilon, and the epsilon that its price comes to.
fn setting(what: What, epsilon: f64, delta: f64) -> Result<Setting, String> {
    let rho = rho_from_epsilon(epsilon, delta);
    match what {
        What::Device => Setting::device((2.0 / rho).sqrt(), delta),
        What::Split => Setting::split((0.5 / rho).sqrt(), 0.25, delta),
        What::Alone => Setting::split(4.0, (2.0 / rho).sqrt(), delta),
    }
    .map_err(|why| format!("no {what:?} round claims an epsilon of {epsilon}: {why}"))
}

/// The largest rho that comes to no more than this epsilon.
fn rho_from_epsilon(epsilon: f64, delta: f64) -> f64 {
    let (mut low, mut high) = (0.0, epsilon);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if epsilon_from_rho(NanoRho::from_rho(middle), delta) <= epsilon { low = middle } else { high = middle }
    }
    low
}

/// Audits, and writes a table. An error says what could not be done; whether nothing FAILS is the answer.
pub fn run(options: &Options, stop: &AtomicBool, out: &mut dyn Write) -> Result<bool, String> {
    if options.one_run {
        return one_run::run(options, stop, out);
    }
    let (claims, left_out) = options.claims()?;
    let progress =
        Progress::of("audit", claims.iter().map(|claim| (claim.trials * claim.weight(options.plant)) as usize).sum());
    let mut report = Report::begin(options, out)?;
    if let Some(plant) = options.plant {
        report.say(&format!("PLANTED: {}. Nothing here is about what ships.", plant.name()))?;
    }
    report.say(RULE)?;
    for claim in &claims {
        report.say(&format!("{}: {} trials in each world.", claim.title(), claim.trials))?;
    }
    for why in left_out {
        report.say(&format!("Left out: {why}."))?;
    }
    report.head()?;
    for claim in &claims {
        let start = progress.spent_s();
        let measured = measure(*claim, options, stop, &progress)?;
        let seconds = progress.spent_s() - start;
        for seen in measured {
            report.line(&Line {
                what: claim.what,
                attacker: seen.attacker,
                rho: seen.rho,
                claimed: seen.claimed(options.delta),
                pairs: &seen.pairs,
                wanted: claim.trials,
                seconds,
                judged: judge(&seen.pairs, options.delta),
            })?;
        }
    }
    if let Some(claim) = claims.iter().find(|claim| claim.what == What::Split) {
        for probed in probe::probe(&setting(claim.what, claim.epsilon, options.delta)?, options.plant)? {
            report.probed(&probed)?;
        }
    }
    report.end()
}

/// What one attacker saw in all trials of a claim.
struct Measured {
    attacker: &'static str,
    /// What is claimed.
    rho: f64,
    pairs: Vec<Pair>,
}

impl Measured {
    fn claimed(&self, delta: f64) -> f64 {
        epsilon_from_rho(NanoRho::from_rho(self.rho), delta)
    }
}

/// All trials of a claim; nothing where it was stopped before there were enough.
fn measure(claim: Claim, options: &Options, stop: &AtomicBool, progress: &Progress) -> Result<Vec<Measured>, String> {
    let Claim { what, epsilon, .. } = claim;
    let setting = setting(what, epsilon, options.delta)?;
    let rho = if what == What::Alone { setting.cost.alone } else { setting.cost.trusted }.rho();
    let planted = options.plant.map(|plant| Planted::new(plant, &setting)).transpose()?;
    let other = if what == What::Split { World::Nothing } else { World::Opposite };
    let draw = |trial: u64| match &planted {
        Some(planted) => Ok(vec![[planted.seen(World::Canary)?, planted.seen(other)?]]),
        None => seen(&setting, what, trial),
    };
    let progress = (progress, claim.weight(options.plant) as usize);
    let trials = trials::run(claim.trials, options.threads, stop, progress, &claim.title(), draw)?;
    if (trials.len() as u64) < LEAST_TRIALS {
        return Ok(Vec::new());
    }
    let rho = planted.as_ref().map_or(rho, |planted| planted.rho(rho));
    let of = |place: usize| trials.iter().map(|seen| seen[place]).collect();
    let attackers = attackers(what).iter().take(trials[0].len()).enumerate();
    Ok(attackers.map(|(place, &attacker)| Measured { attacker, rho, pairs: of(place) }).collect())
}

/// Who attacks, in the order of what [`seen`] gives.
fn attackers(what: What) -> &'static [&'static str] {
    match what {
        What::Device => &["the server"],
        What::Split => &["one aggregator, all other devices", "the opened sum, all other devices"],
        What::Alone => &["both aggregators"],
    }
}

/// One trial in both worlds, for each attacker.
fn seen(setting: &Setting, what: What, trial: u64) -> Result<Vec<Pair>, String> {
    let pair = |see: &dyn Fn(World) -> Result<f64, String>| -> Result<Pair, String> {
        Ok([see(World::Canary)?, see(World::Opposite)?])
    };
    match what {
        What::Device => Ok(vec![pair(&|world| setting.seen_by_server(world, trial))?]),
        What::Alone => Ok(vec![pair(&|world| setting.seen_by_both(world, trial))?]),
        What::Split => {
            let [a, b] = [World::Canary, World::Nothing].map(|world| setting.seen_of_round(world, trial));
            let (a, b) = (a?, b?);
            Ok((0..2).map(|who| [a[who], b[who]]).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            what: vec![What::Device],
            epsilons: vec![4.0],
            delta: 1e-5,
            trials: Some(400),
            quick: false,
            one_run: false,
            plant: None,
            threads: 2,
            json: None,
            html: None,
            command: "privet audit".into(),
        }
    }

    fn printed(options: &Options) -> (bool, String) {
        let mut out = Vec::new();
        let holds = run(options, &AtomicBool::new(false), &mut out).expect("it can be audited");
        (holds, String::from_utf8(out).expect("a table is text"))
    }

    #[test]
    fn what_ships_is_consistent_with_each_claim() {
        for (what, rows) in [(What::Device, 1), (What::Alone, 1), (What::Split, 2)] {
            // 400 trials come within 1.5 of a claim of 4 at most: a false alarm is rarer than one run in a thousand.
            let (holds, table) = printed(&Options { what: vec![what], trials: Some(200), ..options() });
            assert!(holds && table.matches("consistent with ε = 4.00").count() == rows, "{table}");
            assert!(table.contains("threshold") && !table.contains("FAILS") && !table.contains("private"), "{table}");
        }
    }

    /// Each is caught in at least 19 of 20 runs of so many trials (`--controls`): one that escapes is tried again, so that a
    /// false alarm of this test comes in at most one run of thirty.
    #[test]
    fn each_planted_fault_is_caught() {
        for &plant in Plant::value_variants() {
            let options = Options { what: Vec::new(), plant: Some(plant), trials: Some(CONTROL_TRIALS), ..options() };
            let (mut holds, mut table) = printed(&options);
            if holds {
                (holds, table) = printed(&options);
            }
            assert!(!holds && table.contains("FAILS") && table.contains(&plant.name()), "{table}");
        }
    }

    #[test]
    fn controls_count_what_is_caught_and_what_is_not() {
        let mut out = Vec::new();
        let (counted, holds) =
            controls::controls(&options(), (1, 1), &AtomicBool::new(false), &mut out).expect("they run");
        let table = String::from_utf8(out).expect("a table is text");
        assert!(table.contains("half-noise            device   1 of 1") && table.contains("of 1\n"), "{table}");
        assert_eq!(holds, counted.caught_min == 1 && counted.false_alarms == 0, "{table}");
    }

    /// `cargo test -p privet-lab --release --lib audit -- --ignored --nocapture`
    #[test]
    #[ignore = "long: each fault twenty times"]
    fn each_planted_fault_is_caught_in_nineteen_of_twenty_runs_and_what_ships_in_few_of_two_hundred() {
        let runs = (controls::RUNS, controls::HONEST_RUNS);
        let mut out = Vec::new();
        let done = controls::controls(&options(), runs, &AtomicBool::new(false), &mut out).expect("they run");
        assert!(done.1, "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn what_is_found_is_written_as_json_lines() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("audit.jsonl");
        let page = folder.path().join("audit.html");
        let planted =
            Options { plant: Some(Plant::NoClip), json: Some(file.clone()), html: Some(page.clone()), ..options() };
        assert!(!printed(&planted).0);
        let page = std::fs::read_to_string(page).expect("it was written");
        assert!(page.contains("FAILS in 1 of 1 lines.") && page.contains("device: the server"), "{page}");
        let lines = std::fs::read_to_string(file).expect("it was written");
        let line: serde_json::Value = serde_json::from_str(&lines).expect("one line, and JSON");
        assert_eq!((&line["what"], &line["consistent"]), (&"device".into(), &false.into()));
        assert_eq!((&line["sampler"], &line["plant"]), (&"opendp".into(), &"no-clip".into()));
        assert!(line["gaussian"]["epsilon"].as_f64() > Some(4.0) && line["trials"] == 400, "{lines}");
        let nowhere = Options { json: Some(folder.path().join("no/such.jsonl")), ..options() };
        let refused = run(&nowhere, &AtomicBool::new(false), &mut Vec::new()).expect_err("there is no folder");
        assert!(refused.contains("such.jsonl cannot be written"), "{refused}");
    }

    #[test]
    fn one_round_of_canaries_is_consistent_with_its_claim() {
        let options = Options { one_run: true, quick: true, ..options() };
        // 300 canaries prove 1.5 of a claim of 4.
        let (holds, table) = printed(&options);
        assert!(holds && table.contains("60 coins") && table.contains("consistent with ε = 4.00"), "{table}");
        let eight = run(&Options { epsilons: vec![8.0], ..options }, &AtomicBool::new(false), &mut Vec::new());
        assert!(eight.is_err_and(|why| why.contains("the noise multiplier")));
    }

    #[test]
    fn what_the_path_refuses_is_said_with_its_code() {
        let (_, table) = printed(&Options { what: vec![What::Split], trials: Some(20), ..options() });
        for code in ["cohort-too-small", "round-contributed"] {
            assert!(table.contains(&format!("refused: {code}")), "{table}");
        }
    }

    #[test]
    fn what_cannot_be_audited_is_one_sentence() {
        for (odd, says) in [
            (Options { delta: 0.0, ..options() }, "a delta of 0 is none: it lies between 0 and 1"),
            (Options { epsilons: vec![99.0], ..options() }, "an epsilon of 99 is not audited: 0.05 to 20 is"),
            (Options { trials: Some(3), ..options() }, "3 trials prove nothing: at least 20 are wanted"),
        ] {
            assert_eq!(run(&odd, &AtomicBool::new(false), &mut Vec::new()), Err(says.to_owned()));
        }
        let both = Options { what: Vec::new(), epsilons: vec![4.0, 8.0], trials: Some(20), ..options() };
        assert!(printed(&both).1.contains("Left out: no Split round claims an epsilon of 8: "));
        let eight = Options { what: vec![What::Split], epsilons: vec![8.0], ..options() };
        let refused = run(&eight, &AtomicBool::new(false), &mut Vec::new()).expect_err("z is under 1");
        assert!(refused.contains("the noise multiplier"), "{refused}");
    }

    #[test]
    fn whoever_stops_at_once_has_no_verdict() {
        let mut out = Vec::new();
        let refused = run(&options(), &AtomicBool::new(true), &mut out).expect_err("nothing was done");
        assert_eq!(refused, "stopped before anything was measured");
    }

    #[test]
    fn a_claim_is_what_the_ledger_charges() {
        for (what, epsilon) in [(What::Device, 8.0), (What::Split, 4.0), (What::Alone, 1.0)] {
            let cost = setting(what, epsilon, 1e-5).expect("a plain round").cost;
            let rho = if what == What::Alone { cost.alone } else { cost.trusted };
            let claimed = epsilon_from_rho(rho, 1e-5);
            assert!((claimed - epsilon).abs() < 1e-4, "{what:?}: {claimed}");
        }
    }
}
