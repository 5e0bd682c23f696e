//! The shaders, run through `wgpu`. Never trusted with privacy and never fatal: whatever goes wrong here is `None`,
//! and the caller carries on with the twin.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_channel::oneshot;
use wgpu::{BufferUsages, util::DeviceExt};

use crate::cpu::{self, Shape};

/// `@workgroup_size` of every shader here; a test reads it from the WGSL.
pub const WORKGROUP: u32 = 64;
/// The probe's tolerance: a handful of additions and one `exp` of numbers near 1, where f32 has 6e-8.
const PROBE_TOLERANCE: f32 = 1e-5;

/// A GPU that has shown on this device that it computes what the twins compute.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    residual: wgpu::ComputePipeline,
    gradient: wgpu::ComputePipeline,
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
        let name = if info.name.is_empty() { format!("{:?}", info.backend) } else { info.name };
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
        let residual = pipeline("residual", include_str!("../../shader/residual.wgsl"));
        let gradient = pipeline("gradient", include_str!("../../shader/gradient.wgsl"));
        let gpu = Self { device, queue, residual, gradient, adapter: name, broken };
        gpu.agrees_with_twins().await.then_some(gpu)
    }

    /// What the adapter calls itself.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// `r[i] = sigmoid(x[i] · w) − y[i]`.
    pub async fn residual(&self, shape: Shape, x: &[f32], w: &[f32], y: &[f32]) -> Option<Vec<f32>> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let r = self.encode_residual(&mut encoder, shape, &self.input(x), w, y);
        self.read(encoder, &r, shape.n).await
    }

    /// The mean gradient of the logistic loss: both shaders in one submission, with one read-back.
    pub async fn gradient(&self, shape: Shape, x: &[f32], w: &[f32], y: &[f32]) -> Option<Vec<f32>> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let x = self.input(x);
        let r = self.encode_residual(&mut encoder, shape, &x, w, y);
        let g = self.output(shape.d);
        self.pass(&mut encoder, &self.gradient, shape, &[&x, &r, &g], shape.d);
        self.read(encoder, &g, shape.d).await
    }

    fn encode_residual(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        shape: Shape,
        x: &wgpu::Buffer,
        w: &[f32],
        y: &[f32],
    ) -> wgpu::Buffer {
        let r = self.output(shape.n);
        self.pass(encoder, &self.residual, shape, &[x, &self.input(w), &self.input(y), &r], shape.n);
        r
    }

    /// One dispatch over `threads` threads; binding 0 is the shape, the others follow in the shader's order.
    fn pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        shape: Shape,
        buffers: &[&wgpu::Buffer],
        threads: u32,
    ) {
        let shape = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("shape"),
            contents: bytemuck::bytes_of(&shape),
            usage: BufferUsages::UNIFORM,
        });
        let entries: Vec<_> = std::iter::once(&shape)
            .chain(buffers.iter().copied())
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

    async fn read(&self, mut encoder: wgpu::CommandEncoder, from: &wgpu::Buffer, length: u32) -> Option<Vec<f32>> {
        let staging = self.buffer(length, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, staging.size());
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
        Some(bytemuck::cast_slice(&bytes)[..length as usize].to_vec())
    }

    async fn agrees_with_twins(&self) -> bool {
        let shape = Shape { n: 3, d: 2 };
        let (x, w, y) = ([0.5, -1.0, 1.5, 0.25, -0.75, 2.0], [0.8, -0.4], [1.0, 0.0, 1.0]);
        let (mut r, mut g) = ([0.0; 3], [0.0; 2]);
        cpu::residual(shape, &x, &w, &y, &mut r);
        cpu::gradient(shape, &x, &r, &mut g);
        let Some(ours) = self.gradient(shape, &x, &w, &y).await else { return false };
        ours.iter().zip(g).all(|(ours, twin)| (ours - twin).abs() <= PROBE_TOLERANCE)
    }
}
