//! A whole device in one process: the half that ranks, and the half that releases.

mod device;

pub use device::Device;
