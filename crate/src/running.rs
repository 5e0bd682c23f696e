//! Whether personalising does good on this device: both orders are compared on every slate that is shown.

mod quality;
mod slate;
#[cfg(test)]
mod tests;
mod wealth;

use crate::stored::{Stored, goes_on, stored};
use quality::Quality;
pub(crate) use slate::{Compared, Orders};
use wealth::Wealth;

/// Gains are counted down to this rank, and this many items of either order are kept of an open slate.
pub const DEPTH: usize = 64;

/// A slate is open for clicks until this many others were shown: a feed goes on below, and another tab has its own.
const KEPT_OPEN: usize = 4;

/// The evidence at which the server's order takes over, and at which the personal one comes back. Leaving takes proof;
/// coming back takes a sign, or two orders that are alike would be told apart for ever.
const LEAVE: f64 = 12.0;
const RETURN: f64 = 2.0;

/// Which part of the evidence is renewed with each slate, in the same two directions: see [`Wealth`].
const LEAVE_RENEWAL: f64 = 0.005;
const RETURN_RENEWAL: f64 = 0.02;

/// How slates are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The item at rank r is examined with probability 1/r^eta (Joachims, Swaminathan and Schnabel 2017). A head has
    /// one from 0 to 4.
    pub eta: f32,
    /// One slate in this many is an interleaving, drawn independently; 0 for none.
    pub interleave_every: u32,
}

impl Default for Setting {
    fn default() -> Self {
        Self { eta: 1.0, interleave_every: 10 }
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

impl Stored for Verdict {
    fn write(&self, to: &mut Vec<u8>) {
        (*self == Self::Server).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        bool::read(from).map(|server| if server { Self::Server } else { Self::Personal })
    }
}

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
    open: Vec<Compared>,
    closed: u64,
    verdict: Verdict,
    wealth: Wealth,
    quality: Quality,
    interleaved: [u64; 3],
    clicks_ignored: u64,
}

stored!(Running { open, closed, verdict, wealth, quality, interleaved, clicks_ignored });

impl Running {
    /// Begins with the personal order.
    pub(crate) fn new() -> Self {
        Self {
            open: Vec::new(),
            closed: 0,
            verdict: Verdict::Personal,
            wealth: Wealth::new(),
            quality: Quality::new(),
            interleaved: [0; 3],
            clicks_ignored: 0,
        }
    }

    /// Takes note that a slate was shown, and closes the oldest that are too many.
    pub(crate) fn show(&mut self, slate: Compared) {
        if self.open.len() >= KEPT_OPEN {
            self.close();
        }
        self.open.push(slate);
    }

    /// Counts a click, once for each item; false where it names no open slate, or no item of it.
    pub(crate) fn click(&mut self, slate: u32, item: u64) -> bool {
        let counted = self.open.iter_mut().find(|open| open.id == slate).is_some_and(|open| open.click(item));
        self.clicks_ignored += u64::from(!counted);
        counted
    }

    /// Closes all open slates.
    #[cfg(test)]
    fn settle(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Whether its numbers can be gone on with: none is out of bounds.
    pub(crate) fn fits(&self) -> bool {
        self.open.len() <= KEPT_OPEN
            && self.open.iter().all(Compared::fits)
            && self.interleaved.iter().chain([&self.closed, &self.clicks_ignored]).all(|&count| goes_on(count))
            && self.wealth.fits()
            && self.quality.fits()
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
            interleaved: self.interleaved.into(),
            clicks_ignored: self.clicks_ignored,
        }
    }

    fn close(&mut self) {
        let slate = self.open.remove(0);
        self.closed += 1;
        self.quality.add(slate.gains());
        if let Some((server, personal)) = slate.team_clicks() {
            let winner = match server.cmp(&personal) {
                std::cmp::Ordering::Greater => 0,
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Equal => 2,
            };
            self.interleaved[winner] += 1;
        }
        // A slate shown before the last change was a bet on the other question.
        if slate.lead() != self.verdict {
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
