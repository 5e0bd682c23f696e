//! The shaders, run through `wgpu`. Never trusted with privacy and never fatal: whatever goes wrong here is `None`,
//! and the caller carries on with the twin.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_channel::oneshot;
use wgpu::{BufferUsages, util::DeviceExt};

use crate::{Fresh, Head, cpu::Shape, gradient};

/// `@workgroup_size` of every shader here; a test reads it from the WGSL.
pub const WORKGROUP: u32 = 64;
/// The probe's tolerance: a handful of additions and one `exp` of numbers near 1, where f32 has 6e-8.
const PROBE_TOLERANCE: f32 = 1e-5;

/// A GPU that has shown on this device that it computes what the twins compute.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    forward: wgpu::ComputePipeline,
    listwise: wgpu::ComputePipeline,
    backward: wgpu::ComputePipeline,
    step: wgpu::ComputePipeline,
    adapter: String,
    broken: Arc<AtomicBool>,
}

impl Gpu {
    /// The default adapter, probed; `None` when there is none or when it computes wrongly.
    pub async fn open() -> Option<Self> {
        let instance = wgpu::Instance::default();
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default()).await.ok()?;
        let info = adapter.get_info();
        // A browser hides the adapter's name; the backend says at least which road the numbers take.
        let name = if info.name.is_empty() { info.backend.to_str().into() } else { info.name };
        // An adapter weaker than the defaults of WebGPU is asked only for what it has.
        let descriptor = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let (device, queue) = adapter.request_device(&descriptor).await.ok()?;
        let broken = Arc::new(AtomicBool::new(false));
        let flag = broken.clone();
        device.on_uncaptured_error(Arc::new(move |_| flag.store(true, Ordering::Relaxed)));
        let flag = broken.clone();
        device.set_device_lost_callback(move |_, _| flag.store(true, Ordering::Relaxed));
        let pipeline = |name, source: &'static str| {
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
        };
        let forward = pipeline("forward", include_str!("../../shader/forward.wgsl"));
        let listwise = pipeline("listwise", include_str!("../../shader/listwise.wgsl"));
        let backward = pipeline("backward", include_str!("../../shader/backward.wgsl"));
        let step = pipeline("step", include_str!("../../shader/step.wgsl"));
        let gpu = Self { device, queue, forward, listwise, backward, step, adapter: name, broken };
        gpu.agrees_with_twins().await.then_some(gpu)
    }

    /// What the adapter calls itself.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Hidden units, then scores: what [`crate::cpu::forward`] computes.
    pub async fn forward(&self, shape: Shape, x: &[f32], theta: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        let mut encoder = self.encoder();
        let (z, s) = (self.output(shape.n * shape.h), self.output(shape.n));
        let shape_on_gpu = self.uniform(bytemuck::bytes_of(&shape));
        self.pass(&mut encoder, &self.forward, &[&shape_on_gpu, &self.input(x), &self.input(theta), &z, &s], shape.n);
        let both = self.read(encoder, &[(&z, shape.n * shape.h), (&s, shape.n)]).await?;
        let (z, s) = both.split_at((shape.n * shape.h) as usize);
        Some((z.to_vec(), s.to_vec()))
    }

    /// Slopes by each score, then losses: what [`crate::cpu::listwise`] computes.
    pub async fn listwise(
        &self,
        shape: Shape,
        gate: f32,
        starts: &[u32],
        weight: &[f32],
        offset: &[f32],
        s: &[f32],
    ) -> Option<(Vec<f32>, Vec<f32>)> {
        let mut encoder = self.encoder();
        let (r, losses) = (self.output(shape.n), self.output(shape.groups));
        let buffers = [
            &self.uniform(bytemuck::bytes_of(&shape)),
            &self.uniform(bytemuck::bytes_of(&gate)),
            &self.places(starts),
            &self.input(weight),
            &self.input(offset),
            &self.input(s),
            &r,
            &losses,
        ];
        self.pass(&mut encoder, &self.listwise, &buffers, shape.groups);
        let both = self.read(encoder, &[(&r, shape.n), (&losses, shape.groups)]).await?;
        let (r, losses) = both.split_at(shape.n as usize);
        Some((r.to_vec(), losses.to_vec()))
    }

    /// What [`crate::cpu::backward`] computes.
    pub async fn backward(&self, shape: Shape, x: &[f32], theta: &[f32], z: &[f32], r: &[f32]) -> Option<Vec<f32>> {
        let mut encoder = self.encoder();
        let g = self.output(shape.parameters());
        let shape_on_gpu = self.uniform(bytemuck::bytes_of(&shape));
        let buffers = [&shape_on_gpu, &self.input(x), &self.input(theta), &self.input(z), &self.input(r), &g];
        self.pass(&mut encoder, &self.backward, &buffers, shape.parameters());
        self.read(encoder, &[(&g, shape.parameters())]).await
    }

    /// All epochs of a descent in one submission, with one read-back: published parameters minus the result.
    pub(crate) async fn descend(&self, head: &Head, fresh: &Fresh) -> Option<Vec<f32>> {
        let shape = fresh.shape(head);
        let count = shape.parameters();
        let mut encoder = self.encoder();
        let shape_on_gpu = self.uniform(bytemuck::bytes_of(&shape));
        let (gate, rate) =
            (self.uniform(bytemuck::bytes_of(&fresh.gate)), self.uniform(bytemuck::bytes_of(&head.upload.rate)));
        let (x, starts) = (self.input(&fresh.x), self.places(&fresh.starts));
        let (weight, offset) = (self.input(&fresh.weight), self.input(&fresh.offset));
        let theta = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("theta"),
            contents: bytemuck::cast_slice(head.parameters()),
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC,
        });
        let (z, s, r) = (self.output(shape.n * shape.h), self.output(shape.n), self.output(shape.n));
        let (losses, g) = (self.output(shape.groups), self.output(count));
        for _ in 0..head.upload.epochs {
            self.pass(&mut encoder, &self.forward, &[&shape_on_gpu, &x, &theta, &z, &s], shape.n);
            let slate = [&shape_on_gpu, &gate, &starts, &weight, &offset, &s, &r, &losses];
            self.pass(&mut encoder, &self.listwise, &slate, shape.groups);
            self.pass(&mut encoder, &self.backward, &[&shape_on_gpu, &x, &theta, &z, &r, &g], count);
            self.pass(&mut encoder, &self.step, &[&rate, &g, &theta], count);
        }
        let result = self.read(encoder, &[(&theta, count)]).await?;
        Some(head.parameters().iter().zip(result).map(|(published, result)| published - result).collect())
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// One dispatch over `threads` threads; the buffers are bound in the shader's order.
    fn pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        buffers: &[&wgpu::Buffer],
        threads: u32,
    ) {
        let entries: Vec<_> = buffers
            .iter()
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bindings = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.dispatch_workgroups(threads.div_ceil(WORKGROUP), 1, 1);
    }

    fn uniform(&self, bytes: &[u8]) -> wgpu::Buffer {
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytes,
            usage: BufferUsages::UNIFORM,
        })
    }

    fn places(&self, places: &[u32]) -> wgpu::Buffer {
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(places),
            usage: BufferUsages::STORAGE,
        })
    }

    /// WebGPU has no empty buffers: a vector of nothing becomes one zero that no thread reads.
    fn input(&self, numbers: &[f32]) -> wgpu::Buffer {
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(if numbers.is_empty() { &[0.0] } else { numbers }),
            usage: BufferUsages::STORAGE,
        })
    }

    fn output(&self, length: u32) -> wgpu::Buffer {
        self.buffer(length, BufferUsages::STORAGE | BufferUsages::COPY_SRC)
    }

    fn buffer(&self, length: u32, usage: BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(length.max(1)) * 4,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Submits, and reads buffers back one after the other.
    async fn read(&self, mut encoder: wgpu::CommandEncoder, from: &[(&wgpu::Buffer, u32)]) -> Option<Vec<f32>> {
        let total = from.iter().map(|(_, length)| length).sum();
        let staging = self.buffer(total, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let mut at = 0;
        for &(buffer, length) in from.iter().filter(|(_, length)| *length > 0) {
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, at, u64::from(length) * 4);
            at += u64::from(length) * 4;
        }
        self.queue.submit([encoder.finish()]);
        let (done, mapped) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| _ = done.send(result));
        // Natively nothing moves unless it is polled; a browser moves by itself and this returns at once.
        self.device.poll(wgpu::PollType::wait_indefinitely()).ok()?;
        mapped.await.ok()?.ok()?;
        if self.broken.load(Ordering::Relaxed) {
            return None;
        }
        let bytes = staging.get_mapped_range(..).ok()?;
        Some(bytemuck::cast_slice(&bytes)[..total as usize].to_vec())
    }

    /// A small descent through every shader, beside the twins'.
    async fn agrees_with_twins(&self) -> bool {
        let Some((head, fresh)) = Fresh::probe() else { return false };
        let Some(ours) = self.descend(&head, &fresh).await else { return false };
        let twins = gradient::descend(&head, &fresh);
        ours.iter().zip(twins).all(|(ours, twin)| (ours - twin).abs() <= PROBE_TOLERANCE)
    }
}
