//! The rules, kept while one place is filled after the other.

use super::{
    Candidates, Freshness, Order, Pin, Rules, Unmet,
    diversity::{Diversity, PLACES, SPAN, WINDOW},
    plain,
};
use crate::Refusal;
use privet_base::{Result, decimal};

/// The end of the list of those that are left.
const END: u32 = u32::MAX;

/// Orders all candidates by score and rules.
///
/// Takes O(n log n) time for the order by score, O(1) for each place and candidate for the caps, O(n) for each fresh
/// candidate that has to be fetched from below, and for diversity what its own constants bound: 131,072 products of
/// embeddings at most. Refuses slices of unequal lengths, a rule about a column that is not there, and a diversity
/// that is not from 0 to 1.
pub fn arrange(candidates: &Candidates, rules: &Rules) -> Result<Order> {
    check(candidates, rules)?;
    let scores = with_bonus(candidates, rules);
    let ordered = plain(scores.as_deref().unwrap_or(candidates.scores), candidates.server);
    let limit = rules.limit.min(ordered.len());
    let pinned = pinned(rules, ordered.len());

    let mut filling = Filling::new(candidates, rules, &ordered, &pinned);
    let mut diversity = (rules.diversity > 0.0 && ordered.len() > 1).then(|| {
        let scores = scores.as_deref().unwrap_or(candidates.scores);
        Diversity::new(rules.diversity, candidates.embeddings, scores, &ordered)
    });
    let mut order = Vec::with_capacity(ordered.len());
    let mut due = FreshDue::new(candidates, rules, &pinned);
    while order.len() < limit {
        let place = order.len();
        let candidate = pinned.at[place].unwrap_or_else(|| {
            let fresh_only = due.now(place);
            filling.next(diversity.as_mut().filter(|_| place < PLACES), &|c| !fresh_only || due.is_fresh(c))
        });
        due.placed(place, candidate, pinned.at[place].is_some());
        if let Some(diversity) = &mut diversity {
            diversity.place(candidate);
        }
        order.push(candidate);
    }
    filling.rest(&mut order);
    let unmet = unmet(candidates, rules, &order);
    Ok(Order { order, unmet })
}

/// What an order of these candidates has not of the rules.
pub fn unmet(candidates: &Candidates, rules: &Rules, order: &[u32]) -> Unmet {
    let arranged = &order[..rules.limit.min(order.len())];
    let stands = |pin: &&Pin| order.get(pin.place) == Some(&pin.candidate);
    let missing = |freshness: Freshness| {
        let young = |&&candidate: &&u32| candidates.ages[candidate as usize] < freshness.younger_than;
        freshness.least.saturating_sub(arranged.iter().take(freshness.within).filter(young).count())
    };
    Unmet {
        pins: rules.pins.len() - rules.pins.iter().filter(stands).count(),
        caps: beyond_caps(candidates, rules, arranged),
        freshness: rules.freshness.map_or(0, missing),
    }
}

fn check(candidates: &Candidates, rules: &Rules) -> Result<()> {
    let count = candidates.scores.len();
    let refuse = |what, is: String, must: String| Err(Refusal::OrderRefused { what, is, must }.into());
    let length = |what, is: usize| if is == count { Ok(()) } else { refuse(what, is.to_string(), count.to_string()) };
    length("number of server scores", candidates.server.len())?;
    candidates.attributes.iter().try_for_each(|column| length("length of an attribute's column", column.len()))?;
    if !(0.0..=1.0).contains(&rules.diversity) {
        return refuse("diversity", decimal(rules.diversity.into()), "from 0 to 1".to_owned());
    }
    if rules.diversity > 0.0 && count > 0 && !candidates.embeddings.len().is_multiple_of(count) {
        let is = candidates.embeddings.len().to_string();
        return refuse("length of all embeddings", is, format!("a multiple of {count}"));
    }
    if let Some(cap) = rules.caps.iter().find(|cap| cap.attribute >= candidates.attributes.len()) {
        let must = format!("under {}", candidates.attributes.len());
        return refuse("attribute of a cap", cap.attribute.to_string(), must);
    }
    if let Some(freshness) = rules.freshness {
        length("number of ages", candidates.ages.len())?;
        for (what, number) in [("bonus of freshness", freshness.bonus), ("age of freshness", freshness.younger_than)] {
            if !number.is_finite() {
                return refuse(what, decimal(number.into()), "finite".to_owned());
            }
        }
    }
    Ok(())
}

fn with_bonus(candidates: &Candidates, rules: &Rules) -> Option<Vec<f32>> {
    let freshness = rules.freshness.filter(|freshness| freshness.bonus != 0.0)?;
    let bonus = |age| if age < freshness.younger_than { freshness.bonus } else { 0.0 };
    Some(candidates.scores.iter().zip(candidates.ages).map(|(score, &age)| score + bonus(age)).collect())
}

/// Who stands where: the candidate of each place that a pin fills, and whether a candidate is one of them.
struct Pinned {
    at: Vec<Option<u32>>,
    is: Vec<bool>,
}

/// The pins that can be granted, the first of two that collide.
fn pinned(rules: &Rules, count: usize) -> Pinned {
    let mut pinned = Pinned { at: vec![None; count], is: vec![false; count] };
    for pin in &rules.pins {
        let candidate = pin.candidate as usize;
        if pin.place < count && candidate < count && !pinned.is[candidate] && pinned.at[pin.place].is_none() {
            pinned.at[pin.place] = Some(pin.candidate);
            pinned.is[candidate] = true;
        }
    }
    pinned
}

/// Who is left, by score, and how much of each cap is used up.
struct Filling<'a> {
    candidates: &'a Candidates<'a>,
    rules: &'a Rules,
    ordered: &'a [u32],
    pinned: &'a Pinned,
    /// The position after each one that is left and may be placed; the last entry is the list's head.
    after: Vec<u32>,
    taken: Vec<bool>,
    /// Where the first that is not taken may stand.
    untaken_from: usize,
    used: Vec<Counts>,
}

impl<'a> Filling<'a> {
    fn new(candidates: &'a Candidates, rules: &'a Rules, ordered: &'a [u32], pinned: &'a Pinned) -> Self {
        let count = ordered.len();
        let position = |position: usize| if position < count { position as u32 } else { END };
        let after = (1..=count).chain([0]).map(position).collect();
        let taken = ordered.iter().map(|&candidate| pinned.is[candidate as usize]).collect();
        let used = rules.caps.iter().map(|_| Counts(Vec::new())).collect();
        let mut filling = Self { candidates, rules, ordered, pinned, after, taken, untaken_from: 0, used };
        // A pinned candidate uses a cap up from the start, wherever above the limit it stands.
        pinned.at.iter().take(rules.limit).flatten().for_each(|&candidate| filling.use_caps(candidate));
        filling
    }

    fn use_caps(&mut self, candidate: u32) {
        for (cap, used) in self.rules.caps.iter().zip(&mut self.used) {
            used.add(self.candidates.attributes[cap.attribute][candidate as usize]);
        }
    }

    /// Caps only fill up, so who is not allowed once never is again.
    fn allowed(&self, candidate: u32) -> bool {
        self.rules
            .caps
            .iter()
            .zip(&self.used)
            .all(|(cap, used)| used.of(self.candidates.attributes[cap.attribute][candidate as usize]) < cap.most)
    }

    /// Takes the best that is left: allowed by the caps and wanted, or at least allowed, or at least there.
    fn next(&mut self, diversity: Option<&mut Diversity>, wanted: &dyn Fn(u32) -> bool) -> u32 {
        let position = match diversity {
            None => self.best(wanted, |_| 0.0, usize::MAX, 1),
            Some(diversity) => self
                .best(wanted, |position| diversity.value(position), SPAN, WINDOW)
                .or_else(|| self.best(wanted, |_| 0.0, usize::MAX, 1)),
        };
        let position = position.or_else(|| self.best(&|_| true, |_| 0.0, usize::MAX, 1)).unwrap_or_else(|| {
            let from = self.untaken_from;
            from + self.taken[from..].iter().position(|&taken| !taken).expect("a place is left, so a candidate is")
        });
        self.take(position)
    }

    /// The position of the highest value among the first `window` that are allowed and wanted, all before `span`.
    fn best(
        &mut self,
        wanted: &dyn Fn(u32) -> bool,
        mut value: impl FnMut(usize) -> f32,
        span: usize,
        window: usize,
    ) -> Option<usize> {
        let (mut best, mut seen) = (None, 0);
        let mut before = self.ordered.len();
        while seen < window && self.after[before] != END && (self.after[before] as usize) < span {
            let position = self.after[before] as usize;
            let candidate = self.ordered[position];
            if self.taken[position] || !self.allowed(candidate) {
                self.after[before] = self.after[position];
                continue;
            }
            before = position;
            if wanted(candidate) {
                seen += 1;
                let value = value(position);
                if best.is_none_or(|(_, highest)| value > highest) {
                    best = Some((position, value));
                }
            }
        }
        best.map(|(position, _)| position)
    }

    fn take(&mut self, position: usize) -> u32 {
        self.taken[position] = true;
        while self.taken.get(self.untaken_from) == Some(&true) {
            self.untaken_from += 1;
        }
        self.use_caps(self.ordered[position]);
        self.ordered[position]
    }

    /// Those that are left, by score, around the pins that are left.
    fn rest(&self, order: &mut Vec<u32>) {
        let mut left =
            self.ordered.iter().zip(&self.taken).filter(|&(_, &taken)| !taken).map(|(&candidate, _)| candidate);
        while order.len() < self.ordered.len() {
            let pinned = self.pinned.at[order.len()];
            order.push(pinned.or_else(|| left.next()).expect("pinned or left, each candidate has one place"));
        }
    }
}

/// How many fresh candidates are still to come, and in how many places.
struct FreshDue<'a> {
    ages: &'a [f32],
    younger_than: f32,
    within: usize,
    /// Missing among the places that no pin fills.
    missing: usize,
    free: usize,
}

impl<'a> FreshDue<'a> {
    fn new(candidates: &Candidates<'a>, rules: &Rules, pinned: &Pinned) -> Self {
        let count = candidates.scores.len();
        let Some(freshness) = rules.freshness else {
            return Self { ages: &[], younger_than: 0.0, within: 0, missing: 0, free: 0 };
        };
        let within = freshness.within.min(rules.limit).min(count);
        let mut due = Self {
            ages: candidates.ages,
            younger_than: freshness.younger_than,
            within,
            missing: 0,
            free: pinned.at[..within].iter().filter(|pin| pin.is_none()).count(),
        };
        let pinned_fresh = pinned.at[..within].iter().flatten().filter(|&&candidate| due.is_fresh(candidate)).count();
        due.missing = freshness.least.saturating_sub(pinned_fresh);
        due
    }

    fn is_fresh(&self, candidate: u32) -> bool {
        self.ages[candidate as usize] < self.younger_than
    }

    /// Whether nothing but a fresh candidate will do.
    fn now(&self, place: usize) -> bool {
        place < self.within && self.missing >= self.free && self.missing > 0
    }

    fn placed(&mut self, place: usize, candidate: u32, pinned: bool) {
        if place < self.within && !pinned {
            self.free -= 1;
            self.missing = self.missing.saturating_sub(usize::from(self.is_fresh(candidate)));
        }
    }
}

fn beyond_caps(candidates: &Candidates, rules: &Rules, arranged: &[u32]) -> usize {
    let beyond = rules.caps.iter().map(|cap| {
        let mut used = Counts(Vec::new());
        arranged.iter().for_each(|&candidate| used.add(candidates.attributes[cap.attribute][candidate as usize]));
        used.0.iter().map(|&(_, count)| count.saturating_sub(cap.most)).sum::<usize>()
    });
    beyond.sum()
}

/// How often each value was placed, sorted by value.
struct Counts(Vec<(u64, usize)>);

impl Counts {
    fn find(&self, value: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&value, |&(value, _)| value)
    }

    fn of(&self, value: u64) -> usize {
        self.find(value).map_or(0, |place| self.0[place].1)
    }

    fn add(&mut self, value: u64) {
        match self.find(value) {
            Ok(place) => self.0[place].1 += 1,
            Err(place) => self.0.insert(place, (value, 1)),
        }
    }
}
