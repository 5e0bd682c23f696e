//! `privet evaluate`: how well models rank, on a data set and in a generated world, beside plain recommenders. `privet audit`
//! ([`audit`]): whether the noise is there.
//!
//! `data` is cut by `slates` and made ready by `task`; a `learner` is trained on it and `measures` say what its order is
//! worth.

pub mod audit;
mod baseline;
mod bootstrap;
mod catalogue;
mod data;
mod figures;
mod fold;
mod generated;
mod learner;
mod measures;
mod parallel;
mod plain;
mod privet;
mod progress;
mod protocols;
mod real;
mod reference;
mod shape;
mod slates;
mod splitmix;
mod table;
mod task;

use std::{io, io::Write, path::PathBuf};

pub use fold::Fold;
pub use shape::write as write_small_set;
pub use slates::Stage;

use self::privet::Privet;
use figures::Figures;
use learner::Make;
use plain::Plain;
use progress::Progress;

/// The models that are evaluated; the figures are the first one's.
const MODELS: &[(&str, Make)] = &[("privet", Privet::make), ("plain", Plain::make)];

/// How many seeds the learnt figures are means of, unless told.
pub const SEEDS: u64 = 10;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder with a data set.
    pub folder: Option<PathBuf>,
    /// Whether to run in the generated worlds.
    pub generated: bool,
    /// One seed of the first model, and no ablations.
    pub quick: bool,
    /// Measured on these events.
    pub stage: Stage,
    /// Measured on these users.
    pub fold: Fold,
    /// How many seeds the learnt figures are means of.
    pub seeds: u64,
    /// How many threads work. The figures do not depend on it.
    pub threads: usize,
    /// Where the figures are written as JSON lines.
    pub figures: Option<PathBuf>,
    /// The command that prints them again, as it was typed.
    pub command: String,
}

impl Options {
    fn models(&self) -> &'static [(&'static str, Make)] {
        if self.quick { &MODELS[..1] } else { MODELS }
    }

    fn seeds(&self) -> u64 {
        if self.quick { 1 } else { self.seeds.max(1) }
    }

    /// What a part is worth is little: it takes more seeds to see it than there is time for at twice that.
    fn ablation_seeds(&self) -> u64 {
        self.seeds().min(4)
    }

    /// In the generated worlds a seed takes long: what no figure is of has two.
    fn generated_seeds(&self, place: usize) -> u64 {
        if place == 0 { self.seeds() } else { self.seeds().min(2) }
    }
}

/// Evaluates, and writes tables.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<(), String> {
    if options.folder.is_none() && !options.generated {
        return Err("nothing to evaluate: name a folder, or ask for --generated".to_owned());
    }
    let real = options.folder.as_deref().map(|folder| data::Set::read(folder).map_err(|refusal| refusal.to_string()));
    let real = real.transpose()?;
    let steps = real.as_ref().map_or(0, |_| real::steps(options))
        + if options.generated { generated::steps(options) } else { 0 };
    let progress = Progress::new(steps);
    let mut figures = Figures::new(options.command.clone());
    if let Some(set) = &real {
        slates::check(set)?;
        real::run(set, options, &progress, &mut figures, out)?;
    }
    if options.generated {
        generated::run(options, &progress, &mut figures, out).map_err(unwritable)?;
    }
    let took = if options.quick { "evaluate_quick_s" } else { "evaluate_s" };
    figures.add(took, progress.spent_s(), "s", options.threads);
    options.figures.as_deref().map_or(Ok(()), |file| figures.write(file))
}

fn unwritable(error: io::Error) -> String {
    format!("the table cannot be written: {error}")
}
