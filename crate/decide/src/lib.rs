//! From scores to what is shown: an [`order`] that keeps the application's rules, and the [`running`] evaluation, which says
//! whose order it is. Both know numbers and keys, and no item, profile or head.

pub mod order;
mod refusal;
pub mod running;

pub use refusal::Refusal;
