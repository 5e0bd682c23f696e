//! Factors of ratings with a bias a user and an item (Koren, Bell, Volinsky 2009), by alternating least squares.

use nalgebra::{DMatrix, DVector};
use ndarray::Array2;

use super::super::{data::Rating, splitmix::SplitMix64};
use super::{
    Factors,
    factors::{random, row_by_event, solved},
};

const ROUNDS: usize = 10;

/// Fits ratings less their mean. The last two numbers of a vector are its bias and a 1 for the other side's bias.
pub(crate) fn biased_mf(train: &[Vec<Rating>], items: usize, factors: usize, ridge: f64, seed: u64) -> Factors {
    let mean = mean(train);
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

/// A row an event, the users' one after the other: the item's factors as if that user had not rated it.
pub(crate) fn mf_without(train: &[Vec<Rating>], factors: &Factors, ridge: f64) -> Array2<f64> {
    let k = factors.items.nrows() - 2;
    let mean = mean(train);
    // A user's factors and the 1 that meets the item's bias; the user's own bias stands after them.
    let row = |user: usize| factors.users.column(user).rows(0, k + 1).into_owned();
    let left = |user: usize, event: &Rating| f64::from(event.value) - mean - factors.users[(k + 1, user)];
    let mut equations = vec![(DMatrix::identity(k + 1, k + 1) * ridge, DVector::zeros(k + 1)); factors.items.ncols()];
    let add = |(matrix, right): &mut (DMatrix<f64>, DVector<f64>), user: usize, event: &Rating, times: f64| {
        matrix.ger(times, &row(user), &row(user), 1.0);
        right.axpy(times * left(user, event), &row(user), 1.0);
    };
    for (user, events) in train.iter().enumerate() {
        events.iter().for_each(|event| add(&mut equations[event.item], user, event, 1.0));
    }
    let of_event = |(user, event): (usize, &Rating)| {
        let mut equation = equations[event.item].clone();
        add(&mut equation, user, event, -1.0);
        solved(equation.0, equation.1)
    };
    row_by_event(train, k, of_event)
}

fn mean(train: &[Vec<Rating>]) -> f64 {
    let count = train.iter().map(Vec::len).sum::<usize>().max(1);
    train.iter().flatten().map(|event| f64::from(event.value)).sum::<f64>() / count as f64
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

    #[test]
    fn without_a_user_an_item_is_what_the_others_make_it() {
        let mut events = train(&[&[0, 1], &[0, 1, 2], &[1, 2]]);
        for (nth, event) in events.iter_mut().flatten().enumerate() {
            event.value = [5.0, 1.0, 3.0, 2.0, 4.0, 4.0, 1.0][nth];
        }
        let found = biased_mf(&events, 3, 2, 0.5, 1);
        let without = mf_without(&events, &found, 0.5);
        // The fourth event is user 1's of item 1. With the rows as they were in the fit, users 0 and 2 make it this:
        let mut users = found.users.clone();
        users.swap_rows(2, 3);
        let mean = mean(&events);
        let by_hand = fitted(&users, &[vec![(0, 1.0 - mean), (2, 4.0 - mean)]], 2, 0.5);
        assert!(without.row(3).iter().zip(by_hand.iter()).all(|(a, b)| (a - b).abs() < 1e-9), "{without:?} {by_hand}");
    }
}
