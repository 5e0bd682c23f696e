//! The sizes and values at which every shader is held to its twin, natively and in a browser.

use privet::{
    Backend, Device, Event, Head, Identity, Item, Mode, Moment, Operator, Pins, Policy, Round, Schema, SealingKey,
    Signed, Terms,
    cpu::{self, Shape},
    gpu::Gpu,
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

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most, number| most.max(number.abs()))
}

/// Holds every shader to its twin in every case; panics with the first that differs.
pub(crate) async fn check(gpu: &Gpu) {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(20_261_121));
    for (n, groups) in BATCHES {
        for (f, h) in NETS {
            check_net(gpu, &mut draw, Shape { n, f, h, groups }).await;
        }
        check_slates(gpu, &mut draw, Shape { n, f: 1, h: 1, groups }).await;
    }
}

async fn check_net(gpu: &Gpu, draw: &mut Draw, shape: Shape) {
    let Shape { n, f, h, groups } = shape;
    let count = shape.parameters();
    for (what, x, theta, r) in [
        ("plain", draw.numbers(n * f, 1.0), draw.numbers(count, 0.5), draw.numbers(n, 1.0)),
        ("large features", draw.numbers(n * f, 1e4), draw.numbers(count, 0.5), draw.numbers(n, 1.0)),
        ("large parameters", draw.numbers(n * f, 1.0), draw.numbers(count, 1e4), draw.numbers(n, 1.0)),
        ("large slopes", draw.numbers(n * f, 1.0), draw.numbers(count, 0.5), draw.numbers(n, 1e4)),
        // Many units are exactly 0: which side of the kink they are on is not a matter of rounding.
        ("whole", draw.whole(n * f, 1, 1.0), draw.whole(count, 1, 1.0), draw.whole(n, 1, 1.0)),
    ] {
        let what = format!("{what}, n = {n}, f = {f}, h = {h}, groups = {groups}");
        let (mut z, mut s) = (vec![0.0; (n * h) as usize], vec![0.0; n as usize]);
        cpu::forward(shape, &x, &theta, &mut z, &mut s);
        let (our_z, our_s) = gpu.forward(shape, &x, &theta).await.expect("the GPU answers");
        let unit = largest(&theta) * largest(&x).max(1.0);
        compare("forward, z", &what, &our_z, &z, unit);
        // What the units err by, each of them adds to the score.
        compare("forward, s", &what, &our_s, &s, unit.max(largest(&theta) * largest(&z).max(unit)));
        let mut g = vec![0.0; count as usize];
        cpu::backward(shape, &x, &theta, &z, &r, &mut g);
        let ours = gpu.backward(shape, &x, &theta, &z, &r).await.expect("the GPU answers");
        let scale = largest(&r) / groups.max(1) as f32;
        let (w2, x, z) = (largest(&theta), largest(&x).max(1.0), largest(&z));
        compare("backward", &what, &ours, &g, scale * x.max(w2 * x).max(z));
    }
}

async fn check_slates(gpu: &Gpu, draw: &mut Draw, shape: Shape) {
    let Shape { n, groups, .. } = shape;
    for (what, gate, weight, offset, s) in [
        ("plain", 0.75, draw.numbers(groups, 2.0), draw.numbers(n, 4.0), draw.numbers(n, 4.0)),
        ("closed", 0.0, draw.numbers(groups, 2.0), draw.numbers(n, 4.0), draw.numbers(n, 1e4)),
        ("large weights", 1.0, draw.numbers(groups, 1e4), draw.numbers(n, 4.0), draw.numbers(n, 4.0)),
        // Far past where a careless exponential overflows, in numbers whose sums are exact.
        ("saturated", 0.5, draw.numbers(groups, 2.0), draw.whole(n, 100, 100.0), draw.whole(n, 100, 100.0)),
    ] {
        let what = format!("{what}, n = {n}, groups = {groups}");
        let weight: Vec<f32> = weight.into_iter().map(f32::abs).collect();
        let starts = draw.starts(n, groups);
        let (mut r, mut losses) = (vec![0.0; n as usize], vec![0.0; groups as usize]);
        cpu::listwise(shape, gate, &starts, &weight, &offset, &s, &mut r, &mut losses);
        let answer = gpu.listwise(shape, gate, &starts, &weight, &offset, &s).await;
        let (our_r, our_losses) = answer.expect("the GPU answers");
        compare("listwise, r", &what, &our_r, &r, largest(&weight));
        compare("listwise, losses", &what, &our_losses, &losses, largest(&weight));
    }
}

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
    let (mut ours, mut twins) = (device(&head, backend), device(&head, Backend::Scalar));
    for device in [&mut ours, &mut twins] {
        visit(device);
    }
    let [ours, twins] = [ours.gradient().await, twins.gradient().await];
    assert!(largest(twins.values()) > 1e-3, "there is something to compare");
    // The epochs go on from each other's rounding; they are few and their rate is small.
    compare("descent", "three epochs", ours.values(), twins.values(), largest(twins.values()));
}

/// A head none of whose parameters is zero.
fn uneven() -> Head {
    let mut head = Head::starting(Schema::plain(16), 7, 2.0).expect("a plain schema");
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
        tolerated_permille: 0,
        min_cohort: 100,
        n_max: 10_000,
        delta: 1e-6,
        deadline_s: 4_102_444_800,
        head: Head::hash(&bytes),
        leader: Operator::new("leader.example", SealingKey::from_seed(&[1; 32]).public()),
        helper: None,
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
