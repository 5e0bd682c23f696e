//! The line between the evaluation and a model: what a device sees, and what it is asked.

use super::catalogue::Catalogue;

/// An item offered for ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    /// Its place in the catalogue.
    pub(crate) item: usize,
    /// The server's own score.
    pub(crate) server: f32,
    /// Its place among the catalogue's views, where the user's own training event is part of what is known of it.
    pub(crate) view: Option<usize>,
}

/// What the user did with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was shown, or could have been, and nothing followed.
    Passed,
    /// It was clicked, rated or liked.
    Chosen,
    /// It was rated badly.
    Disliked,
}

/// One event: the items that were shown, in the order shown, and the answers to them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    /// When.
    pub(crate) time_s: f64,
    /// An event without a slate shows its one item only.
    pub(crate) shown: Vec<(Candidate, Answer)>,
    /// The item at rank r was examined with a chance in proportion to r^−eta; 0 where the order means nothing.
    pub(crate) eta: f64,
}

impl Moment {
    /// The relative chance that the item at this place, from 0, was examined.
    pub(crate) fn examination(&self, place: usize) -> f64 {
        examined(place, self.eta)
    }
}

/// The chance in proportion to which the item at a place, from 0, is examined.
pub(crate) fn examined(place: usize, eta: f64) -> f64 {
    (1.0 + place as f64).powf(-eta)
}

/// A part of the model that a run can leave out, to see what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Attention over recent items.
    Attention,
    /// The personal linear part.
    Personal,
    /// The shared multi-layer perceptron; a linear head takes its place.
    Mlp,
    /// The decayed counters of attributes.
    Counters,
    /// All interest vectors but one.
    Interests,
}

impl Part {
    /// All of them, with the words for a table's row.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Attention, "no attention"),
        (Self::Personal, "no personal part"),
        (Self::Mlp, "no MLP"),
        (Self::Counters, "no counters"),
        (Self::Interests, "one interest vector"),
    ];
}

/// What a run changes in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switches {
    /// The part that is left out.
    pub(crate) without: Option<Part>,
    /// Whether training weighs position bias out.
    pub(crate) debias: bool,
    /// Whether a device notices drift.
    pub(crate) drift: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self { without: None, debias: true, drift: true }
    }
}

/// A model under evaluation: a head that all share, and devices that go on from it.
pub(crate) trait Learner: Sync {
    /// Fits the shared head to all users' moments.
    fn fit_shared(&mut self, catalogue: &Catalogue, users: &[Vec<Moment>], seed: u64);

    /// The scores of the shared head alone, on a device that has seen nothing.
    fn score_shared(&self, catalogue: &Catalogue, time_s: f64, candidates: &[Candidate]) -> Vec<f32>;

    /// A fresh device with the shared head.
    fn device<'a>(&'a self, catalogue: &'a Catalogue) -> Box<dyn Device + 'a>;
}

/// One user's device.
pub(crate) trait Device {
    /// Takes a moment in, and learns from it now or later.
    fn observe(&mut self, moment: &Moment);

    /// One score a candidate, the higher the better.
    fn score(&mut self, time_s: f64, candidates: &[Candidate]) -> Vec<f32>;
}

/// Makes a model with these parts switched off.
pub(crate) type Make = fn(Switches) -> Box<dyn Learner>;
