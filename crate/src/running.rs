//! Whether personalising does good on this device: both orders are compared on every slate that is shown.

mod quality;
mod slate;
#[cfg(test)]
mod tests;
mod wealth;

use std::collections::VecDeque;

use crate::{Error, Result};
use quality::Quality;
use slate::Slate;
use wealth::Wealth;

/// Gains are counted down to this rank, and this many items of either order are kept of an open slate.
pub const DEPTH: usize = 64;

/// No more slates than this are open at once.
pub const MOST_OPEN: u32 = 64;

/// The evidence at which the server's order takes over, and at which the personal one comes back. Leaving takes proof;
/// coming back takes a sign, or two orders that are alike would be told apart for ever.
const LEAVE: f64 = 12.0;
const RETURN: f64 = 2.0;

/// Which part of the evidence is renewed with each slate, in the same two directions: see [`Wealth`].
const LEAVE_RENEWAL: f64 = 0.005;
const RETURN_RENEWAL: f64 = 0.02;

/// The steepest examination curve that is believed: at 4, the second place is seen 16 times less than the first.
const MOST_ETA: f64 = 4.0;

/// How slates are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The item at rank r is examined with probability 1/r^eta (Joachims, Swaminathan and Schnabel 2017).
    pub eta: f64,
    /// One slate in this many is an interleaving, drawn independently; 0 for none.
    pub interleave_every: u32,
    /// A slate is open for clicks until this many others were shown, from 1 to [`MOST_OPEN`].
    pub keep_open: u32,
}
cbor!(Setting { eta, interleave_every, keep_open });

impl Default for Setting {
    fn default() -> Self {
        Self { eta: 1.0, interleave_every: 10, keep_open: 1 }
    }
}

/// Which of the two orders the device shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The order that this device learnt.
    Personal,
    /// The order that the server sent.
    Server,
}
cbor!(Verdict = Personal | Server);

/// What a slate turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The personal order.
    Personal,
    /// The server's order.
    Server,
    /// A team draft of both.
    Interleaved,
}

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Candidates, best first, as many as the longer of the two orders has.
    pub order: Vec<u32>,
    /// Which order that is.
    pub kind: Kind,
}

/// An estimate with the 95% interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The best guess.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What the comparison has found so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// NDCG of the server's order over recent slates; `None` before there is anything to tell.
    pub server: Option<Interval>,
    /// NDCG of the personal order.
    pub personal: Option<Interval>,
    /// Personal minus server.
    pub difference: Option<Interval>,
    /// How many slates were closed.
    pub slates: u64,
    /// How many interleavings each order won by clicks, whatever eta is: the server's, the personal, neither.
    pub interleaved: (u64, u64, u64),
    /// How many clicks named no open slate, or no item of it.
    pub clicks_ignored: u64,
}

/// The running evaluation: it compares the server's order and the personal one, and says which to show.
///
/// Clicks come from the order that was shown, which flatters it: what stands on top is seen, and what is seen is
/// clicked. So each click is weighted by the inverse of the propensity that its item was examined (Joachims,
/// Swaminathan and Schnabel 2017), where the propensity counts the interleavings (team draft: Radlinski, Kurup and
/// Joachims 2008) that might have been shown instead. The weighted clicks of a slate give the difference in DCG
/// of the two orders without bias. A bet on it that cannot win on average while the shown order is no worse measures
/// the evidence, and may be looked at after every slate. Where it is great the other order takes over;
/// from then on the same bet, the other way round, brings it back. Both orders are always computed, so the comparison
/// goes on whichever is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    setting: Setting,
    seed: u64,
    open: VecDeque<Slate>,
    shown: u64,
    closed: u64,
    verdict: Verdict,
    wealth: Wealth,
    quality: Quality,
    interleaved: (u64, u64, u64),
    clicks_ignored: u64,
}
cbor!(Running { setting, seed, open, shown, closed, verdict, wealth, quality, interleaved, clicks_ignored });

impl Running {
    /// Begins with the personal order. The seed decides which slates are interleaved, and how.
    ///
    /// Refuses an eta that is not from 0 to 4.
    pub fn new(setting: Setting, seed: u64) -> Result<Self> {
        if !(0.0..=MOST_ETA).contains(&setting.eta) {
            return Err(Error::HeadRefused { reason: "eta, the exponent of examination, is not from 0 to 4" });
        }
        Ok(Self {
            setting,
            seed,
            open: VecDeque::new(),
            shown: 0,
            closed: 0,
            verdict: Verdict::Personal,
            wealth: Wealth::new(),
            quality: Quality::new(),
            interleaved: (0, 0, 0),
            clicks_ignored: 0,
        })
    }

    /// Decides what to show of candidates that both orders rank by their places in `items`.
    ///
    /// A place that names no candidate, or one again, is passed over. A slate that is still open is shown as before,
    /// with its clicks kept; any other closes the oldest that are too many.
    pub fn show(&mut self, slate: u64, items: &[u64], server: &[u32], personal: &[u32]) -> Shown {
        if let Some(open) = self.open.iter().find(|open| open.id == slate) {
            let again = (slate, open.number, open.lead);
            return Slate::show(&self.setting, self.seed, again, items, server, personal).1;
        }
        while self.open.len() >= self.setting.keep_open.clamp(1, MOST_OPEN) as usize {
            self.close();
        }
        let new = (slate, self.shown, self.verdict);
        let (slate, shown) = Slate::show(&self.setting, self.seed, new, items, server, personal);
        self.open.push_back(slate);
        self.shown += 1;
        shown
    }

    /// Counts a click, once for each item; false where it names no open slate, or no item of it.
    pub fn click(&mut self, slate: u64, item: u64) -> bool {
        let counted = self.open.iter_mut().find(|open| open.id == slate).is_some_and(|open| open.click(item));
        self.clicks_ignored += u64::from(!counted);
        counted
    }

    /// Closes all open slates, as when a session ends.
    pub fn settle(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Which order to show.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What is known of both orders.
    pub fn report(&self) -> Report {
        Report {
            server: self.quality.server(),
            personal: self.quality.personal(),
            difference: self.quality.difference(),
            slates: self.closed,
            interleaved: self.interleaved,
            clicks_ignored: self.clicks_ignored,
        }
    }

    fn close(&mut self) {
        let Some(slate) = self.open.pop_front() else { return };
        self.closed += 1;
        self.quality.add(slate.gains());
        if let Some((server, personal)) = slate.team_clicks() {
            let (for_server, for_personal, for_neither) = &mut self.interleaved;
            *match server.cmp(&personal) {
                std::cmp::Ordering::Greater => for_server,
                std::cmp::Ordering::Less => for_personal,
                std::cmp::Ordering::Equal => for_neither,
            } += 1;
        }
        // A slate shown before the last change was a bet on the other question.
        if slate.lead != self.verdict {
            return;
        }
        let (limit, renewal, other) = match self.verdict {
            Verdict::Personal => (LEAVE, LEAVE_RENEWAL, Verdict::Server),
            Verdict::Server => (RETURN, RETURN_RENEWAL, Verdict::Personal),
        };
        let (harm, worst) = slate.harm();
        self.wealth.settle(harm, worst, renewal);
        if self.wealth.total() >= limit {
            self.verdict = other;
            self.wealth = Wealth::new();
        }
    }
}
