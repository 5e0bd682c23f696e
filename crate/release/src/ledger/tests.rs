//! What the ledger promises, one promise a test; of its stored form in a file of their own.

mod stored;

use super::*;
use crate::Refusal;
use privet_accounting::Adjacency;
use privet_base::{Error, cbor};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const AT_ONCE: Limits = Limits {
    lifetime: NanoRho(100),
    per_round: NanoRho(u64::MAX),
    alone_per_round: NanoRho(u64::MAX),
    alone: None,
    wait_ms: 0,
    sessions: 0,
    interval_ms: 0,
};
const WIDER: Limits = Limits { lifetime: NanoRho(200), ..AT_ONCE };
/// No round of these tests is over.
const LATE_S: u64 = 10_000_000_000;

fn open(stored: &[u8], limits: Limits) -> Ledger {
    Ledger::open(stored, limits).expect("our own bytes")
}

fn cost(trusted: u64, alone: u64) -> Cost {
    Cost { trusted: NanoRho(trusted), adjacency: Adjacency::Zeroed, alone: NanoRho(alone) }
}

fn spent(zeroed: u64, alone: u64) -> Spent {
    cost(zeroed, alone).into()
}

fn debit(task: &str, round: u32, id: u8, cost: Cost) -> Debit {
    Debit { task: task.into(), round, deadline_s: LATE_S, id: [id; 16], cost }
}

/// What is stored after a step that was taken and persisted.
fn done<T>(ledger: &mut Ledger, step: Result<Step<T>>) -> (Vec<u8>, T) {
    let step = step.expect("nothing is in the way");
    (step.bytes().to_vec(), ledger.persisted(step).expect("it is the next step"))
}

/// A reservation of `cost` for the task "demo", on disk; each id has a round of its own.
fn reserved(ledger: &mut Ledger, stored: &[u8], id: u8, cost: Cost) -> Vec<u8> {
    let step = ledger.reserve(stored, debit("demo", u32::from(id) + 6, id, cost), 0);
    done(ledger, step).0
}

/// A ledger with an upload on its way.
fn with_unsent() -> (Ledger, Vec<u8>) {
    let mut ledger = open(&[], AT_ONCE);
    let stored = reserved(&mut ledger, &[], 1, cost(30, 60));
    let step = ledger.ready(&stored, [1; 16], b"noised");
    let (stored, _) = done(&mut ledger, step);
    (ledger, stored)
}

fn refusal<T>(result: Result<T>) -> Error {
    result.err().expect("it is refused")
}

#[test]
fn the_budget_refuses_with_both_numbers_and_debits_nothing() {
    let mut ledger = open(&[], AT_ONCE);
    let stored = reserved(&mut ledger, &[], 1, cost(60, 600));
    let order = |cost| debit("demo", 8, 2, cost);
    let refused = refusal(ledger.reserve(&stored, order(cost(41, 0)), 0));
    assert_eq!(refused, Refusal::BudgetExhausted { asked: 41, left: 40 }.into());
    assert_eq!((ledger.spent(), ledger.left()), (spent(60, 600), NanoRho(40)));
    assert!(ledger.reserve(&stored, order(cost(u64::MAX, 0)), 0).is_err());
    let stored = reserved(&mut ledger, &stored, 2, cost(40, 400));
    assert_eq!((ledger.spent(), ledger.left()), (spent(100, 1000), NanoRho(0)));
    assert_eq!(open(&stored, AT_ONCE).spent(), spent(100, 1000));
    let smaller = Limits { lifetime: NanoRho(50), ..AT_ONCE };
    assert_eq!(open(&stored, smaller).left(), NanoRho(0), "a smaller budget binds");
}

#[test]
fn the_worst_case_is_recorded_and_refuses_only_under_a_cap() {
    let capped = Limits { alone: Some(NanoRho(50)), ..AT_ONCE };
    let mut ledger = open(&[], capped);
    let stored = reserved(&mut ledger, &[], 1, cost(1, 30));
    let refused = refusal(ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 21)), 0));
    assert_eq!(refused, Refusal::AloneExhausted { asked: 21, left: 20 }.into());
    assert!(ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 20)), 0).is_ok());
    let refused = refusal(open(&stored, AT_ONCE).reserve(&stored, debit("demo", 8, 2, cost(1, 21)), 0));
    assert_eq!(refused, Refusal::AloneExhausted { asked: 21, left: 20 }.into(), "a cap that was recorded stays");
    assert!(open(&[], AT_ONCE).reserve(&[], debit("demo", 8, 2, cost(1, u64::MAX)), 0).is_ok());
}

#[test]
fn what_each_task_spent_is_told_apart() {
    let mut ledger = open(&[], AT_ONCE);
    let mut stored = Vec::new();
    for (id, task) in [(1, "news"), (2, "music"), (3, "news")] {
        let step = ledger.reserve(&stored, debit(task, u32::from(id), id, cost(10, 20)), 0);
        stored = done(&mut ledger, step).0;
    }
    let ledger = open(&stored, AT_ONCE);
    assert_eq!(ledger.tasks().collect::<Vec<_>>(), [("news", spent(20, 40)), ("music", spent(10, 20))]);
    assert_eq!(ledger.spent(), spent(30, 60));
}

#[test]
fn a_new_ledger_waits_for_its_time_and_its_sessions() {
    let limits = Limits { wait_ms: DAY_MS, sessions: 2, ..AT_ONCE };
    let order = |cost| debit("demo", 1, 1, cost);
    let mut ledger = open(&[], limits);
    let waiting =
        |waited_ms, sessions| Refusal::LedgerWaiting { waited_ms, wanted_ms: DAY_MS, sessions, least: 2 }.into();
    assert_eq!(refusal(ledger.reserve(&[], order(cost(1, 1)), 5)), waiting(0, 0));
    let step = ledger.session(&[], 5);
    let (mut stored, ()) = done(&mut ledger, step);
    for hour in 1..=31 {
        let step = ledger.tick(&stored, 5 + hour * HOUR_MS);
        stored = done(&mut ledger, step).0;
    }
    let now_ms = 5 + 31 * HOUR_MS;
    assert_eq!(refusal(ledger.reserve(&stored, order(cost(1, 1)), now_ms)), waiting(30 * HOUR_MS, 1));

    let mut ledger = open(&[], limits);
    let mut stored = Vec::new();
    for hour in [0, 12, 24] {
        let step = ledger.session(&stored, hour * HOUR_MS);
        stored = done(&mut ledger, step).0;
    }
    let ends_ms = 36 * HOUR_MS; // one step of twelve hours does not count
    assert_eq!(refusal(ledger.reserve(&stored, order(cost(1, 1)), ends_ms - 1)), waiting(DAY_MS - 1, 3));
    assert!(ledger.reserve(&stored, order(cost(1, 1)), ends_ms).is_ok());
}

#[test]
fn one_jump_of_the_hosts_clock_does_not_end_a_wait_sooner() {
    let limits = Limits { wait_ms: DAY_MS, sessions: 2, ..AT_ONCE };
    let mut ledger = open(&[], limits);
    let mut stored = Vec::new();
    for now_ms in [0, HOUR_MS, 400 * DAY_MS, 400 * DAY_MS + HOUR_MS] {
        let step = ledger.session(&stored, now_ms);
        stored = done(&mut ledger, step).0;
    }
    let refused = refusal(ledger.reserve(&stored, debit("demo", 1, 1, cost(1, 1)), 400 * DAY_MS + HOUR_MS));
    let waited_ms = 2 * HOUR_MS;
    assert_eq!(refused, Refusal::LedgerWaiting { waited_ms, wanted_ms: DAY_MS, sessions: 4, least: 2 }.into());
}

#[test]
fn two_contributions_to_one_task_are_an_interval_apart() {
    let limits = Limits { interval_ms: 7 * DAY_MS, ..AT_ONCE };
    let mut ledger = open(&[], limits);
    let mut stored = reserved(&mut ledger, &[], 1, cost(1, 1));
    for day in 1..=6 {
        let refused = refusal(ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 1)), day * DAY_MS));
        assert_eq!(refused, Refusal::TooSoon { waited_ms: day * DAY_MS, wanted_ms: 7 * DAY_MS }.into());
        let step = ledger.tick(&stored, day * DAY_MS);
        stored = done(&mut ledger, step).0;
    }
    assert!(ledger.reserve(&stored, debit("other", 8, 2, cost(1, 1)), 0).is_ok(), "another task's time is its own");
    let step = ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 1)), 7 * DAY_MS);
    let (stored, _) = done(&mut ledger, step);
    let refused = refusal(ledger.reserve(&stored, debit("demo", 9, 3, cost(1, 1)), 7 * DAY_MS));
    assert_eq!(refused, Refusal::TooSoon { waited_ms: 0, wanted_ms: 7 * DAY_MS }.into());
}

/// Played by a leader that keeps a round open: k uploads in one sum are k times as far from nothing and k² times as dear.
#[test]
fn a_round_of_a_task_is_contributed_to_once_and_rounds_only_rise() {
    let mut ledger = open(&[], AT_ONCE);
    let stored = reserved(&mut ledger, &[], 1, cost(1, 1));
    let again = ledger.reserve(&stored, debit("demo", 7, 2, cost(1, 1)), 0);
    assert_eq!(
        refusal(again),
        Refusal::RoundContributed { number: 7 }.into(),
        "even where the reservation was never finished"
    );
    assert_eq!(
        refusal(ledger.reserve(&stored, debit("demo", 6, 2, cost(1, 1)), 0)),
        Refusal::RoundStale { sent: 6, seen: 7 }.into()
    );
    let step = ledger.reserve(&stored, debit("other", 7, 2, cost(1, 1)), 0);
    let (stored, _) = done(&mut ledger, step);
    let again = open(&stored, AT_ONCE).reserve(&stored, debit("demo", 7, 3, cost(1, 1)), 0);
    assert_eq!(
        refusal(again),
        Refusal::RoundContributed { number: 7 }.into(),
        "after a restart, and another task's round"
    );
    // Two tasks over the same data are two sums, and are charged as two.
    assert_eq!(ledger.spent(), spent(2, 2));
    let step = ledger.reserve(&stored, debit("demo", 8, 3, cost(1, 1)), 0);
    let (stored, _) = done(&mut ledger, step);
    let [seventh, eighth] =
        [7, 8].map(|round| refusal(ledger.reserve(&stored, debit("demo", round, 4, cost(1, 1)), 0)));
    assert_eq!(seventh, Refusal::RoundStale { sent: 7, seen: 8 }.into());
    assert_eq!(eighth, Refusal::RoundContributed { number: 8 }.into(), "the latest counts, and not the first");
}

#[test]
fn a_tighter_limit_holds_at_once_and_a_wider_one_when_the_user_agreed() {
    let mut ledger = open(&[], Limits { per_round: NanoRho(50), interval_ms: 9, ..AT_ONCE });
    let stored = reserved(&mut ledger, &[], 1, cost(40, 40));
    let tight = Limits { per_round: NanoRho(20), ..AT_ONCE };
    let refused = refusal(open(&stored, tight).reserve(&stored, debit("demo", 8, 2, cost(30, 30)), 9));
    assert_eq!(refused.code(), "policy-refused");

    let mut wide = open(&stored, Limits { per_round: NanoRho(90), alone: None, ..WIDER });
    let (recorded, asked) = wide.wants_wider().expect("it asks for more");
    assert_eq!(
        (recorded.lifetime, asked.lifetime, recorded.interval_ms, asked.interval_ms),
        (NanoRho(100), NanoRho(200), 9, 0)
    );
    assert_eq!(wide.left(), NanoRho(60), "of what it was opened under");
    let too_soon = refusal(wide.reserve(&stored, debit("demo", 8, 2, cost(30, 30)), 0));
    assert_eq!(too_soon, Refusal::TooSoon { waited_ms: 0, wanted_ms: 9 }.into());
    assert_eq!(refusal(wide.reserve(&stored, debit("music", 8, 2, cost(51, 30)), 0)).code(), "policy-refused");

    let step = wide.widen(&stored, 0);
    let (stored, ()) = done(&mut wide, step);
    assert_eq!((wide.left(), wide.limits().interval_ms, wide.wants_wider()), (NanoRho(160), 0, None));
    assert!(wide.reserve(&stored, debit("demo", 8, 2, cost(80, 30)), 0).is_ok());
    let step = wide.widen(&stored, 0);
    assert_eq!(step.expect("nothing to widen").adds_to, None, "it is recorded once");
    let told: Vec<_> = open(&stored, tight).widenings().collect();
    assert_eq!(
        told.iter().map(|(from, into)| (from.lifetime, into.lifetime)).collect::<Vec<_>>(),
        [(NanoRho(100), NanoRho(200))]
    );
    assert_eq!(open(&stored, tight).limits().per_round, NanoRho(20), "and a tighter policy still holds");
}

#[test]
fn what_a_release_may_cost_alone_is_limited_by_the_round() {
    let limits = Limits { alone_per_round: NanoRho(50), ..AT_ONCE };
    let mut ledger = open(&[], limits);
    assert_eq!(refusal(ledger.reserve(&[], debit("demo", 1, 1, cost(1, 51)), 0)).code(), "policy-refused");
    assert!(ledger.reserve(&[], debit("demo", 1, 1, cost(1, 50)), 0).is_ok());
}

/// A leader that never answers would otherwise be sent the same id in every session for ever.
#[test]
fn what_was_never_answered_is_dropped_when_its_round_is_over() {
    let mut ledger = open(&[], AT_ONCE);
    let step = ledger.reserve(&[], Debit { deadline_s: 100, ..debit("demo", 7, 1, cost(30, 60)) }, 0);
    let (stored, _) = done(&mut ledger, step);
    let step = ledger.ready(&stored, [1; 16], b"noised");
    let (ready, _) = done(&mut ledger, step);
    assert!(ledger.unsent(&ready, 99_999).expect("readable").is_some());
    assert_eq!(ledger.unsent(&ready, 100_000), Ok(None));
    let step = ledger.session(&ready, 99_999);
    let (ready, ()) = done(&mut ledger, step);
    assert_eq!(refusal(ledger.reserve(&ready, debit("demo", 8, 2, cost(1, 1)), 99_999)), Refusal::UploadPending.into());
    let step = ledger.tick(&ready, 100_000);
    let (stored, ()) = done(&mut ledger, step);
    assert!(!stored.windows(6).any(|part| part == b"noised"));
    assert_eq!((ledger.entries()[0].fate, ledger.spent()), (Fate::Dropped, spent(30, 60)), "it stays spent");
    let step = ledger.sent(&stored, [1; 16]);
    assert_eq!(done(&mut ledger, step).0, stored, "an answer that comes late changes nothing");
    assert!(ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 1)), 100_000).is_ok());
}

#[test]
fn an_open_reservation_is_lost_and_stays_spent() {
    let mut first = open(&[], AT_ONCE);
    let stored = reserved(&mut first, &[], 1, cost(30, 30));
    let mut second = open(&stored, AT_ONCE);
    assert_eq!(
        refusal(second.ready(&stored, [1; 16], b"noised again")),
        Refusal::ReservationLost.into(),
        "after a restart"
    );
    let stored = reserved(&mut second, &stored, 2, cost(30, 30));
    assert_eq!(second.entries().iter().map(|entry| entry.fate).collect::<Vec<_>>(), [Fate::Lost, Fate::Reserved]);
    assert_eq!(second.spent(), spent(60, 60));
    assert_eq!(
        refusal(first.ready(&stored, [1; 16], b"noised")),
        Refusal::ReservationLost.into(),
        "another took its place"
    );
    assert_eq!(refusal(first.sent(&stored, [1; 16])), Refusal::ReservationLost.into());
}

#[test]
fn a_finished_upload_is_sent_again_as_the_same_bytes() {
    let (mut ledger, stored) = with_unsent();
    let unsent = ledger.unsent(&stored, 0).expect("readable").expect("it is ready");
    assert_eq!((unsent.bytes.as_slice(), &unsent.debit), (&b"noised"[..], &debit("demo", 7, 1, cost(30, 60))));
    assert_eq!(open(&stored, AT_ONCE).unsent(&stored, 0), Ok(Some(unsent.clone())), "after a restart");
    let step = ledger.ready(&stored, [1; 16], b"noised");
    assert_eq!(done(&mut ledger, step), (stored.clone(), unsent), "saying it twice changes nothing");
    assert_eq!(refusal(ledger.ready(&stored, [1; 16], b"noises")), Refusal::UploadConflict.into());
    assert_eq!(refusal(ledger.reserve(&stored, debit("demo", 8, 2, cost(1, 1)), 0)), Refusal::UploadPending.into());
    assert_eq!(refusal(ledger.reserve(&stored, debit("other", 1, 2, cost(1, 1)), 0)), Refusal::UploadPending.into());
}

#[test]
fn an_answer_drops_the_bytes_and_two_tabs_may_hear_it() {
    let (mut ledger, ready) = with_unsent();
    let mut other = open(&ready, AT_ONCE);
    let step = ledger.sent(&ready, [1; 16]);
    let (stored, ()) = done(&mut ledger, step);
    assert!(!stored.windows(6).any(|part| part == b"noised"));
    assert_eq!(other.unsent(&stored, 0), Ok(None));
    for step in [other.sent(&stored, [1; 16]), other.refused(&stored, [1; 16], "round-closed")] {
        assert_eq!(step.expect("it was answered before").bytes(), stored);
    }
    assert_eq!(ledger.entries()[0].fate, Fate::Sent);

    let (longest, too_long) = ("x".repeat(32), "x".repeat(33));
    for (code, remembered) in
        [("round-closed", true), (&longest, true), (&too_long, false), ("Odd code!", false), ("", false)]
    {
        let (mut ledger, ready) = with_unsent();
        let step = ledger.refused(&ready, [1; 16], code);
        let (stored, ()) = done(&mut ledger, step);
        assert_eq!((ledger.entries()[0].fate, ledger.spent()), (Fate::Refused, spent(30, 60)));
        let wanted = if remembered { code } else { "unknown" };
        assert!(stored.windows(wanted.len()).any(|part| part == wanted.as_bytes()), "{code}");
    }
}

#[test]
fn one_reservation_is_worth_one_charge() {
    let mut opened = open(&[], AT_ONCE);
    let step = opened.session(&[], 0);
    let (opened, ()) = done(&mut opened, step);
    // As the first that ever happens, and on an account that was there.
    for stored in [Vec::new(), opened] {
        let mut ledger = open(&stored, AT_ONCE);
        let mut take = |id| ledger.reserve(&stored, debit("demo", 7, id, cost(30, 30)), 0).expect("a full budget");
        let (first, twin, other) = (take(1), take(1), take(2));
        assert_eq!(ledger.persisted(first).expect("it is the next step").cost(), cost(30, 30));
        assert_eq!(refusal(ledger.persisted(twin)), Refusal::ReservationLost.into());
        assert_eq!(refusal(ledger.persisted(other)), Refusal::ReservationLost.into());
        assert_eq!(ledger.spent(), spent(30, 30));
        let stored = ledger.seen.encode();
        assert_eq!(
            refusal(ledger.reserve(&stored, debit("demo", 7, 1, cost(1, 1)), 0)),
            Refusal::UploadConflict.into()
        );
    }
}

#[test]
fn a_store_that_lacks_what_was_seen_releases_nothing() {
    let mut ledger = open(&[], AT_ONCE);
    let step = ledger.session(&[], 0);
    let (early, ()) = done(&mut ledger, step);
    let stored = reserved(&mut ledger, &early, 1, cost(30, 30));
    let mut cleared = open(&[], AT_ONCE);
    let elsewhere = reserved(&mut cleared, &[], 9, cost(1, 1));
    let elsewhere = reserved(&mut cleared, &elsewhere, 10, cost(1, 1));
    for older in [Vec::new(), early, elsewhere] {
        assert_eq!(
            refusal(ledger.reserve(&older, debit("demo", 8, 2, cost(1, 1)), 0)),
            Refusal::LedgerRolledBack.into()
        );
        assert_eq!(refusal(ledger.ready(&older, [1; 16], b"noised")), Refusal::LedgerRolledBack.into());
        assert_eq!(refusal(ledger.unsent(&older, 0)), Refusal::LedgerRolledBack.into());
        assert_eq!(refusal(ledger.session(&older, 0)), Refusal::LedgerRolledBack.into());
        assert_eq!(ledger.spent(), spent(30, 30), "what was spent never shrinks");
    }
    assert!(ledger.ready(&stored, [1; 16], b"noised").is_ok(), "the right store is back");
    let step = ledger.tick(&stored, 1);
    done(&mut ledger, step);
    assert_eq!(refusal(ledger.unsent(&stored, 0)), Refusal::LedgerRolledBack.into(), "a clock that was set back, too");
}

#[test]
fn an_upload_or_a_ledger_that_is_too_large_is_refused() {
    let mut ledger = open(&[], AT_ONCE);
    let stored = reserved(&mut ledger, &[], 1, cost(1, 1));
    let largest = vec![7; 40_960];
    assert!(ledger.ready(&stored, [1; 16], &largest).expect("as large as may be").bytes().len() < 41_240);
    let refused = refusal(ledger.ready(&stored, [1; 16], &vec![7; 40_961]));
    assert_eq!(refused, Refusal::BodyTooLarge { limit: 40_960 }.into());

    let mut state = State::decode(&stored).expect("our own bytes");
    for n in 1..CONTRIBUTIONS as u32 {
        let id = [n.to_le_bytes(), [0; 4], [0; 4], [0; 4]].concat().try_into().expect("16 bytes");
        let more = Debit { id, ..debit("demo", 7 + n, 0, cost(0, 0)) };
        state.push(Record::Reserved(more)).expect("in order");
    }
    let full = state.encode();
    let refused = refusal(open(&full, AT_ONCE).reserve(&full, debit("demo", 9999, 99, cost(0, 0)), 0));
    assert_eq!(refused, Refusal::LedgerFull { most: 4096 }.into());
}

#[test]
fn a_contribution_is_remembered_in_some_hundred_bytes_and_a_session_in_none() {
    let endless = Limits { lifetime: NanoRho(u64::MAX), ..AT_ONCE };
    let mut ledger = open(&[], endless);
    let mut stored = Vec::new();
    for now_ms in 0..100 {
        let step = ledger.session(&stored, 1_800_000_000_000 + now_ms);
        stored = done(&mut ledger, step).0;
    }
    assert!(stored.len() < 190, "{} bytes", stored.len());
    let before = stored.len();
    let dear = cost(31_250_000, 31_250_000);
    let mut ledger = open(&stored, endless);
    for id in 0..20 {
        stored = reserved(&mut ledger, &stored, id, dear);
        let step = ledger.ready(&stored, [id; 16], &vec![7; 20_000]);
        stored = done(&mut ledger, step).0;
        let step = ledger.sent(&stored, [id; 16]);
        stored = done(&mut ledger, step).0;
    }
    assert!((stored.len() - before) / 20 <= 132, "{} bytes each", (stored.len() - before) / 20);
}
