//! What an audit reads: it looks at what devices send and at what aggregators do, and so stands above both.

mod inspect;

pub use inspect::{Value, inspect};
