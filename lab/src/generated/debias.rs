//! How much of the gain of unbiased clicks is kept when clicks depend on the position.

use super::world::{Examination, WORLDS, World, time_s};
use crate::{
    learner::{Learner, Make, Moment, Switches},
    measures::Measures,
    parallel,
};

/// How many slates each user is asked for after training, and how long each is.
const PROBES: u64 = 10;
const PROBE_LENGTH: usize = 20;

/// Mean NDCG@10 on known relevance, and what of the unbiased gain each way of training keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Debias {
    /// The server's order.
    pub(crate) server: f64,
    /// Trained on clicks where every item was examined, where that was asked for.
    pub(crate) all: Option<f64>,
    /// Trained on clicks where as many items were examined as by rank, but evenly.
    pub(crate) even: f64,
    /// Trained on clicks that depend on the position, which is weighed out.
    pub(crate) debiased: f64,
    /// The same clicks taken as they are.
    pub(crate) naive: f64,
}

impl Debias {
    /// What of the gain on evenly examined slates is left: 1 is all of it.
    pub(crate) fn kept(&self, ndcg10: f64) -> f64 {
        (ndcg10 - self.server) / (self.even - self.server)
    }
}

/// Trains a model three times in the same world, and a fourth time where all there is to see is asked for, too.
pub(crate) fn debias(make: Make, seed: u64, threads: usize, all: bool) -> Debias {
    let world = World::new(WORLDS.debias, seed);
    let trained = |examination, debias| {
        let train: Vec<Vec<Moment>> = parallel::map(world.parameters.users, threads, |user| {
            (0..world.parameters.events).map(|event| world.moment(user, event, examination)).collect()
        });
        let mut learner = make(Switches { debias, ..Switches::default() });
        learner.fit_shared(&world.catalogue, &train, seed);
        ndcg10(&world, threads, |user| Some((&*learner, &train[user][..])))
    };
    Debias {
        server: ndcg10(&world, threads, |_| None),
        all: all.then(|| trained(Examination::All, true)),
        even: trained(Examination::Evenly, true),
        debiased: trained(Examination::ByRank, true),
        naive: trained(Examination::ByRank, false),
    }
}

/// Of the devices that a model makes of the users' moments; of the server's order where there is no model.
fn ndcg10<'a>(
    world: &World,
    threads: usize,
    model: impl Fn(usize) -> Option<(&'a dyn Learner, &'a [Moment])> + Sync,
) -> f64 {
    let events = world.parameters.events;
    let of_users = parallel::map(world.parameters.users, threads, |user| {
        let mut device = model(user).map(|(learner, moments)| {
            let mut device = learner.device(&world.catalogue);
            moments.iter().for_each(|moment| device.observe(moment));
            device
        });
        let of_probe = |nth| {
            let (candidates, good) = world.probe(user, events, nth, PROBE_LENGTH);
            let scores = match &mut device {
                Some(device) => device.score(time_s(events), &candidates),
                None => candidates.iter().map(|candidate| candidate.server).collect(),
            };
            Measures::of(&good, &scores).ndcg10
        };
        (0..PROBES).map(of_probe).sum::<f64>() / PROBES as f64
    });
    of_users.iter().sum::<f64>() / of_users.len() as f64
}
