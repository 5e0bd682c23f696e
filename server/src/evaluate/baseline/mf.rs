//! Factors of ratings with a bias a user and an item (Koren, Bell, Volinsky 2009), by alternating least squares.

use nalgebra::{DMatrix, DVector};

use super::super::{data::Rating, splitmix::SplitMix64};
use super::{
    Factors,
    factors::{random, solved},
};

const ROUNDS: usize = 10;

/// Fits ratings less their mean. The last two numbers of a vector are its bias and a 1 for the other side's bias.
pub(crate) fn biased_mf(train: &[Vec<Rating>], items: usize, factors: usize, ridge: f64, seed: u64) -> Factors {
    let count = train.iter().map(Vec::len).sum::<usize>().max(1);
    let mean = train.iter().flatten().map(|event| f64::from(event.value)).sum::<f64>() / count as f64;
    let mut of_user = vec![Vec::new(); train.len()];
    let mut of_item = vec![Vec::new(); items];
    for (user, events) in train.iter().enumerate() {
        for event in events {
            let over_mean = f64::from(event.value) - mean;
            of_user[user].push((event.item, over_mean));
            of_item[event.item].push((user, over_mean));
        }
    }
    let mut generator = SplitMix64::of(seed, factors as u64);
    let mut items = random(factors + 2, items, &mut generator);
    items.row_mut(factors).fill(0.0);
    items.row_mut(factors + 1).fill(1.0);
    let mut users = DMatrix::zeros(factors + 2, train.len());
    for _ in 0..ROUNDS {
        users = fitted(&items, &of_user, factors, ridge);
        items = fitted(&users, &of_item, factors, ridge);
    }
    // Biases now stand crosswise: a user's bias meets the items' 1, and an item's bias the users' 1.
    users.swap_rows(factors, factors + 1);
    Factors { users, items }
}

fn fitted(other: &DMatrix<f64>, rated: &[Vec<(usize, f64)>], factors: usize, ridge: f64) -> DMatrix<f64> {
    let mut best = DMatrix::zeros(factors + 2, rated.len());
    best.row_mut(factors + 1).fill(1.0);
    for (place, rated) in rated.iter().enumerate() {
        let mut matrix = DMatrix::identity(factors + 1, factors + 1) * ridge;
        let mut right = DVector::zeros(factors + 1);
        for &(with, over_mean) in rated {
            let mut row = other.column(with).rows(0, factors + 1).into_owned();
            let bias = row[factors];
            row[factors] = 1.0;
            matrix.ger(1.0, &row, &row, 1.0);
            right.axpy(over_mean - bias, &row, 1.0);
        }
        best.view_mut((0, place), (factors + 1, 1)).copy_from(&solved(matrix, right));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::tests::train;
    use super::*;

    #[test]
    fn biases_alone_add_up() {
        // Users rate 1 apart and items 1 apart: no factor is needed, and a small ridge leaves the ratings as they are.
        let mut events = train(&[&[0, 1], &[0, 1]]);
        for (user, events) in events.iter_mut().enumerate() {
            for event in events {
                event.value = 2.0 + user as f32 + event.item as f32;
            }
        }
        let found = biased_mf(&events, 2, 1, 1e-3, 1);
        let score = found.score();
        for (user, item) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!((score(user, item) - (user + item) as f32 + 1.0).abs() < 0.02, "{}", score(user, item));
        }
    }
}
