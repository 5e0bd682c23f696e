//! The profile on disk: a snapshot, and what came after it line by line. Whoever is told that an event was recorded may lose the
//! tab: the line is stored. A crash of the machine may cost what the system had not written yet.

use std::cell::{Cell, RefCell};

use privet_base::cbor::{decode, encode};
use privet_effects::{Changes, Host, Mark, Refusal, Reply, Result};

use crate::records::{Act, Line, Marks};

/// How many lines there are before a snapshot takes their place.
const LINES: u64 = 128;
/// How many tabs' last calls are remembered.
const TABS: usize = 64;

/// A profile that is being read.
pub(crate) struct Asked {
    host: Host,
    snapshot: Reply<Option<Vec<u8>>>,
    marks: Reply<Option<Vec<u8>>>,
    lines: Reply<Vec<String>>,
}

/// A profile as it was read; nothing of it is used yet.
pub(crate) struct Found {
    snapshot: Result<Option<Vec<u8>>>,
    marks: Result<Option<Vec<u8>>>,
    /// The lines by their keys, the first first.
    lines: Vec<(String, Result<Option<Vec<u8>>>)>,
}

impl Asked {
    pub(crate) async fn found(self) -> Result<Found> {
        let Self { host, snapshot, marks, lines } = self;
        let ask = |key: String| (host.read(key.clone()), key);
        let asked: Vec<_> = lines.await?.into_iter().map(ask).collect();
        let mut lines = Vec::with_capacity(asked.len());
        for (line, key) in asked {
            lines.push((key, line.await));
        }
        Ok(Found { snapshot: snapshot.await, marks: marks.await, lines })
    }
}

pub(crate) struct Journal {
    prefix: String,
    /// Each tab's last call that is in the profile, the latest last.
    marks: RefCell<Marks>,
    /// The lines since the snapshot, by their numbers.
    first: Cell<u64>,
    next: Cell<u64>,
    writes: Writes,
    /// Whether nothing of a profile is stored.
    empty: Cell<bool>,
    /// Why the stored profile was refused. As long as this is set, nothing is written over it.
    damaged: RefCell<Option<String>>,
}

impl Journal {
    pub(crate) fn new(task: &str) -> Self {
        Self {
            prefix: format!("{task}/"),
            marks: RefCell::default(),
            first: Cell::new(0),
            next: Cell::new(0),
            writes: Writes::default(),
            empty: Cell::new(true),
            damaged: RefCell::default(),
        }
    }

    /// Asks for all that is stored.
    pub(crate) fn ask(&self, host: &Host) -> Asked {
        let read = |name| host.read(self.key(name));
        let (snapshot, marks, lines) = (read("profile"), read("marks"), host.keys(self.key("line/")));
        Asked { host: host.clone(), snapshot, marks, lines }
    }

    /// Takes what was read: `load` has the snapshot, and `replay` each line's act. Whether there was anything; no word of it
    /// where it is damaged.
    pub(crate) fn restore(
        &self,
        found: Result<Found>,
        load: &mut dyn FnMut(&[u8]) -> Result<()>,
        replay: &mut dyn FnMut(Act) -> Result<()>,
    ) -> bool {
        let restored = found.and_then(|found| self.take(found, load, replay));
        restored.unwrap_or_else(|refusal| {
            *self.damaged.borrow_mut() = Some(refusal.code.to_string());
            false
        })
    }

    fn take(
        &self,
        Found { snapshot, marks, lines }: Found,
        load: &mut dyn FnMut(&[u8]) -> Result<()>,
        replay: &mut dyn FnMut(Act) -> Result<()>,
    ) -> Result<bool> {
        let damaged = || Refusal::new("state-damaged", "a line of the journal cannot be read");
        // Whatever becomes of them, a snapshot takes the place of all of these.
        if let [(first, _), ..] = &lines[..] {
            self.first.set(number_of(first));
        }
        if let [.., (last, _)] = &lines[..] {
            self.next.set(number_of(last) + 1);
        }
        let snapshot = snapshot?;
        self.empty.set(snapshot.is_none() && lines.is_empty());
        if let Some(snapshot) = snapshot {
            load(&snapshot)?;
        }
        if let Some(marks) = marks? {
            *self.marks.borrow_mut() = decode(&marks)?;
        }
        for (_, line) in lines {
            let Line { act, mark } = line?.as_deref().and_then(Line::decode).ok_or_else(damaged)?;
            replay(act)?;
            self.note(mark);
        }
        Ok(!self.empty.get())
    }

    /// Whether this call is not in the profile yet.
    pub(crate) fn is_new(&self, mark: &Mark) -> bool {
        self.marks.borrow().0.iter().all(|known| known.tab != mark.tab || mark.call > known.call)
    }

    /// Done when all that was ever to be stored is.
    pub(crate) async fn flush(&self, host: &Host) -> Result<()> {
        self.writes.flush(host).await
    }

    /// Adds a line; done when it is stored.
    pub(crate) async fn append(&self, host: &Host, act: Act, mark: Mark) -> Result<()> {
        self.note(mark.clone());
        let number = self.next.get();
        self.next.set(number + 1);
        self.write(host, vec![(self.line(number), Some(Line { act, mark }.encode()))]).await
    }

    /// Whether there are so many lines that a snapshot is due.
    pub(crate) fn is_long(&self) -> bool {
        self.next.get() - self.first.get() >= LINES
    }

    /// Whether nothing of a profile is stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty.get()
    }

    /// The profile as it is now takes the place of all lines, those on their way among them.
    pub(crate) async fn replace(&self, host: &Host, snapshot: Vec<u8>, mark: Option<Mark>) -> Result<()> {
        mark.into_iter().for_each(|mark| self.note(mark));
        let marks = encode(&*self.marks.borrow());
        let mut changes = vec![(self.key("profile"), Some(snapshot)), (self.key("marks"), Some(marks))];
        changes.extend((self.first.get()..self.next.get()).map(|number| (self.line(number), None)));
        self.first.set(self.next.get());
        self.write(host, changes).await
    }

    /// What is on its way arrives, and from then on it is as if nothing had ever been written.
    pub(crate) async fn end(&self, host: &Host) {
        self.writes.drop_waiting(host).await;
        self.mend();
        self.marks.borrow_mut().0.clear();
        self.first.set(0);
        self.next.set(0);
        self.empty.set(true);
    }

    pub(crate) fn damaged(&self) -> Option<String> {
        self.damaged.borrow().clone()
    }

    pub(crate) fn damage(&self, code: &str) {
        *self.damaged.borrow_mut() = Some(code.into());
    }

    /// What was damaged makes way for what comes now.
    pub(crate) fn mend(&self) {
        *self.damaged.borrow_mut() = None;
    }

    async fn write(&self, host: &Host, changes: Changes) -> Result<()> {
        if self.damaged.borrow().is_some() {
            return Ok(());
        }
        self.empty.set(false);
        self.writes.write(host, changes).await
    }

    fn note(&self, mark: Mark) {
        let marks = &mut self.marks.borrow_mut().0;
        marks.retain(|known| known.tab != mark.tab);
        marks.push(mark);
        let beyond = marks.len().saturating_sub(TABS);
        marks.drain(..beyond);
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn line(&self, number: u64) -> String {
        format!("{}line/{number:012}", self.prefix)
    }
}

fn number_of(key: &str) -> u64 {
    key.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// One write at a time; what comes meanwhile goes together with the next.
#[derive(Default)]
struct Writes {
    /// What goes with the next one; what a write has failed to store goes there again.
    gathered: RefCell<Changes>,
    under_way: Cell<bool>,
    /// How many there were, those that failed among them.
    done: Cell<u64>,
    /// Why the last one failed.
    failed: RefCell<Option<Refusal>>,
}

impl Writes {
    /// Done when it is stored, or refused where its write was.
    async fn write(&self, host: &Host, changes: Changes) -> Result<()> {
        over(&mut self.gathered.borrow_mut(), changes);
        let mine = self.done.get() + 1 + u64::from(self.under_way.get());
        let is_done = || self.done.get() >= mine;
        host.until(|| is_done() || !self.under_way.get()).await;
        if !is_done() {
            self.under_way.set(true);
            let batch = self.gathered.take();
            let written = host.write(batch.clone(), false).await;
            if written.is_err() {
                // What came meanwhile is newer.
                let newer = self.gathered.replace(batch);
                over(&mut self.gathered.borrow_mut(), newer);
            }
            self.end(written.err());
        }
        self.failed.borrow().clone().map_or(Ok(()), Err)
    }

    /// Done when nothing waits to be stored, what failed before among it.
    async fn flush(&self, host: &Host) -> Result<()> {
        host.until(|| !self.under_way.get()).await;
        let waits = !self.gathered.borrow().is_empty();
        if waits { self.write(host, Vec::new()).await } else { Ok(()) }
    }

    /// What is on its way arrives, and what waits for it goes nowhere.
    async fn drop_waiting(&self, host: &Host) {
        host.until(|| !self.under_way.get()).await;
        self.gathered.borrow_mut().clear();
        self.end(None);
    }

    fn end(&self, failed: Option<Refusal>) {
        *self.failed.borrow_mut() = failed;
        self.under_way.set(false);
        self.done.set(self.done.get() + 1);
    }
}

/// The later changes in the place of those before of the same keys.
fn over(changes: &mut Changes, later: Changes) {
    for (key, value) in later {
        match changes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => changes.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_so_many_tabs_the_one_that_was_heard_of_longest_ago_is_forgotten() {
        let journal = Journal::new("task");
        let mark = |tab: usize, call| Mark { tab: format!("tab-{tab}"), call };
        (0..64).for_each(|tab| journal.note(mark(tab, 9)));
        journal.note(mark(0, 10));
        assert!((0..64).all(|tab| !journal.is_new(&mark(tab, 9))));
        journal.note(mark(64, 1));
        assert!(journal.is_new(&mark(1, 9)) && !journal.is_new(&mark(0, 10)), "the first was heard of again");
        assert!(journal.is_new(&mark(64, 2)) && !journal.is_new(&mark(64, 1)));
    }
}
