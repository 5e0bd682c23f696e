//! The tables over a data set.

use std::{io, io::Write};

use super::bootstrap::Interval;
use super::data::Set;
use super::figures::Figures;
use super::fold::Fold;
use super::learner::{Part, Switches};
use super::plain::Plain;
use super::progress::Progress;
use super::protocols::{OF_CHOICES, OF_RATINGS, Protocol, Protocols, Trial};
use super::slates::{Stage, is_ml100k};
use super::table::{Row, Table};
use super::task::{Server, leak};
use super::{MODELS, Options, reference, unwritable};

/// A user with fewer events has a short history.
const SHORT: usize = 32;
const LEAK_ROUNDS: u64 = 100;
const MEMORIES: [usize; 2] = [5, 10];
const PROTOCOLS: [Protocol; 3] = [Protocol::Choices, Protocol::Ratings, Protocol::OverEase];

/// Steps of progress: models by protocol and seed, each user alone by seed, and ablations.
pub(super) fn steps(options: &Options) -> usize {
    let alone = usize::from(!options.quick);
    let models = (3 * options.models().len() + alone) * options.seeds() as usize;
    let ablations =
        if options.quick { 0 } else { PROTOCOLS.len() * Part::ALL.len() * options.ablation_seeds() as usize };
    1 + models + ablations
}

pub(super) fn run(
    set: &Set,
    options: &Options,
    progress: &Progress,
    figures: &mut Figures,
    out: &mut dyn Write,
) -> Result<(), String> {
    let protocols = Protocols::new(set, options.stage, options.fold, options.seeds(), options.threads);
    if protocols.split(Protocol::Choices).slates.iter().flatten().next().is_none() {
        return Err("no user has three events and 99 items left to draw from".to_owned());
    }
    let ease = protocols.ease();
    let mut choices = protocols.baselines_of_choices(&ease);
    let mut ratings = protocols.baselines_of_ratings();
    let leaked = Row {
        name: "leak: minus the draws as negative".into(),
        seeds: vec![leak(set, protocols.split(Protocol::Choices), LEAK_ROUNDS)],
    };
    progress.done(1, "baselines");
    let silent = Server::silent();
    let over_ease = protocols.ease_as_server(&ease);
    let seeds = options.seeds();
    let mut first = Vec::new();
    let ease_row = choices.iter().find(|row| row.name == "EASE").expect("it is one of the baselines");
    let mut over = vec![ease_row.clone()];
    for (place, (name, make)) in options.models().iter().enumerate() {
        let complete = || make(Switches::default());
        let named = format!("EASE + {name}");
        let trial = |protocol| Trial { protocol, name, server: &silent, memories: &[], seeds };
        let of_choices = Trial { memories: &MEMORIES, ..trial(Protocol::Choices) };
        let found = protocols.model(&of_choices, complete, progress);
        let rated = protocols.model(&trial(Protocol::Ratings), complete, progress);
        let over_it = Trial { name: &named, server: &over_ease, ..trial(Protocol::OverEase) };
        let both = protocols.model(&over_it, complete, progress);
        if place == 0 {
            first = vec![found.clone(), rated.clone(), both.clone()];
        }
        choices.extend(found);
        ratings.extend(rated);
        over.extend(both);
    }
    if !options.quick {
        let alone = || Plain::alone(Switches::default());
        let name = "plain: each user alone";
        let trial = Trial { protocol: Protocol::Ratings, name, server: &silent, memories: &[], seeds };
        let rows = protocols.model(&trial, alone, progress);
        ratings.extend(rows.into_iter().nth(1).map(|row| Row { name: name.into(), ..row }));
    }
    choices.push(leaked);

    let compared = is_ml100k(set) && options.fold == Fold::All && options.stage == Stage::Test;
    let of = |reference: &'static [(&'static str, &'static [f64])]| if compared { reference } else { &[] };
    let tables = [
        ("leave one out among 99", OF_CHOICES, &choices, of(reference::CHOICES)),
        ("the last fifth, rated", OF_RATINGS, &ratings, of(reference::RATINGS)),
        ("leave one out, over a personal server score", OF_CHOICES, &over, of(reference::CHOICES)),
    ];
    for (title, columns, rows, reference) in tables {
        writeln!(out, "{}", Table { title, columns, rows, reference }).map_err(unwritable)?;
    }
    gains(set, &first, &over[0], choices.last().expect("it was pushed"), figures, out).map_err(unwritable)?;
    if !options.quick {
        ablations(&protocols, &first, options, &over_ease, progress, out).map_err(unwritable)?;
    }
    Ok(())
}

/// What the first model gains, user by user, and the figures that are kept.
fn gains(
    set: &Set,
    first: &[Vec<Row>],
    ease: &Row,
    leaked: &Row,
    figures: &mut Figures,
    out: &mut dyn Write,
) -> io::Result<()> {
    let [choices, ratings, over] = first else { unreachable!("there are three protocols") };
    let is_short = |user: usize| set.users[user].events.len() < SHORT;
    let all = |_: usize| true;
    writeln!(out, "gains over the shared head alone, paired by user, with 95% intervals")?;
    let mut line = |what: &str, gain: Option<Interval>| -> io::Result<Interval> {
        let gain = gain.unwrap_or(Interval { mean: 0.0, low: 0.0, high: 0.0 });
        writeln!(out, "{what:<58} {:+.4} [{:+.4}, {:+.4}]", gain.mean, gain.low, gain.high)?;
        Ok(gain)
    };
    let hr10 = line("leave one out: HR@10", choices[1].gain_over(&choices[0], |m| m.hr10, all))?;
    line("leave one out: NDCG@10", choices[1].gain_over(&choices[0], |m| m.ndcg10, all))?;
    let ndcg10 = line("the last fifth: NDCG@10", ratings[1].gain_over(&ratings[0], |m| m.ndcg10, all))?;
    line("the last fifth: AUC", ratings[1].gain_over(&ratings[0], |m| m.auc, all))?;
    let short = line(
        &format!("the last fifth: AUC, users with under {SHORT} events"),
        ratings[1].gain_over(&ratings[0], |m| m.auc, is_short),
    )?;
    let auc = line("over EASE's own order: AUC", over[1].gain_over(ease, |m| m.auc, all))?;
    line("over EASE's own order: HR@10", over[1].gain_over(ease, |m| m.hr10, all))?;
    writeln!(out)?;
    let users = choices[1].users();
    figures.add("loo99_hr10", choices[1].figure(|m| m.hr10).0, "part", users);
    figures.add("loo99_ndcg10", choices[1].figure(|m| m.ndcg10).0, "part", users);
    figures.add("loo99_gain_hr10", hr10.mean, "part", users);
    figures.add("loo99_hr10_k5", choices[2].figure(|m| m.hr10).0, "part", users);
    figures.add("loo99_hr10_k10", choices[3].figure(|m| m.hr10).0, "part", users);
    figures.add("exp20_gain_ndcg10", ndcg10.mean, "part", ratings[1].users());
    figures.add("exp20_gain_ndcg10_low", ndcg10.low, "part", ratings[1].users());
    let of_short = ratings[1].seeds[0].iter().enumerate().filter(|&(user, found)| found.is_some() && is_short(user));
    figures.add("exp20_short_auc_low", short.low, "part", of_short.count());
    figures.add("ease_auc_gain", auc.mean, "part", users);
    figures.add("leak_hr10", leaked.figure(|m| m.hr10).0, "part", users);
    Ok(())
}

/// The first model with one part left out after the other, over all protocols.
fn ablations(
    protocols: &Protocols<'_>,
    first: &[Vec<Row>],
    options: &Options,
    over_ease: &Server<'_>,
    progress: &Progress,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (name, make) = MODELS[0];
    let seeds = options.ablation_seeds();
    let silent = Server::silent();
    for (protocol, complete) in PROTOCOLS.into_iter().zip(first) {
        let server = if protocol == Protocol::OverEase { over_ease } else { &silent };
        let columns = if protocol == Protocol::Ratings { OF_RATINGS } else { OF_CHOICES };
        let complete = complete[1].seeds[..seeds as usize].to_vec();
        let mut rows = vec![Row { name: format!("{name}, complete"), seeds: complete }];
        for (part, words) in Part::ALL {
            let make = || make(Switches { without: Some(part), ..Switches::default() });
            let name = format!("{name}, {words}");
            let trial = Trial { protocol, name: &name, server, memories: &[], seeds };
            let found = protocols.model(&trial, make, progress);
            rows.extend(found.into_iter().nth(1).map(|row| Row { name, ..row }));
        }
        let title = match protocol {
            Protocol::Choices => "left out, leave one out among 99",
            Protocol::Ratings => "left out, the last fifth",
            Protocol::OverEase => "left out, over a personal server score",
        };
        writeln!(out, "{}", Table { title, columns, rows: &rows, reference: &[] })?;
        for row in &rows[1..] {
            write!(out, "{:<38}", format!("{}: what is lost", row.name))?;
            for (figure, read) in columns {
                if let Some(gain) = rows[0].gain_over(row, *read, |_| true) {
                    write!(out, "   {figure} {:+.4} [{:+.4}, {:+.4}]", gain.mean, gain.low, gain.high)?;
                }
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
