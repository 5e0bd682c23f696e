//! Plain recommenders to stand beside: fitted on training events only.
//!
//! Their settings are those that reach the reference's figures, which `privet evaluate` prints next to theirs. Tables of
//! numbers are `ndarray`'s; what is solved or inverted is `nalgebra`'s, because `ndarray` solves nothing by itself.

mod als;
mod ease;
mod factors;
mod knn;
mod mean;
mod mf;

pub(crate) use als::{Als, als, als_without};
pub(crate) use ease::{ease, ease_beforehand};
pub(crate) use factors::Factors;
pub(crate) use knn::item_knn;
pub(crate) use mean::{item_mean, popularity};
pub(crate) use mf::{biased_mf, mf_without};

use ndarray::Array2;

use super::data::Rating;

/// Scores an item for a user, both by place.
pub(crate) type Score<'a> = Box<dyn Fn(usize, usize) -> f32 + Sync + 'a>;

/// For each item the users who have it, from each user's items.
fn by_item(train: &[Vec<Rating>], items: usize) -> Vec<Vec<usize>> {
    let mut users = vec![Vec::new(); items];
    for (user, events) in train.iter().enumerate() {
        for event in events {
            users[event.item].push(user);
        }
    }
    users
}

/// How often two items are in one user's hands: the Gram matrix of the users' items.
fn gram(train: &[Vec<Rating>], items: usize) -> Array2<f64> {
    let mut gram = Array2::zeros((items, items));
    for events in train {
        for a in events {
            let mut row = gram.row_mut(a.item);
            for b in events {
                row[b.item] += 1.0;
            }
        }
    }
    gram
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each user's items, all liked.
    pub(crate) fn train(users: &[&[usize]]) -> Vec<Vec<Rating>> {
        let event = |&item: &usize| Rating { item, value: 5.0, time_s: 0.0 };
        users.iter().map(|items| items.iter().map(event).collect()).collect()
    }

    #[test]
    fn the_gram_matrix_counts_pairs() {
        let train = train(&[&[0, 1], &[1, 2], &[1]]);
        let gram = gram(&train, 3);
        assert_eq!(gram, ndarray::array![[1.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 1.0]]);
        assert_eq!(by_item(&train, 3), [vec![0], vec![0, 1, 2], vec![1]]);
    }
}
