//! The account as a fold over its records, and its bytes.
use sha2::{Digest, Sha256};

use super::{
    Debit, Limits, Spent,
    clock::Clock,
    record::{Link, Record, START, link},
};
use crate::Refusal;
use privet_base::{Result, cbor};

/// The version of the stored format that this build writes and reads.
const VERSION: u32 = 2;

/// What has become of a contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was debited and is not finished. After a crash it never will be.
    Reserved,
    /// It was debited and given up: that budget is gone.
    Lost,
    /// It is finished and on its way: the same bytes are sent until the server answers.
    Ready,
    /// The server holds it.
    Sent,
    /// The server refused it for good; what it cost stays spent.
    Refused,
    /// Nobody answered until its round was over: it is sent no more, and what it cost stays spent.
    Dropped,
}

/// One contribution as the ledger remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was debited.
    pub debit: Debit,
    /// What has become of it.
    pub fate: Fate,
    /// SHA-256 and length of the finished bytes.
    finished: Option<(Link, u32)>,
}

/// What was debited for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) spent: Spent,
}

/// Everything that the records say, the clock, and the bytes of an upload that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    records: Vec<Record>,
    links: Vec<Link>,
    pub(super) clock: Clock,
    pub(super) unsent: Option<Vec<u8>>,
    pub(super) entries: Vec<Entry>,
    pub(super) tasks: Vec<Task>,
    pub(super) spent: Spent,
    /// The widest limits that the user has agreed to.
    pub(super) limits: Option<Limits>,
}

/// The outer form, the same in every version, so that a newer one is known for what it is. The seal is SHA-256 over
/// version and body.
struct Envelope(u32, Vec<u8>, [u8; 32]);
cbor!(Envelope(version, body, seal));

/// Records, the last one's link, the clock, and the bytes of an upload that is on its way.
struct Body(Vec<Record>, [u8; 32], ClockOnDisk, Option<Vec<u8>>);
cbor!(Body(records, last, clock, unsent));

/// The fields of [`Clock`] in their order.
struct ClockOnDisk(u64, u32, u64, u64, u64, Vec<u64>);
cbor!(ClockOnDisk(looks, sessions, seen_ms, waited_ms, longest_ms, tasks_ms));

impl State {
    /// The state after these bytes; none at all are a new account. Whatever a writer of ours would not have written is
    /// refused, and so is a newer format, which must not be overwritten.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let damaged = |_| Refusal::LedgerDamaged;
        let Envelope(version, body, sealed) = cbor::decode(bytes).map_err(damaged)?;
        if seal(version, &body) != sealed {
            return Err(Refusal::LedgerDamaged.into());
        }
        if version != VERSION {
            return Err(Refusal::LedgerVersion { sent: version, known: VERSION }.into());
        }
        let Body(records, last, clock, unsent) = cbor::decode(&body).map_err(damaged)?;
        let ClockOnDisk(looks, sessions, seen_ms, waited_ms, longest_ms, tasks_ms) = clock;
        let clock = Clock { looks, sessions, seen_ms, waited_ms, longest_ms, tasks_ms };
        let mut state = Self { unsent, ..Self::default() };
        records.into_iter().try_for_each(|record| state.push(record))?;
        state.clock = clock;
        let whole = state.last() == last && !state.links.is_empty();
        if whole && state.tasks.len() == state.clock.tasks_ms.len() && state.keeps_what_is_unsent() {
            return Ok(state);
        }
        Err(Refusal::LedgerDamaged.into())
    }

    /// The bytes to store.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Clock { looks, sessions, seen_ms, waited_ms, longest_ms, ref tasks_ms } = self.clock;
        let clock = ClockOnDisk(looks, sessions, seen_ms, waited_ms, longest_ms, tasks_ms.clone());
        let body = cbor::encode(&Body(self.records.clone(), self.last(), clock, self.unsent.clone()));
        let sealed = seal(VERSION, &body);
        cbor::encode(&Envelope(VERSION, body, sealed))
    }

    /// Appends a record, or refuses one that cannot follow.
    pub(super) fn push(&mut self, record: Record) -> Result<()> {
        let open = self.entries.last_mut();
        match (&record, open) {
            (Record::Opened(at_ms, limits), None) if self.records.is_empty() => {
                self.clock = Clock::new(*at_ms);
                self.limits = Some(*limits);
            }
            (Record::Widened(from, into), _) if self.limits == Some(*from) => self.limits = Some(*into),
            (Record::Reserved(debit), open) if !self.records.is_empty() => {
                match open.map(|entry| &mut entry.fate) {
                    Some(Fate::Ready) => return Err(Refusal::LedgerDamaged.into()),
                    Some(fate @ Fate::Reserved) => *fate = Fate::Lost,
                    _ => {}
                }
                self.spend(debit);
                self.entries.push(Entry { debit: debit.clone(), fate: Fate::Reserved, finished: None });
            }
            (Record::Ready(hash, length), Some(entry)) if entry.fate == Fate::Reserved => {
                entry.fate = Fate::Ready;
                entry.finished = Some((*hash, *length));
            }
            (Record::Sent, Some(entry)) if entry.fate == Fate::Ready => entry.fate = Fate::Sent,
            (Record::Refused(_), Some(entry)) if entry.fate == Fate::Ready => entry.fate = Fate::Refused,
            (Record::Dropped, Some(entry)) if entry.fate == Fate::Ready => entry.fate = Fate::Dropped,
            _ => return Err(Refusal::LedgerDamaged.into()),
        }
        self.links.push(link(&self.last(), &record));
        self.records.push(record);
        Ok(())
    }

    fn spend(&mut self, Debit { task, cost, .. }: &Debit) {
        self.spent = self.spent.plus(*cost);
        if let Some(place) = self.tasks.iter().position(|known| known.name == *task) {
            self.tasks[place].spent = self.tasks[place].spent.plus(*cost);
            self.clock.tasks_ms[place] = 0;
        } else {
            self.tasks.push(Task { name: task.clone(), spent: (*cost).into() });
            self.clock.tasks_ms.push(0);
        }
    }

    /// The latest round of a task that anything was debited for.
    pub(super) fn latest_round(&self, task: &str) -> Option<u32> {
        self.entries.iter().filter(|entry| entry.debit.task == task).map(|entry| entry.debit.round).max()
    }

    /// Gives up what was never answered and whose round is over: it would be sent for ever, by the same id, to a leader
    /// that stays silent.
    pub(super) fn drop_overdue(&mut self, now_ms: u64) -> Result<()> {
        if self.unsent.is_some() && self.entries.last().is_some_and(|entry| entry.debit.is_over(now_ms)) {
            self.push(Record::Dropped)?;
            self.unsent = None;
        }
        Ok(())
    }

    /// The limits before and after each time that they were widened.
    pub(super) fn widenings(&self) -> impl Iterator<Item = (Limits, Limits)> {
        self.records.iter().filter_map(|record| match record {
            Record::Widened(from, into) => Some((*from, *into)),
            _ => None,
        })
    }

    /// How many records there are.
    pub(super) fn length(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was lost since `earlier`: its chain is the beginning of this one, and its clock not ahead.
    pub(super) fn extends(&self, earlier: &Self) -> bool {
        let same = match earlier.links.len() {
            0 => true,
            length => self.links.get(length - 1) == earlier.links.last(),
        };
        same && self.clock.looks >= earlier.clock.looks
    }

    fn last(&self) -> Link {
        self.links.last().copied().unwrap_or(START)
    }

    /// The bytes are there while they are wanted, are those that were recorded, and are gone afterwards.
    fn keeps_what_is_unsent(&self) -> bool {
        match (self.entries.last(), &self.unsent) {
            (Some(Entry { fate: Fate::Ready, finished, .. }), Some(bytes)) => *finished == Some(fingerprint(bytes)),
            (Some(Entry { fate: Fate::Ready, .. }), None) | (_, Some(_)) => false,
            (_, None) => true,
        }
    }
}

/// What the ledger remembers of bytes that it does not keep.
pub(super) fn fingerprint(bytes: &[u8]) -> (Link, u32) {
    (Sha256::digest(bytes).into(), u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

fn seal(version: u32, body: &[u8]) -> Link {
    Sha256::digest(cbor::encode(&(version, body.to_vec()))).into()
}

impl Entry {
    /// Whether these are the bytes that were finished.
    pub(super) fn is_finished_as(&self, bytes: &[u8]) -> bool {
        self.finished == Some(fingerprint(bytes))
    }
}
