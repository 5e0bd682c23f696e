//! EASE: items predicted from each other by one ridge regression in closed form (Steck 2019, algorithm 1).

use nalgebra::{Cholesky, DMatrix};

use super::super::{data::Rating, parallel};
use super::{Score, gram};

/// Users are left out by this many parts.
const PARTS: usize = 5;

/// The item-to-item weights: B = I − P / diag(P), where P inverts the Gram matrix plus `ridge` on its diagonal.
fn weights(train: &[Vec<Rating>], items: usize, ridge: f64) -> DMatrix<f64> {
    let mut gram = gram(train, items);
    gram.diag_mut().mapv_inplace(|count| count + ridge);
    // It is its own transpose: rows may stand for columns.
    let gram = DMatrix::from_iterator(items, items, gram);
    let mut inverse = Cholesky::new(gram).expect("a Gram matrix with a ridge is positive definite").inverse();
    for item in 0..items {
        let own = inverse[(item, item)];
        let mut column = inverse.column_mut(item);
        column /= -own;
        column[item] = 0.0;
    }
    inverse
}

/// The sum of the weights of the user's items for the item.
pub(crate) fn ease(train: &[Vec<Rating>], items: usize, ridge: f64) -> Score<'_> {
    let weights = weights(train, items, ridge);
    Box::new(move |user, item| sum(&weights, &train[user], item))
}

/// The same for training events, by weights that were fitted without the user: weights that have seen an event would be
/// too sure of it. The user's other training events count, later ones too.
pub(crate) fn ease_beforehand(train: &[Vec<Rating>], items: usize, ridge: f64, threads: usize) -> Score<'_> {
    let parts = parallel::map(PARTS, threads, |part| {
        let others: Vec<Vec<Rating>> =
            (0..train.len()).filter(|user| user % PARTS != part).map(|user| train[user].clone()).collect();
        weights(&others, items, ridge)
    });
    Box::new(move |user, item| sum(&parts[user % PARTS], &train[user], item))
}

fn sum(weights: &DMatrix<f64>, events: &[Rating], item: usize) -> f32 {
    let column = weights.column(item);
    events.iter().map(|event| column[event.item]).sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::train;
    use super::*;

    #[test]
    fn two_items_are_weighed_as_by_hand() {
        // G + 1 = [[3, 1], [1, 2]]; its inverse is [[2, -1], [-1, 3]] / 5; each column by minus its own diagonal.
        let found = weights(&train(&[&[0, 1], &[0]]), 2, 1.0);
        for (found, by_hand) in found.iter().zip([0.0, 0.5, 1.0 / 3.0, 0.0]) {
            assert!((found - by_hand).abs() < 1e-12, "{found} {by_hand}");
        }
        let events = train(&[&[0, 1], &[0]]);
        let score = ease(&events, 2, 1.0);
        assert!((score(1, 1) - 1.0 / 3.0).abs() < 1e-6 && (score(0, 0) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn beforehand_a_users_own_events_are_not_known() {
        // User 0 is the only one who has both: without that user nothing links the two items.
        let events = train(&[&[0, 1], &[0], &[1]]);
        assert!(ease(&events, 2, 1.0)(0, 1) > 0.1);
        assert!(ease_beforehand(&events, 2, 1.0, 2)(0, 1).abs() < 1e-6);
    }
}
