//! Buffers of one submission, and how numbers come in and out.

use std::{cell::RefCell, sync::atomic::Ordering};

use bytemuck::Pod;
use futures_channel::oneshot;
use wgpu::{BufferUsages, ErrorFilter, ErrorScopeGuard};

use super::{Gpu, within};
use privet_model::Trouble;

/// What is to be submitted at once, and what is read back of it.
pub(super) struct Submission<'a> {
    gpu: &'a Gpu,
    refused: ErrorScopeGuard,
    full: ErrorScopeGuard,
    encoder: wgpu::CommandEncoder,
    held: Held,
    /// What is read back, and how much of it is there already.
    back: wgpu::Buffer,
    kept: u64,
}

/// All buffers of it. What the user did is in some of them, and a browser frees none before it is told to.
struct Held(RefCell<Vec<wgpu::Buffer>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.get_mut().iter().for_each(wgpu::Buffer::destroy);
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.device.destroy();
    }
}

impl Gpu {
    /// A new one, with room to read back so many numbers.
    pub(super) fn submission(&self, back: usize) -> Submission<'_> {
        // What is opened last is closed first: so these stand in this order.
        let [full, refused] =
            [ErrorFilter::OutOfMemory, ErrorFilter::Validation].map(|kind| self.device.push_error_scope(kind));
        let encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let held = Held(RefCell::new(Vec::new()));
        let back = self.buffer(back * 4, BufferUsages::MAP_READ | BufferUsages::COPY_DST, &held);
        Submission { gpu: self, refused, full, encoder, held, back, kept: 0 }
    }

    fn buffer(&self, bytes: usize, usage: BufferUsages, held: &Held) -> wgpu::Buffer {
        let size = bytes.max(4) as u64;
        let descriptor = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        held.0.borrow_mut().push(buffer.clone());
        buffer
    }

    /// The buffers in the shader's order.
    pub(super) fn bind(&self, pipeline: &wgpu::ComputePipeline, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }
}

impl Submission<'_> {
    pub(super) fn pass(&mut self) -> wgpu::ComputePass<'_> {
        self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default())
    }

    pub(super) fn uniform(&self, bytes: &[u8]) -> wgpu::Buffer {
        self.filled(bytes, bytes.len(), BufferUsages::UNIFORM)
    }

    /// What a shader reads, and where so wished writes. WebGPU has no empty buffers: a list of nothing becomes one element
    /// of zeros that no thread reads.
    pub(super) fn input<T: Pod>(&self, list: &[T], written: bool) -> wgpu::Buffer {
        let usage = if written { BufferUsages::STORAGE | BufferUsages::COPY_SRC } else { BufferUsages::STORAGE };
        self.filled(bytemuck::cast_slice(list), size_of_val(list).max(size_of::<T>()), usage)
    }

    pub(super) fn output(&self, numbers: usize) -> wgpu::Buffer {
        self.gpu.buffer(numbers * 4, BufferUsages::STORAGE | BufferUsages::COPY_SRC, &self.held)
    }

    /// So many of a buffer's first numbers as they are at this point are read back.
    pub(super) fn keep(&mut self, buffer: &wgpu::Buffer, numbers: usize) {
        let size = numbers as u64 * 4;
        if size > 0 {
            self.encoder.copy_buffer_to_buffer(buffer, 0, &self.back, self.kept, size);
        }
        self.kept += size;
    }

    /// Submits, and reads back what was kept, one after the other.
    pub(super) async fn read(self) -> Result<Vec<f32>, Trouble> {
        self.gpu.queue.submit([self.encoder.finish()]);
        self.gpu.submissions.fetch_add(1, Ordering::Relaxed);
        let (done, mapped) = oneshot::channel();
        self.back.map_async(wgpu::MapMode::Read, .., move |result| _ = done.send(result));
        let (refused, full) = (self.refused.pop(), self.full.pop());
        // Natively nothing moves unless it is polled; a browser moves by itself and this returns at once.
        let polled = self.gpu.device.poll(wgpu::PollType::wait_indefinitely());
        let mapped = within(&self.gpu.patience, mapped).await?;
        let (refused, full) = (within(&self.gpu.patience, refused).await?, within(&self.gpu.patience, full).await?);
        self.gpu.trouble()?;
        if full.is_some() {
            return Err(Trouble::OutOfMemory);
        }
        if refused.is_some() || polled.is_err() || !matches!(mapped, Ok(Ok(()))) {
            return Err(Trouble::Failed);
        }
        let bytes = self.back.get_mapped_range(..).map_err(|_| Trouble::Failed)?;
        Ok(bytemuck::cast_slice(&bytes)[..self.kept as usize / 4].to_vec())
    }

    fn filled(&self, bytes: &[u8], size: usize, usage: BufferUsages) -> wgpu::Buffer {
        // Not as one that is mapped when it is made: where there is no room for that, a browser throws.
        let buffer = self.gpu.buffer(size, usage | BufferUsages::COPY_DST, &self.held);
        if !bytes.is_empty() {
            self.gpu.queue.write_buffer(&buffer, 0, bytes);
        }
        buffer
    }
}

impl Gpu {
    /// What it has told of by itself.
    fn trouble(&self) -> Result<(), Trouble> {
        let told = self.told.load(Ordering::Relaxed);
        Trouble::ALL.into_iter().find(|&trouble| trouble as u8 == told).map_or(Ok(()), Err)
    }
}
