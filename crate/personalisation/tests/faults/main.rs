//! A device that remembers, through random lists of what can happen between any two effects: tabs that lead one after the
//! other, crashes, power that fails, full stores, leaders that are silent, new heads, users who change their minds, forget and
//! erase. A seed that fails is printed, and replayed by `PRIVET_SEED`.

mod step;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use privet_base::Draws;
use privet_effects::Refusal;
use privet_testkit::seeds;
use step::{Asks, Step};
use world::World;

const STEPS: usize = 300;

fn run(seed: u64, came: &mut BTreeMap<String, usize>) {
    let (mut draws, mut world) = (Draws::of(seed), World::new());
    for _ in 0..STEPS {
        let step = Step::drawn(&mut draws);
        world.step(step);
    }
    world.settle();
    // Who comes next finds what was promised.
    world.step(Step::Crash);
    world.settle();
    for (what, times) in world.came {
        *came.entry(what).or_default() += times;
    }
}

#[test]
fn whatever_happens_what_was_answered_is_remembered_once_and_what_was_forgotten_is_not() {
    let mut came = BTreeMap::new();
    let seeds = seeds();
    let lists = seeds.end - seeds.start;
    for seed in seeds {
        let ran = catch_unwind(AssertUnwindSafe(|| run(seed, &mut came)));
        ran.unwrap_or_else(|_| panic!("PRIVET_SEED={seed} plays it again"));
    }
    // A world in which nothing ever happens would pass, too.
    for what in ["record", "shown", "forget", "import", "refresh", "erase", "storage-full", "server-unreachable"] {
        let times = came.get(what).copied().unwrap_or_default();
        assert!(lists < 100 || times > 5, "{what} came up {times} times: {came:?}");
    }
}

/// A device that agreed and has recorded something.
fn recorded() -> World {
    let mut world = World::new();
    for asks in [Asks::Consent(true, false), Asks::Record(1), Asks::Record(2)] {
        world.step(Step::Ask(asks));
        world.settle();
    }
    world
}

#[test]
fn nothing_is_stored_of_somebody_who_has_not_agreed() {
    let mut world = World::new();
    for asks in [Asks::Record(1), Asks::Rerank, Asks::Shown, Asks::Keep, Asks::Refresh, Asks::Consent(false, true)] {
        world.step(Step::Ask(asks));
        world.settle();
    }
    assert_eq!(world.keys(), ["ledger", "task/settings"]);
}

#[test]
fn a_snapshot_takes_the_place_of_lines_before_they_are_many() {
    let mut world = recorded();
    let mut most = 0;
    for _ in 0..140 {
        world.step(Step::Ask(Asks::Record(1)));
        world.settle();
        most = most.max(world.keys().iter().filter(|key| key.contains("/line/")).count());
    }
    assert_eq!(most, 128);
    world.step(Step::Crash);
    world.settle();
    assert_eq!(world.remembered(), 142);
}

#[test]
fn a_call_that_the_store_refused_is_stored_before_it_is_answered_the_next_time() {
    let mut world = recorded();
    world.step(Step::Full);
    world.step(Step::Ask(Asks::Record(3)));
    world.settle_without_mending();
    assert_eq!(world.came.get("storage-full"), Some(&1));
    world.step(Step::Full);
    world.step(Step::Again);
    world.settle_without_mending();
    assert_eq!(world.came.get("storage-full"), Some(&2), "it was not stored, and nobody says that it was");
    world.step(Step::Again);
    world.settle();
    world.step(Step::Crash);
    world.settle();
    assert_eq!(world.remembered(), 3);
}

#[test]
fn a_profile_that_cannot_be_read_is_left_as_it_is_until_another_is_taken_over() {
    let mut world = recorded();
    let exported = world.export();
    let line = world.keys().into_iter().find(|key| key.contains("/line/")).expect("two were recorded");
    world.overwrite(&line, b"not a line");
    world.step(Step::Crash);
    world.settle();
    assert_eq!((world.damaged().as_deref(), world.remembered()), (Some("state-damaged"), 0));
    let before = world.stored();
    world.step(Step::Ask(Asks::Record(3)));
    world.settle();
    assert_eq!(world.stored(), before, "nothing is written over it");
    world.step(Step::Ask(Asks::Import(exported)));
    world.settle();
    world.step(Step::Crash);
    world.settle();
    assert_eq!((world.damaged(), world.remembered()), (None, 2), "no line of the damaged one came back with it");
}

#[test]
fn an_erasure_whose_other_half_fails_is_made_up_for_later() {
    let mut world = recorded();
    world.gives_up = Err(Refusal::new("server-unreachable", "the module could not be loaded"));
    world.step(Step::Ask(Asks::Erase));
    world.settle();
    assert_eq!(world.keys(), ["ledger", "task/settings"]);
    world.step(Step::Crash);
    world.settle();
    assert!(world.owes_giving_up());
    world.step(Step::Ask(Asks::GivenUp));
    world.settle();
    world.step(Step::LosePower);
    world.settle();
    assert!(!world.owes_giving_up());
}

#[test]
fn where_nobody_answers_it_ranks_by_what_was_published_last() {
    let mut world = recorded();
    let before = world.ranks_by();
    world.step(Step::NextRound);
    world.step(Step::Silent(true));
    world.step(Step::Crash);
    world.settle();
    assert_eq!((world.ranks_by(), world.remembered()), (before.clone(), 2));
    world.step(Step::Silent(false));
    world.step(Step::Ask(Asks::Refresh));
    world.settle();
    assert_ne!(world.ranks_by(), before);
    assert_eq!(world.remembered(), 2, "the profile is learnt anew under the next head");
}

#[test]
fn while_the_device_is_lent_to_the_other_half_no_other_head_is_put_in() {
    let mut world = recorded();
    let before = world.ranks_by();
    world.step(Step::NextRound);
    world.step(Step::Ask(Asks::Refresh));
    world.lend(true);
    while world.tells() {}
    assert_eq!(world.ranks_by(), before);
    world.lend(false);
    world.settle();
    assert_ne!(world.ranks_by(), before);
}
