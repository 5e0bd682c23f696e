//! The sizes and values at which every shader is held to its twin, natively and in a browser.

use privet::{
    Attribute, Backend, Device, Event, Head, Identity, Item, Mode, Moment, Operator, Pins, Policy, Ranker, Request,
    Round, Schema, SealingKey, Signed, Terms,
    cpu::{self, ExampleSpan, PlannedSlate, PlannedStep, ScoringBatch, Shape, Sizes, StepPlan, StepSettings},
    gpu::Gpu,
    layout, rank,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Rows and groups: around the edges of a workgroup of 64, none, one, many, and a group a row.
const BATCHES: [(u32, u32); 11] =
    [(0, 0), (1, 1), (63, 1), (63, 63), (64, 64), (65, 65), (65, 7), (1000, 1), (1000, 63), (1000, 64), (1000, 65)];
/// Features and hidden units: 4, 63, 64, 66, 287 and 4,028 parameters, each of them a thread.
const NETS: [(u32, u32); 6] = [(1, 1), (11, 4), (9, 5), (15, 3), (15, 16), (60, 64)];
/// The absolute part, a share of the largest term of a sum. A GPU may contract a product and a sum into one rounding,
/// and so differ by 6e-8 of a partial sum at every step: 1,000 terms of either sign add up to some 32 of them, and
/// 1,000 such roundings to some 32 of those, which is 6e-5.
const ABS: f32 = 1e-4;
/// The relative part: `exp` may err by 3 + 2·|x| steps of 6e-8 (WGSL, 15.7.4) and what is under e^-100 is lost in the
/// absolute part; a sum that does not cancel keeps what its terms have.
const REL: f32 = 6e-5;

struct Draw(ChaCha8Rng);

impl Draw {
    fn numbers(&mut self, count: u32, size: f32) -> Vec<f32> {
        (0..count).map(|_| self.0.random_range(-size..=size)).collect()
    }

    /// Whole multiples of a unit, whose sums f32 holds exactly.
    fn whole(&mut self, count: u32, most: i32, unit: f32) -> Vec<f32> {
        (0..count).map(|_| self.0.random_range(-most..=most) as f32 * unit).collect()
    }

    /// Where groups of at least one row begin, and the end.
    fn starts(&mut self, n: u32, groups: u32) -> Vec<u32> {
        let mut starts: Vec<u32> = (1..n).collect();
        while starts.len() as u32 > groups.saturating_sub(1) {
            starts.swap_remove(self.0.random_range(0..starts.len()));
        }
        starts.sort_unstable();
        let end: &[u32] = if groups > 0 { &[n] } else { &[] };
        [&[0], &starts[..], end].concat()
    }
}

impl Draw {
    /// Up to three slots of each row, after where they begin.
    fn slots(&mut self, n: u32, values: u32) -> Vec<u32> {
        let (mut starts, mut slots) = (vec![n + 1], Vec::new());
        for _ in 0..n {
            let most = if values > 0 { self.0.random_range(0..=3) } else { 0 };
            slots.extend((0..most).map(|_| self.0.random_range(0..values.max(1))));
            starts.push(n + 1 + slots.len() as u32);
        }
        [starts, slots].concat()
    }
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most, number| most.max(number.abs()))
}

/// Holds every shader to its twin in every case; panics with the first that differs.
pub(crate) async fn check(gpu: &Gpu) {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(20_261_121));
    check_scores(gpu).await;
    for (n, groups) in BATCHES {
        for (f, h) in NETS {
            for (d, values) in [(0, 0), (5, 7)] {
                check_step(gpu, &mut draw, (n, groups), StepSettings { f, h, d, values, ..SETTINGS }).await;
            }
        }
    }
}

/// Holds the shaders that score to their twins: around a workgroup's edges of items, and of what they are compared with.
async fn check_scores(gpu: &Gpu) {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(20_261_122));
    for n in [0, 1, 63, 64, 65, 1000] {
        for (recent, d, h) in [(0, 16, 1), (1, 1, 4), (55, 5, 63), (56, 63, 64), (57, 64, 65), (64, 65, 7)] {
            for (at, size) in [(0, 1.0), (3, 1e4)] {
                let sizes = Sizes { n, f: at + layout::FIXED as u32, h, d, at, recent };
                check_batch(gpu, &format!("{sizes:?}, {size}"), &batch(&mut draw, sizes, size)).await;
            }
        }
    }
}

/// Directions of length 1, as every profile has them; features, nets and interests of any size.
fn batch(draw: &mut Draw, sizes: Sizes, size: f32) -> ScoringBatch {
    let Sizes { n, f, h, d, recent, .. } = sizes;
    let mut unit = |count: u32, lengths: f32| -> Vec<f32> {
        let row = |_| {
            let row = draw.numbers(d, 1.0);
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-3);
            row.into_iter().map(move |x| lengths * x / length).collect::<Vec<f32>>()
        };
        (0..count).flat_map(row).collect()
    };
    let (interests, rest, directions) = (unit(4, size), unit(4 + recent, 1.0), unit(n, 1.0));
    let mut factors = vec![8.0, 16.0, 8.0, 1.0 / size, 0.0, 0.5 / size, 2.0 / size];
    // Who has nothing recent belongs to no cluster either.
    factors.extend([0.5, 0.25, 0.0, 0.25].map(|weight| if recent > 0 { weight } else { 0.0 }));
    for back in 0..recent {
        // Of each sign, or without any; and fading.
        let label = [0.7, -1.0, 0.0, 1.0][back as usize % 4];
        let fixed_weight = |sign: f32, fading: f32| sign * label * (-fading * back as f32).exp();
        factors.extend([fixed_weight(1.0, 0.0), fixed_weight(1.0, 0.15), fixed_weight(-1.0, 0.0), label]);
    }
    let thetas = draw.numbers(2 * (f + f * h + 2 * h), size.min(100.0));
    ScoringBatch {
        sizes,
        references: [interests, rest].concat(),
        factors,
        directions,
        x: draw.numbers(n * f, size),
        thetas,
    }
}

async fn check_batch(gpu: &Gpu, what: &str, batch: &ScoringBatch) {
    let ours = gpu.score(batch).await.unwrap_or_else(|trouble| panic!("{what}: {}", trouble.code()));
    let (n, f) = (batch.sizes.n as usize, batch.sizes.f as usize);
    let (mut x, mut reasons) = (batch.x.clone(), Vec::new());
    for (item, x) in x.chunks_exact_mut(f).enumerate() {
        reasons.push(cpu::profile_features(batch, item, x));
    }
    let shape = Shape { n: batch.sizes.n, f: batch.sizes.f, h: batch.sizes.h, groups: 1 };
    for (net, theta) in batch.thetas.chunks_exact(shape.parameters() as usize).enumerate() {
        let (mut z, mut s) = (vec![0.0; n * shape.h as usize], vec![0.0; n]);
        cpu::forward(shape, &x, theta, &mut z, &mut s);
        let most = largest(theta) * largest(&z).max(largest(&x));
        compare("profile_features and forward", what, &ours[net * n..][..n], &s, most);
    }
    for (item, (which, strength)) in reasons.into_iter().enumerate().filter(|_| batch.sizes.recent > 0) {
        let [ours, our_strength] = [0, 1].map(|part| ours[2 * n + 2 * item + part]);
        assert!((our_strength - strength).abs() <= ABS, "{what}: {our_strength} {strength}");
        // Two may be as loud as each other but for rounding.
        let d = batch.sizes.d as usize;
        let other = &batch.references[(8 + ours as usize) * d..][..d];
        let like: f32 = other.iter().zip(&batch.directions[item * d..]).map(|(other, own)| other * own).sum();
        let reason = batch.factors[11 + 4 * ours as usize + 3] * like;
        assert!((reason - strength).abs() <= ABS, "{what}: {ours} says {reason}, and {which} {strength}");
    }
}

/// Holds an order of a ranker whose candidates a GPU has scored to the one that it makes itself.
pub(crate) async fn check_order(mut backend: Backend) {
    let head = uneven_of(Schema { attributes: vec![attribute("topic"), attribute("form")], ..Schema::plain(64) }, 32);
    let bytes = head.encode();
    let mut ranker = Ranker::new(None, Policy::at_once(), &bytes).expect("a sound head");
    let candidates: Vec<Item> = (0..1000).map(|n| thing(5000 + n)).collect();
    let moment = Moment { ms: 90_000_000, offset_min: 60 };
    assert!(
        ranker.scoring_batch(&candidates, moment).expect("plain candidates").is_empty(),
        "there is nothing personal yet"
    );
    for n in 0..90 {
        ranker.record(pair(n)).expect("a plain event");
        let Event { item, .. } = pair(1000 + n);
        ranker.record(Event::new(2, item, Moment { ms: n * 1000, offset_min: 0 })).expect("a plain event");
    }
    while ranker.train(|| false) {}
    let batch = ranker.scoring_batch(&candidates, moment).expect("plain candidates");
    let seen = backend.score(&batch).await.expect("a batch").expect("the GPU scores");
    let request = Request::default();
    let mut rerank = |seen: &[f32]| ranker.rerank_scored((&candidates, moment, seen), &request, [7; 16]);
    let [ours, own] = [rerank(&seen), rerank(&[])].map(|slate| slate.expect("plain candidates"));
    for (ours, own) in ours.scores.iter().zip(&own.scores) {
        for (ours, own) in [(ours.shared, own.shared), (ours.personal, own.personal)] {
            assert!((ours - own).abs() < 1e-4, "{ours} {own}");
        }
        let [(ours, _), (own, _)] = [ours, own].map(|score| score.because.expect("something speaks for it"));
        assert_eq!(ours, own);
    }
    let same = ours.order.iter().zip(&own.order).filter(|(ours, own)| ours == own).count();
    assert!(same >= 950, "{same} of 1000 places are the same");
    assert!(rerank(&seen[1..]).is_err() && backend.score(&batch[1..]).await.is_err(), "what does not fit is refused");
}

/// One step over all slates, in every range of numbers.
async fn check_step(gpu: &Gpu, draw: &mut Draw, (n, groups): (u32, u32), settings: StepSettings) {
    let count = settings.f + settings.f * settings.h + 2 * settings.h + settings.d + settings.values;
    let rows = n * (settings.f + settings.d + 1);
    for (what, plain, gate, rows, values, weight) in [
        ("plain", 1, 0.75, draw.numbers(rows, 1.0), draw.numbers(count, 0.5), draw.numbers(groups, 2.0)),
        ("with a pull", 0, 1.0, draw.numbers(rows, 1.0), draw.numbers(count, 0.5), draw.numbers(groups, 2.0)),
        ("closed", 1, 0.0, draw.numbers(rows, 1e4), draw.numbers(count, 0.5), draw.numbers(groups, 2.0)),
        ("large weights", 1, 1.0, draw.numbers(rows, 1.0), draw.numbers(count, 0.5), draw.numbers(groups, 1e4)),
        // Far past where a careless exponential overflows, in numbers whose sums are exact: which row is the top one, and
        // on which side of its kink a unit is, is no matter of rounding.
        ("large rows", 1, 1.0, draw.whole(rows, 1, 1e4), draw.whole(count, 1, 1.0), draw.numbers(groups, 2.0)),
        ("large parameters", 1, 1.0, draw.whole(rows, 1, 1.0), draw.whole(count, 1, 1e4), draw.numbers(groups, 2.0)),
        ("whole", 0, 0.5, draw.whole(rows, 1, 1.0), draw.whole(count, 1, 1.0), draw.numbers(groups, 2.0)),
    ] {
        let what = format!("{what}, n = {n}, groups = {groups}, {settings:?}");
        let starts = draw.starts(n, groups);
        let slots = draw.slots(n, settings.values);
        let squares = draw.numbers(count, 1.0).into_iter().map(f32::abs);
        let state = values.iter().copied().chain(squares).chain(draw.numbers(count, 0.5)).collect();
        let examples = starts.windows(2).zip(&weight);
        let plan = StepPlan {
            settings: StepSettings { plain, gate, ..settings },
            steps: vec![PlannedStep { begin: 0, count: groups, pull_scale: 0.25, rate_scale: 1.5 }],
            slates: (0..groups).map(|n| PlannedSlate { example: n, work_row: starts[n as usize] }).collect(),
            examples: examples
                .map(|(at, weight)| ExampleSpan { begin: at[0], end: at[1], weight: weight.abs() })
                .collect(),
            ..StepPlan { rows, slots, state, ..StepPlan::default() }
        };
        check_run(gpu, &what, &plan).await;
    }
}

async fn check_run(gpu: &Gpu, what: &str, plan: &StepPlan) {
    let (mut twin, mut work) = (plan.state.clone(), vec![0.0; plan.most_rows() * plan.work_width()]);
    let step = plan.steps[0];
    cpu::slate_slopes(plan, step, &twin, &mut work);
    cpu::adagrad_step(plan, step, &mut twin, &work);
    let ours = gpu.run_steps(plan).await.unwrap_or_else(|trouble| panic!("{what}: {}", trouble.code()));
    // A slope is a mean of so many terms as a group has rows, each of a row, a unit or what goes back through one.
    let (x, work) = (largest(&plan.rows).max(1.0), largest(&work));
    let rows = plan.examples.iter().map(|span| span.rows().len()).max().unwrap_or_default() as f32;
    let slope = x * work * rows.sqrt();
    let count = plan.parameters();
    compare("slate_slopes and adagrad_step", what, &ours[..count], &twin[..count], largest(&plan.state).max(slope));
    let squares = count..2 * count;
    compare("squares", what, &ours[squares.clone()], &twin[squares], slope.max(1.0) * slope);
}

const SETTINGS: StepSettings = StepSettings {
    f: 0,
    h: 0,
    d: 0,
    values: 0,
    gate: 1.0,
    damping: 0.1,
    rate: 0.5,
    pull: 2.0,
    personal_rate: 0.3,
    personal_pull: 1.0,
    plain: 0,
};

fn compare(shader: &str, what: &str, ours: &[f32], twin: &[f32], magnitude: f32) {
    assert_eq!(ours.len(), twin.len(), "{shader}, {what}");
    for (i, (ours, twin)) in ours.iter().zip(twin).enumerate() {
        let tolerance = ABS * magnitude + REL * twin.abs();
        assert!((ours - twin).abs() <= tolerance, "{shader}, {what}: entry {i} is {ours}, the twin has {twin}");
    }
}

/// Holds a whole descent of several epochs, from events to the gradient, to the twins'.
pub(crate) async fn check_descent(backend: Backend) {
    assert_eq!(backend.name(), "webgpu");
    let head = uneven();
    let (mut ours, mut twins) = (device(&head, backend), device(&head, Backend::simd()));
    for device in [&mut ours, &mut twins] {
        visit(device);
    }
    let [ours, twins] = [ours.preview().await, twins.preview().await].map(|it| it.expect("a round").gradient);
    assert!(largest(&twins) > 1e-3, "there is something to compare");
    // The epochs go on from each other's rounding; they are few and their rate is small.
    compare("descent", "three epochs", &ours, &twins, largest(&twins));
}

/// A head none of whose parameters is zero.
fn uneven() -> Head {
    uneven_of(Schema::plain(16), 7)
}

fn uneven_of(schema: Schema, hidden: u32) -> Head {
    let mut head = Head::starting(schema, hidden, 2.0).expect("a plain schema");
    (head.upload.epochs, head.upload.rate) = (3, 0.1);
    let parameters = Draw(ChaCha8Rng::seed_from_u64(7)).numbers(head.parameters().len() as u32, 0.5);
    head.with_parameters(parameters).expect("as many, and finite")
}

fn device(head: &Head, backend: Backend) -> Device {
    let (identity, bytes) = (Identity::from_seed(&[1; 32]), head.encode());
    let round = Round {
        task: "twins".into(),
        number: 1,
        mode: Mode::Device,
        dimension: head.parameters().len() as u32,
        clip_norm: 1.0,
        grid_scale: 1 << 16,
        noise_multiplier: 8.0,
        part_multiplier: 0.0,
        min_cohort: 100,
        n_max: 10_000,
        delta: 1e-6,
        deadline_s: 4_102_444_800,
        head: Head::hash(&bytes),
        leader: Operator::new("leader.example", SealingKey::from_seed(&[1; 32]).public()),
        helper: None,
        token_key: None,
    };
    let signed = Signed::round(&round, identity.sign_round(&round), None).encode();
    let pins = Pins { leader: identity.public(), helper: None };
    let terms = Terms { task: "twins".into(), pins, policy: Policy::at_once() };
    Device::new(terms, &signed, &bytes, &[], backend).expect("all fits")
}

/// Slates of every length up to 16 with one chosen of each.
fn visit(device: &mut Device) {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(11));
    let mut item = |key| Item { score: draw.numbers(1, 1.0)[0], ..Item::plain(key, draw.numbers(16, 1.0)) };
    for n in 0..40 {
        let others = (1..=n % 16).map(|place| item(100 * n + place)).collect();
        let moment = Moment { ms: n * 100_000, offset_min: 0 };
        let event = Event { others, position: (n % 5) as u16, ..Event::new(1, item(100 * n), moment) };
        device.record(event).expect("a plain event");
    }
}

/// So many pairs of an epoch: each event earns eight steps over eight examples.
const EVENTS: u64 = 25_000_u64.div_ceil(64);

/// Holds a whole fine-tuning, from 25,000 pairs to the orders of 100 slates, to those by the twins and by the kernels. Returns
/// how many submissions it took.
pub(crate) async fn check_tuning(backend: Backend) -> u32 {
    assert_eq!(backend.name(), "webgpu");
    let mut head =
        uneven_of(Schema { attributes: vec![attribute("topic"), attribute("form")], ..Schema::plain(64) }, 32);
    (head.local.steps, head.local.batch) = (8, 8);
    let bytes = head.encode();
    let ranker = || Ranker::new(None, Policy::at_once(), &bytes).expect("a sound head");
    let (mut ours, mut twins, mut kernels) = (ranker(), ranker(), ranker());
    for n in 0..EVENTS {
        for ranker in [&mut ours, &mut twins, &mut kernels] {
            ranker.record(pair(n)).expect("a plain event");
        }
    }
    while kernels.train(|| false) {}
    let gpu = tune(&mut ours, &bytes, backend).await;
    tune(&mut twins, &bytes, Backend::Scalar).await;
    let scores = |ranker: &Ranker, items: &[Item]| {
        let ranking = rank(&head, ranker.memory(), items, Moment::default()).expect("plain candidates");
        (ranking.order.clone(), ranking.scores.iter().map(privet::Score::total).collect::<Vec<f32>>())
    };
    let loss = |ranker: &Ranker| {
        let of = |n| {
            let Event { item, others, .. } = pair(n);
            let (_, totals) = scores(ranker, &[&[item], &others[..]].concat());
            f64::from(totals[1] - totals[0]).exp().ln_1p()
        };
        (0..EVENTS).map(of).sum::<f64>() / EVENTS as f64
    };
    let slate = |n: u64| (0..20).map(|place| thing(100_000 + 20 * n + place)).collect::<Vec<Item>>();
    let (learnt, fresh) = (loss(&ours), loss(&ranker()));
    assert!(learnt < fresh - 0.05, "something was learnt: {fresh} {learnt}");
    for (name, other) in [("twins", &twins), ("kernels", &kernels)] {
        let theirs = loss(other);
        assert!((learnt - theirs).abs() < 1e-3, "{name}: {learnt} {theirs}");
        let same = (0..100).filter(|&n| scores(&ours, &slate(n)).0 == scores(other, &slate(n)).0).count();
        assert!(same >= 95, "{name}: {same} of 100 orders are the same");
    }
    let Backend::WebGpu(gpu) = gpu else { panic!("the GPU was left") };
    gpu.submissions()
}

/// Takes all steps that are owed by this backend, and gives it back.
async fn tune(ranker: &mut Ranker, head: &[u8], mut backend: Backend) -> Backend {
    let head = Head::decode(head).expect("a sound head");
    assert_eq!(ranker.owed(), EVENTS * 8);
    while ranker.owed() > 0 {
        let lent = ranker.lend(512);
        let tuned = backend.tune(&head, &lent, 512).await.expect("bytes that were lent");
        let tuned = tuned.unwrap_or_else(|| panic!("{:?}", backend.trouble()));
        ranker.take_back(tuned.steps, &tuned.state).expect("as many as were owed");
    }
    backend
}

fn attribute(name: &str) -> Attribute {
    Attribute { name: name.into(), rate: 0.03, strength: 20.0 }
}

/// A thing and another, of which the one of a kind is chosen over the one of another kind.
fn pair(n: u64) -> Event {
    let (one, other) = (thing(2 * n), thing(2 * n + 1));
    let liked = one.attributes[0].1 < other.attributes[0].1;
    let (chosen, passed) = if liked { (one, other) } else { (other, one) };
    Event { others: vec![passed], ..Event::new(1, chosen, Moment { ms: n * 1000, offset_min: 0 }) }
}

fn thing(n: u64) -> Item {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(n));
    let embedding = draw.numbers(64, 1.0);
    Item { score: draw.numbers(1, 0.1)[0], attributes: vec![(0, n % 7), (1, n % 3)], ..Item::plain(n, embedding) }
}
