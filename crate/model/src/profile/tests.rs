use super::*;

const HOUR: u64 = 3_600_000;
/// Of the only attribute.
const MEAN_ODDS: usize = layout::FIXED + layout::MEAN_ODDS.start;

fn schema() -> Schema {
    let mut schema = Schema::plain(16);
    schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
    schema
}

fn item(axis: usize) -> Item {
    let embedding = (0..16).map(|i| if i == axis { 2.0 } else { 0.0 }).collect();
    Item { attributes: vec![(0, axis as u64)], ..Item::plain(axis as u64, embedding) }
}

fn event(kind: u16, axis: usize, hour: u64) -> Event {
    Event::new(kind, item(axis), Moment { ms: hour * HOUR, offset_min: 0 })
}

fn fold(events: &[Event]) -> Profile {
    let mut profile = Profile::new(&schema());
    events.iter().for_each(|event| record(&mut profile, event));
    profile
}

fn record(profile: &mut Profile, event: &Event) {
    fold_in(profile, event, false);
}

fn fold_in(profile: &mut Profile, event: &Event, shown: bool) {
    let seen = profile.features_before(&schema(), event, shown, Ablation::default());
    profile.fold(&schema(), event, seen, shown);
}

fn features(profile: &Profile, axis: usize, hour: u64) -> Vec<f32> {
    let moment = Moment { ms: hour * HOUR, offset_min: 0 };
    let out = profile.view(&schema(), moment, Ablation::default()).see(&item(axis)).features;
    assert!(out.iter().all(|x| x.is_finite()));
    out
}

#[test]
fn the_same_events_give_the_same_profile() {
    let events: Vec<Event> = (0..200).map(|i| event([1, 3][i % 2], i % 7, i as u64)).collect();
    assert_eq!(fold(&events), fold(&events));
}

#[test]
fn an_empty_profile_says_nothing_of_the_item() {
    let mut said = features(&Profile::new(&schema()), 3, 12);
    said[layout::HOUR].fill(0.0);
    said[layout::WEEKEND].fill(0.0);
    assert!(said.iter().all(|&x| x == 0.0), "{said:?}");
}

#[test]
fn interests_fade_at_their_half_lives() {
    let events = [event(1, 1, 0), event(1, 2, 3)];
    let profile = fold(&events);
    // After three hours the first is worth a half in the fastest interest, and nearly all of itself in the slowest.
    let said = features(&profile, 1, 3);
    assert!((said[0] - 0.5 / 1.25f32.sqrt()).abs() < 1e-6, "{said:?}");
    assert!((said[2] - 0.5f32.sqrt()).abs() < 2e-3, "{said:?}");
    assert_eq!(features(&fold(&[event(3, 4, 0)]), 4, 0)[3], 1.0, "what was pushed away is known as that");
}

#[test]
fn clusters_stay_apart_until_there_is_no_room() {
    let profile = fold(&[0, 1, 2, 3].map(|axis| event(1, axis, 0)));
    for axis in 0..4 {
        assert!((features(&profile, axis, 0)[layout::CLUSTERS.start] - 1.0).abs() < 1e-6);
    }
    assert_eq!(features(&profile, 9, 0)[layout::CLUSTERS.start], 0.0);
    assert!(features(&fold(&[0, 1, 2, 3, 4].map(|axis| event(1, axis, 0))), 4, 0)[layout::CLUSTERS.start] > 0.5);
}

#[test]
fn counters_are_shrunk_to_the_populations_rate() {
    let odds = |events: &[Event]| features(&fold(events), 1, 0)[MEAN_ODDS];
    // (1 + 5 · 0.2) / (1 + 5) = 1/3 against 1/5.
    assert!((odds(&[event(1, 1, 0)]) - (0.5f32.ln() - 0.25f32.ln())).abs() < 1e-6);
    let shown = Event { others: vec![item(1)], ..event(1, 2, 0) };
    assert!(odds(&[shown]) < 0.0, "shown beside the chosen one and passed over");
    assert!(odds(&vec![event(1, 1, 0); 50]) > 3.0);
}

#[test]
fn what_is_shown_together_is_seen_once() {
    let mut profile = Profile::new(&schema());
    profile.show(&schema(), &[item(1), item(2), item(3)], Moment::default(), Ablation::default());
    let click = Event { others: vec![item(1), item(3)], ..event(1, 2, 0) };
    fold_in(&mut profile, &click, true);
    let counter = |value| profile.counters.get(&(0, value)).expect("it was counted");
    let counted = [1, 2, 3].map(|value| (counter(value).chosen, counter(value).shown));
    assert_eq!(counted, [(0.0, 1.0), (1.0, 1.0), (0.0, 1.0)]);
    assert_eq!(profile.passed_over().iter().map(|seen| seen.item.key).collect::<Vec<_>>(), [1, 3]);
    fold_in(&mut profile, &event(3, 3, 0), true);
    assert_eq!(profile.passed_over().len(), 2, "pushed away, and passed over once");
    (0..50).for_each(|_| fold_in(&mut profile, &click, true));
    assert!(features(&profile, 2, 0).iter().all(|x| x.is_finite()), "chosen more often than shown");
}

#[test]
fn what_was_shown_is_seen_as_it_was_then() {
    let mut profile = fold(&[event(1, 1, 0)]);
    let features = |profile: &Profile, event: &Event, shown| {
        let seen = profile.features_before(&schema(), event, shown, Ablation::default());
        seen.into_iter().map(|seen| seen.features).collect::<Vec<_>>()
    };
    let click = Event { others: vec![item(1)], ..event(1, 2, 0) };
    let then = features(&profile, &click, false);
    profile.show(&schema(), &[item(1), item(2)], click.moment, Ablation::default());
    assert_ne!(features(&profile, &click, false), then, "both have been passed over by now");
    assert_eq!(features(&profile, &click, true), then);
    fold_in(&mut profile, &click, true);
    assert_eq!(features(&profile, &click, true), then, "liked after it was opened: that it was opened tells nothing");
    assert_eq!(
        features(&profile, &event(1, 7, 0), true),
        features(&profile, &event(1, 7, 0), false),
        "not among what is kept"
    );
}

#[test]
fn a_seen_item_is_known_and_reasons_have_a_name() {
    let profile = fold(&[event(1, 1, 0), event(1, 2, 0)]);
    let seen = |axis| features(&profile, axis, 0)[layout::SEEN.start];
    assert_eq!((seen(2), seen(3)), (1.0, 0.0));
    let mut like_two = item(2);
    like_two.embedding[5] = 0.5;
    let reason = |profile: &Profile| {
        let schema = schema();
        let view = profile.view(&schema, Moment::default(), Ablation::default());
        let mut likeness = vec![0.0; view.width()];
        view.compare(&direction(&like_two.embedding), &mut likeness);
        view.reason(&likeness)
    };
    let (key, voice) = reason(&profile).expect("there are two");
    assert!(key == 2 && voice > 0.9);
    assert_eq!(reason(&Profile::new(&schema())), None);
}

#[test]
fn hours_and_weekends_are_those_of_the_users_wall() {
    // 2026-11-21 is a Saturday; at 23:30 UTC it is Sunday in Kyiv and at 01:00 UTC Friday evening in Lima.
    let saturday = 1_795_219_200_000;
    let weekend = |ms, offset_min| {
        let moment = Moment { ms, offset_min };
        Profile::new(&schema()).view(&schema(), moment, Ablation::default()).see(&item(1)).features
            [layout::WEEKEND.start]
    };
    assert_eq!(
        [weekend(saturday, 0), weekend(saturday + HOUR, -300), weekend(saturday + 48 * HOUR, 0)],
        [1.0, 0.0, 0.0]
    );
    assert_eq!(weekend(saturday + 47 * HOUR, 120), 0.0);
}

#[test]
fn an_item_is_no_longer_passed_over_once_it_is_opened() {
    let profile = fold(&[event(0, 1, 0), event(0, 2, 0), event(1, 1, 0)]);
    assert_eq!(profile.passed_over().iter().map(|seen| seen.item.key).collect::<Vec<_>>(), [2]);
    assert_eq!((profile.events(), profile.evidence()), (3, 1));
}

#[test]
fn a_clock_that_goes_backwards_makes_nothing_stronger() {
    let mut profile = fold(&[event(1, 1, 100)]);
    record(&mut profile, &event(1, 2, 50));
    let said = features(&profile, 1, 40);
    assert!((said[0] - 0.5f32.sqrt()).abs() < 1e-6, "{said:?}");
}

#[test]
fn memory_is_bounded() {
    let events: Vec<Event> = (0..3000)
        .map(|i| {
            let mut event = event([0, 1][i % 2], i % 16, 0);
            event.item.attributes[0].1 = i as u64;
            event
        })
        .collect();
    let profile = fold(&events);
    assert_eq!((profile.passed_over.len(), profile.recent.len(), profile.counters.len()), (64, 64, 1024));
}

/// An item whose cosine with that of axis 0 is this.
fn tilted(cosine: f32) -> Event {
    let mut event = event(1, 1, 0);
    event.item.embedding = vec![0.0; 16];
    (event.item.embedding[0], event.item.embedding[1]) = (cosine, (1.0 - cosine * cosine).sqrt());
    event
}

#[test]
fn what_is_half_alike_shares_a_cluster_and_old_weight_wears_off() {
    let clusters = |cosine| fold(&[event(1, 0, 0), tilted(cosine)]).weights;
    assert_eq!(clusters(0.4)[..3], [0.98, 1.0, 0.0]);
    assert_eq!(clusters(0.6)[..2], [1.98, 0.0]);
}

#[test]
fn half_an_hour_of_silence_ends_a_session() {
    let session = |minutes: u64| {
        let mut second = event(1, 2, 0);
        second.moment.ms = minutes * 60_000;
        fold(&[event(1, 1, 0), second]).session
    };
    assert_eq!((session(29), session(31)), (2, 1));
}

#[test]
fn the_looks_back_weigh_as_they_did() {
    // Two recent items at cosines 0 (the older) and 0.6 with axis 0: attended to broadly, closely, and nothing that was pushed away.
    let said = features(&fold(&[event(1, 3, 0), tilted(0.6)]), 0, 0);
    let weighed = |sharpness: f32, fading: f32| 0.6 / (1.0 + (-0.6 * sharpness - fading).exp());
    for (found, wanted) in said[6..9].iter().zip([weighed(8.0, 0.0), weighed(16.0, 0.15), 0.0]) {
        assert!((found - wanted).abs() < 1e-6, "{said:?}");
    }
    let against = features(&fold(&[event(3, 3, 0), Event { kind: 3, ..tilted(0.6) }]), 0, 0);
    assert!((against[layout::ATTENTION.start + 2] - weighed(8.0, 0.0)).abs() < 1e-6, "{against:?}");
}

#[test]
fn counters_fade_in_three_weeks() {
    // Half of one choice is left: (0.5 + 5 · 0.2) / (0.5 + 5) = 3/11 against 1/5.
    let said = features(&fold(&[event(1, 1, 0)]), 1, 21 * 24);
    assert!((said[MEAN_ODDS] - ((3.0f32 / 8.0).ln() - 0.25f32.ln())).abs() < 1e-5, "{said:?}");
}

#[test]
fn every_interest_has_its_half_life() {
    for (place, hours) in [(0, 3), (1, 3 * 24), (2, 30 * 24)] {
        let said = features(&fold(&[event(1, 1, 0), event(1, 2, hours)]), 1, hours);
        assert!((said[place] - 0.5 / 1.25f32.sqrt()).abs() < 1e-6, "{hours} h: {said:?}");
    }
}

#[test]
fn a_part_of_all_interests_fades() {
    let mut profile = fold(&[event(1, 1, 0), event(1, 2, 0)]);
    profile.fade(0.25);
    record(&mut profile, &event(1, 2, 0));
    let said = features(&profile, 1, 0);
    assert!((said[2] - 0.75 / (0.75f32.powi(2) + 1.75f32.powi(2)).sqrt()).abs() < 1e-6, "{said:?}");
    assert_eq!(profile.recent[0].label, 0.75);
    assert_eq!(profile.counters.get(&(0, 1)), Some(&Counter { chosen: 0.75, shown: 0.75, ms: 0 }));
}

#[test]
fn what_was_counted_is_told_with_the_rate_that_ranks() {
    let profile = fold(&[event(1, 1, 0), event(3, 1, 0), event(0, 2, 0)]);
    let counted: Vec<Counted> = profile.counted(&schema(), 0).collect();
    let told = |value, chosen, shown| Counted {
        attribute: 0,
        value,
        chosen,
        shown,
        rate: (chosen + 5.0 * 0.2) / (shown + 5.0),
    };
    assert_eq!(counted, [told(1, 1.0, 2.0), told(2, 0.0, 1.0)]);
    let later: Vec<Counted> = profile.counted(&schema(), COUNTER_HALF_LIFE_MS as u64).collect();
    assert_eq!((later[0].chosen, later[0].shown), (0.5, 1.0), "it fades");
    let odds = features(&profile, 1, 0)[MEAN_ODDS];
    assert!((odds - (logit(counted[0].rate) - logit(0.2))).abs() < 1e-6);
}

#[test]
fn the_hand_of_the_clock_is_where_the_library_has_it() {
    for minute in 0..24 * 60 {
        let angle = f64::from(minute) / (24.0 * 60.0) * core::f64::consts::TAU;
        let (sine, cosine) = on_the_clock(minute);
        assert!((f64::from(sine) - angle.sin()).abs() < 1e-7, "{minute}: {sine}");
        assert!((f64::from(cosine) - angle.cos()).abs() < 1e-7, "{minute}: {cosine}");
    }
}

/// The plain loops that define it, over numbers that are no neat axes.
#[test]
fn what_is_said_is_what_the_plain_loops_say() {
    let uneven = |i: usize| 2.0 * (i as f32 * 0.618_034).fract() - 1.0;
    let odd = |n: usize| Item { embedding: (0..16).map(|i| uneven(17 * n + i)).collect(), ..item(n) };
    let mut profile = Profile::new(&schema());
    for n in 0..75 {
        record(&mut profile, &Event::new([1, 2, 3][n % 3], odd(n), Moment { ms: n as u64 * HOUR, offset_min: 0 }));
    }
    let plain = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for n in 70..90 {
        let (item, schema) = (odd(n), schema());
        let said = profile.view(&schema, Moment::default(), Ablation::default()).see(&item).features;
        let length = plain(&item.embedding, &item.embedding).sqrt();
        let direction: Vec<f32> = item.embedding.iter().map(|x| x / length).collect();
        let k: Vec<f32> = profile.recent.iter().rev().map(|recent| plain(&recent.direction, &direction)).collect();
        let labels: Vec<f32> = profile.recent.iter().rev().map(|recent| recent.label).collect();
        let interests = profile
            .interests
            .chunks(16)
            .map(|interest| plain(interest, &direction) / plain(interest, interest).sqrt().max(1e-30));
        let attended = ATTENTION_KINDS.iter().map(|&kind| crate::cpu::attention(kind, &k, &labels));
        let nearest = profile.clusters.chunks(16).map(|row| plain(row, &direction)).fold(-1.0, f32::max);
        let places = [0, 1, 2, 3, 6, 7, 8, 4];
        for (place, wanted) in places.into_iter().zip(interests.chain(attended).chain([nearest])) {
            assert!((said[place] - wanted).abs() < 5e-6, "item {n}: feature {place} is {}, not {wanted}", said[place]);
        }
    }
}
