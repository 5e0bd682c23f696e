//! A host in memory: a disk, locks and timers of its own, for as many tabs as want one. What a browser takes seconds for it
//! does at once, and a crash is a call. Tests and simulations run on it.

use std::collections::{BTreeMap, VecDeque};

use crate::{Answer, Changes, DEVICE, Effect, Id, Refusal, Result};

/// Which machine.
pub type Tab = usize;

/// A lock by its name, and whose it is where it is not everybody's.
type Lock = (&'static str, Option<Tab>);

/// What all tabs share, and what waits to be told to them.
#[derive(Debug, Default)]
pub struct Memory {
    /// The clock that only goes forwards.
    pub running_ms: f64,
    /// What the wall's clock adds to it.
    pub wall_ms: u64,
    written: BTreeMap<String, Vec<u8>>,
    /// What would be left if the machine lost its power now.
    durable: BTreeMap<String, Vec<u8>>,
    /// Who holds a lock, and who waits for it.
    locks: BTreeMap<Lock, VecDeque<(Tab, Id)>>,
    timers: Vec<(f64, Tab, Id)>,
    answers: VecDeque<(Tab, Id, Result<Answer>)>,
    /// The next write is refused with this.
    pub fails: Option<Refusal>,
    /// A browser may delete it.
    pub evictable: bool,
}

impl Memory {
    /// Does what a tab asks for, as far as it can: the rest is given back.
    pub fn take(&mut self, tab: Tab, id: Id, effect: Effect) -> Option<Effect> {
        let answer = match effect {
            Effect::Read(key) => Ok(Answer::Bytes(self.written.get(&key).cloned())),
            Effect::Keys(prefix) => {
                let keys = self.written.range(prefix.clone()..).map(|(key, _)| key);
                Ok(Answer::Keys(keys.take_while(|key| key.starts_with(&prefix)).cloned().collect()))
            }
            Effect::Write { changes, durable } => self.write(changes, durable),
            Effect::Lock(name) => {
                let queue = self.locks.entry(lock(name, tab)).or_default();
                queue.push_back((tab, id));
                if queue.len() > 1 {
                    return None;
                }
                Ok(Answer::Done)
            }
            Effect::Unlock(lock) => {
                self.unlock(|who| who == (tab, lock));
                return None;
            }
            Effect::Timer { ms, .. } => {
                self.timers.push((self.running_ms + ms.max(0.0), tab, id));
                return None;
            }
            Effect::Cancel(effect) => {
                self.timers.retain(|&(_, of, timer)| (of, timer) != (tab, effect));
                self.answers.retain(|&(of, answer, _)| (of, answer) != (tab, effect));
                self.unlock(|who| who == (tab, effect));
                return None;
            }
            Effect::Now => Ok(Answer::Done),
            Effect::Persisted => Ok(Answer::Told(!self.evictable)),
            other => return Some(other),
        };
        self.answer(tab, id, answer);
        None
    }

    fn write(&mut self, changes: Changes, durable: bool) -> Result<Answer> {
        if let Some(refusal) = self.fails.take() {
            return Err(refusal);
        }
        for (key, value) in changes {
            match value {
                Some(value) => self.written.insert(key, value),
                None => self.written.remove(&key),
            };
        }
        if durable {
            self.durable.clone_from(&self.written);
        }
        Ok(Answer::Done)
    }

    /// Tells a tab of something that was done elsewhere.
    pub fn answer(&mut self, tab: Tab, id: Id, answer: Result<Answer>) {
        self.answers.push_back((tab, id, answer));
    }

    /// How many answers wait to be told.
    pub fn waiting(&self) -> usize {
        self.answers.len()
    }

    /// One of the answers that wait: they come in any order.
    pub fn next(&mut self, place: usize) -> Option<(Tab, Id, Result<Answer>)> {
        self.answers.remove(place)
    }

    /// Time passes until the next timer is due; nothing where none is set.
    pub fn pass(&mut self) -> Option<f64> {
        let (due, tab, id) = self.timers.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0))?;
        self.timers.retain(|&timer| timer != (due, tab, id));
        let passed = (due - self.running_ms).max(0.0);
        self.running_ms += passed;
        self.wall_ms += passed as u64;
        self.answer(tab, id, Ok(Answer::Done));
        Some(passed)
    }

    /// A tab is gone: whatever it held is free, and nobody hears what it asked for. What it wrote stays.
    pub fn crash(&mut self, tab: Tab) {
        self.timers.retain(|&(_, of, _)| of != tab);
        self.answers.retain(|&(of, ..)| of != tab);
        self.unlock(|(of, _)| of == tab);
    }

    /// The machine loses its power: so does every tab, and what was not durable is as it was before.
    pub fn lose_power(&mut self) {
        self.written.clone_from(&self.durable);
        (self.timers, self.answers, self.locks) = Default::default();
    }

    /// What is stored under a key, durably.
    pub fn durable(&self, key: &str) -> Option<&[u8]> {
        self.durable.get(key).map(|value| &value[..])
    }

    /// All keys that are stored.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.written.keys().map(|key| &key[..])
    }

    /// All but this key goes, and with it whatever it was sealed by.
    pub fn clear_but(&mut self, key: &str) {
        self.written.retain(|other, _| other == key);
        self.durable.clone_from(&self.written);
    }

    fn unlock(&mut self, is_theirs: impl Fn((Tab, Id)) -> bool) {
        let mut granted = Vec::new();
        for queue in self.locks.values_mut() {
            let first = queue.front().copied();
            queue.retain(|&who| !is_theirs(who));
            if queue.front().copied() != first {
                granted.extend(queue.front().copied());
            }
        }
        for (tab, id) in granted {
            self.answer(tab, id, Ok(Answer::Done));
        }
    }
}

/// The half that ranks is one's own; what is stored is everybody's.
fn lock(name: &'static str, tab: Tab) -> Lock {
    (name, (name == DEVICE).then_some(tab))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_from_one_to_the_next_and_a_crash_frees_it() {
        let mut memory = Memory::default();
        let told = |memory: &mut Memory| memory.next(0).map(|(tab, id, _)| (tab, id));
        for tab in 0..3 {
            assert_eq!(memory.take(tab, 7, Effect::Lock("ledger")), None);
        }
        assert_eq!((told(&mut memory), told(&mut memory)), (Some((0, 7)), None));
        memory.take(0, 8, Effect::Unlock(7));
        assert_eq!((told(&mut memory), told(&mut memory)), (Some((1, 7)), None));
        memory.crash(1);
        assert_eq!((told(&mut memory), told(&mut memory)), (Some((2, 7)), None));
    }

    #[test]
    fn power_that_is_lost_takes_what_was_not_durable() {
        let mut memory = Memory::default();
        let write = |key: &str, durable| Effect::Write { changes: vec![(key.into(), Some(vec![1]))], durable };
        memory.take(0, 1, write("a", true));
        memory.take(0, 2, write("b", false));
        memory.lose_power();
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn time_passes_from_timer_to_timer() {
        let mut memory = Memory::default();
        for (id, ms) in [(1, 5.0), (2, 3.0), (3, 9.0)] {
            memory.take(0, id, Effect::Timer { ms, awaited: true });
        }
        memory.take(0, 4, Effect::Cancel(3));
        assert_eq!([memory.pass(), memory.pass(), memory.pass()], [Some(3.0), Some(2.0), None]);
        assert_eq!((memory.running_ms, memory.wall_ms, memory.waiting()), (5.0, 5, 2));
    }
}
