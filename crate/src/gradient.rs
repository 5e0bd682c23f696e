//! The mean gradient of the head's loss over the new examples, by a shader or by its twin.

#[cfg(feature = "gpu")]
use crate::gpu::Gpu;
use crate::{
    Example, Head,
    cpu::{self, Shape},
};

/// A gradient over the head's parameters. It never leaves the device: only [`crate::clip`] takes it.
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

    /// The gradient of the mean logistic loss of `head` over `examples`; the zero vector where there are none.
    ///
    /// A GPU that fails is left for good: the twin computes this gradient and every later one.
    #[cfg_attr(not(feature = "gpu"), expect(clippy::unused_async, reason = "only a GPU is waited for"))]
    pub async fn gradient_from_examples(&mut self, head: &Head, examples: &[Example]) -> Gradient {
        let w = head.parameters();
        let shape = Shape { n: examples.len() as u32, d: w.len() as u32 };
        let x: Vec<f32> = examples.iter().flat_map(|example| example.features().iter().copied()).collect();
        let y: Vec<f32> = examples.iter().map(Example::label).collect();
        #[cfg(feature = "gpu")]
        if let Self::WebGpu(gpu) = self {
            if let Some(values) = gpu.gradient(shape, &x, w, &y).await {
                return Gradient { values };
            }
            *self = Self::Scalar;
        }
        let (mut r, mut values) = (vec![0.0; y.len()], vec![0.0; w.len()]);
        cpu::residual(shape, &x, w, &y, &mut r);
        cpu::gradient(shape, &x, &r, &mut values);
        Gradient { values }
    }
}

#[cfg(any(test, feature = "simulate"))]
impl Gradient {
    /// A gradient that nobody computed: for tests, the simulator and measurements.
    pub fn from_values(values: &[f32]) -> Self {
        Self { values: values.to_vec() }
    }
}
