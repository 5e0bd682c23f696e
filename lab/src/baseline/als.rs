//! Factors of what was chosen at all, by alternating least squares (Hu, Koren, Volinsky 2008, section 4).

use nalgebra::{DMatrix, DVector};
use ndarray::Array2;

use super::super::{data::Rating, splitmix::SplitMix64};
use super::{
    Factors, by_item,
    factors::{random, row_by_event, solved},
};

const ROUNDS: usize = 15;

/// What is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Als {
    /// How many numbers a vector has.
    pub(crate) factors: usize,
    /// What a choice weighs; what was not chosen weighs 1.
    pub(crate) weight: f64,
    /// The pull of all vectors to zero.
    pub(crate) ridge: f64,
}

/// Fits a 1 for what a user has and a 0 for the rest.
pub(crate) fn als(train: &[Vec<Rating>], items: usize, settings: Als, seed: u64) -> Factors {
    let of_user: Vec<Vec<usize>> = train.iter().map(|events| events.iter().map(|event| event.item).collect()).collect();
    let of_item = by_item(train, items);
    let mut generator = SplitMix64::of(seed, settings.factors as u64);
    let mut users = random(settings.factors, train.len(), &mut generator);
    let mut items = random(settings.factors, items, &mut generator);
    for _ in 0..ROUNDS {
        users = fitted(&items, &of_user, settings);
        items = fitted(&users, &of_item, settings);
    }
    Factors { users, items }
}

/// The best vector on the one side for each list of vectors on the other.
fn fitted(other: &DMatrix<f64>, chosen: &[Vec<usize>], settings: Als) -> DMatrix<f64> {
    let mut best = DMatrix::zeros(settings.factors, chosen.len());
    for (place, (matrix, right)) in equations(other, chosen, settings).enumerate() {
        best.set_column(place, &solved(matrix, right));
    }
    best
}

/// What [`fitted`] solves, list by list.
fn equations<'a>(
    other: &'a DMatrix<f64>,
    chosen: &'a [Vec<usize>],
    settings: Als,
) -> impl Iterator<Item = (DMatrix<f64>, DVector<f64>)> + 'a {
    let k = settings.factors;
    let rest = other * other.transpose() + DMatrix::identity(k, k) * settings.ridge;
    chosen.iter().map(move |chosen| {
        let mut matrix = rest.clone();
        let mut right = DVector::zeros(k);
        for &choice in chosen {
            let column = other.column(choice);
            matrix.ger(settings.weight - 1.0, &column, &column, 1.0);
            right.axpy(settings.weight, &column, 1.0);
        }
        (matrix, right)
    })
}

/// A row an event, the users' one after the other: the item's vector as if that user had not chosen it.
pub(crate) fn als_without(train: &[Vec<Rating>], factors: &Factors, settings: Als) -> Array2<f64> {
    let of_item = by_item(train, factors.items.ncols());
    let equations: Vec<_> = equations(&factors.users, &of_item, settings).collect();
    let of_event = |(user, event): (usize, &Rating)| {
        let (mut matrix, mut right) = equations[event.item].clone();
        let column = factors.users.column(user);
        matrix.ger(1.0 - settings.weight, &column, &column, 1.0);
        right.axpy(-settings.weight, &column, 1.0);
        solved(matrix, right)
    };
    row_by_event(train, settings.factors, of_event)
}

#[cfg(test)]
mod tests {
    use super::super::tests::train;
    use super::*;

    #[test]
    fn two_groups_of_users_are_told_apart() {
        let events = train(&[&[0, 1], &[0, 1, 2], &[1, 2], &[3, 4], &[4, 5], &[3, 5, 4]]);
        let found = als(&events, 6, Als { factors: 2, weight: 5.0, ridge: 0.1 }, 1);
        let score = found.score();
        assert!(score(0, 2) > 0.5 && score(0, 5) < 0.1 && score(3, 5) > 0.5 && score(3, 2) < 0.1);
        assert_eq!(found, als(&events, 6, Als { factors: 2, weight: 5.0, ridge: 0.1 }, 1));
    }

    #[test]
    fn without_a_user_an_item_is_what_the_others_make_it() {
        let settings = Als { factors: 2, weight: 5.0, ridge: 0.1 };
        let events = train(&[&[0, 1], &[0, 1, 2], &[1, 2]]);
        let found = als(&events, 3, settings, 1);
        let without = als_without(&events, &found, settings);
        // The fourth event is user 1's of item 1: the best vector for it where only users 0 and 2 chose it.
        let by_hand = fitted(&found.users, &[vec![0, 2]], settings);
        assert!(without.row(3).iter().zip(by_hand.iter()).all(|(a, b)| (a - b).abs() < 1e-9), "{without:?} {by_hand}");
    }

    #[test]
    fn one_vector_is_the_weighted_ridge_regression() {
        // (1 + 1 + (3 − 1) + 0.5) x = 3 for two vectors of length 1, the first of which is chosen.
        let found = fitted(&DMatrix::from_element(1, 2, 1.0), &[vec![0]], Als { factors: 1, weight: 3.0, ridge: 0.5 });
        assert!((found[(0, 0)] - 3.0 / 4.5).abs() < 1e-12);
    }
}
