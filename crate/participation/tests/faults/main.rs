//! A device that contributes, through random lists of what can happen between any two effects: two tabs, crashes, power that
//! fails, lost answers, full stores, clocks that jump, users who change their minds. A seed that fails is printed, and replayed
//! by `PRIVET_SEED`.

mod world;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use privet_base::Draws;
use privet_effects::Advice;
use privet_testkit::seeds;
use world::{Fault, Step, World};

const STEPS: usize = 300;

fn run(seed: u64, codes: &mut BTreeSet<String>) -> usize {
    let (mut draws, mut world) = (Draws::of(seed), World::new());
    for _ in 0..STEPS {
        let step = Step::drawn(&mut draws);
        world.step(step);
    }
    world.step(Step::Server(Fault::None));
    world.settle();
    codes.extend(world.refused.iter().cloned());
    world.receipts
}

#[test]
fn whatever_happens_each_round_is_paid_for_and_contributed_to_once() {
    let (mut receipts, mut codes) = (0, BTreeSet::new());
    let seeds = seeds();
    let lists = seeds.end - seeds.start;
    for seed in seeds {
        let ran = catch_unwind(AssertUnwindSafe(|| run(seed, &mut codes)));
        receipts += ran.unwrap_or_else(|_| panic!("PRIVET_SEED={seed} plays it again"));
    }
    // A world in which nothing ever happens would pass, too.
    assert!(lists < 100 || receipts as u64 > lists / 4, "{receipts} receipts in {lists} lists");
    for code in ["consent-missing", "paused", "round-contributed", "storage-full"] {
        assert!(lists < 100 || codes.contains(code), "{code} never came up: {codes:?}");
    }
}

#[test]
fn what_went_unanswered_goes_out_again_as_it_is_and_a_call_asked_again_is_the_same_one() {
    let mut world = World::new();
    world.settle();
    world.step(Step::Server(Fault::Unanswered));
    world.step(Step::Contribute(0));
    world.settle();
    assert_eq!((world.receipts, world.refused.contains("server-unreachable")), (0, true));
    world.step(Step::Crash(0));
    world.step(Step::Again(1));
    world.settle();
    assert_eq!(world.receipts, 1, "its bytes are the same, or the server's side of the world had noticed");
    world.step(Step::Again(0));
    world.settle();
    assert_eq!((world.receipts, world.refused.contains("round-contributed")), (2, false), "it has its receipt again");
}

#[test]
fn who_takes_back_consent_while_something_waits_to_be_sent_has_it_kept_back() {
    for paused in [false, true] {
        let mut world = World::new();
        // What the clock has made goes first.
        world.step(Step::Contribute(0));
        world.settle();
        world.step(Step::NextRound);
        world.step(Step::Contribute(0));
        world.quiet();
        assert_eq!(world.receipts, 1, "the second waits for a moment that was drawn");
        world.step(Step::Choose { contribute: paused, paused });
        world.settle();
        assert_eq!(world.receipts, 1);
        assert!(world.refused.contains(if paused { "paused" } else { "consent-missing" }), "{:?}", world.refused);
    }
}

#[test]
fn two_tabs_never_write_over_each_other() {
    // A session begins in one tab at each moment of the other's contribution, and what waits is told in either order.
    for (told, latest_first) in (0..60).flat_map(|told| [(told, false), (told, true)]) {
        let mut world = World::new();
        world.step(Step::Contribute(0));
        world.settle();
        world.step(Step::NextRound);
        world.step(Step::Contribute(0));
        (0..told).for_each(|_| world.step(Step::Tell(0)));
        world.step(Step::Crash(1));
        (0..60).for_each(|_| world.tell(latest_first));
        world.settle();
    }
}

#[test]
fn a_refusal_for_good_gives_the_upload_up_and_a_round_is_refused_a_second_time() {
    let mut world = World::new();
    world.settle();
    world.step(Step::Server(Fault::Refuses(Advice::Stop)));
    world.step(Step::Contribute(0));
    world.settle();
    world.step(Step::Contribute(0));
    world.settle();
    assert_eq!(world.receipts, 0);
    assert!(world.refused.contains("round-contributed"), "{:?}", world.refused);
    world.step(Step::NextRound);
    world.step(Step::Contribute(1));
    world.settle();
    assert_eq!(world.receipts, 1);
}
