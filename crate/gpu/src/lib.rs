//! The shaders, run through `wgpu`. Never trusted and never fatal: whatever goes wrong here is a [`Trouble`], and the
//! caller goes on from what it had, on the CPU.

mod buffers;
mod probe;
mod score;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    task::Poll,
};

use privet_model::{
    Accelerator, Answer, Backend, Trouble,
    cpu::{PlannedStep, ScoringBatch, StepPlan},
};

/// How many threads a workgroup of these shaders has, as they say.
pub const WORKGROUP: u32 = workgroup(SHADERS[0].1);
/// The shaders by their names, which are those of their entry points.
pub const SHADERS: [(&str, &str); 4] = [
    ("slate_slopes", include_str!("../shader/slate_slopes.wgsl")),
    ("adagrad_step", include_str!("../shader/adagrad_step.wgsl")),
    ("profile_features", include_str!("../shader/profile_features.wgsl")),
    ("forward", include_str!("../shader/forward.wgsl")),
];
/// How far a step may be off the twin's, as a share of its length. A unit on the other side of its kink, by rounding, is a
/// thousandth; what computes something else is off by more than this.
const TOLERANCE: f32 = 0.05;

/// A GPU that has shown on this device that it computes what the twins compute.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    slate_slopes: wgpu::ComputePipeline,
    adagrad_step: wgpu::ComputePipeline,
    profile_features: wgpu::ComputePipeline,
    forward: wgpu::ComputePipeline,
    adapter: wgpu::Adapter,
    /// The first trouble that it told of by itself, or 0.
    told: Arc<AtomicU8>,
    submissions: AtomicU32,
    patience: Patience,
}

/// Makes what ends when an answer is waited for no longer.
pub type Patience = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

/// For where somebody sits before it.
pub fn without_end() -> Patience {
    Box::new(|| Box::pin(core::future::pending()))
}

impl Gpu {
    /// The default adapter, probed.
    pub async fn open(patience: Patience) -> Result<Self, Trouble> {
        Self::open_with(SHADERS.map(|(_, source)| source), patience).await
    }

    /// The same with other shaders under the names of [`SHADERS`]: to see that wrong ones are noticed.
    pub async fn open_with(shaders: [&str; 4], patience: Patience) -> Result<Self, Trouble> {
        let instance = wgpu::Instance::default();
        let options = wgpu::RequestAdapterOptions::default();
        let adapter = within(&patience, instance.request_adapter(&options)).await?.map_err(|_| Trouble::NoAdapter)?;
        // An adapter weaker than the defaults of WebGPU is asked only for what it has.
        let descriptor = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let device = within(&patience, adapter.request_device(&descriptor)).await?;
        let (device, queue) = device.map_err(|_| Trouble::DeviceRefused)?;
        let told = Arc::new(AtomicU8::new(0));
        let tell = |trouble: Trouble, told: &AtomicU8| {
            _ = told.compare_exchange(0, trouble as u8, Ordering::Relaxed, Ordering::Relaxed);
        };
        // Every submission looks for errors itself. Natively what it does not find would panic; in a browser to listen would:
        // wgpu 30 takes what a browser calls an internal error for impossible.
        #[cfg(not(target_family = "wasm"))]
        {
            let flag = told.clone();
            device.on_uncaptured_error(Arc::new(move |_| tell(Trouble::Failed, &flag)));
        }
        let flag = told.clone();
        device.set_device_lost_callback(move |_, _| tell(Trouble::DeviceLost, &flag));
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let [slate_slopes, adagrad_step, profile_features, forward] =
            [0, 1, 2, 3].map(|place| pipeline(&device, SHADERS[place].0, shaders[place]));
        if within(&patience, scope.pop()).await?.is_some() {
            return Err(Trouble::ShaderRefused);
        }
        let submissions = AtomicU32::new(0);
        let gpu = Self {
            device,
            queue,
            slate_slopes,
            adagrad_step,
            profile_features,
            forward,
            adapter,
            told,
            submissions,
            patience,
        };
        gpu.probe().await.map(|()| gpu)
    }

    /// What the adapter calls itself.
    pub fn adapter(&self) -> String {
        self.adapter.get_info().name
    }

    /// How many times something was submitted since it was opened.
    pub fn submissions(&self) -> u32 {
        self.submissions.load(Ordering::Relaxed)
    }

    /// All steps of a plan, in one submission with one read-back: the parameters at its end, and the sums of their squared
    /// slopes. One of the steps is held to its twin.
    pub async fn run_steps(&self, plan: &StepPlan) -> Result<Vec<f32>, Trouble> {
        let count = 2 * plan.parameters();
        if plan.steps.is_empty() {
            return Ok(plan.state[..count].to_vec());
        }
        // Which one is drawn from what nobody chooses: the parameters as they are.
        let drawn = plan.state.iter().fold(0u32, |sum, number| sum.rotate_left(5) ^ number.to_bits());
        let held = drawn as usize % plan.steps.len();
        let mut submission = self.submission(3 * count);
        let state = submission.input(&plan.state, true);
        let work = submission.output(plan.most_rows() * plan.work_width());
        let plain = [
            submission.uniform(bytemuck::bytes_of(&plan.settings)),
            submission.input(&plan.steps, false),
            submission.input(&plan.slates, false),
            submission.input(&plan.examples, false),
            submission.input(&plan.rows, false),
            submission.input(&plan.slots, false),
        ];
        let cursor = submission.input(&[0u32, 0], true);
        let bind = |pipeline: &wgpu::ComputePipeline, last: [&wgpu::Buffer; 3]| {
            self.bind(pipeline, &plain.iter().chain(last).collect::<Vec<_>>())
        };
        let slopes = bind(&self.slate_slopes, [&state, &work, &cursor]);
        let update = bind(&self.adagrad_step, [&work, &state, &cursor]);
        let threads = (plan.parameters() as u32).div_ceil(WORKGROUP);
        for steps in [&plan.steps[..held], &plan.steps[held..=held], &plan.steps[held + 1..]] {
            let mut pass = submission.pass();
            for step in steps {
                pass.set_pipeline(&self.slate_slopes);
                pass.set_bind_group(0, &slopes, &[]);
                pass.dispatch_workgroups(step.count, 1, 1);
                pass.set_pipeline(&self.adagrad_step);
                pass.set_bind_group(0, &update, &[]);
                pass.dispatch_workgroups(threads, 1, 1);
            }
            drop(pass);
            submission.keep(&state, count);
        }
        let states = submission.read().await?;
        let [before, after, end] = [0, 1, 2].map(|n| &states[n * count..][..count]);
        if !end.iter().all(|number| number.is_finite()) || !is_step(plan, plan.steps[held], before, after) {
            return Err(Trouble::WrongNumbers);
        }
        Ok(end.to_vec())
    }

    /// Two small plans and a batch through every branch of the shaders, beside the twins.
    async fn probe(&self) -> Result<(), Trouble> {
        for plan in probe::plans() {
            let mut twins = plan.state.clone();
            plan.run(&plan.steps, &mut twins);
            let ours = self.run_steps(&plan).await?;
            if !ours.iter().zip(&twins).all(|(ours, twin)| (ours - twin).abs() <= PROBE_TOLERANCE) {
                return Err(Trouble::WrongNumbers);
            }
        }
        self.score(&probe::batch()).await.map(drop)
    }
}

impl Accelerator for Gpu {
    fn run_steps<'a>(&'a self, plan: &'a StepPlan) -> Answer<'a> {
        Box::pin(self.run_steps(plan))
    }

    fn score<'a>(&'a self, batch: &'a ScoringBatch) -> Answer<'a> {
        Box::pin(self.score(batch))
    }

    fn adapter(&self) -> String {
        self.adapter()
    }

    fn submissions(&self) -> u32 {
        self.submissions()
    }
}

/// A GPU that has passed its probe, else the kernels.
pub async fn backend(patience: Patience) -> Backend {
    match Gpu::open(patience).await {
        Ok(gpu) => Backend::WebGpu(Box::new(gpu)),
        Err(trouble) => Backend::Simd(Some(trouble)),
    }
}

/// What comes of this, if it comes in time.
async fn within<T>(patience: &Patience, answer: impl Future<Output = T>) -> Result<T, Trouble> {
    let (mut answer, mut end) = (pin!(answer), patience());
    poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Ok(answer)),
        Poll::Pending => end.as_mut().poll(context).map(|()| Err(Trouble::Silent)),
    })
    .await
}

/// The probe's tolerance: some dozen additions and one `exp` of numbers near 1, where f32 has 6e-8.
const PROBE_TOLERANCE: f32 = 1e-5;

/// Whether the twin's step from here ends about there.
fn is_step(plan: &StepPlan, step: PlannedStep, before: &[f32], after: &[f32]) -> bool {
    let mut twin = [before, &plan.state[before.len()..]].concat();
    plan.run(&[step], &mut twin);
    // Parameters and squares apart: where slopes are long, squares are longer than anything that is wrong.
    let parts = before.chunks_exact(plan.parameters()).zip(after.chunks_exact(plan.parameters()));
    parts
        .zip(twin.chunks_exact(plan.parameters()))
        .all(|((before, after), twin)| distance(after, twin) <= TOLERANCE * distance(before, twin) + PROBE_TOLERANCE)
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

fn pipeline(device: &wgpu::Device, name: &str, source: &str) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(name),
        layout: None,
        module: &module,
        entry_point: Some(name),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

/// The first number of `@workgroup_size(…)` in a shader.
const fn workgroup(source: &str) -> u32 {
    let (source, name) = (source.as_bytes(), b"@workgroup_size(");
    let mut at = 0;
    let mut matched = 0;
    while matched < name.len() {
        matched = if source[at] == name[matched] { matched + 1 } else { 0 };
        at += 1;
    }
    let mut size = 0;
    while source[at].is_ascii_digit() {
        size = size * 10 + (source[at] - b'0') as u32;
        at += 1;
    }
    size
}
