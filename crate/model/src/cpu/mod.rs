//! The plain twins of the shaders and of the kernels: they define what those compute.

mod adagrad_step;
mod attention;
mod backward;
mod forward;
mod listwise;
mod profile_features;
mod slate_slopes;
mod step;
mod step_plan;

pub use adagrad_step::adagrad_step;
pub use attention::{Attention, attention};
pub use backward::backward;
pub use forward::forward;
pub use listwise::listwise;
pub use profile_features::{ATTENTIONS, CLUSTERS, INTERESTS, RECENT, ScoringBatch, Sizes, profile_features};
pub use slate_slopes::slate_slopes;
pub use step::{Step, step};
pub use step_plan::{ExampleSpan, PlannedSlate, PlannedStep, StepPlan, StepSettings};

/// The sizes of a batch and of the net that reads it. Laid out as the shaders read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Shape {
    /// Rows: items.
    pub n: u32,
    /// Columns: features.
    pub f: u32,
    /// Hidden units.
    pub h: u32,
    /// Groups of rows: slates.
    pub groups: u32,
}

/// The layout of the parameters: they lie one after the other, `skip` (f), `w1` (f, h), `b1` (h), `w2` (h).
impl Shape {
    /// Where each of the four parts begins, and where the last ends.
    pub const fn offsets(self) -> [usize; 5] {
        let (f, h) = (self.f as usize, self.h as usize);
        [0, f, f + f * h, f + f * h + h, f + f * h + 2 * h]
    }

    /// How many parameters the net has.
    pub const fn parameters(self) -> u32 {
        self.offsets()[4] as u32
    }

    /// The parts in their order, each with its name and its sizes.
    pub fn tensors(self) -> [(&'static str, Vec<usize>); 4] {
        let (f, h) = (self.f as usize, self.h as usize);
        [("skip", vec![f]), ("w1", vec![f, h]), ("b1", vec![h]), ("w2", vec![h])]
    }

    /// The numbers of each part, out of a list that begins with the parameters.
    pub(crate) fn split(self, theta: &[f32]) -> [&[f32]; 4] {
        let [skip, w1, b1, w2, end] = self.offsets();
        [&theta[skip..w1], &theta[w1..b1], &theta[b1..w2], &theta[w2..end]]
    }
}
