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
pub use step_plan::{ExampleSpan, Net, PlannedSlate, PlannedStep, StepPlan};

/// The sizes of a batch and of the net that reads it. Laid out as the shaders read it.
///
/// The parameters lie one after the other: `skip` (f), `w1` (f, h), `b1` (h), `w2` (h).
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

impl Shape {
    /// How many parameters the net has.
    pub const fn parameters(self) -> u32 {
        self.f + self.f * self.h + 2 * self.h
    }

    /// The parts of the parameters in their order, each with its name and its sizes.
    pub fn tensors(self) -> [(&'static str, Vec<usize>); 4] {
        let (f, h) = (self.f as usize, self.h as usize);
        [("skip", vec![f]), ("w1", vec![f, h]), ("b1", vec![h]), ("w2", vec![h])]
    }

    /// The four parts of the parameters.
    pub(crate) fn split(self, theta: &[f32]) -> [&[f32]; 4] {
        let (f, h) = (self.f as usize, self.h as usize);
        let (skip, rest) = theta.split_at(f);
        let (w1, rest) = rest.split_at(f * h);
        let (b1, w2) = rest.split_at(h);
        [skip, w1, b1, &w2[..h]]
    }
}
