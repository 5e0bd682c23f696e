//! What a device is told of the items: an embedding, dense features and attributes.

use super::baseline::shrunk_means;
use super::data::{Attribute, Rating, Set};

/// By as many ratings an item's mean is drawn to the mean of all.
const SHRUNK_BY: f64 = 10.0;

/// All items as candidates carry them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Catalogue {
    /// The names of the dense features.
    pub(crate) dense: Vec<&'static str>,
    /// The attributes: each one's name, and how many values it has.
    pub(crate) attributes: Vec<(String, usize)>,
    /// By place.
    pub(crate) items: Vec<Item>,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Item {
    /// Numbers whose standard deviation over all items and entries is 1.
    pub(crate) embedding: Vec<f32>,
    /// Each with mean 0 and standard deviation 1 over all items.
    pub(crate) dense: Vec<f32>,
    /// For each attribute, the item's values.
    pub(crate) attributes: Vec<Vec<usize>>,
}

impl Catalogue {
    /// The content of a set's items, with statistics of the events that may be learnt from and these embeddings.
    pub(crate) fn new(set: &Set, train: &[Vec<Rating>], embeddings: impl Fn(usize) -> Vec<f64>) -> Self {
        let mut counts = vec![0.0; set.items.len()];
        train.iter().flatten().for_each(|event| counts[event.item] += 1.0);
        let means = shrunk_means(train, set.items.len(), SHRUNK_BY, |event| f64::from(event.value));
        let likes = shrunk_means(train, set.items.len(), SHRUNK_BY, |event| f64::from(u8::from(event.is_like())));
        let statistics = [counts.into_iter().map(f64::ln_1p).collect(), means, likes].map(standardised);
        let embeddings: Vec<Vec<f64>> = (0..set.items.len()).map(embeddings).collect();
        let entries = embeddings.iter().flatten().count().max(1) as f64;
        let spread = (embeddings.iter().flatten().map(|entry| entry * entry).sum::<f64>() / entries).sqrt();
        let scale = if spread > 0.0 { 1.0 / spread } else { 0.0 };
        let item = |place: usize| Item {
            embedding: embeddings[place].iter().map(|entry| (entry * scale) as f32).collect(),
            dense: statistics.iter().map(|column| column[place] as f32).collect(),
            attributes: set.attributes.iter().map(|attribute| attribute.of_item[place].clone()).collect(),
        };
        let name = |attribute: &Attribute| (attribute.name.clone(), attribute.words.len());
        Self {
            dense: vec!["log_count", "mean", "like_rate"],
            attributes: set.attributes.iter().map(name).collect(),
            items: (0..set.items.len()).map(item).collect(),
        }
    }

    /// The length of each embedding.
    pub(crate) fn embedding_length(&self) -> usize {
        self.items.first().map_or(0, |item| item.embedding.len())
    }
}

fn standardised(mut numbers: Vec<f64>) -> Vec<f64> {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let deviation = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
    numbers.iter_mut().for_each(|number| *number = (*number - mean) * scale);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_of_training_events_and_standardised() {
        let set = Set { users: vec![], items: vec!["a".into(), "b".into()], attributes: vec![], sha256: [0; 32] };
        let event = |item, value| Rating { item, value, time_s: 0.0 };
        let train = [vec![event(0, 5.0), event(1, 2.0)], vec![event(0, 4.0)]];
        let catalogue = Catalogue::new(&set, &train, |item| vec![3.0 * item as f64, 0.0]);
        assert_eq!(catalogue.items[0].dense, [1.0; 3], "of two items one is a deviation above the mean");
        assert_eq!(catalogue.items[1].dense, [-1.0; 3]);
        assert_eq!((catalogue.items[1].embedding.clone(), catalogue.embedding_length()), (vec![2.0, 0.0], 2));
    }
}
