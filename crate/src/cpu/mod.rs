//! The plain twins of the shaders: they define what the shaders compute.

mod gradient;
mod residual;

pub use gradient::gradient;
pub use residual::residual;

/// How many rows (examples) and columns (features) a matrix has. Laid out as the shaders read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Shape {
    /// Rows: examples.
    pub n: u32,
    /// Columns: features.
    pub d: u32,
}
