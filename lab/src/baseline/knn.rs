//! Item-based neighbours (Sarwar et al. 2001): what is like the items the user has.

use super::super::data::Rating;
use super::{Score, gram};

/// The sum of the item's likeness to the user's items, of which each speaks only for its nearest `neighbours`.
///
/// Likeness is the cosine, with `shrink` in its denominator, so that two items that few users have are not too like.
pub(crate) fn item_knn(train: &[Vec<Rating>], items: usize, neighbours: usize, shrink: f64) -> Score<'_> {
    let gram = gram(train, items);
    let length: Vec<f64> = (0..items).map(|item| gram[[item, item]].max(1.0).sqrt()).collect();
    let nearest: Vec<Vec<(usize, f32)>> = (0..items)
        .map(|item| {
            let like = |other: usize| gram[[item, other]] / (length[item] * length[other] + shrink);
            let mut all: Vec<(usize, f32)> =
                (0..items).filter(|&other| other != item).map(|other| (other, like(other) as f32)).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1));
            // Those that are as like as the last one speak, too: the order of ids is not likeness.
            let least = all.get(neighbours.max(1) - 1).map_or(0.0, |last| last.1);
            all.retain(|&(_, like)| like > 0.0 && like >= least);
            all.sort_by_key(|&(other, _)| other);
            all
        })
        .collect();
    Box::new(move |user, item| {
        let like = |has: usize| {
            let near = &nearest[has];
            near.binary_search_by_key(&item, |&(other, _)| other).map_or(0.0, |place| near[place].1)
        };
        train[user].iter().map(|event| like(event.item)).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::train;
    use super::*;

    #[test]
    fn an_item_speaks_for_its_nearest() {
        let events = train(&[&[0, 1], &[0, 1], &[0, 2], &[0], &[1]]);
        // Item 0 is with 1 twice (lengths 2 and √3) and with 2 once (2 and 1).
        let near = item_knn(&events, 3, 1, 0.0);
        assert!((near(3, 1) - 2.0 / (2.0 * 3f32.sqrt())).abs() < 1e-6);
        assert_eq!(near(3, 2), 0.0, "the second nearest of item 0 is not heard");
        let shrunk = item_knn(&events, 3, 2, 1.0);
        assert!((shrunk(3, 2) - 1.0 / 3.0).abs() < 1e-6);
    }
}
