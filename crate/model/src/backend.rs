//! What computes descents, and what learns in bulk: kernels on the CPU, the twins that define what these compute, or
//! an accelerator.

use crate::{
    Accelerator, Head, Learner, NewExamples, Trouble,
    cpu::ScoringBatch,
    descent::{by_kernels, by_twins},
};
use privet_base::Result;

/// What computes.
pub enum Backend {
    /// The plain twins.
    Scalar,
    /// The kernels, with what was wrong with the GPU, if one was asked.
    Simd(Option<Trouble>),
    /// Compute shaders.
    WebGpu(Box<dyn Accelerator>),
}

/// What a GPU has learnt for a learner, which takes it over ([`Learner::take_back`]).
pub struct Tuned {
    /// How many steps were taken.
    pub steps: u32,
    /// What the parameters have become, and the sums of their squared slopes.
    pub state: Vec<f32>,
}

impl Backend {
    /// The kernels.
    pub const fn simd() -> Self {
        Self::Simd(None)
    }

    /// The name that `status()` reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WebGpu(_) => "webgpu",
            Self::Simd(_) if crate::SIMD => "simd",
            Self::Simd(_) | Self::Scalar => "scalar",
        }
    }

    /// What was wrong with the GPU, by its code.
    pub fn trouble(&self) -> Option<Trouble> {
        if let Self::Simd(trouble) = self { *trouble } else { None }
    }

    /// What becomes of the published parameters by the task's epochs of plain descent over the new examples, their loss
    /// averaged; profile, gate and personal part stand fixed, and the device's own copy of the net takes no part. They stay
    /// as they are where nothing is new.
    ///
    /// A gradient is what these differ by from the published ones: nothing but release has a use for them.
    ///
    /// A GPU that fails is left for good: the kernels compute this descent and every later one.
    pub async fn descent(&mut self, head: &Head, new: &NewExamples) -> Vec<f32> {
        if let Self::WebGpu(gpu) = self {
            match gpu.run_steps(&new.step_plan(head)).await {
                Ok(mut state) => {
                    state.truncate(head.parameters().len());
                    return state;
                }
                Err(trouble) => *self = Self::Simd(Some(trouble)),
            }
        }
        if let Self::Scalar = self { by_twins(head, new) } else { by_kernels(head, new) }
    }

    /// Scores and reasons, by the GPU, of what a ranker is going to see, in the bytes that it gave; nothing where there is
    /// none, or none any more.
    pub async fn score(&mut self, batch: &[u8]) -> Result<Option<Vec<f32>>> {
        let batch = ScoringBatch::decode(batch)?;
        let Self::WebGpu(gpu) = self else { return Ok(None) };
        Ok(gpu.score(&batch).await.map_err(|trouble| *self = Self::Simd(Some(trouble))).ok())
    }

    /// At most so many steps of what a ranker lends under its head, by the GPU or the twins; nothing where there is no step,
    /// or no GPU any more. The kernels take theirs where the learner is.
    pub async fn tune(&mut self, head: &Head, lent: &[u8], most: u32) -> Result<Option<Tuned>> {
        let plan = Learner::lent(head, lent)?.step_plan(head, most);
        let steps = plan.steps.len() as u32;
        let state = match self {
            _ if steps == 0 => return Ok(None),
            Self::Simd(_) => return Ok(None),
            Self::Scalar => {
                let mut state = plan.state.clone();
                plan.run(&plan.steps, &mut state);
                state.truncate(2 * plan.parameters());
                Ok(state)
            }
            Self::WebGpu(gpu) => gpu.run_steps(&plan).await,
        };
        Ok(state.map(|state| Tuned { steps, state }).map_err(|trouble| *self = Self::Simd(Some(trouble))).ok())
    }
}
