//! The ranking half of a device: what it remembers, what it learns, and the orders that come of it.

use crate::{
    Bound, Charge, Cost, Error, Event, Head, Item, Ledger, Memory, Moment, NanoRho, Pins, Policy, Profile, Request,
    Result, Round, Scratch, Selector, Signed, Slate, Step, Unsent, UploadId, Without, accounting,
    running::{Report, Setting, Verdict},
    slate,
};

/// What the application fixes, and no server can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The task to take part in.
    pub task: String,
    /// Who has to have signed its rounds.
    pub pins: Pins,
    /// What may be asked of this device.
    pub policy: Policy,
}

/// One device's memory, head and ledger. It makes no gradient and releases nothing: that takes more than it has.
pub struct Ranker {
    head: Head,
    round: Round,
    policy: Policy,
    memory: Memory,
    scratch: Scratch,
    ledger: Ledger,
    step: Option<Taken>,
    /// What was debited durably, for the upload of this id.
    pub(crate) reserved: Option<(UploadId, Charge)>,
}

/// A step of the ledger whose bytes the host has not said to be durable yet.
enum Taken {
    Reserve(UploadId, Step<Charge>),
    Ready(Step<Unsent>),
    Other(Step<()>),
}

impl Ranker {
    /// Ranks by the head of this signed round. Signatures, task, policy and head are checked, in this order; an empty `ledger` is
    /// a new one, any other must be the bytes that were stored last.
    pub fn new(terms: Terms, round: &[u8], head: &[u8], ledger: &[u8]) -> Result<Self> {
        let Terms { task, pins, policy } = terms;
        let round = Signed::decode(round)?.verify_round(&pins)?;
        if round.task != task {
            return Err(Error::TaskUnknown);
        }
        policy.admit(&round, least_cost(round.bound()?))?;
        if Head::hash(head) != round.head {
            return Err(Error::HeadStale { round: round.number });
        }
        let head = Head::decode(head)?;
        if head.parameters().len() != round.dimension as usize {
            return Err(Error::HeadRefused { reason: "its parameters are not as many as the round's dimension" });
        }
        Self::with(round, head, policy, ledger)
    }

    /// Ranks by a head that the application vouches for, and has no round.
    pub fn local(policy: Policy, head: &[u8], ledger: &[u8]) -> Result<Self> {
        let head = Head::decode(head)?;
        Self::with(Round::none(head.parameters().len() as u32), head, policy, ledger)
    }

    fn with(round: Round, head: Head, policy: Policy, ledger: &[u8]) -> Result<Self> {
        let ledger = Ledger::open(ledger, policy.limits())?;
        let (memory, scratch) = (Memory::new(&head, Without::default()), Scratch::default());
        Ok(Self { head, round, policy, memory, scratch, ledger, step: None, reserved: None })
    }

    /// What may be asked of this device.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is remembered.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The round that this device takes part in.
    pub fn round(&self) -> &Round {
        &self.round
    }

    /// The head, with the schema that items and events have to keep to.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        self.memory.profile()
    }

    /// How many examples the next contribution is computed from.
    pub fn pending(&self) -> usize {
        self.memory.learner().fresh().count()
    }

    /// Candidates in an order that keeps the rules of the request: this device's order, the server's while that does
    /// better or while there is nothing personal, or now and then an interleaving of both.
    ///
    /// `draw` is the host's, and random. The slate counts once it is shown ([`Ranker::shown`]).
    pub fn rerank(&mut self, candidates: &[Item], moment: Moment, request: &Request, draw: [u8; 16]) -> Result<Slate> {
        let setting = Setting { eta: self.head.eta, interleave_every: self.policy.interleave_every };
        slate::rerank(&self.head, &mut self.memory, setting, (candidates, moment), request, draw)
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

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A session starts. Like every step of the ledger it takes the bytes that are stored now and returns those to
    /// store in their place; the host lets nobody else write in between, and then calls [`Ranker::persisted`].
    pub fn session(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.session(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Time passes: to be said now and then, at the latest before a contribution is paid for.
    pub fn tick(&mut self, stored: &[u8], now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.tick(stored, now_ms)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// The host says that the bytes of the last step are durable: only then does it count, and only then is there
    /// anything to release.
    pub fn persisted(&mut self) -> Result<()> {
        match self.step.take() {
            Some(Taken::Reserve(id, step)) => self.reserved = Some((id, self.ledger.persisted(step)?)),
            Some(Taken::Ready(step)) => drop(self.ledger.persisted(step)?),
            Some(Taken::Other(step)) => self.ledger.persisted(step)?,
            None => {}
        }
        Ok(())
    }

    /// What is finished and was not acknowledged, by this session or an earlier one.
    pub fn unsent(&mut self, stored: &[u8]) -> Result<Option<Unsent>> {
        self.ledger.unsent(stored)
    }

    /// The server holds the upload of this id.
    pub fn sent(&mut self, stored: &[u8], id: UploadId) -> Result<Vec<u8>> {
        let step = self.ledger.sent(stored, id)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// The server refused the upload of this id for good.
    pub fn refused(&mut self, stored: &[u8], id: UploadId, code: &str) -> Result<Vec<u8>> {
        let step = self.ledger.refused(stored, id, code)?;
        Ok(self.take(Taken::Other(step)))
    }

    /// Debits the next contribution, which costs this much.
    pub(crate) fn reserve(&mut self, stored: &[u8], id: UploadId, cost: Cost, now_ms: u64) -> Result<Vec<u8>> {
        let step = self.ledger.reserve(stored, (&self.round.task, self.round.number, id), cost, now_ms)?;
        Ok(self.take(Taken::Reserve(id, step)))
    }

    /// The examples went into a contribution.
    pub(crate) fn contributed(&mut self) {
        self.memory.contributed();
    }

    /// Stores the finished bytes of an upload.
    pub(crate) fn ready(&mut self, stored: &[u8], id: UploadId, bytes: &[u8]) -> Result<Vec<u8>> {
        let step = self.ledger.ready(stored, id, bytes)?;
        Ok(self.take(Taken::Ready(step)))
    }

    /// Keeps a step until it is persisted. One that never was is forgotten with what it was worth.
    fn take(&mut self, step: Taken) -> Vec<u8> {
        let bytes = match &step {
            Taken::Reserve(_, step) => step.bytes(),
            Taken::Ready(step) => step.bytes(),
            Taken::Other(step) => step.bytes(),
        }
        .to_vec();
        self.step = Some(step);
        bytes
    }
}

/// What a contribution costs, or a trifle less: enough to refuse a round by. What is charged is computed where the noise
/// is drawn, and the policy is asked again with that.
fn least_cost(bound: Bound) -> Cost {
    let trifle = 1.0 - 1e-9;
    let apart = 2.0 * f64::from(bound.clip_norm());
    let alone = NanoRho::from_rho(trifle * apart.powi(2) / (2.0 * bound.deviation().powi(2)));
    let (norm, parts) = (bound.clip_norm(), bound.parts());
    let trusted = match parts {
        1 => alone,
        _ => NanoRho::from_rho(
            trifle * accounting::rho_of_summed_parts(norm, parts, bound.part_variance(), bound.dimension()),
        ),
    };
    Cost { trusted, alone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost;

    #[test]
    fn a_round_is_refused_by_no_more_than_it_costs_and_hardly_by_less() {
        for parts in [1, 2, 80, 100_000] {
            for multiplier in [1.0, 3.9, 8.0, 99.0] {
                let bound = Bound::new(1.0, 1 << 20, multiplier, parts, 4096).expect("a plain bound");
                let (least, exact) = (least_cost(bound), cost(bound).expect("a plain bound"));
                for (least, exact) in [(least.trusted, exact.trusted), (least.alone, exact.alone)] {
                    assert!(
                        least <= exact && exact.0 as f64 <= (least.0 + 2) as f64 * (1.0 + 1e-8),
                        "{least:?} {exact:?}"
                    );
                }
            }
        }
    }
}
