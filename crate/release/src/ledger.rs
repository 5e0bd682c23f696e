//! What this device has spent of its lifetime budget and what became of it: debited before any noise is drawn.
//!
//! Each contribution goes `reserved → ready → sent`. A step takes the bytes that are stored, says which bytes to store
//! in their place, and gives out what it is worth (a [`Charge`] to noise with, an [`Unsent`] to send) only to a host
//! that says that those are durable. So a crash anywhere loses budget and never privacy: what is `reserved` is never
//! noised again, and what is `ready` is sent again as the same bytes. The host lets nobody else write between the
//! reading and the writing of a step; more it need not promise.

mod clock;
#[cfg(test)]
mod model;
mod record;
mod state;
#[cfg(test)]
mod tests;

use privet_accounting::{Cost, NanoRho, Spent};
use privet_base::{Result, cbor::Cbor};
use privet_terms::{Limits, at_most};
use privet_wire::UploadId;
use record::Record;
use state::State;

use crate::Refusal;
pub use state::{Entry, Fate};

/// The most bytes that a finished upload may have: the ledger keeps it until the server has it.
const UPLOAD_BYTES: usize = 40 << 10;
/// The most contributions that one ledger remembers. One a week would take 78 years.
const CONTRIBUTIONS: usize = 4096;
/// The most bytes of a server's code that are remembered.
const CODE_BYTES: usize = 32;

/// A contribution that is to be paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// The task's name.
    pub task: String,
    /// The round's number.
    pub round: u32,
    /// When the round is over at the latest, in seconds of Unix time.
    pub deadline_s: u64,
    /// The upload's id. It is random: it tells two tabs' reservations apart, and names the upload later.
    pub id: UploadId,
    /// What it costs.
    pub cost: Cost,
}

impl Debit {
    /// Whether its round is over.
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms / 1000 >= self.deadline_s
    }
}

impl Cbor for Debit {
    fn write(&self, to: &mut Vec<u8>) {
        let Self { task, round, deadline_s, id, cost } = self;
        (task.clone(), *round, *deadline_s, *id, *cost).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (task, round, deadline_s, id, cost) = Cbor::read(from)?;
        Some(Self { task, round, deadline_s, id, cost })
    }
}

/// A debit that was made. Worth one release, because it cannot be copied; only [`Ledger::reserve`] makes one.
#[derive(Debug)]
pub struct Charge {
    cost: Cost,
}

impl Charge {
    /// What was debited.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Uses the debit up for something of exactly this cost.
    pub(crate) fn spend_on(self, cost: Cost) -> Result<()> {
        if self.cost != cost {
            return Err(Refusal::NotCharged { charged: self.cost.trusted.0, cost: cost.trusted.0 }.into());
        }
        Ok(())
    }
}

/// A finished upload that the server has not acknowledged. It was paid for: it is sent as it is, as often as it takes
/// until its round is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// What was debited for it.
    pub debit: Debit,
    /// Exactly what is to be sent.
    pub bytes: Vec<u8>,
}

/// A change of the ledger that is not stored yet. [`Ledger::persisted`] turns it into what it is worth.
#[must_use = "a step that is not stored has not happened"]
#[derive(Debug)]
pub struct Step<T> {
    bytes: Vec<u8>,
    after: State,
    /// How many records there were before, where the step adds one.
    adds_to: Option<usize>,
    worth: T,
}

impl<T> Step<T> {
    /// What to store, durably, in place of what was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The account, as one tab knows it: what it has seen stored last.
///
/// Every step is taken from what is stored *now*, which other tabs may have changed; but it must go on from what this
/// tab has seen. A store that was rolled back or cleared meanwhile does not, and nothing is released on it.
#[derive(Debug)]
pub struct Ledger {
    limits: Limits,
    seen: State,
    /// The reservation that this tab may finish. After a restart there is none, whatever the store says.
    mine: Option<UploadId>,
}

impl Ledger {
    /// The account that is stored. No bytes at all are a new one.
    pub fn open(stored: &[u8], limits: Limits) -> Result<Self> {
        Ok(Self { limits, seen: State::decode(stored)?, mine: None })
    }

    /// A session starts: a page was opened.
    pub fn session(&mut self, stored: &[u8], now_ms: u64) -> Result<Step<()>> {
        let mut state = self.read(stored)?;
        self.look(&mut state, now_ms)?;
        state.clock.sessions = state.clock.sessions.saturating_add(1);
        Ok(self.step(state, ()))
    }

    /// Time passes. A page that stays open says so now and then: one look counts for a part of a waiting time only.
    pub fn tick(&mut self, stored: &[u8], now_ms: u64) -> Result<Step<()>> {
        let mut state = self.read(stored)?;
        self.look(&mut state, now_ms)?;
        Ok(self.step(state, ()))
    }

    /// Debits a contribution, or refuses and changes nothing.
    ///
    /// A reservation that is still open is lost by this. While a finished upload is unsent, that one is to be sent
    /// ([`Ledger::unsent`]) and nothing new is reserved. A round of a task is contributed to once, and rounds are taken
    /// upwards: k uploads to one sum would be k times as far from nothing, and k² times as dear.
    pub fn reserve(&mut self, stored: &[u8], debit: Debit, now_ms: u64) -> Result<Step<Charge>> {
        let mut state = self.read(stored)?;
        self.look(&mut state, now_ms)?;
        if state.entries.iter().any(|entry| entry.debit.id == debit.id) {
            return Err(Refusal::UploadConflict.into());
        }
        self.check(&state, &debit)?;
        let cost = debit.cost;
        state.push(Record::Reserved(debit))?;
        Ok(self.step(state, Charge { cost }))
    }

    /// The user agreed by name to limits that are wider than the recorded ones: both are recorded.
    pub fn widen(&mut self, stored: &[u8], now_ms: u64) -> Result<Step<()>> {
        let mut state = self.read(stored)?;
        self.look(&mut state, now_ms)?;
        let recorded = state.limits.expect("a look has opened the account");
        let wider = recorded.wider(self.limits);
        if wider != recorded {
            state.push(Record::Widened(recorded, wider))?;
        }
        Ok(self.step(state, ()))
    }

    /// The upload of this id is finished, and these are its bytes: they are stored before they are sent. Only the tab
    /// that reserved can say so, once, and only while no other has reserved since.
    pub fn ready(&mut self, stored: &[u8], id: UploadId, bytes: &[u8]) -> Result<Step<Unsent>> {
        if bytes.len() > UPLOAD_BYTES {
            return Err(Refusal::BodyTooLarge { limit: UPLOAD_BYTES }.into());
        }
        let mut state = self.read(stored)?;
        let entry = state.entries.last().filter(|entry| entry.debit.id == id && self.mine == Some(id));
        match entry.map(|entry| (entry.fate, entry.is_finished_as(bytes))) {
            Some((Fate::Reserved, _)) => {
                let (hash, length) = state::fingerprint(bytes);
                state.push(Record::Ready(hash, length))?;
                state.unsent = Some(bytes.to_vec());
            }
            // The write reached the disk though it was reported to have failed.
            Some((Fate::Ready, true)) => {}
            Some((Fate::Ready, false)) => return Err(Refusal::UploadConflict.into()),
            _ => return Err(Refusal::ReservationLost.into()),
        }
        let worth = unsent(&state).expect("it was just made ready");
        Ok(self.step(state, worth))
    }

    /// What is finished and was not acknowledged: to be sent again, by any tab and after any restart, until its round is
    /// over.
    pub fn unsent(&mut self, stored: &[u8], now_ms: u64) -> Result<Option<Unsent>> {
        Ok(unsent(&self.read(stored)?).filter(|unsent| !unsent.debit.is_over(now_ms)))
    }

    /// The server holds the upload of this id: its bytes are dropped.
    pub fn sent(&mut self, stored: &[u8], id: UploadId) -> Result<Step<()>> {
        self.answered(stored, id, Record::Sent)
    }

    /// The server refused the upload of this id for good (its round is closed): its bytes are dropped, and what it cost
    /// stays spent. A code that is none is remembered as `unknown`.
    pub fn refused(&mut self, stored: &[u8], id: UploadId, code: &str) -> Result<Step<()>> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let known = (1..=CODE_BYTES).contains(&code.len()) && code.bytes().all(plain);
        self.answered(stored, id, Record::Refused(if known { code } else { "unknown" }.to_owned()))
    }

    /// The host says that a step's bytes are durable, and takes what it is worth. A step that does not go on from what
    /// this tab has seen meanwhile, or that it has seen already, is worth nothing.
    pub fn persisted<T>(&mut self, step: Step<T>) -> Result<T> {
        if step.adds_to.is_some_and(|before| self.seen.length() > before) {
            return Err(Refusal::ReservationLost.into());
        }
        if !step.after.extends(&self.seen) {
            return Err(Refusal::LedgerRolledBack.into());
        }
        self.seen = step.after;
        if let (Some(_), Some(Entry { debit, fate: Fate::Reserved, .. })) = (step.adds_to, self.seen.entries.last()) {
            self.mine = Some(debit.id);
        }
        Ok(step.worth)
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.seen.spent
    }

    /// What is left of the lifetime budget.
    pub fn left(&self) -> NanoRho {
        NanoRho(self.limits().lifetime.0.saturating_sub(self.seen.spent.charged().0))
    }

    /// The limits that hold: the tighter of the policy's and the recorded ones.
    pub fn limits(&self) -> Limits {
        self.binding(&self.seen)
    }

    /// The recorded limits and the policy's, where it asks for wider ones that the user has not agreed to.
    pub fn wants_wider(&self) -> Option<(Limits, Limits)> {
        let recorded = self.seen.limits?;
        (recorded.wider(self.limits) != recorded).then_some((recorded, self.limits))
    }

    /// What the user agreed to by name, one after the other: the limits before, and those from there on.
    pub fn widenings(&self) -> impl Iterator<Item = (Limits, Limits)> {
        self.seen.widenings()
    }

    /// What was spent on each task, in the order of their first contributions.
    pub fn tasks(&self) -> impl Iterator<Item = (&str, Spent)> {
        self.seen.tasks.iter().map(|task| (task.name.as_str(), task.spent))
    }

    /// Every contribution that was ever debited, and what has become of it.
    pub fn entries(&self) -> &[Entry] {
        &self.seen.entries
    }

    fn read(&mut self, stored: &[u8]) -> Result<State> {
        let state = State::decode(stored)?;
        if !state.extends(&self.seen) {
            return Err(Refusal::LedgerRolledBack.into());
        }
        self.seen = state.clone();
        Ok(state)
    }

    fn binding(&self, state: &State) -> Limits {
        state.limits.map_or(self.limits, |recorded| recorded.tighter(self.limits))
    }

    /// Looks at the host's clock; the first look opens the account. What is overdue is given up.
    fn look(&self, state: &mut State, now_ms: u64) -> Result<()> {
        if state.length() == 0 {
            return state.push(Record::Opened(now_ms, self.limits));
        }
        let limits = self.binding(state);
        state.clock.look(now_ms, limits.wait_ms, limits.interval_ms);
        state.drop_overdue(now_ms)
    }

    fn check(&self, state: &State, Debit { task, round, cost, .. }: &Debit) -> Result<()> {
        let limits = self.binding(state);
        if state.unsent.is_some() {
            return Err(Refusal::UploadPending.into());
        }
        match state.latest_round(task) {
            Some(seen) if seen == *round => return Err(Refusal::RoundContributed { number: seen }.into()),
            Some(seen) if seen > *round => return Err(Refusal::RoundStale { sent: *round, seen }.into()),
            _ => {}
        }
        let (waited_ms, sessions) = (state.clock.waited_surely_ms(), state.clock.sessions);
        if waited_ms < limits.wait_ms || sessions < limits.sessions {
            let (wanted_ms, least) = (limits.wait_ms, limits.sessions);
            return Err(Refusal::LedgerWaiting { waited_ms, wanted_ms, sessions, least }.into());
        }
        let place = state.tasks.iter().position(|known| known.name == *task);
        if let Some(waited_ms) = place.map(|place| state.clock.tasks_ms[place]).filter(|&ms| ms < limits.interval_ms) {
            return Err(Refusal::TooSoon { waited_ms, wanted_ms: limits.interval_ms }.into());
        }
        at_most("rho", cost.trusted.rho(), limits.per_round.rho())?;
        at_most("rho where nobody else is honest", cost.alone.rho(), limits.alone_per_round.rho())?;
        let left = limits.lifetime.0.saturating_sub(state.spent.charged().0);
        if cost.trusted.0 > left {
            return Err(Refusal::BudgetExhausted { asked: cost.trusted.0, left }.into());
        }
        let left = limits.alone.map_or(u64::MAX, |cap| cap.0.saturating_sub(state.spent.alone.0));
        if cost.alone.0 > left {
            return Err(Refusal::AloneExhausted { asked: cost.alone.0, left }.into());
        }
        if state.entries.len() >= CONTRIBUTIONS {
            return Err(Refusal::LedgerFull { most: CONTRIBUTIONS }.into());
        }
        Ok(())
    }

    /// Another tab may have sent the same bytes and said so first: then nothing changes.
    fn answered(&mut self, stored: &[u8], id: UploadId, answer: Record) -> Result<Step<()>> {
        let mut state = self.read(stored)?;
        match state.entries.iter().rfind(|entry| entry.debit.id == id).map(|entry| entry.fate) {
            Some(Fate::Ready) => {
                state.push(answer)?;
                state.unsent = None;
            }
            Some(Fate::Sent | Fate::Refused | Fate::Dropped) => {}
            _ => return Err(Refusal::ReservationLost.into()),
        }
        Ok(self.step(state, ()))
    }

    fn step<T>(&self, after: State, worth: T) -> Step<T> {
        let before = self.seen.length();
        Step { bytes: after.encode(), adds_to: (after.length() > before).then_some(before), after, worth }
    }
}

fn unsent(state: &State) -> Option<Unsent> {
    let (entry, bytes) = state.entries.last().zip(state.unsent.clone())?;
    Some(Unsent { debit: entry.debit.clone(), bytes })
}
