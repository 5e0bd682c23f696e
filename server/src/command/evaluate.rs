//! `privet evaluate`: how well models rank.

use std::{env, num::NonZero, path::PathBuf};

use clap::Args;
use privet_lab::{Fold, Options, SEEDS, Stage};

use super::{Done, Screen};

/// Measure how well models rank: on a data set, in generated worlds, or both.
#[derive(Args)]
pub(crate) struct Evaluate {
    /// A folder with one .inter file, and an .item file beside it: tables with a header of `name:type` fields.
    folder: Option<PathBuf>,
    /// Run in the generated worlds, where relevance is known.
    #[arg(long)]
    generated: bool,
    /// One seed, no other model beside ours, and nothing left out in turn.
    #[arg(long)]
    quick: bool,
    /// The events that are held back: tune on valid, report test.
    #[arg(long, value_enum, default_value = "test")]
    stage: Stage,
    /// The users whose figures are shown: one fold is never tuned on.
    #[arg(long, value_enum, default_value = "all")]
    fold: Fold,
    /// How many seeds the learnt figures are means of.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// How many threads work; all processors unless told. The figures do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// Where to write the figures as JSON lines.
    #[arg(long)]
    figures: Option<PathBuf>,
}

impl Evaluate {
    pub(crate) fn run(self) -> Done {
        let Self { folder, generated, quick, stage, fold, seeds, threads, figures } = self;
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
        // `cargo xtask evaluate` says what was typed; by itself this command knows.
        let command = env::var("PRIVET_COMMAND").unwrap_or_else(|_| {
            let typed: Vec<String> = env::args().skip(1).collect();
            format!("privet {}", typed.join(" "))
        });
        let options = Options { folder, generated, quick, stage, fold, seeds, threads, figures, command };
        privet_lab::run(&options, &mut Screen)
    }
}
