//! What left the log: when it goes with what is forgotten, and that it is contributed once.

use super::*;

#[test]
fn what_is_forgotten_takes_the_base_along_if_it_had_to_do_with_it() {
    let many = || (0..MOST_EVENTS + 10).map(event);
    let mut memory = after(many());
    assert_eq!((memory.log.len(), memory.base.events), (MOST_EVENTS + 10 - SEGMENT, SEGMENT as u64));
    let untouched = memory.clone();
    // Item 99 was never seen: the base stays, and a rebuild from it changes nothing.
    memory.forget(&head(), Selector::Item(99));
    assert_eq!(settled(memory), untouched);
    // These were: as if the dropped segment, too, had never been.
    let early = event(3).moment.ms;
    for what in [Selector::Item(7), Selector::Attribute(0, 2), Selector::Time(early, early + 1)] {
        let mut memory = untouched.clone();
        memory.forget(&head(), what);
        let innocent = after(without(what, many().skip(SEGMENT)));
        let forgetful = settled(memory);
        assert_eq!(forgetful.live, innocent.live, "{what:?}");
        assert_eq!(forgetful.base.events, 0, "{what:?}");
    }
}

/// A memory whose base is a whole segment of events that each earn an example, and whose log holds one example more: what
/// the user saw after that teaches nothing by itself.
fn with_a_base() -> Memory {
    let chosen = |n: usize| Event { kind: 1, others: vec![item(n + 1), item(n + 2)], ..event(n) };
    let seen = |n: usize| Event { kind: 0, others: Vec::new(), ..event(n) };
    let memory = after((1..=SEGMENT + 1).map(chosen).chain((SEGMENT + 2..=MOST_EVENTS + 1).map(seen)));
    assert_eq!((memory.base.events, memory.log.len()), (SEGMENT as u64, MOST_EVENTS + 1 - SEGMENT));
    memory
}

#[test]
fn a_forgotten_time_takes_the_base_along_from_its_first_instant_until_before_its_end() {
    let memory = with_a_base();
    let (first, last) = (event(1).moment.ms, event(SEGMENT).moment.ms);
    let left = |from: u64, to: u64| {
        let mut memory = memory.clone();
        assert_eq!(memory.forget(&head(), Selector::Time(from, to)), 0, "none of the log");
        memory.base.events
    };
    let whole = SEGMENT as u64;
    assert_eq!(left(last, last + 1), 0, "the last event is at the first instant");
    assert_eq!(left(first - 1, first + 1), 0, "the first event is at the last instant");
    assert_eq!(left(first + 1, first + 2), 0, "within");
    assert_eq!(left(last + 1, last + 2), whole, "after it");
    assert_eq!(left(first - 1, first), whole, "before it");
}

#[test]
fn the_base_answers_for_the_time_of_a_slate_that_an_event_in_it_named() {
    let mut base = Base::new(&head());
    base.name(&Entry::Event { event: event(9), slate_ms: Some(5_000_000), contributed: false });
    assert!(base.touched_by(Selector::Time(5_000_000, 5_000_001)));
    assert!(base.touched_by(Selector::Time(9_000_000, 9_000_001)));
    assert!(!base.touched_by(Selector::Time(0, 5_000_000)) && !base.touched_by(Selector::Time(9_000_001, u64::MAX)));
}

#[test]
fn what_was_contributed_is_not_new_again_after_something_else_is_forgotten() {
    // Of a pool of 256 the log's one example leaves 255 of the base's.
    let mut memory = with_a_base();
    assert_eq!(memory.learner().fresh().count(), SEGMENT);
    memory.contributed();
    assert_eq!(memory.learner().fresh().count(), 0);
    memory.forget(&head(), Selector::Item(99_999));
    assert_eq!(memory.base.events, SEGMENT as u64, "the base stays");
    let mut memory = settled(memory);
    assert_eq!(memory.learner().fresh().count(), 0, "neither the base's nor the log's");
    // What has not been contributed when it leaves the log is new still.
    let next = Event { kind: 1, others: vec![item(1), item(2)], ..event(MOST_EVENTS + 2) };
    memory.record(&head(), next).expect("a plain event");
    memory.forget(&head(), Selector::Item(99_999));
    assert_eq!(settled(memory).learner().fresh().count(), 1);
}
