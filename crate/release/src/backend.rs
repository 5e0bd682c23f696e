//! What computes gradients, and what learns in bulk: kernels on the CPU, the twins that define what these compute, or
//! compute shaders.

use crate::{Gradient, gradient};
#[cfg(feature = "gpu")]
use privet_gpu::{Gpu, Patience, Trouble};
use privet_model::{Fresh, Head};
#[cfg(feature = "gpu")]
use privet_model::{Learner, cpu::Sight};

/// What computes.
pub enum Backend {
    /// The plain twins.
    Scalar,
    /// The kernels, with what was wrong with the GPU, if one was asked.
    #[cfg(not(feature = "gpu"))]
    Simd,
    /// The kernels, with what was wrong with the GPU, if one was asked.
    #[cfg(feature = "gpu")]
    Simd(Option<Trouble>),
    /// Compute shaders.
    #[cfg(feature = "gpu")]
    WebGpu(Box<Gpu>),
}

/// What a GPU has learnt for a learner: [`privet_ranker::Ranker::took`] takes it.
#[cfg(feature = "gpu")]
pub struct Tuned {
    /// How many steps were taken.
    pub steps: u32,
    /// What the parameters have become, and the sums of their squared slopes.
    pub state: Vec<f32>,
}

impl Backend {
    /// The kernels.
    pub const fn simd() -> Self {
        #[cfg(feature = "gpu")]
        return Self::Simd(None);
        #[cfg(not(feature = "gpu"))]
        Self::Simd
    }

    /// A GPU that has passed its probe, else the kernels.
    #[cfg(feature = "gpu")]
    pub async fn webgpu(patience: Patience) -> Self {
        match Gpu::open(patience).await {
            Ok(gpu) => Self::WebGpu(Box::new(gpu)),
            Err(trouble) => Self::Simd(Some(trouble)),
        }
    }

    /// The name that `status()` reports.
    pub fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "gpu")]
            Self::WebGpu(_) => "webgpu",
            Self::Scalar => "scalar",
            _ if privet_kernels::here::SIMD => "simd",
            _ => "scalar",
        }
    }

    /// What was wrong with the GPU, by its code.
    #[cfg(feature = "gpu")]
    pub fn trouble(&self) -> Option<Trouble> {
        if let Self::Simd(trouble) = self { *trouble } else { None }
    }

    /// The task's epochs of plain descent from the published head over the fresh examples, their loss averaged;
    /// profile, gate and personal part stand fixed, and the device's own copy of the net takes no part. The zero vector
    /// where nothing is fresh.
    ///
    /// A GPU that fails is left for good: the kernels compute this gradient and every later one.
    #[cfg_attr(not(feature = "gpu"), expect(clippy::unused_async, reason = "only a GPU is waited for"))]
    pub(crate) async fn gradient(&mut self, head: &Head, fresh: &Fresh) -> Gradient {
        #[cfg(feature = "gpu")]
        if let Self::WebGpu(gpu) = self {
            match gpu.walk(&fresh.course(head)).await {
                Ok(state) => return gradient::moved(head, &state),
                Err(trouble) => *self = Self::Simd(Some(trouble)),
            }
        }
        if let Self::Scalar = self { gradient::by_twins(head, fresh) } else { gradient::by_kernels(head, fresh) }
    }

    /// Scores and reasons of what a device is going to see, by the GPU; nothing where there is none, or none any more.
    #[cfg(feature = "gpu")]
    pub(crate) async fn score(&mut self, sight: &Sight) -> Option<Vec<f32>> {
        let Self::WebGpu(gpu) = self else { return None };
        gpu.score(sight).await.map_err(|trouble| *self = Self::Simd(Some(trouble))).ok()
    }

    /// At most so many steps of a learner, by the GPU or the twins; nothing where there is no step, or no GPU any more. The
    /// kernels take theirs where the learner is.
    #[cfg(feature = "gpu")]
    pub(crate) async fn tune(&mut self, head: &Head, learner: &Learner, most: u32) -> Option<Tuned> {
        let course = learner.course(head, most);
        let steps = course.turns.len() as u32;
        let state = match self {
            _ if steps == 0 => return None,
            Self::Simd(_) => return None,
            Self::Scalar => {
                let mut state = course.state.clone();
                course.take(&course.turns, &mut state);
                state.truncate(2 * course.parameters());
                Ok(state)
            }
            Self::WebGpu(gpu) => gpu.walk(&course).await,
        };
        state.map(|state| Tuned { steps, state }).map_err(|trouble| *self = Self::Simd(Some(trouble))).ok()
    }
}
