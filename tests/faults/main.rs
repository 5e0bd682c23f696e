//! Rounds under faults: lists of steps, made at random and shrunk by proptest, with the same promises after each list.
//!
//! An acknowledged upload is in exactly one aggregate, or its round ended with fewer than the least cohort; no sum is
//! given over two lists; every head is what a plain recomputation makes of the uploads in it; and when nothing is in
//! the way any more, rounds advance again.

mod residual;
mod world;

use proptest::prelude::*;
use world::{Step, World};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Train),
        3 => any::<u8>().prop_map(Step::Replay),
        4 => Just(Step::Advance),
        2 => Just(Step::DropRequest),
        2 => Just(Step::DropReply),
        1 => Just(Step::Twice),
        1 => Just(Step::Overlap),
        1 => Just(Step::Delay),
        1 => Just(Step::Deliver),
        2 => (0u16..4000).prop_map(Step::CrashLeader),
        1 => Just(Step::CrashHelper),
        1 => Just(Step::StartHelper),
        1 => (-2i8..=2).prop_map(Step::Jump),
        1 => (-2i8..=2).prop_map(Step::Drift),
        1 => Just(Step::LeaderStoreGone),
        1 => Just(Step::HelperStoreGone),
        1 => Just(Step::StoresBack),
    ]
}

fn run(steps: &[Step]) {
    let mut world = World::new();
    steps.iter().for_each(|&step| world.take(step));
    world.end();
}

/// How many lists: as many as `PROPTEST_CASES` says, 10,000 in the long form, else 300.
fn cases() -> u32 {
    let told = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    told.unwrap_or(if std::env::var_os("PRIVET_LONG").is_some() { 10_000 } else { 300 })
}

proptest! {
    // proptest prints the shortest list that fails, and the seed.
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_acknowledged_upload_is_lost_or_counted_twice(steps in prop::collection::vec(step(), 1..24)) {
        run(&steps);
    }
}

#[test]
fn three_uploads_and_no_fault_make_a_head() {
    let mut world = World::new();
    [Step::Train, Step::Train, Step::Train, Step::Advance].into_iter().for_each(|step| world.take(step));
    assert_eq!(world.closed(), [1]);
    world.end();
}

#[test]
fn a_reply_lost_at_every_place_of_a_closing() {
    use Step::{Advance, DropReply, Train};
    for lost in 0..6 {
        // The first `lost` requests of the step go through; a step without a fault takes each of them first.
        let mut world = World::new();
        [Train, Train, Train].into_iter().for_each(|step| world.take(step));
        world.pass(lost);
        [DropReply, Advance, Advance, Advance].into_iter().for_each(|step| world.take(step));
        world.end();
        assert!(world.closed().contains(&1), "the sum that was given is used, {lost}");
    }
}

/// The first time a helper is asked to agree on a batch it is slow, and it is asked again meanwhile.
#[test]
fn a_request_that_overtakes_its_own_first_time_loses_nothing() {
    use Step::{Advance, Overlap, Train};
    for before in 0..6 {
        let mut world = World::new();
        // The shares overlap as well: by then the helper's store has as many readers as it takes.
        [Overlap, Train, Overlap, Train, Overlap, Train].into_iter().for_each(|step| world.take(step));
        world.pass(before);
        [Overlap, Advance, Advance].into_iter().for_each(|step| world.take(step));
        assert_eq!(world.closed(), [1], "{before}");
        world.end();
    }
}

#[test]
fn a_helper_that_is_down_at_the_closing_loses_nothing() {
    use Step::{Advance, CrashHelper, StartHelper, Train};
    let mut world = World::new();
    [Train, Train, Train, CrashHelper, Advance, Advance, StartHelper, Advance]
        .into_iter()
        .for_each(|step| world.take(step));
    assert_eq!(world.closed(), [1]);
    world.end();
}

#[test]
fn a_share_that_only_the_helper_holds_is_in_no_sum() {
    use Step::{Advance, DropReply, LeaderStoreGone, Replay, StoresBack, Train};
    let mut world = World::new();
    // Held there and not here, never sent again; then another one that is sent again and counts.
    [LeaderStoreGone, Train, StoresBack, DropReply, Train, Replay(1), Train, Train, Advance]
        .into_iter()
        .for_each(|step| world.take(step));
    assert_eq!(world.closed(), [1]);
    world.end();
}
