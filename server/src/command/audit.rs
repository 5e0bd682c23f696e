//! `privet audit`: whether the noise is there.

use std::{
    env,
    num::NonZero,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use privet_lab::audit::{Options, Plant, What, controls, run};

use super::{Done, Screen};

/// Measure whether the noise that is charged for is there: lower bounds on epsilon beside what is claimed.
///
/// Ctrl-C ends it with what is done so far. It exits with 1 where a claim FAILS.
#[derive(Args)]
pub(crate) struct Audit {
    /// What to audit; all of it unless told.
    #[arg(value_enum)]
    what: Vec<What>,
    /// The claims.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    epsilon: Vec<f64>,
    /// The delta of claims and bounds.
    #[arg(long, default_value_t = 1e-5)]
    delta: f64,
    /// How many trials each world has: 100,000, and of rounds a tenth, unless told.
    #[arg(long)]
    trials: Option<u64>,
    /// A minute's worth of trials.
    #[arg(long)]
    quick: bool,
    /// Where to write one page with plots: both worlds' scores, and claims beside bounds.
    #[arg(long, conflicts_with_all = ["controls", "one_run", "traffic"])]
    html: Option<PathBuf>,
    /// Audit one round of many canaries each, and no second world.
    #[arg(long, conflicts_with_all = ["what", "plant", "trials", "controls"])]
    one_run: bool,
    /// Audit a path with this fault in it, to see it caught.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
    /// Plant each fault twenty times and audit what ships two hundred times: is each caught, and little that is right?
    #[arg(long, conflicts_with_all = ["what", "plant", "trials", "quick"])]
    controls: bool,
    /// Compare a capture of the traffic (HAR) with what the device's log says: wants --log.
    #[arg(long, requires = "log", conflicts_with_all = ["what", "plant", "trials", "quick", "controls", "one_run"])]
    traffic: Option<PathBuf>,
    /// What `audit.export()` gave of the device whose traffic it is.
    #[arg(long, requires = "traffic")]
    log: Option<PathBuf>,
    /// How many threads work; all processors unless told.
    #[arg(long)]
    threads: Option<usize>,
    /// Where to write what was found as JSON lines.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Audit {
    pub(crate) fn run(self) -> Done {
        let Self {
            what,
            epsilon,
            delta,
            trials,
            quick,
            one_run,
            plant,
            controls: is_controls,
            traffic,
            log,
            threads,
            json,
            html,
        } = self;
        if let (Some(capture), Some(log)) = (traffic, log) {
            let explained = privet_lab::audit::traffic(&capture, &log, json.as_deref(), &mut Screen)?;
            return if explained { Ok(()) } else { Err("the audit FAILS".to_owned()) };
        }
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
        let typed: Vec<String> = env::args().skip(1).collect();
        let command = env::var("PRIVET_COMMAND").unwrap_or_else(|_| format!("privet {}", typed.join(" ")));
        let options =
            Options { what, epsilons: epsilon, delta, trials, quick, one_run, plant, threads, json, html, command };
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                asked.store(true, Ordering::Relaxed);
            }
        });
        if is_controls {
            let runs = (controls::RUNS, controls::HONEST_RUNS);
            let (_, holds) = controls::controls(&options, runs, &stop, &mut Screen)?;
            return if holds { Ok(()) } else { Err("the audit misses what it has to catch".to_owned()) };
        }
        if run(&options, &stop, &mut Screen)? { Ok(()) } else { Err("the audit FAILS".to_owned()) }
    }
}
