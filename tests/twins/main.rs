//! Shaders against their twins, and the twins against finite differences.

mod cases;
mod kernels;
mod mutations;

use core::mem::offset_of;
use privet::{
    cpu::{
        self, ATTENTIONS, CLUSTERS, ExampleSpan, INTERESTS, PlannedSlate, PlannedStep, RECENT, Shape, Sizes,
        StepSettings,
    },
    gpu::{Gpu, SHADERS, WORKGROUP, backend, without_end},
    layout,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

fn no_gpu() -> bool {
    std::env::var_os("NO_GPU").is_some_and(|value| value == "1")
}

#[test]
fn shaders_compute_what_their_twins_compute() {
    if no_gpu() {
        return;
    }
    let gpu = pollster::block_on(Gpu::open(without_end())).unwrap_or_else(|trouble| {
        panic!("{}: a Vulkan device that passes its probe is wanted (NO_GPU=1 goes without)", trouble.code())
    });
    pollster::block_on(cases::check(&gpu));
}

#[test]
fn a_descent_on_the_gpu_is_the_twins_descent() {
    if !no_gpu() {
        pollster::block_on(async { cases::check_descent(backend(without_end()).await).await });
    }
}

#[test]
fn an_order_that_a_gpu_has_scored_is_the_rankers_own() {
    if !no_gpu() {
        pollster::block_on(async { cases::check_order(backend(without_end()).await).await });
    }
}

#[test]
fn a_whole_fine_tuning_on_the_gpu_is_the_one_on_the_cpu() {
    if !no_gpu() {
        let submissions = pollster::block_on(async { cases::check_tuning(backend(without_end()).await).await });
        // 3,128 steps, 512 at a time, and the probe's three.
        assert_eq!(submissions, 7 + 3);
    }
}

/// Slates as the textbook has them, in f64.
struct Slates {
    shape: Shape,
    gate: f32,
    x: Vec<f32>,
    theta: Vec<f32>,
    starts: Vec<u32>,
    weight: Vec<f32>,
    offset: Vec<f32>,
}

impl Slates {
    fn draw(shape: Shape, generator: &mut ChaCha8Rng) -> Self {
        let mut numbers =
            |count: u32, size: f32| -> Vec<f32> { (0..count).map(|_| generator.random_range(-size..size)).collect() };
        let each = shape.n / shape.groups;
        Self {
            shape,
            gate: 0.6,
            x: numbers(shape.n * shape.f, 1.0),
            theta: numbers(shape.parameters(), 1.0),
            starts: (0..shape.groups).map(|g| g * each).chain([shape.n]).collect(),
            weight: numbers(shape.groups, 2.0).into_iter().map(f32::abs).collect(),
            offset: numbers(shape.n, 1.0),
        }
    }

    fn theta(&self) -> Vec<f64> {
        self.theta.iter().map(|&p| f64::from(p)).collect()
    }

    /// Each row's units before `max(0, ·)`, and its score.
    fn forward(&self, theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (f, h) = (self.shape.f as usize, self.shape.h as usize);
        let (mut units, mut scores) = (Vec::new(), Vec::new());
        for x in self.x.chunks_exact(f) {
            let along = |weights: &mut dyn Iterator<Item = f64>| -> f64 {
                x.iter().zip(weights).map(|(&x, weight)| f64::from(x) * weight).sum()
            };
            let row: Vec<f64> =
                (0..h).map(|k| theta[f + f * h + k] + along(&mut (0..f).map(|j| theta[f + j * h + k]))).collect();
            let second: f64 = row.iter().zip(&theta[f + f * h + h..]).map(|(unit, w2)| unit.max(0.0) * w2).sum();
            scores.push(along(&mut theta[..f].iter().copied()) + second);
            units.extend(row);
        }
        (units, scores)
    }

    /// The sum of the groups' losses.
    fn loss(&self, scores: &[f64]) -> f64 {
        let of_group = |(rows, &weight): (&[u32], &f32)| {
            let rows = rows[0] as usize..rows[1] as usize;
            let t: Vec<f64> = rows.map(|i| f64::from(self.offset[i]) + f64::from(self.gate) * scores[i]).collect();
            f64::from(weight) * (t.iter().map(|t| t.exp()).sum::<f64>().ln() - t[0])
        };
        self.starts.windows(2).zip(&self.weight).map(of_group).sum()
    }

    /// The twins' units, scores and slopes by each score.
    fn twins(&self) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let rows = self.shape.n as usize;
        let (mut z, mut s) = (vec![0.0; rows * self.shape.h as usize], vec![0.0; rows]);
        let (mut r, mut losses) = (vec![0.0; rows], vec![0.0; self.weight.len()]);
        cpu::forward(self.shape, &self.x, &self.theta, &mut z, &mut s);
        cpu::listwise(self.shape, self.gate, &self.starts, &self.weight, &self.offset, &s, &mut r, &mut losses);
        (z, s, r)
    }

    fn backward(&self, z: &[f32], r: &[f32]) -> Vec<f32> {
        let mut g = vec![0.0; self.theta.len()];
        cpu::backward(self.shape, &self.x, &self.theta, z, r, &mut g);
        g
    }
}

const STEP: f64 = 1e-5;

/// Slates in which no unit lies so near the kink of `max(0, ·)` that a step of a parameter or a rounding crosses it.
fn slates() -> Vec<Slates> {
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    let shapes = [(2, 1, 1, 1), (6, 15, 3, 2), (60, 18, 8, 12), (120, 21, 16, 10)];
    shapes
        .map(|(n, f, h, groups)| {
            loop {
                let slates = Slates::draw(Shape { n, f, h, groups }, &mut generator);
                if slates.forward(&slates.theta()).0.iter().all(|unit| unit.abs() > 10.0 * STEP) {
                    return slates;
                }
            }
        })
        .into()
}

/// Holds each slope to the central difference of `function` in each of `at`, to a thousandth.
fn assert_slopes(what: &str, slopes: &[f32], at: &[f64], function: impl Fn(&[f64]) -> f64) {
    assert_eq!(slopes.len(), at.len());
    for (i, &ours) in slopes.iter().enumerate() {
        let stepped = |step: f64| {
            let mut at = at.to_vec();
            at[i] += step;
            function(&at)
        };
        let slope = (stepped(STEP) - stepped(-STEP)) / (2.0 * STEP);
        assert!((f64::from(ours) - slope).abs() < 1e-3 * slope.abs().max(1e-3), "{what}, {i}: {ours} {slope}");
    }
}

#[test]
fn the_twins_together_are_the_slope_of_the_loss_by_each_parameter() {
    for slates in slates() {
        let (z, _, r) = slates.twins();
        let groups = f64::from(slates.shape.groups);
        assert_slopes("all", &slates.backward(&z, &r), &slates.theta(), |theta| {
            slates.loss(&slates.forward(theta).1) / groups
        });
    }
}

#[test]
fn each_twin_alone_is_what_the_textbook_has() {
    for slates in slates() {
        let (z, s, r) = slates.twins();
        let (units, scores) = slates.forward(&slates.theta());
        for (ours, exact) in z.iter().zip(units.iter().map(|unit| unit.max(0.0))).chain(s.iter().zip(scores.clone())) {
            assert!((f64::from(*ours) - exact).abs() < 1e-5 * exact.abs().max(1.0), "forward: {ours} {exact}");
        }
        assert_slopes("listwise", &r, &scores, |scores| slates.loss(scores));
        // Slopes by the scores that no loss has made: backward has to follow them all the same.
        let r: Vec<f32> = (0..slates.shape.n).map(|i| (i as f32 * 0.618_034).fract() - 0.5).collect();
        assert_slopes("backward", &slates.backward(&z, &r), &slates.theta(), |theta| {
            let along: f64 = slates.forward(theta).1.iter().zip(&r).map(|(s, &r)| s * f64::from(r)).sum();
            along / f64::from(slates.shape.groups)
        });
    }
}

#[test]
fn the_code_knows_the_workgroups_and_bindings_of_the_shaders() {
    let plan = ["settings", "steps", "slates", "examples", "rows", "slots"];
    let bindings = [
        [&plan[..], &["state", "work", "cursor"]].concat(),
        [&plan[..], &["work", "state", "cursor"]].concat(),
        vec!["sizes", "references", "factors", "directions", "x", "reasons"],
        vec!["sizes", "x", "thetas", "s"],
    ];
    for ((name, source), bindings) in SHADERS.into_iter().zip(bindings) {
        let module = naga::front::wgsl::parse_str(source).expect("valid WGSL");
        let [entry] = &module.entry_points[..] else { panic!("{name} has one entry point") };
        assert_eq!((entry.name.as_str(), entry.workgroup_size), (name, [WORKGROUP, 1, 1]));
        let mut found: Vec<_> = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space != naga::AddressSpace::WorkGroup)
            .map(|(_, variable)| {
                let binding = variable.binding.as_ref().expect("every variable is bound");
                (binding.group, binding.binding, variable.name.clone().expect("every variable is named"))
            })
            .collect();
        found.sort();
        let expected: Vec<_> =
            bindings.iter().zip(0..).map(|(name, binding)| (0, binding, (*name).to_owned())).collect();
        assert_eq!(found, expected, "{name}");
        for (_, kind) in module.types.iter() {
            let naga::TypeInner::Struct { members, span } = &kind.inner else { continue };
            let ours = match kind.name.as_deref() {
                Some("StepSettings") => {
                    members!(StepSettings: f h d values gate damping rate pull personal_rate personal_pull plain)
                }
                Some("PlannedStep") => members!(PlannedStep: begin count pull_scale rate_scale),
                Some("ExampleSpan") => members!(ExampleSpan: begin end weight),
                Some("PlannedSlate") => members!(PlannedSlate: example work_row),
                Some("Sizes") => members!(Sizes: n f h d at recent),
                other => panic!("nobody knows {other:?} of {name}"),
            };
            let theirs = members.iter().map(|member| (member.name.clone().unwrap_or_default(), member.offset as usize));
            assert_eq!((theirs.collect::<Vec<_>>(), *span as usize), ours, "{:?} of {name}", kind.name);
        }
        let constants = module.constants.iter().filter_map(|(_, constant)| {
            let naga::Expression::Literal(naga::Literal::U32(value)) = module.global_expressions[constant.init] else {
                return None;
            };
            Some((constant.name.clone()?, value as usize))
        });
        for (constant, value) in constants {
            let ours = match &constant[..] {
                "LANES" => WORKGROUP as usize,
                "INTERESTS" => INTERESTS,
                "CLUSTERS" => CLUSTERS,
                "ATTENTIONS" => ATTENTIONS,
                "RECENT" => RECENT,
                "MOST" => INTERESTS + CLUSTERS + RECENT,
                "CLUSTER_FEATURES" => layout::CLUSTERS.start,
                "ATTENTION_FEATURES" => layout::ATTENTION.start,
                other => panic!("nobody knows {other} of {name}"),
            };
            assert_eq!(value, ours, "{constant} of {name}");
        }
    }
}

/// The fields of a type and where they lie, and its size.
macro_rules! members {
    ($name:ident: $($field:ident)*) => {
        (vec![$((stringify!($field).to_owned(), offset_of!($name, $field))),*], size_of::<$name>())
    };
}
use members;
