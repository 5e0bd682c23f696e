//! The plain model to stand beside: one logistic regression for all, and one for each user that is pulled to it.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::catalogue::Catalogue;
use super::learner::{Answer, Candidate, Device, Learner, Moment, Switches};

/// The pull of a user's weights to the shared ones, and to zero where a user is alone: those that come nearest to the
/// reference's figures.
const PULL: f64 = 30.0;
const PULL_ALONE: f64 = 0.3;
/// The pull of the shared weights to zero.
const SHARED_PULL: f64 = 1.0;
const STEPS: usize = 8;
/// A step that moves no weight by more ends the fit.
const SMALL: f64 = 1e-3;
/// A chance is never less, so that its logarithm is a number.
const LEAST: f64 = 1e-9;

/// The model, over an item's attributes, dense features, embedding and a 1.
pub(crate) struct Plain {
    pull: f64,
    debias: bool,
    features: Vec<Vec<(usize, f64)>>,
    shared: DVector<f64>,
}

impl Plain {
    /// A model whose users' weights are pulled to the shared ones.
    pub(crate) fn make(switches: Switches) -> Box<dyn Learner> {
        Box::new(Self { pull: PULL, debias: switches.debias, features: Vec::new(), shared: DVector::zeros(0) })
    }

    /// Each user for themselves: there is no shared head, and weights are pulled to zero.
    pub(crate) fn alone(_: Switches) -> Box<dyn Learner> {
        Box::new(Alone(Self { pull: PULL_ALONE, debias: true, features: Vec::new(), shared: DVector::zeros(0) }))
    }

    fn read(&mut self, catalogue: &Catalogue) {
        let attributes: usize = catalogue.attributes.iter().map(|(_, words)| words).sum();
        let length = attributes + catalogue.dense.len() + catalogue.embedding_length() + 1;
        self.features = catalogue
            .items
            .iter()
            .map(|item| {
                let mut features = vec![(0, 1.0)];
                let mut start = 1;
                for ((_, words), values) in catalogue.attributes.iter().zip(&item.attributes) {
                    features.extend(values.iter().map(|value| (start + value, 1.0)));
                    start += words;
                }
                let numbers = item.dense.iter().chain(&item.embedding).map(|&number| f64::from(number));
                features.extend((start..).zip(numbers));
                features
            })
            .collect();
        self.shared = DVector::zeros(length);
    }

    /// What a moment teaches.
    fn examples<'a>(&'a self, moment: &'a Moment) -> impl Iterator<Item = Example<'a>> {
        moment.shown.iter().enumerate().map(|(place, (candidate, answer))| Example {
            features: &self.features[candidate.item],
            server: f64::from(candidate.server),
            chosen: *answer == Answer::Chosen,
            examined: if self.debias { moment.examination(place) } else { 1.0 },
        })
    }

    fn logit(features: &[(usize, f64)], server: f64, weights: &DVector<f64>) -> f64 {
        server + features.iter().map(|&(place, value)| weights[place] * value).sum::<f64>()
    }

    fn scores(&self, weights: &DVector<f64>, candidates: &[Candidate]) -> Vec<f32> {
        let logit = |candidate: &Candidate| {
            Self::logit(&self.features[candidate.item], f64::from(candidate.server), weights) as f32
        };
        candidates.iter().map(logit).collect()
    }
}

struct Example<'a> {
    features: &'a [(usize, f64)],
    server: f64,
    chosen: bool,
    /// The chance that the item was looked at: without that it is not chosen.
    examined: f64,
}

/// Fisher scoring from `start`, under a pull of this strength to `center`; a step that does not help is halved.
///
/// An item is chosen with chance examined · σ(logit): the position-based model (Craswell et al. 2008).
fn fitted(examples: &[Example<'_>], start: &DVector<f64>, center: &DVector<f64>, pull: f64) -> DVector<f64> {
    let mut weights = start.clone();
    let mut before = loss(examples, &weights, center, pull);
    for _ in 0..STEPS {
        let mut step = step(examples, &weights, center, pull);
        let mut next = &weights - &step;
        let mut after = loss(examples, &next, center, pull);
        while after > before && step.amax() >= SMALL {
            step /= 2.0;
            next = &weights - &step;
            after = loss(examples, &next, center, pull);
        }
        if after > before {
            break;
        }
        (weights, before) = (next, after);
        if step.amax() < SMALL {
            break;
        }
    }
    weights
}

fn loss(examples: &[Example<'_>], weights: &DVector<f64>, center: &DVector<f64>, pull: f64) -> f64 {
    let of = |example: &Example<'_>| {
        let s = sigmoid(Plain::logit(example.features, example.server, weights));
        if example.chosen { -s.max(LEAST).ln() } else { -(1.0 - example.examined * s).max(LEAST).ln() }
    };
    examples.iter().map(of).sum::<f64>() + pull / 2.0 * (weights - center).norm_squared()
}

fn step(examples: &[Example<'_>], weights: &DVector<f64>, center: &DVector<f64>, pull: f64) -> DVector<f64> {
    let mut gradient = (weights - center) * pull;
    let mut curvature = DMatrix::identity(weights.len(), weights.len()) * pull;
    for example in examples {
        let s = sigmoid(Plain::logit(example.features, example.server, weights));
        let missed = (1.0 - example.examined * s).max(LEAST);
        let slope = if example.chosen { s - 1.0 } else { example.examined * s * (1.0 - s) / missed };
        let bend = example.examined * s * (1.0 - s).powi(2) / missed;
        for &(row, x) in example.features {
            gradient[row] += slope * x;
            let mut column = curvature.column_mut(row);
            for &(other, y) in example.features {
                column[other] += bend * x * y;
            }
        }
    }
    Cholesky::new(curvature).expect("a pull makes it positive definite").solve(&gradient)
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

impl Learner for Plain {
    fn fit_shared(&mut self, catalogue: &Catalogue, users: &[Vec<Moment>], _: u64) {
        self.read(catalogue);
        let examples: Vec<Example<'_>> = users.iter().flatten().flat_map(|moment| self.examples(moment)).collect();
        self.shared = fitted(&examples, &self.shared, &self.shared, SHARED_PULL);
    }

    fn score_shared(&self, _: &Catalogue, _: f64, candidates: &[Candidate]) -> Vec<f32> {
        self.scores(&self.shared, candidates)
    }

    fn device<'a>(&'a self, _: &'a Catalogue) -> Box<dyn Device + 'a> {
        Box::new(PlainDevice { model: self, moments: Vec::new(), fitted: 0, weights: self.shared.clone() })
    }
}

struct PlainDevice<'a> {
    model: &'a Plain,
    moments: Vec<Moment>,
    /// How many moments the weights were fitted to.
    fitted: usize,
    weights: DVector<f64>,
}

impl Device for PlainDevice<'_> {
    fn observe(&mut self, moment: &Moment) {
        self.moments.push(moment.clone());
    }

    fn score(&mut self, _: f64, candidates: &[Candidate]) -> Vec<f32> {
        // A twentieth more events move it little, and each fit begins from the first event.
        if self.moments.len() > self.fitted + self.fitted / 20 {
            let examples: Vec<Example<'_>> =
                self.moments.iter().flat_map(|moment| self.model.examples(moment)).collect();
            self.weights = fitted(&examples, &self.weights, &self.model.shared, self.model.pull);
            self.fitted = self.moments.len();
        }
        self.model.scores(&self.weights, candidates)
    }
}

struct Alone(Plain);

impl Learner for Alone {
    fn fit_shared(&mut self, catalogue: &Catalogue, _: &[Vec<Moment>], _: u64) {
        self.0.read(catalogue);
    }

    fn score_shared(&self, catalogue: &Catalogue, time_s: f64, candidates: &[Candidate]) -> Vec<f32> {
        self.0.score_shared(catalogue, time_s, candidates)
    }

    fn device<'a>(&'a self, catalogue: &'a Catalogue) -> Box<dyn Device + 'a> {
        self.0.device(catalogue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::Item, splitmix::SplitMix64};

    fn catalogue() -> Catalogue {
        let item = |place: usize| Item {
            embedding: vec![[1.0, -1.0][place % 2]],
            dense: vec![place as f32 / 10.0],
            attributes: vec![vec![place % 3]],
        };
        Catalogue {
            dense: vec!["rank"],
            attributes: vec![("kind".into(), 3)],
            items: (0..30).map(item).collect(),
            views: Vec::new(),
        }
    }

    fn candidates() -> Vec<Candidate> {
        (0..30).map(|item| Candidate { item, server: 0.0, view: None }).collect()
    }

    /// A slate of five, of which items with an even place are chosen if they are examined.
    fn moments(count: usize, eta: f64, odd: bool) -> Vec<Moment> {
        let mut generator = SplitMix64::new(5);
        (0..count)
            .map(|_| {
                let shown = generator.distinct(5, 30, |_| false).into_iter().enumerate().map(|(place, item)| {
                    let examined = generator.unit() < (1.0 + place as f64).powf(-eta);
                    let chosen = examined && (item % 2 == 0) != odd;
                    (Candidate { item, server: 0.0, view: None }, if chosen { Answer::Chosen } else { Answer::Passed })
                });
                Moment { time_s: 0.0, shown: shown.collect(), eta }
            })
            .collect()
    }

    #[test]
    fn a_user_who_differs_is_followed_and_others_are_not() {
        let mut model = Plain { pull: 1.0, debias: true, features: Vec::new(), shared: DVector::zeros(0) };
        let catalogue = catalogue();
        model.fit_shared(&catalogue, &[moments(40, 0.0, false)], 1);
        let shared = model.score_shared(&catalogue, 0.0, &candidates());
        assert!(shared[0] > shared[1]);
        let mut device = model.device(&catalogue);
        assert_eq!(device.score(0.0, &candidates()), shared, "a fresh device has the shared head");
        moments(40, 0.0, true).iter().for_each(|moment| device.observe(moment));
        let own = device.score(0.0, &candidates());
        assert!(own[1] > own[0]);
    }

    #[test]
    fn an_item_that_was_hardly_examined_is_not_held_against_it() {
        let never = |debias| {
            let mut model = Plain { pull: 1.0, debias, features: Vec::new(), shared: DVector::zeros(0) };
            model.fit_shared(&catalogue(), &[moments(400, 2.0, false)], 1);
            model.score_shared(&catalogue(), 0.0, &candidates())[0]
        };
        // Each even item is chosen whenever it is examined: a model that knows of positions says so.
        assert!(never(true) > 2.0 && never(false) < 1.0, "{} {}", never(true), never(false));
    }

    #[test]
    fn the_servers_score_is_the_start() {
        let mut model = Plain { pull: 1.0, debias: true, features: Vec::new(), shared: DVector::zeros(0) };
        model.fit_shared(&catalogue(), &[], 1);
        let scores = model.score_shared(&catalogue(), 0.0, &[Candidate { item: 3, server: 1.5, view: None }]);
        assert_eq!(scores, [1.5]);
    }
}
