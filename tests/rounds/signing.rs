//! When rounds begin and end: what a helper signs of it, and whose clock counts.

use std::sync::atomic::Ordering;

use privet::{Agreed, Batch, Closing, Forward, Mode, Round, Upload};
use privet_server::{
    Ask, Refusal,
    store::{HeadStore, RoundStore, State, StoredHead},
};

use super::pair::{NOW_S, Pair, contribution, problem};

const DAY_S: u64 = 24 * 60 * 60;

fn ask(pair: &Pair, ask: Ask, body: &[u8]) -> privet::Result<Vec<u8>> {
    let helper = pair.helper.as_ref().expect("there is one");
    pair.runtime.block_on(helper.answer(ask, body))
}

fn signed(pair: &Pair, round: &Round) -> Result<(), &'static str> {
    ask(pair, Ask::Round, &round.encode()).map(drop).map_err(|error| error.code())
}

fn uploads(pair: &Pair, round: u32, count: u8) {
    for n in 1..=count {
        assert_eq!(pair.upload(round, [n; 16], &contribution(&mut pair.device(), [n; 16])).status, 201);
    }
}

#[test]
fn a_deadline_is_in_the_future_and_no_later_than_the_task_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let (next, most) = (Round { number: 2, ..pair.round() }, NOW_S + pair.task.round_s + 60);
    for deadline_s in [1, NOW_S, most + 1, NOW_S + 3650 * DAY_S, 1 << 63, u64::MAX] {
        assert_eq!(signed(&pair, &Round { deadline_s, ..next.clone() }), Err("round-refused"), "{deadline_s}");
    }
    assert_eq!(signed(&pair, &Round { deadline_s: most, ..next }), Ok(()));
    pair.stop();
}

#[test]
fn a_number_is_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let round = pair.round();
    for number in [3, 4_294_967_295] {
        assert_eq!(signed(&pair, &Round { number, ..round.clone() }), Err("round-refused"), "{number}");
    }
    assert_eq!(signed(&pair, &Round { number: 2, ..round.clone() }), Ok(()), "nothing was used up");
    pair.stop();
}

/// Else the numbers of a leader that was refused once would have a gap for ever.
#[test]
fn a_draft_that_is_refused_keeps_no_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let (store, first) = (pair.leader.store(), pair.round().head);
    let known = pair.runtime.block_on(store.head("demo", first)).expect("it answers").expect("it is there");
    let unknown = StoredHead { hash: [9; 32], previous: first, ..known };
    pair.runtime.block_on(store.put_head(&unknown)).expect("it answers");
    pair.runtime.block_on(pair.leader.promote("demo", [9; 32], false)).expect("nothing was uploaded");
    for _ in 0..3 {
        assert_eq!(pair.advance_round(), Err(Refusal::HelperRefused { code: "head-stale".into() }.into()));
    }
    pair.runtime.block_on(pair.leader.promote("demo", first, false)).expect("nothing is open");
    pair.advance_round().expect("the helper knows this head");
    assert_eq!((pair.round().number, pair.round().head), (2, first));
    pair.stop();
}

/// The helper signed what the leader's store never heard of: an answer that came after the draft was given up.
#[test]
fn a_leader_goes_on_from_the_last_number_that_the_helper_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    assert_eq!(signed(&pair, &Round { number: 2, deadline_s: NOW_S + 90, ..pair.round() }), Ok(()));
    pair.turn_at(NOW_S + pair.task.round_s).expect("round 1 ends, and had no uploads");
    assert_eq!(pair.round().number, 3);
    pair.stop();
}

#[test]
fn a_leader_whose_clock_is_wrong_ends_no_round_and_takes_no_upload() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    uploads(&pair, 1, 2);
    for by_s in [61, 30 * DAY_S] {
        let wrong_s = NOW_S + by_s;
        pair.leader_s.store(wrong_s, Ordering::Relaxed);
        let advanced = pair.runtime.block_on(pair.leader.advance_round("demo", wrong_s));
        assert_eq!(
            advanced,
            if by_s > pair.task.round_s { Err(Refusal::ClocksDiffer { by_s }.into()) } else { Ok(()) }
        );
        let third = contribution(&mut pair.device(), [3; 16]);
        let refused = pair.upload(1, [3; 16], &third);
        assert_eq!((refused.problem(), &refused.json()["advice"]), (problem(503, "clocks-differ"), &"retry".into()));
    }
    let figures = pair.figures();
    assert!(figures.contains("privet_alarms_total{task=\"demo\",what=\"clocks-differ\"} 1\n"), "{figures}");
    pair.leader_s.store(NOW_S + 60, Ordering::Relaxed);
    assert_eq!(pair.upload(1, [3; 16], &contribution(&mut pair.device(), [3; 16])).count(), (201, 3));
    pair.advance_round().expect("the goal is reached");
    assert_eq!(
        (pair.round().number, pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"].as_u64()),
        (2, Some(3))
    );
    pair.stop();
}

#[test]
fn a_full_round_stays_open_for_its_least_time_and_the_helper_holds_a_leader_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| task.least_round_s = 3600);
    uploads(&pair, 1, 3);
    pair.turn_at(NOW_S + 3599).expect("nothing is due");
    assert_eq!(pair.round().number, 1);
    // A leader that does not wait.
    let batch = Batch::new(pair.round().hash(), 1, (1..=3).map(|n| [n; 16]).collect());
    ask(&pair, Ask::Batch, &batch.encode()).expect("three of three");
    let agreed = Agreed { number: 1, count: 3, digest: batch.digest() };
    let closing = Closing::new(pair.round().hash(), vec![agreed]).encode();
    pair.helper_s.store(NOW_S + 3000, Ordering::Relaxed);
    assert_eq!(ask(&pair, Ask::Closing, &closing), Err(Refusal::RoundEarly { wait_s: 540 }.into()));
    pair.turn_at(NOW_S + 3600).expect("it is time");
    assert_eq!(pair.round().number, 2);
    pair.stop();
}

/// The helper ended the round; whatever the reason, what was acknowledged is still there.
#[test]
fn a_refusal_at_closing_loses_nothing_until_the_operator_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    uploads(&pair, 1, 3);
    let head = pair.round().head;
    assert_eq!(signed(&pair, &Round { number: 2, ..pair.round() }), Ok(()));
    for _ in 0..2 {
        assert_eq!(pair.advance_round(), Err(Refusal::HelperRefused { code: "round-closed".into() }.into()));
    }
    let state = || {
        let stored = pair.runtime.block_on(pair.leader.store().numbered("demo", 1));
        stored.expect("it answers").expect("it was begun").state
    };
    assert_eq!(state(), State::Closing);
    assert_eq!(pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"], 3);
    let figures = pair.figures();
    assert!(figures.contains("privet_alarms_total{task=\"demo\",what=\"helper-refused\"}"), "{figures}");
    let kept = pair.runtime.block_on(pair.leader.promote("demo", head, false));
    assert_eq!(kept, Err(Refusal::UploadsAtStake { round: 1, uploads: 3 }.into()));
    assert_eq!(state(), State::Closing);
    pair.runtime.block_on(pair.leader.promote("demo", head, true)).expect("the operator said so");
    assert_eq!(state(), State::Ended);
    pair.advance_round().expect("rounds go on");
    assert_eq!((pair.round().number, pair.round().head), (3, head));
    pair.stop();
}

#[test]
fn a_withdrawn_task_stops_its_open_round_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    uploads(&pair, 1, 3);
    let (round, late) = (pair.round(), contribution(&mut pair.device(), [9; 16]));
    let helper = pair.helper.clone().expect("there is one");
    pair.runtime.block_on(helper.store().withdraw(&pair.task.hash())).expect("it answers");
    assert_eq!(pair.upload(1, [9; 16], &late).problem(), problem(403, "task-withdrawn"));
    let sealed = Upload::decode(&late, &round).expect("our own bytes").shares()[1].clone();
    let forward = Forward::new(round.hash(), [([9; 16], &sealed[..])]).expect("its size").encode();
    let batch = Batch::new(round.hash(), 1, (1..=3).map(|n| [n; 16]).collect());
    let agreed = Agreed { number: 1, count: 3, digest: batch.digest() };
    let closing = Closing::new(round.hash(), vec![agreed]).encode();
    for (asked, body) in [(Ask::Shares, &forward), (Ask::Batch, &batch.encode()), (Ask::Closing, &closing)] {
        assert_eq!(ask(&pair, asked, body), Err(Refusal::TaskWithdrawn.into()), "{}", asked.name());
    }
    assert_eq!(pair.advance_round(), Err(Refusal::TaskWithdrawn.into()));
    // The operator thinks better of it: nothing was lost.
    pair.runtime.block_on(super::pair::admit(helper.store(), &pair.task));
    pair.advance_round().expect("nothing is in the way any more");
    assert_eq!(pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"], 3);
    pair.stop();
}

/// The count of a round that closed, two rounds later, and of one that has not begun.
#[test]
fn a_round_says_its_own_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| task.goal = 4);
    for round in 1..=3 {
        uploads(&pair, round, 4);
        pair.advance_round().expect("the goal is reached");
    }
    for (round, count) in [(1, 4), (2, 4), (3, 4), (4, 0)] {
        let said = pair.get(&format!("/v1/tasks/demo/rounds/{round}/aggregate")).json();
        assert_eq!(said["count"], count, "{round}");
    }
    let ahead = pair.get("/v1/tasks/demo/rounds/5/aggregate");
    assert_eq!((ahead.problem(), &ahead.json()["advice"]), (problem(404, "round-unknown"), &"refetch".into()));
    pair.stop();
}
