//! A simulated user who reads from the top.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{Compared, DEPTH, KEPT_OPEN, Kind, Orders, Running, Setting, Verdict, quality::gain};
use crate::stored::{Stored, read_all};

/// How well the two orders know what is relevant: each sorts by strength·relevant + noise, and shares part of the
/// noise with the other.
#[derive(Debug, Clone, Copy)]
struct World {
    server: f64,
    personal: f64,
    shared_noise: f64,
    /// The user's own examination, which the setting need not know.
    eta: f64,
    /// How often an examined relevant item is clicked.
    clicks: f64,
}

const WORLD: World = World { server: 0.0, personal: 0.0, shared_noise: 0.5, eta: 1.0, clicks: 1.0 };
const WORSE: World = World { server: 2.0, personal: 0.0, ..WORLD };
const BETTER: World = World { server: 1.0, personal: 2.0, ..WORLD };

/// Shows a slate at once; what, and which order that is.
fn show(
    running: &mut Running,
    setting: Setting,
    seed: u64,
    slate: u32,
    keys: &[u64],
    server: &[u32],
    personal: &[u32],
) -> (Vec<u32>, Kind) {
    let mut draw = [0; 16];
    draw[..8].copy_from_slice(&seed.to_le_bytes());
    draw[8..].copy_from_slice(&u64::from(slate).to_le_bytes());
    let orders = Orders { keys, server, personal, settle: &|drafted| drafted };
    let (compared, order, kind) = Compared::new(setting, draw, slate, running.verdict(), &orders);
    running.show(compared);
    (order, kind)
}

fn encode(running: &Running) -> Vec<u8> {
    let mut bytes = Vec::new();
    running.write(&mut bytes);
    bytes
}

struct User {
    generator: ChaCha8Rng,
    running: Running,
    seed: u64,
    slates: u32,
    /// Sums of the true gain of the server's order, the personal one and the best.
    truth: [f64; 3],
}

impl User {
    fn new(seed: u64) -> Self {
        let generator = ChaCha8Rng::seed_from_u64(seed);
        Self { generator, running: Running::new(), seed, slates: 0, truth: [0.0; 3] }
    }

    fn normal(&mut self) -> f64 {
        // The sum of twelve even draws: near enough to normal here.
        (0..12).map(|_| self.generator.random::<f64>()).sum::<f64>() - 6.0
    }

    /// One slate of 10 to 20 items with one to four relevant ones, read and settled.
    fn read(&mut self, world: World) {
        let count = self.generator.random_range(10..=20);
        let mut relevant = vec![false; count];
        (0..self.generator.random_range(2..=4)).for_each(|_| relevant[self.generator.random_range(0..count)] = true);
        let noise: Vec<f64> = (0..count).map(|_| self.normal()).collect();
        let mut order = |strength: f64| {
            let scores: Vec<f64> = (0..count)
                .map(|i| {
                    let own = self.normal() * (1.0 - world.shared_noise).sqrt();
                    own + noise[i] * world.shared_noise.sqrt() + if relevant[i] { strength } else { 0.0 }
                })
                .collect();
            let mut order: Vec<u32> = (0..count as u32).collect();
            order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
            order
        };
        let (server, personal) = (order(world.server), order(world.personal));
        let gained = |order: &[u32]| -> f64 {
            order.iter().enumerate().filter(|&(_, &item)| relevant[item as usize]).map(|(rank, _)| gain(rank)).sum()
        };
        self.truth[0] += gained(&server);
        self.truth[1] += gained(&personal);
        self.truth[2] += (0..relevant.iter().filter(|&&item| item).count()).map(gain).sum::<f64>();
        let keys: Vec<u64> = (100..100 + count as u64).collect();
        let (order, _) = show(&mut self.running, Setting::default(), self.seed, self.slates, &keys, &server, &personal);
        for (rank, &item) in order.iter().enumerate() {
            let examined = self.generator.random::<f64>() < (rank as f64 + 1.0).powf(-world.eta);
            if examined && relevant[item as usize] && self.generator.random::<f64>() < world.clicks {
                assert!(self.running.click(self.slates, keys[item as usize]));
            }
        }
        self.running.settle();
        self.slates += 1;
    }

    /// Reads up to `most` slates; after how many the verdict was `verdict`.
    fn read_until(&mut self, world: World, verdict: Verdict, most: u64) -> Option<u64> {
        (1..=most).find(|_| {
            self.read(world);
            self.running.verdict() == verdict
        })
    }

    fn truth_ndcg(&self) -> [f64; 2] {
        [self.truth[0] / self.truth[2], self.truth[1] / self.truth[2]]
    }
}

fn share(seeds: u64, holds: impl Fn(u64) -> bool) -> f64 {
    (0..seeds).filter(|&seed| holds(seed)).count() as f64 / seeds as f64
}

fn falls_back(seed: u64, world: World, slates: u64) -> bool {
    User::new(seed).read_until(world, Verdict::Server, slates).is_some()
}

#[test]
fn a_worse_personal_order_is_left_within_60_slates_in_19_of_20_runs() {
    let left = share(200, |seed| falls_back(seed, WORSE, 60));
    assert!(left >= 0.95, "{left} of seeds 0 to 199");
}

#[test]
fn a_personal_order_that_buries_what_is_relevant_is_left_though_hardly_anything_is_clicked() {
    let left = share(200, |seed| falls_back(seed, World { personal: -2.0, ..WORSE }, 60));
    assert!(left >= 0.95, "{left} of seeds 0 to 199");
}

#[test]
fn a_better_personal_order_is_lost_within_200_slates_in_at_most_1_of_20_runs() {
    let lost = share(200, |seed| falls_back(seed, BETTER, 200));
    assert!(lost <= 0.05, "{lost} of seeds 0 to 199");
}

#[test]
fn an_equal_personal_order_is_lost_no_more_often_than_the_bet_allows() {
    let equal = World { server: 1.0, personal: 1.0, ..WORLD };
    let lost = share(200, |seed| falls_back(seed, equal, 200));
    assert!(lost <= 0.10, "{lost} of seeds 0 to 199; the bet allows (1 + 0.005 · 200) / 12");
}

#[test]
fn a_personal_order_that_has_become_better_comes_back() {
    let back = share(60, |seed| {
        let mut user = User::new(seed);
        user.read_until(WORSE, Verdict::Server, 200).is_some()
            && user.read_until(BETTER, Verdict::Personal, 60).is_some()
    });
    assert!(back >= 0.95, "{back} of seeds 0 to 59");
}

#[test]
fn an_order_that_turns_bad_late_is_found_too() {
    let left = share(60, |seed| {
        let mut user = User::new(seed);
        user.read_until(BETTER, Verdict::Server, 300).is_none()
            && user.read_until(WORSE, Verdict::Server, 100).is_some()
    });
    assert!(left >= 0.95, "{left} of seeds 0 to 59");
}

#[test]
fn the_intervals_hold_the_true_difference() {
    let worlds = [WORSE, BETTER, World { server: 1.0, personal: 1.0, ..WORLD }];
    let held = share(90, |seed| {
        let mut user = User::new(seed);
        (0..200).for_each(|_| user.read(worlds[seed as usize % 3]));
        let [server, personal] = user.truth_ndcg();
        let interval = user.running.report().difference.expect("200 slates have clicks");
        (interval.low..=interval.high).contains(&(personal - server))
    });
    assert!(held >= 0.90, "{held} of seeds 0 to 89");
}

#[test]
fn one_slate_in_ten_is_interleaved() {
    let mut running = Running::new();
    let mut kind = |slate| show(&mut running, Setting::default(), 7, slate, &[10, 11, 12], &[0, 1, 2], &[2, 1, 0]).1;
    let kinds = (0..10_000).map(&mut kind);
    let interleaved = kinds.filter(|&kind| kind == Kind::Interleaved).count();
    assert!((900..1_100).contains(&interleaved), "{interleaved} with seed 7");
}

#[test]
fn an_interleaving_gives_each_order_its_turn() {
    let setting = Setting { interleave_every: 1, ..Setting::default() };
    let mut running = Running::new();
    let keys: Vec<u64> = (0..8).collect();
    let mut firsts = [0; 2];
    for slate in 0..200 {
        let orders: [&[u32]; 2] = [&[0, 1, 2, 3, 4, 5, 6, 7], &[4, 5, 6, 7, 0, 1, 2, 3]];
        let (shown, _) = show(&mut running, setting, 3, slate, &keys, orders[0], orders[1]);
        let mut sorted = shown.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
        for pair in shown.chunks(2).take(2) {
            assert!(pair.iter().filter(|&&item| item < 4).count() == 1, "{shown:?}: one pick each in a round");
        }
        firsts[usize::from(shown[0] == 4)] += 1;
    }
    assert!(firsts.iter().all(|&count| count > 70), "{firsts:?} with seed 3");
}

#[test]
fn the_same_calls_give_the_same_bits_and_state_survives_storage() {
    let (mut one, mut other) = (User::new(5), User::new(5));
    for slate in 0..80 {
        one.read(WORSE);
        other.read(WORSE);
        if slate % 7 == 0 {
            other.running = read_all(&encode(&other.running)).expect("what was encoded");
        }
    }
    assert_eq!(encode(&one.running), encode(&other.running));
}

#[test]
fn a_slate_is_open_until_four_others_were_shown() {
    let mut running = Running::new();
    let show = |running: &mut Running, slate| {
        show(running, Setting::default(), 1, slate, &[10, 11], &[0, 1], &[1, 0]);
    };
    (0..4).for_each(|slate| show(&mut running, slate));
    assert!(running.click(0, 10) && running.report().slates == 0);
    show(&mut running, 4);
    assert!(!running.click(0, 10) && running.report().slates == 1, "the oldest has closed");
    assert_eq!(running.open.len(), KEPT_OPEN);
}

#[test]
fn an_interleaving_is_put_into_an_order_that_the_rules_allow() {
    let keys: Vec<u64> = (0..8).collect();
    let setting = Setting { interleave_every: 1, ..Setting::default() };
    let (server, personal) = ([7, 0, 1, 2, 3], [7, 4, 5, 6, 3]);
    // A rule that wants candidate 7 first and 3 next.
    let settle = |drafted: Vec<u32>| {
        let rest = drafted.into_iter().filter(|candidate| ![7, 3].contains(candidate));
        [7, 3].into_iter().chain(rest).collect()
    };
    for seed in 0..50 {
        let orders = Orders { keys: &keys, server: &server, personal: &personal, settle: &settle };
        let (compared, order, kind) = Compared::new(setting, [seed; 16], 1, Verdict::Personal, &orders);
        assert_eq!((order.len(), &order[..2], kind), (5, &[7, 3][..], Kind::Interleaved));
        assert!(compared.fits());
    }
}

#[test]
fn a_click_on_nothing_that_is_open_is_counted_apart() {
    let mut running = Running::new();
    show(&mut running, Setting::default(), 1, 1, &[10, 11], &[0, 1], &[1, 0]);
    assert!(running.click(1, 10) && running.click(1, 10), "clicked twice, counted once");
    assert!(!running.click(1, 99) && !running.click(2, 10));
    running.settle();
    assert!(!running.click(1, 10), "closed");
    assert_eq!(running.report().clicks_ignored, 3);
}

#[test]
fn orders_of_different_items_and_odd_places_are_no_harm() {
    let mut running = Running::new();
    let setting = Setting::default();
    assert_eq!(show(&mut running, setting, 2, 0, &[], &[], &[]).0, Vec::<u32>::new());
    let keys: Vec<u64> = (0..300).collect();
    let server: Vec<u32> = (0..200).collect();
    let personal: Vec<u32> = (0..300).rev().chain([7, 7, 4_000_000]).collect();
    for slate in 1..200 {
        let (mut sorted, _) = show(&mut running, setting, 2, slate, &keys, &server, &personal);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..300).collect::<Vec<u32>>());
        (0..300).for_each(|key| _ = running.click(slate, key));
    }
    running.settle();
    assert!(running.wealth.total().is_finite());
    let report = running.report();
    assert!(report.server.is_some_and(|server| server.low.is_finite() && server.high.is_finite()));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut running = Running::new();
    let keys: Vec<u64> = (0..1_000).collect();
    let server: Vec<u32> = (0..1_000).collect();
    let personal: Vec<u32> = (0..1_000).rev().collect();
    (0..130).for_each(|slate| _ = show(&mut running, Setting::default(), 2, slate, &keys, &server, &personal));
    assert!(encode(&running).len() < KEPT_OPEN * 2 * DEPTH * 100, "{}", encode(&running).len());
}

/// `cargo test --release -p privet running::tests::sweep -- --ignored --nocapture` prints docs/ranking.md's table.
#[test]
#[ignore = "a table for the documentation, not a check"]
#[expect(clippy::print_stdout, reason = "the table is the purpose")]
fn sweep() {
    const SEEDS: u64 = 1_000;
    println!(
        "| server, personal | noise shared | true difference | left by 60 | left by 200 | median | server's from 60 |"
    );
    println!("|---|---|---|---|---|---|---|");
    let strengths =
        [(2.0, -2.0), (2.0, 0.0), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0), (0.5, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0)];
    let better = [(1.0, 1.1), (0.0, 0.5), (1.0, 1.5), (1.0, 2.0)];
    for shared_noise in [0.0, 0.5, 0.8] {
        for (server, personal) in strengths.into_iter().chain(better) {
            row("", World { server, personal, shared_noise, ..WORLD }, SEEDS);
        }
    }
    for (name, world) in [
        ("eta .7, ", World { eta: 0.7, ..WORSE }),
        ("eta .7, ", World { eta: 0.7, server: 1.0, personal: 1.0, ..WORLD }),
        ("eta .7, ", World { eta: 0.7, ..BETTER }),
        ("eta 1.3, ", World { eta: 1.3, ..WORSE }),
        ("eta 1.3, ", World { eta: 1.3, ..BETTER }),
        ("half the clicks, ", World { clicks: 0.5, ..WORSE }),
        ("half the clicks, ", World { clicks: 0.5, ..BETTER }),
    ] {
        row(name, world, SEEDS);
    }
    let equal = World { server: 1.0, personal: 1.0, ..WORLD };
    let nearer = World { personal: 1.0, ..WORSE };
    for (name, world) in [("better", BETTER), ("equal", equal), ("less worse", nearer), ("still worse", WORSE)] {
        let mut waits: Vec<u64> = (0..SEEDS)
            .map(|seed| {
                let mut user = User::new(seed);
                user.read_until(WORSE, Verdict::Server, 1_000);
                user.read_until(world, Verdict::Personal, 500).unwrap_or(u64::MAX)
            })
            .collect();
        waits.sort_unstable();
        let within = |slates| waits.iter().filter(|&&wait| wait <= slates).count() as f64 / SEEDS as f64;
        println!("back, now {name}: {:.3} by 30, {:.3} by 100, {:.3} by 500", within(30), within(100), within(500));
    }
    for (name, world) in [("worse", WORSE), ("better", BETTER), ("equal", equal)] {
        let (mut held, mut bias) = ([0.0; 3], [0.0; 2]);
        for seed in 0..SEEDS {
            let mut user = User::new(seed);
            (0..200).for_each(|_| user.read(world));
            let [server, personal] = user.truth_ndcg();
            let report = user.running.report();
            let pairs = [(report.server, server), (report.personal, personal), (report.difference, personal - server)];
            for (i, (interval, truth)) in pairs.into_iter().enumerate() {
                let interval = interval.expect("200 slates have clicks");
                held[i] += f64::from((interval.low..=interval.high).contains(&truth)) / SEEDS as f64;
                if i < 2 {
                    bias[i] += (interval.estimate - truth) / SEEDS as f64;
                }
            }
        }
        println!("200 slates, {name}: intervals hold {held:.3?}, bias {bias:.3?} (server, personal, difference)");
    }
}

#[expect(clippy::print_stdout, reason = "the table is the purpose")]
fn row(name: &str, world: World, seeds: u64) {
    let (mut waits, mut servers, mut truth) = (Vec::new(), 0.0, 0.0);
    for seed in 0..seeds {
        let mut user = User::new(seed);
        let mut left = None;
        for slate in 1..=200_u64 {
            user.read(world);
            if user.running.verdict() == Verdict::Server {
                left = left.or(Some(slate));
                servers += f64::from(slate > 60) / (140 * seeds) as f64;
            }
        }
        waits.push(left.unwrap_or(u64::MAX));
        let [server, personal] = user.truth_ndcg();
        truth += (personal - server) / seeds as f64;
    }
    waits.sort_unstable();
    let within = |slates| waits.iter().filter(|&&wait| wait <= slates).count() as f64 / seeds as f64;
    let median = waits[waits.len() / 2];
    let median = if median == u64::MAX { "none".to_owned() } else { median.to_string() };
    println!(
        "| {name}{}, {} | {} | {truth:+.3} | {:.3} | {:.3} | {median} | {servers:.2} |",
        world.server,
        world.personal,
        world.shared_noise,
        within(60),
        within(200)
    );
}
