//! The ranking half of a device: what it remembers, what it learns, and the orders that come of it.

use crate::{Memory, Request, Selector, Slate, ranking, slate};
use privet_base::{Result, stored::Stored};
use privet_decide::running::{Report, Verdict};
use privet_model::{Ablation, Event, Head, Item, Moment, NewExamples, Profile, Scratch};
use privet_terms::{Admitted, Policy};
use privet_wire::Round;

/// One device's memory and head. It has no ledger, makes no gradient and releases nothing: that takes a
/// `Contributor`.
pub struct Ranker {
    head: Head,
    admitted: Admitted,
    memory: Memory,
    scratch: Scratch,
}

impl Ranker {
    /// Ranks by the head of this round, or without one by a head that the application vouches for.
    pub fn new(admitted: Option<Admitted>, policy: Policy, head: &[u8]) -> Result<Self> {
        let (admitted, head) = Admitted::or_local(admitted, policy, head)?;
        let memory = Memory::new(&head, Ablation::default());
        Ok(Self { head, admitted, memory, scratch: Scratch::default() })
    }

    /// What may be asked of this device.
    pub fn policy(&self) -> &Policy {
        self.admitted.policy()
    }

    /// What is remembered.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The round that this device takes part in.
    pub fn round(&self) -> &Round {
        self.admitted.round()
    }

    /// The head, with the schema that items and events have to keep to.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        self.memory.profile()
    }

    /// What the next contribution is computed from.
    pub fn new_examples(&self) -> NewExamples {
        self.memory.new_examples(&self.head)
    }

    /// All that is new went into a contribution.
    pub fn contributed(&mut self) {
        self.memory.contributed();
    }

    /// Candidates in an order that keeps the rules of the request: this device's order, the server's while that does
    /// better or while there is nothing personal, or an interleaving of both: always while it is open which does better,
    /// and as seldom as the policy says from then on.
    ///
    /// `draw` is the host's, and random. The slate counts once it is shown ([`Ranker::shown`]).
    pub fn rerank(&mut self, candidates: &[Item], moment: Moment, request: &Request, draw: [u8; 16]) -> Result<Slate> {
        self.rerank_scored((candidates, moment, &[]), request, draw)
    }

    /// The same with what [`privet_model::Backend::score`] made of [`Ranker::scoring_batch`], and nothing was done since.
    pub fn rerank_scored(
        &mut self,
        candidates: (&[Item], Moment, &[f32]),
        request: &Request,
        draw: [u8; 16],
    ) -> Result<Slate> {
        let every = self.policy().interleave_every;
        slate::rerank(&self.head, &mut self.memory, every, candidates, request, draw)
    }

    /// These candidates as they are to be scored by a GPU; no bytes where there is nothing personal to score them by.
    pub fn scoring_batch(&self, candidates: &[Item], moment: Moment) -> Result<Vec<u8>> {
        ranking::check(&self.head, candidates)?;
        let mut bytes = Vec::new();
        let batch = ranking::scoring_batch(&self.head, &self.memory, candidates, moment);
        batch.iter().for_each(|batch| batch.write(&mut bytes));
        Ok(bytes)
    }

    /// The slate of this id was on the screen; whether that was not known before. Only the latest slates are known.
    pub fn shown(&mut self, slate: u32) -> bool {
        self.memory.shown(&self.head, slate)
    }

    /// Remembers an event. What it earns is learnt by [`Ranker::train`].
    pub fn record(&mut self, event: Event) -> Result<()> {
        self.memory.record(&self.head, event)
    }

    /// Remembers an event with an item of a slate, which was shown then. Of the item its key is enough; its place and
    /// what stood beside it are known. With a slate that is not known any more the event counts as it is.
    pub fn record_on(&mut self, slate: u32, event: Event) -> Result<()> {
        self.memory.record_on(&self.head, slate, event)
    }

    /// Which order is shown but for interleavings.
    pub fn verdict(&self) -> Verdict {
        if self.memory.personalises(&self.head) { self.memory.running().verdict() } else { Verdict::Server }
    }

    /// How both orders did.
    pub fn report(&self) -> Report {
        self.memory.running().report()
    }

    /// Learns until nothing is left to learn or `enough` says so; whether there is more. It is asked after every step,
    /// and a step takes some microseconds: a host stops by its clock, and the result is the same whenever it does.
    pub fn train(&mut self, mut enough: impl FnMut() -> bool) -> bool {
        while self.memory.advance(&self.head, &mut self.scratch) {
            if enough() {
                return true;
            }
        }
        false
    }

    /// At most so many of the steps that are owed, to be taken by [`privet_model::Backend::tune`]. Whoever lends has the
    /// device do nothing else until it [takes back](Ranker::take_back) what came of it.
    pub fn lend(&mut self, most: u32) -> Vec<u8> {
        self.memory.lend(&self.head, most)
    }

    /// So many steps were taken elsewhere, and this is what the parameters have become.
    pub fn take_back(&mut self, steps: u32, state: &[f32]) -> Result<()> {
        self.memory.take_back(&self.head, steps, state)
    }

    /// Takes over what a device of another round exported: it is learnt anew from this round's head ([`Ranker::train`]
    /// ends that, and until then the server's order stands).
    pub fn adopt(&mut self, bytes: &[u8]) -> Result<()> {
        self.memory = Memory::adopt(&self.head, bytes)?;
        Ok(())
    }

    /// How many steps there are to take.
    pub fn owed(&self) -> u64 {
        self.memory.owed(&self.head)
    }

    /// Forgets, and begins to put the rest together anew: [`Ranker::train`] ends it, and until then the server's order
    /// stands. How many events were dropped.
    pub fn forget(&mut self, selector: Selector) -> usize {
        self.memory.forget(&self.head, selector)
    }

    /// All that is remembered, to be kept or taken elsewhere. It holds what the user did: it is for the user alone.
    pub fn export(&self) -> Vec<u8> {
        self.memory.export()
    }

    /// Takes back what [`Ranker::export`] wrote. Where it cannot be read nothing changes.
    pub fn import(&mut self, bytes: &[u8]) -> Result<()> {
        self.memory = Memory::import(&self.head, bytes)?;
        Ok(())
    }
}
