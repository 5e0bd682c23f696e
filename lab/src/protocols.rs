//! The protocols over real data: leave one out among 99, the last fifth, and a server that is personal already.

use std::collections::BTreeMap;

use super::baseline::{Als, Score, als, biased_mf, ease, ease_beforehand, item_knn, item_mean, popularity};
use super::data::Set;
use super::fold::Fold;
use super::learner::Learner;
use super::parallel;
use super::progress::Progress;
use super::slates::{Slate, Split, Stage, last_fifth, leave_one_out};
use super::splitmix::SplitMix64;
use super::table::{Read, Row};
use super::task::{PerUser, Server, Task, measured};

const KNN_NEIGHBOURS: usize = 20;
const KNN_SHRINK: f64 = 10.0;
const EASE_RIDGE: f64 = 200.0;
const BEST_ALS: Als = Als { factors: 32, weight: 2.0, ridge: 20.0 };
const MF_FACTORS: usize = 16;
const MF_RIDGE: f64 = 10.0;
const MEAN_SHRUNK_BY: f64 = 10.0;

/// What choices are shown by.
pub(crate) const OF_CHOICES: &[(&str, Read)] =
    &[("HR@10", |m| m.hr10), ("NDCG@10", |m| m.ndcg10), ("AUC", |m| m.auc), ("MRR", |m| m.mrr)];
/// What ratings are shown by.
pub(crate) const OF_RATINGS: &[(&str, Read)] = &[("P@1", |m| m.p1), ("NDCG@10", |m| m.ndcg10), ("AUC", |m| m.auc)];

/// Data cut for the protocols, and how a run goes over it.
pub(crate) struct Protocols<'a> {
    set: &'a Set,
    choices: Split,
    ratings: Split,
    seeds: u64,
    threads: usize,
}

/// One model on one protocol.
pub(crate) struct Trial<'a> {
    /// Over what.
    pub(crate) protocol: Protocol,
    /// What its rows are called.
    pub(crate) name: &'a str,
    /// What the server says.
    pub(crate) server: &'a Server<'a>,
    /// Devices are also measured with no more than so many events.
    pub(crate) memories: &'a [usize],
    /// From 1 to this.
    pub(crate) seeds: u64,
}

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Leave one out among 99.
    Choices,
    /// The last fifth, rated.
    Ratings,
    /// Leave one out again, where the server's score is EASE's.
    OverEase,
}

impl<'a> Protocols<'a> {
    /// Cuts a set.
    pub(crate) fn new(set: &'a Set, stage: Stage, fold: Fold, seeds: u64, threads: usize) -> Self {
        let only = |split: Split| {
            let of_fold = |(user, slate): (usize, Option<Slate>)| slate.filter(|_| fold.has(&set.users[user].id));
            Split { slates: split.slates.into_iter().enumerate().map(of_fold).collect(), ..split }
        };
        Self { set, choices: only(leave_one_out(set, stage)), ratings: only(last_fifth(set, stage)), seeds, threads }
    }

    /// The events and slates of a protocol.
    pub(crate) fn split(&self, protocol: Protocol) -> &Split {
        match protocol {
            Protocol::Ratings => &self.ratings,
            Protocol::Choices | Protocol::OverEase => &self.choices,
        }
    }

    /// EASE on the choices.
    pub(crate) fn ease(&self) -> Score<'_> {
        ease(&self.choices.train, self.set.items.len(), EASE_RIDGE)
    }

    /// Recommenders over choices.
    pub(crate) fn baselines_of_choices(&self, ease: &Score<'_>) -> Vec<Row> {
        let (train, items) = (&self.choices.train, self.set.items.len());
        let once =
            |name: &str, score: &Score<'_>| Row { name: name.into(), seeds: vec![measured(&self.choices, score)] };
        vec![
            self.random(&self.choices),
            once("popularity", &popularity(train, items)),
            once("item-kNN", &item_knn(train, items, KNN_NEIGHBOURS, KNN_SHRINK)),
            once("EASE", ease),
            self.each_seed("ALS, 32 factors", |seed| {
                measured(&self.choices, &als(train, items, BEST_ALS, seed).score())
            }),
        ]
    }

    /// Recommenders over ratings.
    pub(crate) fn baselines_of_ratings(&self) -> Vec<Row> {
        let (train, items) = (&self.ratings.train, self.set.items.len());
        let mean = measured(&self.ratings, &item_mean(train, items, MEAN_SHRUNK_BY));
        vec![
            self.random(&self.ratings),
            Row { name: "item mean".into(), seeds: vec![mean] },
            self.each_seed("biased MF, 16 factors", |seed| {
                measured(&self.ratings, &biased_mf(train, items, MF_FACTORS, MF_RIDGE, seed).score())
            }),
        ]
    }

    fn random(&self, split: &Split) -> Row {
        self.each_seed("random", |seed| {
            let number = |user: usize, item: usize| (user * self.set.items.len() + item) as u64;
            measured(
                split,
                &(Box::new(move |user, item| SplitMix64::of(seed, number(user, item)).unit() as f32) as Score<'_>),
            )
        })
    }

    fn each_seed(&self, name: &str, of_seed: impl Fn(u64) -> PerUser + Sync) -> Row {
        let seeds = parallel::map(self.seeds as usize, self.threads, |seed| of_seed(1 + seed as u64));
        Row { name: name.into(), seeds }
    }

    /// A model: its shared head alone, its devices, and its devices with no more than each memory.
    pub(crate) fn model(
        &self,
        trial: &Trial<'_>,
        make: impl Fn() -> Box<dyn Learner> + Sync,
        progress: &Progress,
    ) -> Vec<Row> {
        let Trial { protocol, name, server, memories, seeds } = *trial;
        let side_by_side = self.threads.min(seeds as usize).max(1);
        let trials = parallel::map(seeds as usize, side_by_side, |seed| {
            let seed = 1 + seed as u64;
            let split = self.split(protocol);
            let task = match protocol {
                Protocol::Ratings => Task::of_ratings(self.set, split, server, seed),
                Protocol::Choices | Protocol::OverEase => Task::of_choices(self.set, split, server, seed),
            };
            let mut learner = make();
            let threads = self.threads / side_by_side;
            let mut trial = vec![(format!("{name}: shared head"), task.fit(&mut *learner, seed))];
            trial.push((format!("{name}: on the device"), task.on_devices(&*learner, None, threads)));
            for &memory in memories {
                let name = format!("{name}: the last {memory} events only");
                trial.push((name, task.on_devices(&*learner, Some(memory), threads)));
            }
            progress.done(1, &format!("{name}, seed {seed} of {seeds}"));
            trial
        });
        let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
        for (place, (name, users)) in trials.into_iter().flat_map(|trial| trial.into_iter().enumerate()) {
            rows.entry(place).or_insert_with(|| Row { name, seeds: Vec::new() }).seeds.push(users);
        }
        rows.into_values().collect()
    }

    /// EASE's scores as log-odds, which is what a head adds to: one factor, fitted to the training slates.
    pub(crate) fn ease_as_server<'b>(&'b self, ease: &'b Score<'b>) -> Server<'b> {
        let (train, items) = (&self.choices.train, self.set.items.len());
        let raw = Server { then: ease_beforehand(train, items, EASE_RIDGE, self.threads), now: Box::new(ease) };
        let factor = Task::of_choices(self.set, &self.choices, &raw, 1).log_odds_per_score();
        let then = raw.then;
        Server {
            then: Box::new(move |user, item| factor * then(user, item)),
            now: Box::new(move |user, item| factor * ease(user, item)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape;

    #[test]
    fn folds_and_stages_are_different_users_and_events() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        shape::write(folder.path()).expect("it can be written");
        let set = Set::read(folder.path()).expect("it is well-formed");
        let slates = |fold, stage| {
            let protocols = Protocols::new(&set, stage, fold, 1, 1);
            [Protocol::Choices, Protocol::Ratings].map(|protocol| protocols.split(protocol).slates.clone())
        };
        let [tuning, held_out, all] =
            [Fold::Tuning, Fold::HeldOut, Fold::All].map(|fold| slates(fold, Stage::Test)[0].clone());
        assert!(held_out.iter().flatten().count() >= 5);
        for ((tuning, held_out), all) in tuning.iter().zip(&held_out).zip(&all) {
            assert!(tuning.is_some() != held_out.is_some() && tuning.as_ref().or(held_out.as_ref()) == all.as_ref());
        }
        for (test, valid) in slates(Fold::All, Stage::Test).iter().zip(&slates(Fold::All, Stage::Valid)) {
            assert!(test.iter().zip(valid).all(|(test, valid)| test.is_none() || test != valid));
        }
    }
}
