//! Whether personalising does good on this device: both orders are compared on every slate that is shown.

mod e_process;
mod slate;
#[cfg(test)]
mod tests;
mod win_rate;

use e_process::EProcess;
use privet_base::{
    stored,
    stored::{Stored, goes_on},
};
pub use slate::{Compared, Orders};
use win_rate::WinRate;

/// Both orders are compared on this many first places of a slate.
pub const DEPTH: usize = 64;

/// A slate is open for clicks until this many others were shown: a feed goes on below, and another tab has its own.
const KEPT_OPEN: usize = 4;

/// The evidence at which the server's order takes over, and at which the personal one comes back. Leaving takes proof;
/// coming back takes less, or two orders that are alike would be told apart for ever.
const LEAVE: f64 = 25.0;
const RETURN: f64 = 4.0;

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
    /// The share of the interleavings with a winner that the personal order won, less the share that the server's won,
    /// of late; `None` before there was a winner.
    pub difference: Option<Interval>,
    /// How many slates were closed.
    pub slates: u64,
    /// How many interleavings each order won by clicks: the server's, the personal, neither.
    pub interleaved: (u64, u64, u64),
    /// How many clicks named no open slate, or no item of it.
    pub clicks_ignored: u64,
}

/// The running evaluation: it compares the server's order and the personal one, and says which to show.
///
/// Clicks come from the order that was shown, which flatters it: what stands on top is seen, what is seen is clicked,
/// and what a limit cuts off is never clicked, however good. So interleavings alone decide: on each, both orders put up
/// as many items at the same places, and the one whose items are clicked more often wins (`Compared::new`). What is
/// told and bet on is the probability that the personal order wins one that has a winner. That is one half for whoever
/// clicks by place alone, and no propensity, gain or click model is assumed to know it. Bets on the winners measure the
/// evidence, and may be looked at after every one (an e-process, `EProcess`). Where it is great the other order takes
/// over; from then on the same bet, the other way round, brings it back.
///
/// Every slate is an interleaving until the question is settled for the order that leads, and one in as many as the
/// policy says from then on. An interleaving is the same whichever order leads, so those count that are open when the
/// verdict changes.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningEvaluation {
    open: Vec<Compared>,
    closed: u64,
    verdict: Verdict,
    evidence: EProcess,
    wins: WinRate,
    interleaved: [u64; 3],
    clicks_ignored: u64,
}

stored!(RunningEvaluation { open, closed, verdict, evidence, wins, interleaved, clicks_ignored });

impl Default for RunningEvaluation {
    fn default() -> Self {
        Self::new()
    }
}

impl RunningEvaluation {
    /// Begins with the personal order.
    pub fn new() -> Self {
        Self {
            open: Vec::new(),
            closed: 0,
            verdict: Verdict::Personal,
            evidence: EProcess::new(),
            wins: WinRate::new(),
            interleaved: [0; 3],
            clicks_ignored: 0,
        }
    }

    /// Takes note that a slate was shown, and closes the oldest that are too many.
    pub fn show(&mut self, slate: Compared) {
        if self.open.len() >= KEPT_OPEN {
            self.close();
        }
        self.open.push(slate);
    }

    /// Counts a click, once for each item; false where it names no open slate, or no item of it.
    pub fn click(&mut self, slate: u32, item: u64) -> bool {
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
    pub fn fits(&self) -> bool {
        self.open.len() <= KEPT_OPEN
            && self.open.iter().all(Compared::fits)
            && self.interleaved.iter().chain([&self.closed, &self.clicks_ignored]).all(|&count| goes_on(count))
            && self.evidence.fits()
            && self.wins.fits()
    }

    /// Which order to show.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// One slate in how many is to be an interleaving, if the policy says one in `every`.
    pub fn every(&self, every: u32) -> u32 {
        if self.evidence.undecided() { every.min(1) } else { every }
    }

    /// What is known of both orders.
    pub fn report(&self) -> Report {
        Report {
            difference: self.wins.difference(),
            slates: self.closed,
            interleaved: self.interleaved.into(),
            clicks_ignored: self.clicks_ignored,
        }
    }

    fn close(&mut self) {
        let slate = self.open.remove(0);
        self.closed += 1;
        let Some(balance) = slate.balance() else { return };
        let winner = match balance.signum() {
            -1 => Verdict::Server,
            1 => Verdict::Personal,
            _ => return self.interleaved[2] += 1,
        };
        self.interleaved[usize::from(winner == Verdict::Personal)] += 1;
        self.wins.add(winner == Verdict::Personal);
        self.evidence.settle(winner != self.verdict);
        let limit = if self.verdict == Verdict::Personal { LEAVE } else { RETURN };
        if self.evidence.total() >= limit {
            self.verdict = winner;
            self.evidence = EProcess::new();
        }
    }
}
