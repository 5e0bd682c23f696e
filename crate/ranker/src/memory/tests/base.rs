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
fn a_base_with_more_names_than_it_keeps_answers_for_any() {
    let mut names = Names(Vec::new());
    (1..MOST_NAMES as u64).for_each(|n| names.add(2 * n));
    assert!(names.may_have(2) && !names.may_have(3));
    [7, 7, 9].into_iter().for_each(|name| names.add(name));
    assert_eq!((names.0.len(), names.0.is_sorted()), (MOST_NAMES, true));
    assert!(names.may_have(9) && names.may_have(11), "9 was left out, and so may any have been");
}

#[test]
fn what_was_contributed_is_not_new_again_after_something_else_is_forgotten() {
    // Of a pool of 256 the log's one example leaves 255 of the base's.
    let mut memory = with_a_base();
    assert_eq!(memory.learner().new_examples().count(), SEGMENT);
    memory.contributed();
    assert_eq!(memory.learner().new_examples().count(), 0);
    memory.forget(&head(), Selector::Item(99_999));
    assert_eq!(memory.base.events, SEGMENT as u64, "the base stays");
    let mut memory = settled(memory);
    assert_eq!(memory.learner().new_examples().count(), 0, "neither the base's nor the log's");
    // What has not been contributed when it leaves the log is new still.
    let next = Event { kind: 1, others: vec![item(1), item(2)], ..event(MOST_EVENTS + 2) };
    memory.record(&head(), next).expect("a plain event");
    memory.forget(&head(), Selector::Item(99_999));
    assert_eq!(settled(memory).learner().new_examples().count(), 1);
}

#[test]
fn what_was_not_looked_at_yet_is_contributed_with_the_rest() {
    let mut memory = Memory::new(&head(), Ablation::default());
    for n in 1..=3 {
        let event = Event { kind: 1, others: vec![item(n + 1), item(n + 2)], ..event(n) };
        memory.record(&head(), event).expect("a plain event");
    }
    assert_eq!(memory.learner().new_examples().count(), 3);
    memory.contributed();
    assert_eq!(memory.learner().new_examples().count(), 0);
    assert_eq!(settled(memory).learner().new_examples().count(), 0);
}

#[test]
fn under_a_new_head_the_base_learns_nothing_from_the_old_one() {
    let other = head().with_parameters(vec![0.25; head().parameters().len()]).expect("as many");
    let memory = with_a_base();
    assert_ne!(memory.base.state.learner, Learner::new(&head()));
    let adopted = Memory::adopt(&other, &memory.export()).expect("our own bytes");
    assert_eq!(adopted.base.state.learner, Learner::new(&other));
    assert_eq!(adopted.base.state.profile, memory.base.state.profile);
}

#[test]
fn to_forget_while_the_oldest_are_leaving_leaves_no_more_to_go_than_there_are() {
    let mut memory = Memory::new(&head(), Ablation::default());
    for n in 1..=MOST_EVENTS + 1 {
        let seen = Event { kind: 0, others: Vec::new(), ..event(n) };
        memory.record(&head(), seen).expect("a plain event");
    }
    assert_eq!(memory.leaving, SEGMENT as u64);
    memory.forget(&head(), Selector::Time(event(4).moment.ms, u64::MAX));
    assert!(Memory::import(&head(), &memory.export()).is_ok());
    let worked = (0..1000).take_while(|_| memory.advance(&head(), &mut Scratch::default())).count();
    assert!(worked < 1000 && memory.leaving == 0, "{worked}");
    assert_eq!((memory.log.len(), memory.base.events), (0, 3));
}
