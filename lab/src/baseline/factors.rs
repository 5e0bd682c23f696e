//! Users and items as short vectors.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::super::splitmix::SplitMix64;
use super::Score;

/// One column a user, one column an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Factors {
    /// Of users.
    pub(crate) users: DMatrix<f64>,
    /// Of items.
    pub(crate) items: DMatrix<f64>,
}

impl Factors {
    /// The product of the user's and the item's vector.
    pub(crate) fn score(&self) -> Score<'_> {
        Box::new(|user, item| self.users.column(user).dot(&self.items.column(item)) as f32)
    }
}

/// Small random numbers to begin with.
pub(crate) fn random(rows: usize, columns: usize, generator: &mut SplitMix64) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| 0.1 * generator.normal())
}

/// x of `matrix` x = `right`.
pub(crate) fn solved(matrix: DMatrix<f64>, right: DVector<f64>) -> DVector<f64> {
    Cholesky::new(matrix).expect("a sum of squares with a ridge is positive definite").solve(&right)
}
