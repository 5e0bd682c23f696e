//! How soon a model follows a user whose interests change.

use super::world::{Examination, WORLDS, World, time_s};
use crate::{
    learner::{Make, Moment, Switches},
    measures::Measures,
    parallel,
};

/// The old quality is the mean over so many events before the switch; the new one over so many after each event.
const BEFORE: usize = 20;
const SMOOTHED: usize = 5;
const PROBE_LENGTH: usize = 20;
/// The part of the old NDCG that has to be back.
const BACK: f64 = 0.9;

/// Mean NDCG@10 over users around the switch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drift {
    /// Just before.
    pub(crate) before: f64,
    /// Of the first slate after, before anything could be learnt.
    pub(crate) at_switch: f64,
    /// Once the run ends.
    pub(crate) end: f64,
    /// How many events later [`BACK`] of the old NDCG is back; none within the run.
    pub(crate) events_to_90: Option<usize>,
}

/// Runs all users through the switch.
pub(crate) fn drift(make: Make, switches: Switches, seed: u64, threads: usize) -> Drift {
    let world = World::new(WORLDS.drift, seed);
    let parameters = world.parameters;
    let train: Vec<Vec<Moment>> = parallel::map(parameters.users, threads, |user| {
        (0..parameters.events).map(|event| world.moment(user, event, Examination::ByRank)).collect()
    });
    // The shared head is from the time before: what comes after the switch is for the devices to learn.
    let before: Vec<Vec<Moment>> = train.iter().map(|moments| moments[..parameters.switch].to_vec()).collect();
    let mut learner = make(switches);
    learner.fit_shared(&world.catalogue, &before, seed);
    let of_users = parallel::map(parameters.users, threads, |user| {
        let mut device = learner.device(&world.catalogue);
        let mut of_events = Vec::new();
        for (event, moment) in train[user].iter().enumerate() {
            if event + BEFORE >= parameters.switch {
                let (candidates, good) = world.probe(user, event, 0, PROBE_LENGTH);
                of_events.push(Measures::of(&good, &device.score(time_s(event), &candidates)).ndcg10);
            }
            device.observe(moment);
        }
        of_events
    });
    let mean = |event: usize| of_users.iter().map(|of_events| of_events[event]).sum::<f64>() / of_users.len() as f64;
    course(&(0..of_users[0].len()).map(mean).collect::<Vec<_>>())
}

/// Reads the means by event, of which the first [`BEFORE`] are before the switch.
fn course(means: &[f64]) -> Drift {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (before, after) = means.split_at(BEFORE);
    let before = mean(before);
    let back = after.windows(SMOOTHED).position(|part| mean(part) >= BACK * before);
    Drift { before, at_switch: after[0], end: mean(&after[after.len() - SMOOTHED..]), events_to_90: back }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_return_is_counted_from_the_switch() {
        let mut means = vec![0.8; BEFORE];
        means.extend([0.4; 10]);
        means.extend([0.75; 10]);
        let found = course(&means);
        assert!((found.before - 0.8).abs() < 1e-12 && (found.end - 0.75).abs() < 1e-12);
        // Five means of which one is still 0.4 make 0.68; with none they are above 0.72.
        assert_eq!((found.at_switch, found.events_to_90), (0.4, Some(10)));
        assert_eq!(course(&means[..BEFORE + 10]).events_to_90, None);
    }
}
