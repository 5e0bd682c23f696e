//! What a round learns from this device: how far plain descent moves the published head over the new examples.

#[cfg(feature = "gpu")]
use crate::gpu::Gpu;
use crate::{
    Head, cpu,
    learner::{Batch, Learner},
};

/// Published parameters minus the result, one entry a parameter. It never leaves the device: only [`crate::clip`]
/// takes it.
pub struct Gradient {
    values: Vec<f32>,
}

impl Gradient {
    /// The entries, one a parameter of the head.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// What computes the gradients.
pub enum Backend {
    /// The plain twins.
    Scalar,
    /// Compute shaders.
    #[cfg(feature = "gpu")]
    WebGpu(Gpu),
}

impl Backend {
    /// A GPU that has passed its probe, else the twins.
    #[cfg_attr(not(feature = "gpu"), expect(clippy::unused_async, reason = "only a GPU is waited for"))]
    pub async fn open() -> Self {
        #[cfg(feature = "gpu")]
        if let Some(gpu) = Gpu::open().await {
            return Self::WebGpu(gpu);
        }
        Self::Scalar
    }

    /// The name that `status()` reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            #[cfg(feature = "gpu")]
            Self::WebGpu(_) => "webgpu",
        }
    }

    /// The task's epochs of plain descent from the published head over the fresh examples, their loss averaged;
    /// profile, gate and personal part stand fixed, and the device's own copy of the net takes no part. The zero vector
    /// where nothing is fresh.
    ///
    /// A GPU that fails is left for good: the twin computes this gradient and every later one.
    #[cfg_attr(not(feature = "gpu"), expect(clippy::unused_async, reason = "only a GPU is waited for"))]
    pub(crate) async fn gradient(&mut self, head: &Head, learner: &Learner, evidence: u64) -> Gradient {
        let gate = head.gate(evidence);
        let batch = Batch::fresh(head, learner, gate);
        #[cfg(feature = "gpu")]
        if let Self::WebGpu(gpu) = self {
            if let Some(values) = gpu.descend(head, gate, &batch).await {
                return Gradient { values };
            }
            *self = Self::Scalar;
        }
        Gradient { values: descend(head, gate, &batch) }
    }
}

/// The twins' way of it.
pub(crate) fn descend(head: &Head, gate: f32, batch: &Batch) -> Vec<f32> {
    let Batch { shape, x, offset, starts, weight } = batch;
    let rows = shape.n as usize;
    let (mut z, mut s, mut r) = (vec![0.0; rows * shape.h as usize], vec![0.0; rows], vec![0.0; rows]);
    let (mut losses, mut g) = (vec![0.0; weight.len()], vec![0.0; head.parameters().len()]);
    let mut theta = head.parameters().to_vec();
    for _ in 0..head.upload.epochs {
        cpu::forward(*shape, x, &theta, &mut z, &mut s);
        cpu::listwise(*shape, gate, starts, weight, offset, &s, &mut r, &mut losses);
        cpu::backward(*shape, x, &theta, &z, &r, &mut g);
        theta.iter_mut().zip(&g).for_each(|(theta, g)| *theta -= head.upload.rate * g);
    }
    head.parameters().iter().zip(theta).map(|(published, result)| published - result).collect()
}

#[cfg(any(test, feature = "simulate"))]
impl Gradient {
    /// A gradient that nobody computed: for tests, the simulator and measurements.
    pub fn from_values(values: &[f32]) -> Self {
        Self { values: values.to_vec() }
    }
}
