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
    cpu::{Course, Sight, Turn},
};

/// How many threads a workgroup of these shaders has, as they say.
pub const WORKGROUP: u32 = workgroup(SHADERS[0].1);
/// The shaders by their names, which are those of their entry points.
pub const SHADERS: [(&str, &str); 4] = [
    ("look", include_str!("../shader/look.wgsl")),
    ("learn", include_str!("../shader/learn.wgsl")),
    ("regard", include_str!("../shader/regard.wgsl")),
    ("forward", include_str!("../shader/forward.wgsl")),
];
/// How far a step may be off the twin's, as a share of its length. A unit on the other side of its kink, by rounding, is a
/// thousandth; what computes something else is off by more than this.
const TOLERANCE: f32 = 0.05;

/// A GPU that has shown on this device that it computes what the twins compute.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    look: wgpu::ComputePipeline,
    learn: wgpu::ComputePipeline,
    regard: wgpu::ComputePipeline,
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
        let [look, learn, regard, forward] =
            [0, 1, 2, 3].map(|place| pipeline(&device, SHADERS[place].0, shaders[place]));
        if within(&patience, scope.pop()).await?.is_some() {
            return Err(Trouble::ShaderRefused);
        }
        let submissions = AtomicU32::new(0);
        let gpu = Self { device, queue, look, learn, regard, forward, adapter, told, submissions, patience };
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

    /// All steps of a course, in one submission with one read-back: the parameters at its end, and the sums of their squared
    /// slopes. One of the steps is held to its twin.
    pub async fn walk(&self, course: &Course) -> Result<Vec<f32>, Trouble> {
        let count = 2 * course.parameters();
        if course.turns.is_empty() {
            return Ok(course.state[..count].to_vec());
        }
        // Which one is drawn from what nobody chooses: the parameters as they are.
        let drawn = course.state.iter().fold(0u32, |sum, number| sum.rotate_left(5) ^ number.to_bits());
        let held = drawn as usize % course.turns.len();
        let mut room = self.room(3 * count);
        let state = room.input(&course.state, true);
        let work = room.output(course.most_rows() * course.room());
        let plain = [
            room.uniform(bytemuck::bytes_of(&course.net)),
            room.input(&course.turns, false),
            room.input(&course.chosen, false),
            room.input(&course.examples, false),
            room.input(&course.rows, false),
            room.input(&course.slots, false),
        ];
        let cursor = room.input(&[0u32, 0], true);
        let bind = |pipeline: &wgpu::ComputePipeline, last: [&wgpu::Buffer; 3]| {
            self.bind(pipeline, &plain.iter().chain(last).collect::<Vec<_>>())
        };
        let look = bind(&self.look, [&state, &work, &cursor]);
        let learn = bind(&self.learn, [&work, &state, &cursor]);
        let threads = (course.parameters() as u32).div_ceil(WORKGROUP);
        for turns in [&course.turns[..held], &course.turns[held..=held], &course.turns[held + 1..]] {
            let mut pass = room.pass();
            for turn in turns {
                pass.set_pipeline(&self.look);
                pass.set_bind_group(0, &look, &[]);
                pass.dispatch_workgroups(turn.count, 1, 1);
                pass.set_pipeline(&self.learn);
                pass.set_bind_group(0, &learn, &[]);
                pass.dispatch_workgroups(threads, 1, 1);
            }
            drop(pass);
            room.keep(&state, count);
        }
        let states = room.read().await?;
        let [before, after, end] = [0, 1, 2].map(|n| &states[n * count..][..count]);
        if !end.iter().all(|number| number.is_finite()) || !is_step(course, course.turns[held], before, after) {
            return Err(Trouble::WrongNumbers);
        }
        Ok(end.to_vec())
    }

    /// Two small courses and a sight through every branch of the shaders, beside the twins.
    async fn probe(&self) -> Result<(), Trouble> {
        for course in probe::courses() {
            let mut twins = course.state.clone();
            course.take(&course.turns, &mut twins);
            let ours = self.walk(&course).await?;
            if !ours.iter().zip(&twins).all(|(ours, twin)| (ours - twin).abs() <= PROBE_TOLERANCE) {
                return Err(Trouble::WrongNumbers);
            }
        }
        self.score(&probe::sight()).await.map(drop)
    }
}

impl Accelerator for Gpu {
    fn walk<'a>(&'a self, course: &'a Course) -> Answer<'a> {
        Box::pin(self.walk(course))
    }

    fn score<'a>(&'a self, sight: &'a Sight) -> Answer<'a> {
        Box::pin(self.score(sight))
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
fn is_step(course: &Course, turn: Turn, before: &[f32], after: &[f32]) -> bool {
    let mut twin = [before, &course.state[before.len()..]].concat();
    course.take(&[turn], &mut twin);
    // Parameters and squares apart: where slopes are long, squares are longer than anything that is wrong.
    let parts = before.chunks_exact(course.parameters()).zip(after.chunks_exact(course.parameters()));
    parts
        .zip(twin.chunks_exact(course.parameters()))
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
