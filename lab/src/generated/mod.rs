//! What cannot be measured on real data, because there nobody knows what was not shown.

mod debias;
mod drift;
mod world;

use std::{io, io::Write};

use super::bootstrap::over_seeds;
use super::figures::Figures;
use super::learner::Switches;
use super::progress::Progress;
use super::{MODELS, Options};
use debias::{Debias, debias};
use drift::{Drift, drift};
use world::WORLDS;

/// Steps of progress: two for position bias, one for the switch, and one more where the first does not notice it.
pub(super) fn steps(options: &Options) -> usize {
    let models = options.models().len();
    let worlds: u64 = (0..models).map(|place| 3 * options.generated_seeds(place)).sum();
    (worlds + if options.quick { 0 } else { options.generated_seeds(models) }) as usize
}

pub(super) fn run(
    options: &Options,
    progress: &Progress,
    figures: &mut Figures,
    out: &mut dyn Write,
) -> io::Result<()> {
    position_bias(options, progress, figures, out)?;
    interest_switch(options, progress, figures, out)
}

fn position_bias(options: &Options, progress: &Progress, figures: &mut Figures, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "generated: slates in the server's order, NDCG@10 on known relevance, {}", told(options))?;
    writeln!(out, "{:<38}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "server", "all seen", "evenly", "debiased", "naive")?;
    for (place, (name, make)) in options.models().iter().enumerate() {
        let (seeds, mut found) = (options.generated_seeds(place), Vec::new());
        for seed in 1..=seeds {
            found.push(debias(*make, seed, options.threads, !options.quick));
            progress.done(2, &format!("{name}, position bias, seed {seed} of {seeds}"));
        }
        let of = |read: fn(&Debias) -> f64| mean(found.iter().map(read));
        write!(out, "{name:<38}")?;
        write!(out, "{:>10.4}", of(|d| d.server))?;
        let all: Option<Vec<f64>> = found.iter().map(|d| d.all).collect();
        let all = all.map_or_else(|| "-".to_owned(), |all| format!("{:.4}", mean(all.into_iter())));
        write!(out, "{all:>10}")?;
        for figure in [of(|d| d.even), of(|d| d.debiased), of(|d| d.naive)] {
            write!(out, "{figure:>10.4}")?;
        }
        let kept = |read: fn(&Debias) -> f64| found.iter().map(|d| d.kept(read(d))).collect::<Vec<f64>>();
        let [(kept, kept_error), (naive, naive_error)] =
            [kept(|d| d.debiased), kept(|d| d.naive)].map(|of| over_seeds(&of));
        writeln!(out, "   kept {kept:.3} ±{kept_error:.3} debiased, {naive:.3} ±{naive_error:.3} naive")?;
        if place == 0 {
            figures.add("debias_kept", kept, "part", seeds as usize);
            figures.add("debias_kept_naive", naive, "part", seeds as usize);
        }
    }
    writeln!(out)
}

fn interest_switch(
    options: &Options,
    progress: &Progress,
    figures: &mut Figures,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "generated: all interests change at event {}, NDCG@10, {}", WORLDS.drift.switch, told(options))?;
    writeln!(out, "{:<38}{:>10}{:>10}{:>12}{:>24}", "", "before", "at once", "at the end", "events to 90%")?;
    let (first, make) = MODELS[0];
    let deaf = (format!("{first}, without notice of drift"), make, Switches { drift: false, ..Switches::default() });
    let complete = options.models().iter().map(|(name, make)| ((*name).to_owned(), *make, Switches::default()));
    for (place, (name, make, switches)) in complete.chain((!options.quick).then_some(deaf)).enumerate() {
        let (seeds, mut found) = (options.generated_seeds(place), Vec::new());
        for seed in 1..=seeds {
            found.push(drift(make, switches, seed, options.threads));
            progress.done(1, &format!("{name}, interest switch, seed {seed} of {seeds}"));
        }
        let of = |read: fn(&Drift) -> f64| mean(found.iter().map(read));
        // What is not back when the run ends counts as the run's length, and is marked.
        let length = (WORLDS.drift.events - WORLDS.drift.switch) as f64;
        let all: Vec<f64> = found.iter().map(|found| found.events_to_90.map_or(length, |n| n as f64)).collect();
        let (events, error) = over_seeds(&all);
        let bound = if found.iter().all(|found| found.events_to_90.is_some()) { "" } else { "more than " };
        write!(out, "{name:<38}{:>10.4}{:>10.4}{:>12.4}", of(|d| d.before), of(|d| d.at_switch), of(|d| d.end))?;
        writeln!(out, "{:>24}", format!("{bound}{events:.1} ±{error:.1}"))?;
        if place == 0 {
            figures.add("drift_events_to_90", events, "events", seeds as usize);
        }
    }
    writeln!(out)
}

fn told(options: &Options) -> String {
    let [first, others] = [0, 1].map(|place| options.generated_seeds(place));
    format!("seeds 1 to {first}, of others than {} to {others}", MODELS[0].0)
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = numbers.len() as f64;
    numbers.sum::<f64>() / n
}
