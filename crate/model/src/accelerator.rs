//! What computes in bulk beside the CPU, for whoever is handed one.

use std::pin::Pin;

use crate::cpu::{ScoringBatch, StepPlan};

/// Steps and scores by something else than the CPU. Whatever goes wrong is a [`Trouble`], and the caller goes on from what it
/// had: nothing is trusted to it but speed.
pub trait Accelerator {
    /// All steps of a plan: the parameters at its end, and the sums of their squared slopes.
    fn run_steps<'a>(&'a self, plan: &'a StepPlan) -> Answer<'a>;

    /// Of each item what the shared net says, then what the device's own says of each, then of each which recent item speaks
    /// for it and how loudly.
    fn score<'a>(&'a self, batch: &'a ScoringBatch) -> Answer<'a>;

    /// What it calls itself.
    fn adapter(&self) -> String;

    /// How many times something was submitted to it.
    fn submissions(&self) -> u32;
}

/// Numbers that are waited for.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<f32>, Trouble>> + 'a>>;

/// What was wrong with a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is none.
    NoAdapter = 1,
    /// There is one, and it gives no device.
    DeviceRefused,
    /// It takes one of the shaders for wrong.
    ShaderRefused,
    /// It computes something else than the twins.
    WrongNumbers,
    /// It is gone: unplugged, reset, or taken away.
    DeviceLost,
    /// It has no room left.
    OutOfMemory,
    /// It refuses what it is told.
    Failed,
    /// It does not answer.
    Silent,
}

impl Trouble {
    /// All there is.
    pub const ALL: [Self; 8] = [
        Self::NoAdapter,
        Self::DeviceRefused,
        Self::ShaderRefused,
        Self::WrongNumbers,
        Self::DeviceLost,
        Self::OutOfMemory,
        Self::Failed,
        Self::Silent,
    ];

    /// The name that `status()` reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoAdapter => "no-adapter",
            Self::DeviceRefused => "device-refused",
            Self::ShaderRefused => "shader-refused",
            Self::WrongNumbers => "wrong-numbers",
            Self::DeviceLost => "device-lost",
            Self::OutOfMemory => "out-of-memory",
            Self::Failed => "gpu-failed",
            Self::Silent => "gpu-silent",
        }
    }
}
