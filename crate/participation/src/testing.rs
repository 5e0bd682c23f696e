//! A member over a host in memory, for the tests of its rules.

use std::{cell::RefCell, future::Future, rc::Rc};

use privet_effects::{Answer, Effect, Host, Moment, Result, Tasks, memory::Memory};
use privet_terms::{Policy, Terms};
use privet_wire::{Identity, Pins};

use crate::{Setup, member::Member};

pub(crate) const DAY_MS: u64 = 24 * 3_600_000;

pub(crate) struct Bench {
    pub(crate) member: Rc<Member>,
    pub(crate) memory: Memory,
    /// What an issuer gives, each time that it is asked: so many tokens, a refusal, or no answer.
    pub(crate) issuer: Vec<Option<Result<u32>>>,
    pub(crate) asked: usize,
    inputs: u8,
}

impl Bench {
    pub(crate) fn new(change: impl FnOnce(&mut Setup)) -> Self {
        let pins = Pins { leader: Identity::from_seed(&[1; 32]).public(), helper: None };
        let terms = Terms { task: "task".into(), pins, policy: Policy::default() };
        let mut setup =
            Setup { terms, leader: None, lasting: true, scheduled: false, tokens: true, allow_evictable: false };
        change(&mut setup);
        let mut memory = Memory::default();
        memory.wall_ms = 1_800_000_000_000;
        let member = Rc::new(Member::new(Host::default(), setup));
        Self { member, memory, issuer: Vec::new(), asked: 0, inputs: 0 }
    }

    /// Runs one rule to its end; timers pass as soon as nothing else is left to wait for.
    pub(crate) fn run<F, T>(&mut self, rule: impl FnOnce(Rc<Member>) -> F) -> T
    where
        F: Future<Output = T> + 'static,
        T: 'static,
    {
        let (mut tasks, came) = (Tasks::default(), Rc::new(RefCell::new(None)));
        let (work, result) = (rule(Rc::clone(&self.member)), Rc::clone(&came));
        tasks.begin(async move {
            let value = work.await;
            *result.borrow_mut() = Some(value);
        });
        let host = self.member.host.clone();
        loop {
            self.inputs = self.inputs.wrapping_add(1);
            let Memory { wall_ms, running_ms, .. } = self.memory;
            host.at(Moment { wall_ms, running_ms, random: Some([self.inputs; 32]) });
            tasks.run(&host);
            for (id, effect) in host.take_effects() {
                match self.memory.take(0, id, effect) {
                    None => {}
                    Some(Effect::Tokens { blank, count, .. }) => {
                        self.asked += 1;
                        assert_eq!(count, 4);
                        let answer = match self.issuer.remove(0) {
                            None => continue,
                            Some(given) => given.map(|given| {
                                let token = |n: u32| [&blank[..], &[self.asked as u8, n as u8]].concat();
                                Answer::Tokens((0..given).map(token).collect())
                            }),
                        };
                        self.memory.answer(0, id, answer);
                    }
                    Some(other) => panic!("{other:?} is nobody's"),
                }
            }
            if let Some(value) = came.borrow_mut().take() {
                return value;
            }
            if self.memory.waiting() == 0 {
                self.memory.pass().expect("it waits for something");
            }
            let (_, id, answer) = self.memory.next(0).expect("something waits");
            host.answer(id, answer);
        }
    }
}

pub(crate) fn code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|refusal| refusal.code.to_string())
}
