//! A protocol made ready for a model: the catalogue, what devices see, and what they are asked.

use super::baseline::{Als, Score, als, als_without, biased_mf, mf_without};
use super::catalogue::Catalogue;
use super::data::{Rating, Set, User};
use super::learner::{Answer, Candidate, Learner, Moment};
use super::measures::Measures;
use super::parallel;
use super::slates::{Slate, Split};
use super::splitmix::SplitMix64;

/// How many items stand against each that was chosen.
const NEGATIVES: usize = 4;
/// What items are known by, besides their content, where choices are ranked.
pub(crate) const ITEM_FACTORS: Als = Als { factors: 16, weight: 5.0, ridge: 10.0 };
/// The same where ratings are: how many factors, and their ridge.
pub(crate) const RATING_FACTORS: (usize, f64) = (8, 10.0);

/// One figure a user, none where the user has no slate.
pub(crate) type PerUser = Vec<Option<Measures>>;

/// A protocol, ready.
pub(crate) struct Task<'a> {
    set: &'a Set,
    split: &'a Split,
    catalogue: Catalogue,
    moments: Vec<Vec<Moment>>,
    server: &'a Server<'a>,
}

/// The server's own scores.
pub(crate) struct Server<'a> {
    /// Of the slates that were shown in the past, as it scored them then.
    pub(crate) then: Score<'a>,
    /// Of the slates to be ranked.
    pub(crate) now: Score<'a>,
}

impl Server<'_> {
    /// A server without an opinion.
    pub(crate) fn silent() -> Self {
        Self { then: Box::new(|_, _| 0.0), now: Box::new(|_, _| 0.0) }
    }
}

impl<'a> Task<'a> {
    /// To rank what the user chooses next. Each own event is a slate of the chosen item and others that are not among
    /// the user's training events: that the user has one of those later is not to be known.
    pub(crate) fn of_choices(set: &'a Set, split: &'a Split, server: &'a Server<'a>, seed: u64) -> Self {
        let factors = als(&split.train, set.items.len(), ITEM_FACTORS, seed);
        let without = als_without(&split.train, &factors, ITEM_FACTORS);
        let catalogue = Catalogue::new(set, &split.train, &factors.embeddings(ITEM_FACTORS.factors), &without);
        let mut views = 0..;
        let moments = set.users.iter().zip(&split.train).enumerate().map(|(place, (user, train))| {
            let mut negatives = Negatives::new(user, train, set.items.len(), seed);
            let slate = |event: &Rating| {
                let view = views.next().expect("endless");
                let mut items = negatives.draw();
                items.insert(negatives.generator.below(NEGATIVES + 1).min(items.len()), event.item);
                let shown = items.into_iter().map(|item| {
                    let answer = if item == event.item { Answer::Chosen } else { Answer::Passed };
                    (
                        Candidate {
                            item,
                            server: (server.then)(place, item),
                            view: (item == event.item).then_some(view),
                        },
                        answer,
                    )
                });
                Moment { time_s: event.time_s, shown: shown.collect(), eta: 0.0 }
            };
            train.iter().map(slate).collect()
        });
        let moments = moments.collect();
        Self { set, split, catalogue, moments, server }
    }

    /// To rank by how much the user will like what they really see: likes, dislikes, no slates.
    pub(crate) fn of_ratings(set: &'a Set, split: &'a Split, server: &'a Server<'a>, seed: u64) -> Self {
        let (count, ridge) = RATING_FACTORS;
        let factors = biased_mf(&split.train, set.items.len(), count, ridge, seed);
        let without = mf_without(&split.train, &factors, ridge);
        let catalogue = Catalogue::new(set, &split.train, &factors.embeddings(count), &without);
        let mut views = 0..;
        let mut moment = |place: usize, event: &Rating| {
            let view = views.next().expect("endless");
            let candidate = Candidate { item: event.item, server: (server.then)(place, event.item), view: Some(view) };
            let answer = if event.is_like() { Answer::Chosen } else { Answer::Disliked };
            Moment { time_s: event.time_s, shown: vec![(candidate, answer)], eta: 0.0 }
        };
        let of_user = |(place, train): (usize, &Vec<Rating>)| train.iter().map(|event| moment(place, event)).collect();
        let moments = split.train.iter().enumerate().map(of_user).collect();
        Self { set, split, catalogue, moments, server }
    }

    /// Fits the shared head and measures it on devices that have seen nothing.
    pub(crate) fn fit(&self, learner: &mut dyn Learner, seed: u64) -> PerUser {
        learner.fit_shared(&self.catalogue, &self.moments, seed);
        self.measured(1, |_, slate, candidates| learner.score_shared(&self.catalogue, slate.time_s, candidates))
    }

    /// Measures devices that have seen their users' last `memory` events, or all of them.
    pub(crate) fn on_devices(&self, learner: &dyn Learner, memory: Option<usize>, threads: usize) -> PerUser {
        self.measured(threads, |user, slate, candidates| {
            let moments = &self.moments[user];
            let known = memory.map_or(0, |memory| moments.len().saturating_sub(memory));
            let mut device = learner.device(&self.catalogue);
            moments[known..].iter().for_each(|moment| device.observe(moment));
            device.score(slate.time_s, candidates)
        })
    }

    /// The factor that turns the server's scores into log-odds of being chosen, fitted to the slates by logistic
    /// regression with an intercept, which no order needs.
    pub(crate) fn log_odds_per_score(&self) -> f32 {
        let (mut factor, mut intercept) = (1.0, 0.0);
        for _ in 0..20 {
            let mut gradient = [0.0; 2];
            // A little on the diagonal: scores that are all the same have no curvature.
            let mut curvature = [1e-6, 0.0, 1e-6];
            for (candidate, answer) in self.moments.iter().flatten().flat_map(|moment| &moment.shown) {
                let x = f64::from(candidate.server);
                let s = 1.0 / (1.0 + (-(factor * x + intercept)).exp());
                let residual = s - f64::from(u8::from(*answer == Answer::Chosen));
                let bend = s * (1.0 - s);
                gradient = [gradient[0] + residual * x, gradient[1] + residual];
                curvature = [curvature[0] + bend * x * x, curvature[1] + bend * x, curvature[2] + bend];
            }
            let [xx, x1, one] = curvature;
            let determinant = xx * one - x1 * x1;
            factor -= (one * gradient[0] - x1 * gradient[1]) / determinant;
            intercept -= (xx * gradient[1] - x1 * gradient[0]) / determinant;
        }
        factor as f32
    }

    fn measured(&self, threads: usize, score: impl Fn(usize, &Slate, &[Candidate]) -> Vec<f32> + Sync) -> PerUser {
        parallel::map(self.set.users.len(), threads, |user| {
            let slate = self.split.slates[user].as_ref()?;
            let candidate = |&item: &usize| Candidate { item, server: (self.server.now)(user, item), view: None };
            let candidates: Vec<Candidate> = slate.items.iter().map(candidate).collect();
            Some(Measures::of(&slate.good, &score(user, slate, &candidates)))
        })
    }
}

/// Measures a recommender that knows users and items by place.
pub(crate) fn measured(split: &Split, score: &Score<'_>) -> PerUser {
    let of_user = |(user, slate): (usize, &Option<Slate>)| {
        let slate = slate.as_ref()?;
        let scores: Vec<f32> = slate.items.iter().map(|&item| score(user, item)).collect();
        Some(Measures::of(&slate.good, &scores))
    };
    split.slates.iter().enumerate().map(of_user).collect()
}

/// Draws items that are not among a user's training events.
struct Negatives {
    known: Vec<bool>,
    count: usize,
    generator: SplitMix64,
}

impl Negatives {
    fn new(user: &User, train: &[Rating], items: usize, seed: u64) -> Self {
        let mut known = vec![false; items];
        train.iter().for_each(|event| known[event.item] = true);
        let count = NEGATIVES.min(known.iter().filter(|&&known| !known).count());
        Self { known, count, generator: SplitMix64::of(seed, user.number) }
    }

    fn draw(&mut self) -> Vec<usize> {
        self.generator.distinct(self.count, self.known.len(), |item| self.known[item])
    }
}

/// The leak test: an item scores minus the times it was drawn as the user's negative. Were negatives drawn from
/// outside all that the user ever rates, the one item that is never drawn would be the answer.
pub(crate) fn leak(set: &Set, split: &Split, rounds: u64) -> PerUser {
    let mut drawn = vec![vec![0.0f32; set.items.len()]; set.users.len()];
    for (place, (user, train)) in set.users.iter().zip(&split.train).enumerate() {
        for round in 1..=rounds {
            let mut negatives = Negatives::new(user, train, set.items.len(), round);
            for _ in train {
                negatives.draw().into_iter().for_each(|item| drawn[place][item] += 1.0);
            }
        }
    }
    let score: Score<'_> = Box::new(move |user, item| -drawn[user][item]);
    measured(split, &score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slates::{Stage, last_fifth, leave_one_out};

    fn set() -> Set {
        let event = |user: usize| {
            move |nth: usize| Rating {
                item: (user * 7 + nth * 3) % 200,
                value: [5.0, 2.0][nth % 2],
                time_s: nth as f64,
            }
        };
        let user = |number: usize| User {
            id: number.to_string(),
            number: number as u64,
            events: (0..20).map(event(number)).collect(),
        };
        let items = (0..200).map(|id| id.to_string()).collect();
        Set { users: (1..=30).map(user).collect(), items, attributes: Vec::new(), sha256: [0; 32] }
    }

    #[test]
    fn a_choice_stands_among_items_from_outside_the_training_events() {
        let set = set();
        let split = leave_one_out(&set, Stage::Test);
        let server = Server::silent();
        let task = Task::of_choices(&set, &split, &server, 1);
        for (train, moments) in split.train.iter().zip(&task.moments) {
            assert_eq!(train.len(), moments.len());
            for (event, moment) in train.iter().zip(moments) {
                type Shown = Vec<(Candidate, Answer)>;
                let (chosen, others): (Shown, Shown) =
                    moment.shown.iter().copied().partition(|(_, answer)| *answer == Answer::Chosen);
                assert_eq!((chosen.len(), others.len(), chosen[0].0.item), (1, NEGATIVES, event.item));
                assert!(others.iter().all(|(other, _)| train.iter().all(|event| event.item != other.item)));
            }
        }
        let firsts = task.moments.iter().flatten().filter(|moment| moment.shown[0].1 == Answer::Chosen).count();
        let all = task.moments.iter().flatten().count();
        assert!((0.1..0.3).contains(&(firsts as f64 / all as f64)), "the place says nothing: {firsts} of {all}");
    }

    #[test]
    fn a_rating_is_a_like_or_a_dislike() {
        let set = set();
        let split = last_fifth(&set, Stage::Test);
        let server = Server::silent();
        let task = Task::of_ratings(&set, &split, &server, 1);
        let answers: Vec<Answer> = task.moments[0].iter().map(|moment| moment.shown[0].1).collect();
        assert_eq!(answers[..4], [Answer::Chosen, Answer::Disliked, Answer::Chosen, Answer::Disliked]);
        assert!(task.moments.iter().flatten().all(|moment| moment.shown.len() == 1));
    }

    #[test]
    fn counting_negatives_finds_nothing() {
        let set = set();
        let split = leave_one_out(&set, Stage::Test);
        let of_users: Vec<Measures> = leak(&set, &split, 20).into_iter().flatten().collect();
        let hr10 = Measures::mean(&of_users).map(|mean| mean.hr10).expect("there are users");
        // By chance .1; over 30 users, three standard errors are .16.
        assert!(hr10 <= 0.26, "{hr10}");
    }
}
