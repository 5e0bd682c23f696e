//! Users and items as short vectors.

use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::Array2;

use super::super::{data::Rating, splitmix::SplitMix64};
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
    /// A row an item: the first `length` numbers of its vector.
    pub(crate) fn embeddings(&self, length: usize) -> Array2<f64> {
        Array2::from_shape_fn((self.items.ncols(), length), |(item, entry)| self.items[(entry, item)])
    }

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

/// A row an event, the users' one after the other: the first `length` numbers of what it is mapped to.
pub(crate) fn row_by_event(
    train: &[Vec<Rating>],
    length: usize,
    of: impl Fn((usize, &Rating)) -> DVector<f64>,
) -> Array2<f64> {
    let mut rows = Array2::zeros((0, length));
    for (user, events) in train.iter().enumerate() {
        for event in events {
            let row: Vec<f64> = of((user, event)).iter().take(length).copied().collect();
            rows.push_row(row.as_slice().into()).expect("as long as a row");
        }
    }
    rows
}
