//! A world whose relevance is known: users with latent tastes, items with embeddings, clicks on what was examined.

use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};

use crate::{
    catalogue::{Catalogue, Item, standardised},
    learner::{Answer, Candidate, Moment, examined},
    splitmix::SplitMix64,
};

/// All that a world is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameters {
    /// How many users there are.
    pub(crate) users: usize,
    /// How many items there are.
    pub(crate) items: usize,
    /// The length of embeddings.
    pub(crate) dimensions: usize,
    /// Items lie around the centres of this many topics.
    pub(crate) topics: usize,
    /// A user likes this many of them.
    pub(crate) liked: usize,
    /// How many items a slate shows.
    pub(crate) slate: usize,
    /// The item at rank r is examined with chance r^−eta.
    pub(crate) eta: f64,
    /// The log-odds that one standard deviation of the user's taste adds to relevance.
    pub(crate) taste: f64,
    /// The log-odds that one standard deviation of the item's quality adds to relevance.
    pub(crate) quality: f64,
    /// The log-odds of relevance at the mean.
    pub(crate) bias: f64,
    /// What one standard deviation of quality is worth to the server, by whose score slates are ordered.
    pub(crate) server: f64,
    /// The standard deviation of the rest of the server's score.
    pub(crate) server_noise: f64,
    /// How many slates each user is shown.
    pub(crate) events: usize,
    /// The slate at which all users' tastes are drawn anew.
    pub(crate) switch: usize,
}

/// Both worlds, fixed before anything was run in them.
pub(crate) const WORLDS: Worlds = Worlds {
    debias: Parameters {
        users: 200,
        items: 1000,
        dimensions: 16,
        topics: 10,
        liked: 2,
        slate: 10,
        eta: 1.3,
        taste: 0.9,
        quality: 0.2,
        bias: -1.0,
        server: 2.0,
        server_noise: 0.3,
        events: 200,
        switch: usize::MAX,
    },
    drift: Parameters {
        users: 200,
        items: 1000,
        dimensions: 16,
        topics: 10,
        liked: 2,
        slate: 20,
        eta: 1.0,
        taste: 2.5,
        quality: 0.2,
        bias: -1.5,
        server: 1.0,
        server_noise: 0.3,
        events: 300,
        switch: 200,
    },
};

/// The two worlds.
pub(crate) struct Worlds {
    /// To learn in from clicks that depend on the position.
    pub(crate) debias: Parameters,
    /// To follow a change in.
    pub(crate) drift: Parameters,
}

/// Which of the shown items are examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Examination {
    /// By rank, as the world says.
    ByRank,
    /// As many as by rank, whatever the rank.
    Evenly,
    /// All of them.
    All,
}

/// A world, made.
pub(crate) struct World {
    /// Its parameters.
    pub(crate) parameters: Parameters,
    /// Its items.
    pub(crate) catalogue: Catalogue,
    server: Vec<f32>,
    /// The log-odds of relevance, by taste (before and after the switch), user and item.
    relevance: Array3<f64>,
    seed: u64,
}

impl World {
    /// Makes a world.
    pub(crate) fn new(parameters: Parameters, seed: u64) -> Self {
        let mut generator = SplitMix64::of(seed, 0);
        let vector = |generator: &mut SplitMix64| {
            unit((0..parameters.dimensions).map(|_| generator.normal()).collect::<Array1<f64>>())
        };
        // Rows are drawn one after the other.
        let mut centres = Array2::zeros((parameters.topics, parameters.dimensions));
        centres.rows_mut().into_iter().for_each(|mut centre| centre.assign(&vector(&mut generator)));
        let mut embeddings = Array2::zeros((parameters.items, parameters.dimensions));
        let mut items = Vec::new();
        let mut qualities = Vec::new();
        let mut server = Vec::new();
        let spread = (parameters.dimensions as f64).sqrt();
        for item in 0..parameters.items {
            let topic = item % parameters.topics;
            let own = vector(&mut generator);
            let mixed = unit(0.7f64.sqrt() * &centres.row(topic) + 0.3f64.sqrt() * &own);
            let quality = generator.normal();
            server.push((parameters.server * quality + parameters.server_noise * generator.normal()) as f32);
            items.push(Item {
                embedding: mixed.iter().map(|entry| (entry * spread) as f32).collect(),
                dense: vec![quality as f32],
                attributes: vec![vec![topic]],
            });
            embeddings.row_mut(item).assign(&mixed);
            qualities.push(quality);
        }
        let mut relevance = Array3::zeros((2, parameters.users, parameters.items));
        // The last axis is the items': a lane is what one user, with one taste, thinks of all of them.
        for mut odds in relevance.lanes_mut(Axis(2)) {
            let liked = generator.distinct(parameters.liked, parameters.topics, |_| false);
            let taste = unit(centres.select(Axis(0), &liked).sum_axis(Axis(0)));
            // Summed from the left: `dot` adds in another order, and the world's last bits would be others.
            let fit = |embedding: ArrayView1<f64>| embedding.iter().zip(&taste).map(|(a, b)| a * b).sum();
            let fits: Vec<f64> = embeddings.rows().into_iter().map(fit).collect();
            for ((odds, fit), quality) in odds.iter_mut().zip(standardised(&fits)).zip(&qualities) {
                *odds = parameters.bias + parameters.taste * fit + parameters.quality * quality;
            }
        }
        let catalogue = Catalogue {
            dense: vec!["quality"],
            attributes: vec![("topic".into(), parameters.topics)],
            items,
            views: Vec::new(),
        };
        Self { parameters, catalogue, server, relevance, seed }
    }

    /// Whether the item is relevant to the user at that event: drawn once, known for good.
    pub(crate) fn is_relevant(&self, user: usize, event: usize, item: usize) -> bool {
        let taste = usize::from(event >= self.parameters.switch);
        let odds = self.relevance[[taste, user, item]];
        let number = ((taste * self.parameters.users + user) * self.parameters.items + item) as u64;
        // The state is mixed once more: neighbours would otherwise be neighbours in one stream.
        let mut generator = SplitMix64::new(SplitMix64::of(self.seed + 1, number).next());
        generator.unit() < 1.0 / (1.0 + (-odds).exp())
    }

    /// The slate of one event in the server's order, with what the user clicked.
    pub(crate) fn moment(&self, user: usize, event: usize, examination: Examination) -> Moment {
        let mut generator = self.generator(user, event, 2);
        let mut shown = self.candidates(&mut generator, self.parameters.slate);
        shown.sort_by(|a, b| b.server.total_cmp(&a.server));
        let chance = |place| examined(place, self.parameters.eta);
        let even = (0..shown.len()).map(chance).sum::<f64>() / shown.len() as f64;
        let shown = shown.into_iter().enumerate().map(|(place, candidate)| {
            let examined = generator.unit()
                < match examination {
                    Examination::ByRank => chance(place),
                    Examination::Evenly => even,
                    Examination::All => 1.0,
                };
            let clicked = examined && self.is_relevant(user, event, candidate.item);
            (candidate, if clicked { Answer::Chosen } else { Answer::Passed })
        });
        let eta = if examination == Examination::ByRank { self.parameters.eta } else { 0.0 };
        Moment { time_s: time_s(event), shown: shown.collect(), eta }
    }

    /// Items to be ranked at that event, and which of them are relevant: some, and not all.
    pub(crate) fn probe(&self, user: usize, event: usize, nth: u64, count: usize) -> (Vec<Candidate>, Vec<bool>) {
        let mut generator = self.generator(user, event, 3 + nth);
        loop {
            let candidates = self.candidates(&mut generator, count);
            let good: Vec<bool> =
                candidates.iter().map(|candidate| self.is_relevant(user, event, candidate.item)).collect();
            if good.contains(&true) && good.contains(&false) {
                return (candidates, good);
            }
        }
    }

    fn generator(&self, user: usize, event: usize, purpose: u64) -> SplitMix64 {
        let number = (user * self.parameters.events + event) as u64;
        SplitMix64::new(SplitMix64::of(self.seed + (purpose << 16), number).next())
    }

    fn candidates(&self, generator: &mut SplitMix64, count: usize) -> Vec<Candidate> {
        let items = generator.distinct(count, self.parameters.items, |_| false);
        items.into_iter().map(|item| Candidate { item, server: self.server[item], view: None }).collect()
    }
}

/// Slates are ten minutes apart.
pub(crate) fn time_s(event: usize) -> f64 {
    600.0 * event as f64
}

fn unit(vector: Array1<f64>) -> Array1<f64> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector / length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> World {
        World::new(Parameters { users: 40, items: 200, ..WORLDS.debias }, 1)
    }

    #[test]
    fn the_same_seed_makes_the_same_world() {
        let (a, b) = (small(), small());
        assert_eq!(a.moment(3, 5, Examination::ByRank), b.moment(3, 5, Examination::ByRank));
        assert_ne!(a.moment(3, 5, Examination::ByRank), a.moment(3, 6, Examination::ByRank));
        assert_eq!(a.probe(3, 5, 0, 20), b.probe(3, 5, 0, 20));
    }

    #[test]
    fn clicks_are_examined_and_relevant() {
        let world = small();
        let mut clicks = vec![0usize; world.parameters.slate];
        let mut relevant = clicks.clone();
        for (user, event) in (0..40).flat_map(|user| (0..200).map(move |event| (user, event))) {
            let moment = world.moment(user, event, Examination::ByRank);
            assert!(moment.shown.is_sorted_by(|(a, _), (b, _)| a.server >= b.server));
            for (place, (candidate, answer)) in moment.shown.iter().enumerate() {
                let good = world.is_relevant(user, event, candidate.item);
                assert!(good || *answer == Answer::Passed, "nobody clicks what is not relevant");
                relevant[place] += usize::from(good);
                clicks[place] += usize::from(*answer == Answer::Chosen);
            }
        }
        for place in 0..world.parameters.slate {
            let looked_at = clicks[place] as f64 / relevant[place] as f64;
            let chance = examined(place, world.parameters.eta);
            // Over 1,500 relevant items a place: five standard errors.
            let error = (chance * (1.0 - chance) / relevant[place] as f64).sqrt();
            assert!((looked_at - chance).abs() <= 5.0 * error, "place {place}: {looked_at} {chance}");
        }
    }

    #[test]
    fn a_switch_changes_what_is_relevant() {
        let world = World::new(Parameters { users: 2, items: 200, ..WORLDS.drift }, 1);
        let relevant = |event| (0..200).map(|item| world.is_relevant(0, event, item)).collect::<Vec<_>>();
        assert_eq!(relevant(0), relevant(199));
        assert_ne!(relevant(199), relevant(200));
    }
}
