//! Shaders against their twins, and the twins against finite differences.

mod cases;

use privet::{
    cpu::{self, Shape},
    gpu::{Gpu, WORKGROUP},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

#[test]
fn shaders_compute_what_their_twins_compute() {
    if std::env::var_os("NO_GPU").is_some_and(|value| value == "1") {
        return;
    }
    let gpu = pollster::block_on(Gpu::open()).expect("a Vulkan device that passes its probe (NO_GPU=1 goes without)");
    pollster::block_on(cases::check(&gpu));
}

/// The mean logistic loss in f64, written as the textbook has it.
fn loss(shape: Shape, x: &[f32], w: &[f64], y: &[f32]) -> f64 {
    let rows = x.chunks_exact(shape.d as usize).zip(y);
    let total: f64 = rows
        .map(|(row, &y)| {
            let logit: f64 = row.iter().zip(w).map(|(&x, w)| f64::from(x) * w).sum();
            logit.exp().ln_1p() - f64::from(y) * logit
        })
        .sum();
    total / f64::from(shape.n)
}

#[test]
fn the_gradient_twin_is_the_slope_of_the_loss() {
    const STEP: f64 = 1e-5;
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    for (n, d) in [(1, 1), (5, 18), (64, 18), (100, 66)] {
        let shape = Shape { n, d };
        let x: Vec<f32> = (0..n * d).map(|_| generator.random_range(-1.0..1.0)).collect();
        let w: Vec<f32> = (0..d).map(|_| generator.random_range(-1.0..1.0)).collect();
        let y: Vec<f32> = (0..n).map(|i| (i % 2) as f32).collect();
        let (mut r, mut g) = (vec![0.0; n as usize], vec![0.0; d as usize]);
        cpu::residual(shape, &x, &w, &y, &mut r);
        cpu::gradient(shape, &x, &r, &mut g);
        for j in 0..d as usize {
            let at = |step: f64| {
                let mut w: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
                w[j] += step;
                loss(shape, &x, &w, &y)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!((f64::from(g[j]) - slope).abs() < 1e-3 * slope.abs().max(1e-3), "{n} x {d}, {j}: {} {slope}", g[j]);
        }
    }
}

#[test]
fn the_code_knows_the_workgroups_and_bindings_of_the_shaders() {
    for (name, source, bindings) in [
        ("residual", include_str!("../../crate/shader/residual.wgsl"), ["shape", "x", "w", "y", "r"].as_slice()),
        ("gradient", include_str!("../../crate/shader/gradient.wgsl"), &["shape", "x", "r", "g"]),
    ] {
        let module = naga::front::wgsl::parse_str(source).expect("valid WGSL");
        let [entry] = &module.entry_points[..] else { panic!("{name} has one entry point") };
        assert_eq!((entry.name.as_str(), entry.workgroup_size), (name, [WORKGROUP, 1, 1]));
        let mut found: Vec<_> = module
            .global_variables
            .iter()
            .map(|(_, variable)| {
                let binding = variable.binding.as_ref().expect("every variable is bound");
                (binding.group, binding.binding, variable.name.clone().expect("every variable is named"))
            })
            .collect();
        found.sort();
        let expected: Vec<_> =
            bindings.iter().zip(0..).map(|(name, binding)| (0, binding, (*name).to_owned())).collect();
        assert_eq!(found, expected, "{name}");
    }
}
