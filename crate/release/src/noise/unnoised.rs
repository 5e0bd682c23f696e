//! "No noise", by name: what a simulation without privacy is measured against. It is never an upload.

use crate::Clipped;

/// A clipped gradient that was left without noise. No upload accepts it, it has no bytes, and nothing that ships knows
/// the type: a reading of the sources holds that it is named nowhere else.
pub struct Unnoised {
    grid: Vec<i32>,
}

impl Unnoised {
    /// The clipped gradient as it is.
    pub fn new(clipped: Clipped) -> Self {
        Self { grid: clipped.into_grid() }
    }

    /// The entries in grid units, to be summed in the simulator.
    pub fn grid(&self) -> &[i32] {
        &self.grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gradient, clip};
    use privet_wire::Bound;

    #[test]
    fn it_is_the_clipped_gradient_as_it_is() {
        let bound = Bound::device(1.0, 1 << 10, 8.0, 2).expect("a plain bound");
        let clipped = || clip(&Gradient::from_values(&[0.5, -0.25]), bound);
        assert_eq!(Unnoised::new(clipped()).grid(), clipped().grid());
    }
}
