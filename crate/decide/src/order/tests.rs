//! What holds for any candidates and rules.

use std::time::Instant;

use proptest::prelude::*;

use super::{
    Candidates, Cap, Freshness, Order, Pin, Rules, Unmet, arrange,
    diversity::{PLACES, WINDOW},
    plain,
};

const DIMENSION: usize = 4;

/// Candidates that own their numbers.
#[derive(Debug, Clone, Default)]
struct Owned {
    scores: Vec<f32>,
    server: Vec<f32>,
    embeddings: Vec<f32>,
    creators: Vec<u64>,
    topics: Vec<u64>,
    ages: Vec<f32>,
}

impl Owned {
    fn arrange(&self, rules: &Rules) -> Order {
        let attributes = [&self.creators[..], &self.topics];
        let candidates = Candidates {
            scores: &self.scores,
            server: &self.server,
            embeddings: &self.embeddings,
            attributes: &attributes,
            ages: &self.ages,
        };
        arrange(&candidates, rules).expect("slices of equal lengths")
    }

    /// As many candidates as scores, unlike each other in pairs, by creators 0, 1, 2, 0, … and older one by one.
    fn with_scores(scores: &[f32]) -> Self {
        let count = scores.len();
        let axis = |i: usize| (0..DIMENSION).map(move |j| if i / 2 % DIMENSION == j { 1.0 } else { 0.0 });
        Self {
            scores: scores.to_vec(),
            server: vec![0.0; count],
            embeddings: (0..count).flat_map(axis).collect(),
            creators: (0..count as u64).map(|i| i % 3).collect(),
            topics: vec![0; count],
            ages: (0..count).map(|i| (i * 60) as f32).collect(),
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    (0_usize..120).prop_flat_map(|count| {
        // Few different scores, so that ties are common, and odd ones among them.
        let score = prop_oneof![20 => (-4_i8..5).prop_map(f32::from), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(-0.0)];
        (
            prop::collection::vec(score.clone(), count),
            prop::collection::vec(score, count),
            prop::collection::vec(-1.0_f32..1.0, count * DIMENSION),
            prop::collection::vec(0_u64..12, count),
            prop::collection::vec(0_u64..4, count),
            prop::collection::vec((0_u16..1_000).prop_map(f32::from), count),
        )
            .prop_map(|(scores, server, embeddings, creators, topics, ages)| {
                Owned { scores, server, embeddings, creators, topics, ages }
            })
    })
}

prop_compose! {
    fn rules()(
        limit in 0_usize..140,
        diversity in prop_oneof![Just(0.0_f32), Just(1.0), 0.0_f32..1.0],
        caps in prop::collection::vec((0_usize..2, 0_usize..9), 0..3),
        pins in prop::collection::vec((0_u32..130, 0_usize..130), 0..6),
        freshness in prop::option::of((0.0_f32..1_000.0, -2.0_f32..2.0, 0_usize..20, 0_usize..40)),
    ) -> Rules {
        Rules {
            limit,
            diversity,
            caps: caps.into_iter().map(|(attribute, most)| Cap { attribute, most }).collect(),
            pins: pins.into_iter().map(|(candidate, place)| Pin { candidate, place }).collect(),
            freshness: freshness.map(|(younger_than, bonus, least, within)| {
                Freshness { younger_than, bonus, least, within }
            }),
        }
    }
}

proptest! {
    #[test]
    fn no_candidate_is_lost_and_none_comes_twice(owned in owned(), rules in rules()) {
        let mut order = owned.arrange(&rules).order;
        order.sort_unstable();
        prop_assert_eq!(order, (0..owned.scores.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn pins_stand(owned in owned(), rules in rules()) {
        let order = owned.arrange(&rules);
        let stands = |pin: &&Pin| order.order.get(pin.place) == Some(&pin.candidate);
        let first_wins = |i: usize| rules.pins[..i].iter().all(|earlier| {
            !stands(&earlier) || (earlier.place != rules.pins[i].place && earlier.candidate != rules.pins[i].candidate)
        });
        for (i, pin) in rules.pins.iter().enumerate() {
            let possible = pin.place < owned.scores.len() && (pin.candidate as usize) < owned.scores.len();
            prop_assert!(stands(&pin) || !possible || !first_wins(i), "{:?}", pin);
        }
        prop_assert!(rules.pins.iter().filter(stands).count() + order.unmet.pins >= rules.pins.len());
    }

    #[test]
    fn a_cap_over_one_attribute_is_kept_wherever_it_can_be(owned in owned(), rules in rules(), most in 0_usize..9) {
        let rules = Rules { caps: vec![Cap { attribute: 0, most }], pins: Vec::new(), ..rules };
        let limit = rules.limit.min(owned.scores.len());
        let places: usize = (0..12)
            .map(|creator| owned.creators.iter().filter(|&&is| is == creator).count().min(most))
            .sum();
        let order = owned.arrange(&rules);
        prop_assert_eq!(order.unmet.caps, limit.saturating_sub(places));
        for creator in 0..12 {
            let shown = order.order[..limit].iter().filter(|&&c| owned.creators[c as usize] == creator).count();
            prop_assert!(shown <= most || places < limit, "{} of creator {}", shown, creator);
        }
    }

    #[test]
    fn enough_fresh_ones_stand_above_wherever_there_are_enough(owned in owned(), rules in rules()) {
        let rules = Rules { caps: Vec::new(), pins: Vec::new(), ..rules };
        let Some(freshness) = rules.freshness else { return Ok(()) };
        let within = freshness.within.min(rules.limit).min(owned.scores.len());
        let there = owned.ages.iter().filter(|&&age| age < freshness.younger_than).count();
        let unmet = owned.arrange(&rules).unmet.freshness;
        prop_assert_eq!(unmet, freshness.least.saturating_sub(there.min(within)));
    }

    #[test]
    fn no_wishes_give_the_plain_order(owned in owned(), limit in 0_usize..140) {
        let order = owned.arrange(&Rules { limit, ..Rules::default() });
        prop_assert_eq!(&order.order, &plain(&owned.scores, &owned.server));
        prop_assert_eq!(order.unmet, Unmet::default());
    }

    #[test]
    fn ties_keep_the_servers_order(owned in owned()) {
        let order = plain(&owned.scores, &owned.server);
        let place = |candidate: u32| order.iter().position(|&other| other == candidate);
        let (score, server) = (&owned.scores, &owned.server);
        for (a, b) in (0..score.len()).flat_map(|a| (0..score.len()).map(move |b| (a, b))) {
            let by_server = server[b] > server[a] || (server[b] == server[a] && b < a);
            if score[b] > score[a] || (score[b] == score[a] && by_server) {
                prop_assert!(place(b as u32) < place(a as u32));
            }
        }
    }
}

#[test]
fn diversity_puts_the_like_apart() {
    // 0 and 1 are alike, 2 and 3, 4 and 5.
    let owned = Owned::with_scores(&[6.0, 5.9, 5.0, 4.9, 4.0, 3.9]);
    let with = |diversity| owned.arrange(&Rules { limit: 6, diversity, ..Rules::default() }).order;
    assert_eq!(with(0.0), [0, 1, 2, 3, 4, 5]);
    assert_eq!(with(0.01), [0, 1, 2, 3, 4, 5], "a little is not enough");
    assert_eq!(with(0.6), [0, 2, 4, 1, 3, 5]);
    assert_eq!(with(1.0), [0, 2, 4, 1, 3, 5], "what is best among equally unlike ones");
}

#[test]
fn each_place_has_the_greatest_marginal_relevance() {
    // By the definition, with everything computed anew for each place.
    let count = 60;
    let hash = |i: usize| ((i * 2_654_435_761) % 1_000) as f32 / 1_000.0;
    let mut owned = Owned::with_scores(&(0..count).map(hash).collect::<Vec<_>>());
    owned.embeddings = (0..count * DIMENSION).map(|i| hash(i + 7) - 0.5).collect();
    let row = |c: u32| &owned.embeddings[c as usize * DIMENSION..][..DIMENSION];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = |a, b| dot(row(a), row(b)) / (dot(row(a), row(a)) * dot(row(b), row(b))).sqrt();
    let (low, high) = owned.scores.iter().fold((1.0_f32, 0.0_f32), |(low, high), &s| (low.min(s), high.max(s)));
    let order = owned.arrange(&Rules { limit: count, diversity: 0.4, ..Rules::default() }).order;
    for place in 1..count {
        let value = |c: u32| {
            let likeness = order[..place].iter().map(|&above| cosine(c, above)).fold(-1.0, f32::max);
            0.6 * (owned.scores[c as usize] - low) / (high - low) - 0.4 * likeness
        };
        assert!(order[place..].iter().all(|&c| value(c) <= value(order[place]) + 1e-5), "place {place}");
    }
}

#[test]
fn caps_pins_and_freshness_go_together() {
    let owned = Owned::with_scores(&[9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let cap = Cap { attribute: 0, most: 1 };
    let pin = Pin { candidate: 8, place: 1 };
    let rules = Rules { limit: 3, caps: vec![cap], pins: vec![pin], ..Rules::default() };
    let order = owned.arrange(&rules);
    assert_eq!(order.order, [0, 8, 1, 2, 3, 4, 5, 6, 7], "8 is of 2's creator");
    assert_eq!(order.unmet, Unmet::default());

    let reversed = Owned { ages: (0_u8..9).rev().map(f32::from).collect(), ..owned.clone() };
    let freshness = Some(Freshness { younger_than: 2.0, bonus: 0.0, least: 2, within: 3 });
    let order = reversed.arrange(&Rules { limit: 3, freshness, ..Rules::default() });
    assert_eq!(order.order[..3], [0, 7, 8]);

    let freshness = Some(Freshness { younger_than: 2.0, bonus: 6.5, least: 0, within: 0 });
    let order = reversed.arrange(&Rules { limit: 3, freshness, ..Rules::default() });
    assert_eq!(order.order[..4], [0, 7, 1, 8]);
}

#[test]
fn what_cannot_be_is_counted_and_the_places_are_filled() {
    let owned = Owned::with_scores(&[4.0, 3.0, 2.0, 1.0]);
    let rules = Rules {
        limit: 4,
        caps: vec![Cap { attribute: 1, most: 1 }],
        pins: [(0, 1), (1, 1), (0, 2), (9, 0), (2, 9)].map(|(candidate, place)| Pin { candidate, place }).to_vec(),
        freshness: Some(Freshness { younger_than: 60.0, bonus: 0.0, least: 3, within: 2 }),
        ..Rules::default()
    };
    let order = owned.arrange(&rules);
    assert_eq!(order.order, [1, 0, 2, 3]);
    assert_eq!(order.unmet, Unmet { pins: 4, caps: 3, freshness: 2 });
}

#[test]
fn slices_that_do_not_fit_are_refused_with_both_numbers() {
    let scores = [1.0, 2.0];
    let good = Candidates { scores: &scores, server: &scores, ..Candidates::default() };
    let rules = Rules { limit: 2, ..Rules::default() };
    assert!(arrange(&good, &rules).is_ok());
    let cap = Cap { attribute: 0, most: 1 };
    let freshness = Freshness { younger_than: 1.0, bonus: 0.0, least: 1, within: 1 };
    for (candidates, rules, numbers) in [
        (Candidates { server: &[1.0], ..good }, rules.clone(), ["1", "2"]),
        (Candidates { attributes: &[&[1, 2, 3]], ..good }, rules.clone(), ["3", "2"]),
        (good, Rules { caps: vec![cap], ..rules.clone() }, ["0", "under 0"]),
        (good, Rules { freshness: Some(freshness), ..rules.clone() }, ["0", "2"]),
        (good, Rules { freshness: Some(Freshness { bonus: f32::NAN, ..freshness }), ..rules.clone() }, ["0", "2"]),
        (
            Candidates { ages: &[1.0, 2.0], ..good },
            Rules { freshness: Some(Freshness { bonus: f32::NAN, ..freshness }), ..rules.clone() },
            ["NaN", "finite"],
        ),
        (Candidates { embeddings: &[0.0; 5], ..good }, Rules { diversity: 0.5, ..rules.clone() }, ["5", "of 2"]),
        (good, Rules { diversity: f32::NAN, ..rules.clone() }, ["NaN", "1"]),
        (good, Rules { diversity: 1.5, ..rules.clone() }, ["1.5", "1"]),
    ] {
        let refused = arrange(&candidates, &rules).expect_err("it does not fit");
        assert_eq!(refused.code(), "order-refused");
        assert!(numbers.iter().all(|number| refused.to_string().contains(number)), "{refused}");
    }
}

#[test]
fn beyond_the_window_no_one_is_compared() {
    // All alike but the last: it would be second at once, were it in the window.
    let count = WINDOW + PLACES + 10;
    let mut owned = Owned::with_scores(&vec![0.0; count]);
    owned.embeddings = [1.0, 0.0, 0.0, 0.0].repeat(count);
    owned.embeddings[(count - 1) * DIMENSION..].copy_from_slice(&[0.0, 1.0, 0.0, 0.0]);
    let order = owned.arrange(&Rules { limit: count, diversity: 0.5, ..Rules::default() }).order;
    assert_eq!(order, plain(&owned.scores, &owned.server));
    owned.embeddings[(WINDOW - 1) * DIMENSION..][..DIMENSION].copy_from_slice(&[0.0, 1.0, 0.0, 0.0]);
    let order = owned.arrange(&Rules { limit: count, diversity: 0.5, ..Rules::default() }).order;
    assert_eq!(order[1] as usize, WINDOW - 1);
}

/// `cargo test --release -p privet-decide order::tests::times -- --ignored --nocapture` prints docs/ranking.md's times.
#[test]
#[ignore = "a table for the documentation, not a check"]
#[expect(clippy::print_stdout, reason = "the table is the purpose")]
fn times() {
    println!("| candidates | dimension | rules | ms, median of 15 |");
    println!("|---|---|---|---|");
    for (count, dimension) in [(200, 64), (10_000, 64), (10_000, 384)] {
        let hash = |i: usize| ((i * 2_654_435_761) % 10_007) as f32 / 10_007.0;
        let owned = Owned {
            embeddings: (0..count * dimension).map(|i| hash(i) - 0.5).collect(),
            creators: (0..count as u64).map(|i| i % 97).collect(),
            ..Owned::with_scores(&(0..count).map(hash).collect::<Vec<_>>())
        };
        let caps = Rules { limit: 50, caps: vec![Cap { attribute: 0, most: 2 }], ..Rules::default() };
        let all = Rules { limit: count, diversity: 0.3, ..caps.clone() };
        for (name, rules) in [
            ("none", Rules { limit: 50, ..Rules::default() }),
            ("a cap, limit 50", caps.clone()),
            ("a cap, diversity, limit 50", Rules { diversity: 0.3, ..caps }),
            ("a cap, diversity, no limit", all),
        ] {
            let mut times: Vec<f64> = (0..15)
                .map(|_| {
                    let start = Instant::now();
                    assert_eq!(owned.arrange(&rules).order.len(), count);
                    start.elapsed().as_secs_f64() * 1_000.0
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!("| {count} | {dimension} | {name} | {:.2} |", times[7]);
        }
    }
}
