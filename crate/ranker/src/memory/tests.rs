//! What is remembered, carried over and forgotten.

mod base;

use super::*;
use crate::{Refusal, Request, slate};
use privet_model::{Attribute, Schema};

fn head() -> Head {
    let mut schema = Schema::plain(16);
    schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
    let mut head = Head::starting(schema, 2, 4.0).expect("a plain schema");
    (head.local.steps, head.local.batch) = (2, 2);
    head
}

fn item(n: usize) -> Item {
    let embedding = (0..16).map(|i| if i == n % 16 { 1.0 } else { (n * 7 + i) as f32 % 5.0 / 10.0 }).collect();
    Item { attributes: vec![(0, (n % 5) as u64)], ..Item::plain(n as u64, embedding) }
}

fn event(n: usize) -> Event {
    let moment = Moment { ms: 1_000_000 * n as u64, offset_min: 0 };
    let others = if n.is_multiple_of(3) { vec![item(n + 1), item(n + 2)] } else { Vec::new() };
    Event { others, ..Event::new([0, 1, 1, 3][n % 4], item(n % 40), moment) }
}

fn settled(mut memory: Memory) -> Memory {
    while memory.advance(&head(), &mut Scratch::default()) {}
    memory
}

fn after(events: impl IntoIterator<Item = Event>) -> Memory {
    let mut memory = Memory::new(&head(), Ablation::default());
    events.into_iter().for_each(|event| memory.record(&head(), event).expect("a plain event"));
    settled(memory)
}

fn without(selector: Selector, events: impl Iterator<Item = Event>) -> Vec<Event> {
    let mut entries: Vec<Entry> = events.map(Entry::plain).collect();
    entries.retain_mut(|entry| entry.forget(selector));
    entries
        .into_iter()
        .filter_map(|entry| if let Entry::Event { event, .. } = entry { Some(event) } else { None })
        .collect()
}

/// A slate of the moment `n` thousand seconds after the beginning, of items whose server's scores lie so far apart that
/// every order of them is the server's.
fn offer(memory: &mut Memory, n: usize, items: &[usize]) -> u32 {
    let candidates: Vec<Item> =
        items.iter().zip(0_u8..).map(|(&n, place)| Item { score: -1e6 * f32::from(place), ..item(n) }).collect();
    let moment = Moment { ms: 1_000_000 * n as u64, offset_min: 0 };
    let every = 2;
    let mut draw = [0; 16];
    draw[..8].copy_from_slice(&(n as u64).to_le_bytes());
    let slate = slate::rerank(&head(), memory, every, (&candidates, moment, &[]), &Request::default(), draw);
    slate.expect("plain candidates").id
}

/// Slates of six of which the last may be item 7; some are shown, some clicked, some clicked twice. What `skip` says
/// never was.
fn browse(memory: &mut Memory, steps: core::ops::Range<usize>, skip: Option<Selector>) {
    let gone = |ms: u64, key: usize| match skip {
        Some(Selector::Item(item)) => item == key as u64,
        Some(Selector::Time(from, to)) => (from..to).contains(&ms),
        _ => false,
    };
    for n in steps {
        let ms = 1_000_000 * n as u64;
        let mut items = vec![10 + n % 5, 15 + n % 5, 20 + n % 5, 25 + n % 5, 30 + n % 5];
        items.extend((n.is_multiple_of(2) && !gone(0, 7)).then_some(7));
        if gone(ms, 99) {
            continue;
        }
        let slate = offer(memory, n, &items);
        if n % 4 < 3 {
            memory.shown(&head(), slate);
        }
        for key in [[20 + n % 5, 15 + n % 5], [7, 10 + n % 5]][n % 2].into_iter().take(n % 3) {
            let moment = Moment { ms: ms + 400_000, offset_min: 0 };
            let named = Event::new([1, 2, 3][n % 3], Item::plain(key as u64, Vec::new()), moment);
            if !gone(0, key) && items.contains(&key) {
                memory.record_on(&head(), slate, named).expect("it was shown");
            }
        }
    }
}

fn browsed(steps: core::ops::Range<usize>, skip: Option<Selector>) -> Memory {
    let mut memory = Memory::new(&head(), Ablation::default());
    browse(&mut memory, steps, skip);
    memory
}

const SELECTORS: [Selector; 4] =
    [Selector::Item(7), Selector::Attribute(0, 3), Selector::Time(50_000_000, 90_000_000), Selector::Item(99)];

#[test]
fn a_device_that_forgets_is_one_that_never_knew_bit_for_bit() {
    for selector in SELECTORS {
        let mut memory = after((0..200).map(event));
        memory.forget(&head(), selector);
        assert!(memory.rebuilding());
        let forgetful = settled(memory);
        let innocent = after(without(selector, (0..200).map(event)));
        assert_eq!(forgetful, innocent, "{selector:?}");
        assert_eq!(forgetful.export(), innocent.export());
    }
}

#[test]
fn under_a_new_head_it_is_as_if_all_had_been_learnt_from_there() {
    let old = after((0..200).map(event));
    let moved = head().parameters().iter().map(|weight| weight + 0.25).collect();
    let new = head().with_parameters(moved).expect("as many as before");
    let finish = |mut memory: Memory| {
        while memory.advance(&new, &mut Scratch::default()) {}
        memory
    };
    let mut fresh = Memory::new(&new, Ablation::default());
    (0..200).map(event).for_each(|event| fresh.record(&new, event).expect("a plain event"));
    let fresh = finish(fresh);
    let adopted = Memory::adopt(&new, &old.export()).expect("the same schema");
    assert!(adopted.rebuilding(), "until it is learnt the server's order stands");
    let adopted = finish(adopted);
    assert_eq!(adopted, fresh);
    assert_ne!(adopted.learner(), old.learner());
    assert_eq!(Memory::adopt(&new, &[1]).err(), Some(privet_model::Refusal::StateDamaged.into()));
}

#[test]
fn slates_are_forgotten_too_and_the_running_evaluation_begins_anew() {
    // The time ends after a slate and before what was clicked on it.
    for selector in [Selector::Item(7), Selector::Time(20_000_000, 38_200_000)] {
        let mut memory = settled(browsed(0..80, None));
        assert!(memory.running.report().slates > 20 && memory.offered.len() == MOST_OFFERED);
        memory.forget(&head(), selector);
        let mut innocent = settled(browsed(0..80, Some(selector)));
        innocent.running = RunningEvaluation::new();
        innocent.offered.clear();
        assert_eq!(settled(memory), innocent, "{selector:?}");
    }
}

#[test]
fn what_was_shown_counts_as_seen_once_whatever_is_said_of_it_later() {
    let mut memory = Memory::new(&head(), Ablation::default());
    memory.record(&head(), event(1)).expect("a plain event");
    let slate = offer(&mut memory, 2, &[11, 12, 13]);
    let before = memory.clone();
    assert!(memory.shown(&head(), slate));
    assert!(!memory.shown(&head(), slate), "again");
    assert!(!memory.shown(&head(), slate + 1), "never made");
    assert_eq!(memory.log.len(), 2);
    let click = |item| Event::new(1, item, Moment { ms: 2_500_000, offset_min: 0 });
    memory.record_on(&head(), slate, click(Item::plain(12, Vec::new()))).expect("it was shown");
    assert_eq!(memory.running.report().clicks_ignored, 0);

    // By hand: three items were seen, one of them was chosen from the second place beside two others.
    let mut by_hand = before.live.clone();
    let items = [11, 12, 13].map(|n| Item { score: [0.0, -1e6, -2e6][n - 11], ..item(n) });
    let moment = Moment { ms: 2_000_000, offset_min: 0 };
    let [first, second, third] = items.clone();
    let event = Event { position: 2, others: vec![first, third], ..click(second) };
    let before_it = Event { moment, ..event.clone() };
    let seen = by_hand.profile.features_before(&head().schema, &before_it, false, Ablation::default());
    by_hand.profile.show(&head().schema, &items, moment, Ablation::default());
    let example = example_from_event(&head(), &by_hand.profile, &event, &seen).expect("two others");
    by_hand.drift.observe(example.loss(&head()));
    by_hand.learner.push(example);
    by_hand.profile.fold(&head().schema, &event, seen, true);
    assert_eq!(memory.live, by_hand);

    // Who clicks has seen: the other way round gives the same.
    let mut clicked = before;
    clicked.record_on(&head(), slate, click(Item::plain(12, Vec::new()))).expect("it was offered");
    assert!(!clicked.shown(&head(), slate));
    assert_eq!(clicked, memory);
}

#[test]
fn what_was_chosen_before_does_not_stand_against_what_is_chosen_next() {
    let mut memory = Memory::new(&head(), Ablation::default());
    let slate = offer(&mut memory, 2, &[11, 12, 13]);
    for key in [12, 11, 12] {
        let click = Event::new(1, Item::plain(key, Vec::new()), Moment::default());
        memory.record_on(&head(), slate, click).expect("it was offered");
    }
    let others = memory.log.iter().skip(1).map(|entry| entry.items().skip(1).map(|item| item.key).collect());
    assert_eq!(others.collect::<Vec<Vec<u64>>>(), [vec![11, 13], vec![13], vec![13]]);
}

#[test]
fn an_event_keeps_the_nearest_fifteen_of_two_as_near_the_upper_one_first() {
    let mut memory = Memory::new(&head(), Ablation::default());
    let slate = offer(&mut memory, 2, &(100..140).collect::<Vec<_>>());
    let click = Event::new(1, Item::plain(120, Vec::new()), Moment::default());
    memory.record_on(&head(), slate, click).expect("it was offered");
    let Some(Entry::Event { event, .. }) = memory.log.back() else { panic!("it was logged") };
    let others: Vec<u64> = event.others.iter().map(|item| item.key - 100).collect();
    assert_eq!((event.position, others), (21, vec![19, 21, 18, 22, 17, 23, 16, 24, 15, 25, 14, 26, 13, 27, 12]));
}

#[test]
fn an_event_on_a_slate_that_is_not_known_is_taken_as_it_is_and_counted() {
    let mut memory = Memory::new(&head(), Ablation::default());
    let slates: Vec<u32> = (0..=MOST_OFFERED).map(|n| offer(&mut memory, n, &[11, 12])).collect();
    memory.record_on(&head(), slates[0], event(1)).expect("the item comes along");
    memory.record_on(&head(), slates[1], event(5)).expect("the item comes along");
    memory.record_on(&head(), slates[0], event(3)).expect("the item comes along");
    assert_eq!(
        (memory.log.len(), memory.running.report().clicks_ignored),
        (3, 2),
        "one too old, one not on it; a dismissal"
    );
    assert_eq!(memory.log[0], Entry::plain(event(1)));
    let bare = Event::new(1, Item::plain(12, Vec::new()), Moment::default());
    assert_eq!(memory.record_on(&head(), slates[0], bare).map_err(|error| error.code()), Err("embedding-length"));
}

#[test]
fn reloads_in_the_middle_of_open_slates_change_nothing() {
    let whole = browsed(0..90, None);
    let mut reloaded = Memory::new(&head(), Ablation::default());
    for n in 0..90 {
        browse(&mut reloaded, n..n + 1, None);
        (0..n % 4).for_each(|_| _ = reloaded.advance(&head(), &mut Scratch::default()));
        reloaded = Memory::import(&head(), &reloaded.export()).expect("our own bytes");
    }
    assert_eq!(settled(reloaded).export(), settled(whole).export());
}

#[test]
fn whatever_byte_is_changed_or_cut_off_is_noticed() {
    let bytes = after((0..4).map(event)).export();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        // The highest bits of two words: where nothing carries them down, one takes the other back.
        let mut both = bytes.clone();
        both[place] ^= 0x80;
        let also = (place + 8) % bytes.len();
        both[also] ^= 0x80;
        for damaged in [&changed, &both, &bytes[..place].to_vec()] {
            assert!(Memory::import(&head(), damaged).is_err(), "{place} {also}");
        }
    }
}

/// Slates in which the user chooses one thing always, and another from the hundredth on.
fn fickle(n: usize) -> Event {
    let place = |axis: usize, noise: usize| {
        let embedding = (0..16).map(|i| if i == axis { 1.0 } else { ((n * 7 + noise + i) % 5) as f32 / 10.0 });
        Item::plain((n * 4 + axis) as u64, embedding.collect())
    };
    let (liked, other) = if n < 100 { (1, 2) } else { (2, 1) };
    let moment = Moment { ms: 1_000_000 * n as u64, offset_min: 0 };
    Event { others: vec![place(other, 1), place(3, 2)], ..Event::new(1, place(liked, 3), moment) }
}

#[test]
fn a_change_of_interests_is_noticed_and_the_old_ones_fade() {
    let alarm = |memory: &Memory| memory.live.learner.pool_alarm();
    let steady = after((0..100).map(fickle));
    assert_eq!(alarm(&steady), 0.0);
    let changed = after((0..110).map(fickle));
    assert!(alarm(&changed) > 0.5, "{}", alarm(&changed));
    let mut deaf = Memory::new(&head(), Ablation { drift: true, ..Ablation::default() });
    (0..110).for_each(|n| deaf.record(&head(), fickle(n)).expect("a plain event"));
    assert_eq!(alarm(&settled(deaf)), 0.0);
}

#[test]
fn drift_too_is_part_of_the_fold() {
    let whole = after((0..115).map(fickle));
    let mut sliced = Memory::new(&head(), Ablation::default());
    for n in 0..115 {
        sliced.record(&head(), fickle(n)).expect("a plain event");
        sliced.advance(&head(), &mut Scratch::default());
        sliced = Memory::import(&head(), &sliced.export()).expect("our own bytes");
    }
    assert_eq!(settled(sliced), whole);
    let mut forgetful = after((0..120).map(fickle));
    assert_eq!(forgetful.forget(&head(), Selector::Time(115_000_000, 999_000_000)), 5);
    assert_eq!(settled(forgetful), whole);
}

#[test]
fn slices_and_reloads_change_nothing() {
    let whole = after((0..120).map(event));
    let mut sliced = Memory::new(&head(), Ablation::default());
    for n in 0..120 {
        sliced.record(&head(), event(n)).expect("a plain event");
        for _ in 0..n % 5 {
            sliced.advance(&head(), &mut Scratch::default());
        }
        if n % 17 == 0 {
            sliced = Memory::import(&head(), &sliced.export()).expect("our own bytes");
        }
    }
    assert_eq!(settled(sliced), whole);
}

#[test]
fn events_that_come_during_a_rebuild_wait_their_turn() {
    let mut memory = after((0..100).map(event));
    memory.forget(&head(), Selector::Item(7));
    for n in 100..120 {
        memory.record(&head(), event(n)).expect("a plain event");
        memory.advance(&head(), &mut Scratch::default());
    }
    assert!(memory.rebuilding());
    assert_eq!(
        settled(memory),
        after(without(Selector::Item(7), (0..100).map(event)).into_iter().chain((100..120).map(event)))
    );
}

#[test]
fn the_log_is_bounded_in_bytes_too() {
    let wide = Schema::plain(384);
    let mut head = Head::starting(wide, 1, 4.0).expect("a plain schema");
    head.local.steps = 0;
    let mut memory = Memory::new(&head, Ablation::default());
    for n in 0..600 {
        let item = |key| Item::plain(key, vec![0.5; 384]);
        let others = (0..15).map(item).collect();
        let event = Event { others, ..Event::new(1, item(n), Moment::default()) };
        memory.record(&head, event).expect("a plain event");
        while memory.advance(&head, &mut Scratch::default()) {}
        assert!(memory.bytes <= MOST_BYTES + (64 << 10));
    }
    assert!(memory.log.len() < 400);
}

#[test]
fn an_export_that_was_made_up_is_refused() {
    let mut fine = after((0..20).map(event));
    (0..9).for_each(|n| _ = offer(&mut fine, n, &[11, 12]));
    assert!(Memory::import(&head(), &fine.export()).is_ok());
    for change in [
        (|memory| memory.folded = 21) as fn(&mut Memory),
        |memory| memory.folded = 3,
        |memory| memory.leaving = 21,
        |memory| memory.bytes -= 1,
        |memory| {
            if let Entry::Event { event, .. } = &mut memory.log[2] {
                event.kind = 9;
            }
        },
        |memory| memory.log.push_back(Entry::Slate { items: Vec::new(), moment: Moment::default() }),
        |memory| memory.offered[0].items[0].embedding.clear(),
        |memory| memory.offered.extend(memory.offered.clone()),
        |memory| memory.live = State::new(&Head::starting(Schema::plain(20), 2, 4.0).expect("a plain schema")),
        |memory| memory.base.state.learner = Learner::new(&Head::starting(head().schema, 3, 4.0).expect("plain")),
    ] {
        let mut memory = fine.clone();
        change(&mut memory);
        assert_eq!(Memory::import(&head(), &memory.export()), Err(privet_model::Refusal::StateDamaged.into()));
    }
}

#[test]
fn what_a_rebuild_has_not_come_to_is_left_for_the_next_contribution() {
    let mut memory = after((0..20).map(event));
    memory.forget(&head(), Selector::Item(99));
    memory.advance(&head(), &mut Scratch::default());
    memory.contributed();
    assert!(settled(memory).learner().new_examples().count() > 10);
}

#[test]
fn a_damaged_export_or_one_of_another_version_is_refused() {
    let bytes = after((0..20).map(event)).export();
    assert_eq!(Memory::import(&head(), &bytes[1..]), Err(privet_model::Refusal::StateDamaged.into()));
    let mut changed = bytes.clone();
    changed[100] ^= 1;
    assert_eq!(Memory::import(&head(), &changed), Err(privet_model::Refusal::StateDamaged.into()));
    let Export(_, body, sum) = cbor::decode(&bytes).expect("our own bytes");
    for version in [1, 2, 3, 5] {
        let other = cbor::encode(&Export(version, body.clone(), sum.clone()));
        assert_eq!(Memory::import(&head(), &other), Err(Refusal::StateVersion { sent: version, known: 4 }.into()));
    }
    let other = Head::starting(Schema::plain(20), 2, 4.0).expect("a plain schema");
    assert_eq!(Memory::import(&other, &bytes), Err(privet_model::Refusal::StateDamaged.into()), "of another schema");
}

#[test]
fn what_was_done_is_told_the_latest_first_and_not_once_it_is_forgotten() {
    let mut memory = after((1..4).map(event));
    let told =
        |memory: &Memory| memory.actions().map(|action| (action.item, action.kind, action.ms)).collect::<Vec<_>>();
    assert_eq!(told(&memory), [(3, 3, 3_000_000), (2, 1, 2_000_000), (1, 1, 1_000_000)]);
    let slate = offer(&mut memory, 9, &[5, 6]);
    memory.shown(&head(), slate);
    assert_eq!(told(&memory).len(), 3, "a showing is nothing that the user did");
    memory.forget(&head(), Selector::Item(2));
    assert_eq!(told(&memory), [(3, 3, 3_000_000), (1, 1, 1_000_000)]);
}

/// The seeds of the fuzz target for memories. `PRIVET_SEEDS=1 cargo test -p privet-ranker --lib seeds` writes them, where what
/// is stored has changed.
#[test]
fn the_fuzzers_seeds_are_of_this_version() {
    let body = |memory: &Memory| {
        let mut body = Vec::new();
        memory.write(&mut body);
        body
    };
    let mut memory = Memory::new(&head(), Ablation::default());
    let empty = body(&memory);
    for n in [1, 3, 6] {
        memory.record(&head(), event(n)).expect("a plain event");
    }
    let slates = [offer(&mut memory, 1, &[11, 12]), offer(&mut memory, 2, &[13, 14])];
    memory.shown(&head(), slates[1]);
    let click = Event::new(1, Item::plain(13, Vec::new()), Moment::default());
    memory.record_on(&head(), slates[1], click).expect("it was offered");
    let (good, rich) = (memory.export(), body(&memory));
    (0..3).for_each(|_| _ = memory.advance(&head(), &mut Scratch::default()));
    memory.live.profile.be_at_the_end();
    let end = body(&memory);
    memory.forget(&head(), Selector::Item(12));
    let split = body(&memory);
    let mut newer = good.clone();
    newer[1] = VERSION as u8 + 1;
    let cut = good[..good.len() / 2].to_vec();

    let seeds = [
        ("empty", empty),
        ("good", good),
        ("rich", rich),
        ("session-at-its-end", end),
        ("split", split),
        ("newer", newer),
        ("cut", cut),
    ];
    for (name, bytes) in seeds {
        let path = std::path::Path::new("../../tests/fuzz/corpus/memory").join(name);
        if std::env::var_os("PRIVET_SEEDS").is_some() {
            std::fs::write(&path, &bytes).expect("the folder is there");
        }
        // Not the bytes: another machine's logarithms may differ in the last of them.
        assert!(
            std::fs::read(&path).is_ok_and(|seed| seed.len() == bytes.len()),
            "{name}: PRIVET_SEEDS=1 writes it anew"
        );
    }
}
