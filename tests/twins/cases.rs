//! The sizes and values at which every shader is held to its twin, natively and in a browser.

use privet::{
    cpu::{self, Shape},
    gpu::Gpu,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Around the edges of a workgroup of 64, none, one, and many.
const SIZES: [u32; 6] = [0, 1, 63, 64, 65, 1000];
/// The absolute part: sigmoid has a slope of at most 1/4 and logits here stay under 32 (or are exact), where f32 is
/// 2e-6 apart; a sum that is contracted into fused multiply-adds differs by a few such steps.
const ABS: f32 = 1e-5;
/// The relative part: sums of 1,000 terms, in the same order, with a rounding of 6e-8 each.
const REL: f32 = 6e-5;

struct Case {
    what: String,
    shape: Shape,
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    /// The size of the largest term that a sum can cancel.
    magnitude: f32,
}

fn cases() -> Vec<Case> {
    let mut generator = ChaCha8Rng::seed_from_u64(20_261_121);
    let mut numbers =
        |count: u32, size: f32| -> Vec<f32> { (0..count).map(|_| generator.random_range(-size..=size)).collect() };
    let mut cases = Vec::new();
    for n in SIZES {
        for d in [1, 18, 63, 64, 65, 100] {
            let shape = Shape { n, d };
            let mut add = |what: &str, x, w, y, magnitude| {
                cases.push(Case { what: format!("{what}, n = {n}, d = {d}"), shape, x, w, y, magnitude });
            };
            add("plain", numbers(n * d, 1.0), numbers(d, 0.3), numbers(n, 1.0), 1.0);
            add("large features", numbers(n * d, 1e4), numbers(d, 3e-5), numbers(n, 1.0), 1e4);
            add("large labels", numbers(n * d, 1.0), numbers(d, 0.3), numbers(n, 1e4), 1e4);
            // Whole numbers whose sums f32 holds exactly: logits to ±1e7, far past where a careless sigmoid overflows.
            let whole = |numbers: Vec<f32>, unit: f32| numbers.into_iter().map(|x| x.round() * unit).collect();
            add("saturated", whole(numbers(n * d, 1.0), 1e4), whole(numbers(d, 20.0), 1.0), numbers(n, 1.0), 1e4);
        }
    }
    cases
}

/// Holds both shaders to their twins in every case; panics with the first that differs.
pub(crate) async fn check(gpu: &Gpu) {
    for Case { what, shape, x, w, y, magnitude } in cases() {
        let mut r = vec![0.0; y.len()];
        cpu::residual(shape, &x, &w, &y, &mut r);
        let ours = gpu.residual(shape, &x, &w, &y).await.expect("the GPU answers");
        compare("residual", &what, &ours, &r, 1.0);
        let mut g = vec![0.0; w.len()];
        cpu::gradient(shape, &x, &r, &mut g);
        let ours = gpu.gradient(shape, &x, &w, &y).await.expect("the GPU answers");
        compare("gradient", &what, &ours, &g, magnitude);
    }
}

fn compare(shader: &str, what: &str, ours: &[f32], twin: &[f32], magnitude: f32) {
    assert_eq!(ours.len(), twin.len(), "{shader}, {what}");
    for (i, (ours, twin)) in ours.iter().zip(twin).enumerate() {
        let tolerance = ABS * magnitude + REL * twin.abs();
        assert!((ours - twin).abs() <= tolerance, "{shader}, {what}: entry {i} is {ours}, the twin has {twin}");
    }
}
