//! What is said of an item by everyone: how often, and how well.

use super::super::data::Rating;
use super::Score;

/// The number of users who have the item.
pub(crate) fn popularity(train: &[Vec<Rating>], items: usize) -> Score<'static> {
    let mut counts = vec![0.0; items];
    train.iter().flatten().for_each(|event| counts[event.item] += 1.0);
    Box::new(move |_, item| counts[item])
}

/// The item's mean rating, drawn to the mean of all as by `shrunk_by` ratings of it.
pub(crate) fn item_mean(train: &[Vec<Rating>], items: usize, shrunk_by: f64) -> Score<'static> {
    let means = shrunk_means(train, items, shrunk_by, |event| f64::from(event.value));
    Box::new(move |_, item| means[item] as f32)
}

/// The mean of something over each item's events, drawn to the mean over all.
pub(crate) fn shrunk_means(
    train: &[Vec<Rating>],
    items: usize,
    shrunk_by: f64,
    of: impl Fn(&Rating) -> f64,
) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); items];
    let mut all = (0.0, 0.0);
    for event in train.iter().flatten() {
        for sum in [&mut sums[event.item], &mut all] {
            sum.0 += of(event);
            sum.1 += 1.0;
        }
    }
    let mean = all.0 / f64::max(all.1, 1.0);
    sums.into_iter().map(|(sum, count)| (sum + shrunk_by * mean) / f64::max(count + shrunk_by, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::train;
    use super::*;

    #[test]
    fn a_mean_is_drawn_to_the_mean_of_all() {
        let mut events = train(&[&[0, 1], &[0]]);
        events[1][0].value = 3.0;
        events[0][1].value = 1.0;
        let mean = item_mean(&events, 3, 2.0);
        assert_eq!([mean(0, 0), mean(0, 1), mean(0, 2)], [3.5, 7.0 / 3.0, 3.0]);
        let count = popularity(&events, 3);
        assert_eq!([count(1, 0), count(1, 1), count(1, 2)], [2.0, 1.0, 0.0]);
    }
}
