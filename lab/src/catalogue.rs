//! What a device is told of the items: an embedding, dense features and attributes.

use ndarray::{Array2, ArrayView1};

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
    /// Items as they look without one user's training event about them.
    pub(crate) views: Vec<View>,
}

/// What numbers say of an item.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct View {
    /// As an item's.
    pub(crate) embedding: Vec<f32>,
    /// As an item's.
    pub(crate) dense: Vec<f32>,
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
    /// The content of a set's items, with statistics of the events that may be learnt from and these embeddings: a row an
    /// item, and a row an event, the users' one after the other, of its item without that event.
    pub(crate) fn new(set: &Set, train: &[Vec<Rating>], embeddings: &Array2<f64>, without: &Array2<f64>) -> Self {
        let mut sums = vec![[0.0; 3]; set.items.len()];
        let mut all = [0.0; 3];
        for event in train.iter().flatten() {
            for (place, number) in numbers(event).into_iter().enumerate() {
                sums[event.item][place] += number;
                all[place] += number;
            }
        }
        let means = [all[1] / f64::max(all[0], 1.0), all[2] / f64::max(all[0], 1.0)];
        let shrunk = |[count, values, likes]: [f64; 3]| {
            let shrunk = |sum, mean| (sum + SHRUNK_BY * mean) / (count + SHRUNK_BY);
            [count.ln_1p(), shrunk(values, means[0]), shrunk(likes, means[1])]
        };
        let raw: Vec<[f64; 3]> = sums.iter().map(|sum| shrunk(*sum)).collect();
        let scales = [0, 1, 2].map(|place| spread_of(raw.iter().map(|numbers| numbers[place])));
        let standard = |numbers: [f64; 3]| -> Vec<f32> {
            numbers.iter().zip(scales).map(|(number, (mean, scale))| ((number - mean) * scale) as f32).collect()
        };
        let entries = embeddings.len().max(1) as f64;
        let spread = (embeddings.iter().map(|entry| entry * entry).sum::<f64>() / entries).sqrt();
        let scale = if spread > 0.0 { 1.0 / spread } else { 0.0 };
        let item = |place: usize| Item {
            embedding: embeddings.row(place).iter().map(|entry| (entry * scale) as f32).collect(),
            dense: standard(raw[place]),
            attributes: set.attributes.iter().map(|attribute| attribute.of_item[place].clone()).collect(),
        };
        // As everything else that is known of items, their numbers reach a device from a server that knows nothing of it.
        let view = |(event, embedding): (&Rating, ArrayView1<f64>)| {
            let (sum, own) = (sums[event.item], numbers(event));
            View {
                embedding: embedding.iter().map(|entry| (entry * scale) as f32).collect(),
                dense: standard(shrunk([sum[0] - own[0], sum[1] - own[1], sum[2] - own[2]])),
            }
        };
        let views = train.iter().flatten().zip(without.rows()).map(view).collect();
        let name = |attribute: &Attribute| (attribute.name.clone(), attribute.words.len());
        Self {
            dense: vec!["log_count", "mean", "like_rate"],
            attributes: set.attributes.iter().map(name).collect(),
            items: (0..set.items.len()).map(item).collect(),
            views,
        }
    }

    /// The length of each embedding.
    pub(crate) fn embedding_length(&self) -> usize {
        self.items.first().map_or(0, |item| item.embedding.len())
    }
}

/// What an event adds to an item's count, values and likes.
fn numbers(event: &Rating) -> [f64; 3] {
    [1.0, f64::from(event.value), f64::from(u8::from(event.is_like()))]
}

/// By how many standard deviations each number is over the mean.
pub(crate) fn standardised(numbers: &[f64]) -> Vec<f64> {
    let (mean, scale) = spread_of(numbers.iter().copied());
    numbers.iter().map(|number| (number - mean) * scale).collect()
}

/// The mean, and one over the standard deviation.
fn spread_of(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.clone().sum::<f64>() / n;
    let deviation = (numbers.map(|number| (number - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if deviation > 0.0 { 1.0 / deviation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn statistics_are_of_training_events_and_standardised() {
        let set = Set { users: vec![], items: vec!["a".into(), "b".into()], attributes: vec![], sha256: [0; 32] };
        let event = |item, value| Rating { item, value, time_s: 0.0 };
        let train = [vec![event(0, 5.0), event(1, 2.0)], vec![event(0, 4.0)]];
        let catalogue =
            Catalogue::new(&set, &train, &array![[0.0, 0.0], [3.0, 0.0]], &array![[3.0, 0.0], [3.0, 0.0], [3.0, 0.0]]);
        assert_eq!(catalogue.items[0].dense, [1.0; 3], "of two items one is a deviation above the mean");
        assert_eq!(catalogue.items[1].dense, [-1.0; 3]);
        assert_eq!((catalogue.items[1].embedding.clone(), catalogue.embedding_length()), (vec![2.0, 0.0], 2));
        // Without the only event about it an item is one that nobody knows: fewer, and as good as the mean.
        let View { embedding, dense } = &catalogue.views[1];
        assert!(*embedding == [2.0, 0.0] && dense[0] < -1.0 && dense[1] > -1.0, "{dense:?}");
        assert_eq!(catalogue.views.len(), 3);
    }
}
