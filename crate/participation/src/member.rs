//! What all parts of a participation have in common: the setup, the user's choices, the ledger, and who may use it when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use privet_base::hex;
use privet_effects::{Answer, Choice, DEVICE, Descended, Effect, Host, Locked, Refusal, Result};
use privet_model::NewExamples;
use privet_release::{Contributor, Entry, Preview, Unsent};
use privet_terms::{Limits, Terms};

use crate::records::Sending;

/// The key of the ledger, and the name of the lock under which it is changed.
pub(crate) const LEDGER: &str = "ledger";
/// Who has this lock contributes; nobody else does, in any tab.
pub(crate) const CONTRIBUTION: &str = "contribution";

/// Whom a device contributes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Leader {
    /// The leader's address.
    pub url: String,
    /// Whether the application says that one owner runs both aggregators.
    pub one_owner: bool,
}

/// What the application fixes.
#[expect(clippy::struct_excessive_bools, reason = "four options of the package, each a yes or a no")]
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The task, who signs its rounds, and the policy.
    pub terms: Terms,
    /// Nobody, where a device only ranks.
    pub leader: Option<Leader>,
    /// Whether the store outlives the page. On one that does not nothing is ever contributed.
    pub lasting: bool,
    /// Whether it contributes by the clock, unasked.
    pub scheduled: bool,
    /// Whether the application has tokens signed.
    pub tokens: bool,
    /// Whether it contributes on a ledger that the browser may delete.
    pub allow_evictable: bool,
}

/// What was spent, what is left, and what the user agreed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// What was charged against the lifetime's budget, as rho.
    pub spent: f64,
    /// Of all that was spent, between this device's data and nothing.
    pub against_nothing: f64,
    /// The same between this device's data and any other.
    pub against_any_other: f64,
    /// What is left.
    pub left: f64,
    /// The limits before and after each widening that the user agreed to.
    pub widened: Vec<(Limits, Limits)>,
    /// The ledger's limits and the policy's, where the user has not agreed to what is wider in these.
    pub wants_wider: Option<(Limits, Limits)>,
    /// What a contribution that nobody waited for was refused with last.
    pub refused: Option<String>,
}

/// What a contribution was.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The round.
    pub round: u32,
    /// The upload's id in hexadecimal.
    pub id: String,
    /// Exactly the bytes that were sent.
    pub bytes: Vec<u8>,
    /// What was debited for it, as rho.
    pub rho: f64,
    /// How many uploads the server holds for the round, and how many there have to be.
    pub progress: (u32, u32),
    /// How it was made; zeros where an earlier session made it.
    pub made: Made,
    /// From the request to the server's answer, in milliseconds.
    pub send_ms: f64,
}

/// How an upload was made, as far as this session made it. It stays here.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Made {
    /// How many examples the gradient was computed from.
    pub examples: u32,
    /// How long the gradient took.
    pub gradient_ms: f64,
    /// How long clip, noise and encoding took.
    pub release_ms: f64,
}

/// A round as the server published it (no bytes: none) and the head that it names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Published {
    pub(crate) round: Vec<u8>,
    pub(crate) head: Vec<u8>,
}

pub(crate) struct Member {
    pub(crate) host: Host,
    pub(crate) setup: Setup,
    pub(crate) choice: Cell<Choice>,
    pub(crate) published: RefCell<Rc<Published>>,
    /// Why nothing was contributed last.
    pub(crate) refused: RefCell<Option<String>>,
    /// The noised vectors of this session, by their uploads' ids.
    pub(crate) noised: RefCell<Vec<(String, Vec<i32>)>>,
    pub(crate) made: RefCell<Option<(String, Made)>>,
    /// Opened when it is first wanted, and what for.
    contributor: RefCell<Option<(Rc<Published>, Contributor)>>,
}

impl Member {
    pub(crate) fn new(host: Host, setup: Setup) -> Self {
        Self {
            host,
            setup,
            choice: Cell::default(),
            published: RefCell::default(),
            refused: RefCell::default(),
            noised: RefCell::default(),
            made: RefCell::default(),
            contributor: RefCell::default(),
        }
    }

    /// The same round and head again are no reason to open anything anew: what is reserved is worth one release.
    pub(crate) fn publish(&self, published: Published) {
        if **self.published.borrow() != published {
            *self.published.borrow_mut() = Rc::new(published);
        }
    }

    /// The key of what this task keeps under a name.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.setup.terms.task)
    }

    /// Only while it is agreed to, and to somebody.
    pub(crate) fn allow(&self) -> Result<&Leader> {
        self.choice.get().allow(self.setup.leader.as_ref())
    }

    /// Refuses to go on without a ledger that lasts.
    pub(crate) fn lasting(&self) -> Result<()> {
        let says = "this store ends with the page: there is no ledger";
        if self.setup.lasting { Ok(()) } else { Err(Refusal::new("storage-unavailable", says)) }
    }

    /// Nobody else contributes meanwhile.
    pub(crate) async fn alone(&self) -> Result<Locked> {
        self.lasting()?;
        self.host.lock(CONTRIBUTION).await
    }

    /// The ledger as it is stored; no bytes if there is none yet.
    async fn ledger(&self) -> Result<Vec<u8>> {
        Ok(self.host.read(LEDGER.into()).await?.unwrap_or_default())
    }

    /// A turn with the device, in which the contributor is open: for what is published now. The one before looks at the ledger
    /// first, so that a store that forgot is found out.
    pub(crate) async fn turn(&self) -> Result<Locked> {
        let turn = self.host.lock(DEVICE).await?;
        let published = Rc::clone(&self.published.borrow());
        if self.contributor.borrow().as_ref().is_some_and(|(of, _)| Rc::ptr_eq(of, &published)) {
            return Ok(turn);
        }
        let ledger = if self.setup.lasting { self.ledger().await? } else { Vec::new() };
        let mut contributor = self.contributor.borrow_mut();
        if let Some((_, before)) = contributor.as_mut() {
            before.tick(&ledger, self.host.wall_ms())?;
        }
        let (Published { round, head }, terms) = (&*published, &self.setup.terms);
        let opened = match &round[..] {
            [] => Contributor::local(terms.policy, head, &ledger),
            round => Contributor::new(terms, round, head, &ledger),
        };
        *contributor = Some((Rc::clone(&published), opened?));
        Ok(turn)
    }

    /// The contributor, while the caller has a turn.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Contributor) -> T) -> T {
        work(&mut self.contributor.borrow_mut().as_mut().expect("a turn opens it").1)
    }

    /// The contributor in a turn of its own.
    pub(crate) async fn in_turn<T>(&self, work: impl FnOnce(&mut Contributor) -> T) -> Result<T> {
        let _turn = self.turn().await?;
        Ok(self.with(work))
    }

    /// One step of the ledger: read, changed and written while no other tab can, then said to be durable.
    pub(crate) async fn step(&self, change: &mut Change<'_>) -> Result<()> {
        let _turn = self.turn().await?;
        let _alone = self.host.lock(LEDGER).await?;
        let stored = self.ledger().await?;
        let bytes = self.with(|contributor| change(contributor, &stored, self.host.wall_ms()))?;
        self.host.write(vec![(LEDGER.into(), Some(bytes))], true).await?;
        self.with(Contributor::persisted)?;
        Ok(())
    }

    /// What is finished and was never answered.
    pub(crate) async fn unsent(&self) -> Result<Option<Unsent>> {
        let _turn = self.turn().await?;
        let stored = self.ledger().await?;
        Ok(self.with(|contributor| contributor.unsent(&stored, self.host.wall_ms()))?)
    }

    /// Where a descent over the new examples ends, how many these are, and how long it took. In a turn.
    pub(crate) async fn descended(&self) -> Result<(Vec<f32>, u32, f64)> {
        let bytes = self.host.ask(Effect::NewExamples, Answer::bytes).await?.unwrap_or_default();
        self.host.done(Effect::Now).await?;
        let start_ms = self.host.running_ms();
        let examples = self.with(|contributor| NewExamples::decode(contributor.head(), &bytes).map(|it| it.count()))?;
        let Descended(descended) = self.host.ask(Effect::Descend(bytes), Answer::descended).await?;
        Ok((descended, examples as u32, self.host.running_ms() - start_ms))
    }

    /// The stages before the noise are in the answer, and nowhere else.
    pub(crate) async fn preview(&self) -> Result<(Preview, u32)> {
        let _turn = self.turn().await?;
        let (descended, examples, _) = self.descended().await?;
        Ok((self.with(|contributor| contributor.preview(&descended))?, examples))
    }

    pub(crate) async fn entries(&self) -> Result<Vec<Entry>> {
        self.in_turn(|contributor| contributor.ledger().entries().to_vec()).await
    }

    pub(crate) async fn account(&self) -> Result<Account> {
        let refused = self.refused.borrow().clone();
        self.in_turn(|contributor| {
            let ledger = contributor.ledger();
            Account {
                spent: ledger.spent().charged().rho(),
                against_nothing: ledger.spent().against_nothing().rho(),
                against_any_other: ledger.spent().against_any_other().rho(),
                left: ledger.left().rho(),
                widened: ledger.widenings().collect(),
                wants_wider: ledger.wants_wider(),
                refused,
            }
        })
        .await
    }

    /// What is finished is given up: it is never sent, and what it cost stays spent.
    pub(crate) async fn give_up(&self) -> Result<()> {
        let Some(unsent) = self.unsent().await? else { return Ok(()) };
        self.step(&mut |contributor, stored, _| contributor.refused(stored, unsent.debit.id, "erased")).await
    }

    /// What was sent, with the noised vectors that this session knows.
    pub(crate) async fn log(&self) -> Result<Vec<(Sending, Option<Vec<i32>>)>> {
        let all = self.sendings().await?;
        let noised = self.noised.borrow();
        let with_noised = |sending: Sending| {
            let vector = noised.iter().find(|(id, _)| *id == sending.id).map(|(_, vector)| vector.clone());
            (sending, vector)
        };
        Ok(all.into_iter().map(with_noised).collect())
    }

    pub(crate) fn failed(&self, refusal: Refusal) {
        *self.refused.borrow_mut() = Some(refusal.code.to_string());
    }
}

/// What changes a ledger: the stored one and the clock go in, what to store in its place comes out.
pub(crate) type Change<'a> = dyn FnMut(&mut Contributor, &[u8], u64) -> privet_base::Result<Vec<u8>> + 'a;

/// The name of an upload.
pub(crate) fn name(unsent: &Unsent) -> String {
    hex(&unsent.debit.id)
}
