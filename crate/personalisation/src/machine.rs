//! The machine: calls and answers go in, effects and replies come out.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
};

use privet_base::cbor::encode;
use privet_effects::{Answer, Choice, Effect, Host, Id, Mark, Moment, Refusal, Result, Tasks};
use privet_model::{Event, Item};
use privet_ranker::{Ranker, Request, Selector, Slate};
use privet_terms::{Admitted, Terms};

use crate::{
    journal::Journal,
    opening::Published,
    records::{Act, Settings},
};

/// How many of the latest slates are known by their numbers. One that is not has its profile stored as a whole.
const SLATES: usize = 64;
/// Who has this lock contributes; nobody else does, in any tab.
const CONTRIBUTION: &str = "contribution";

/// What the application fixes.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The task, who signs its rounds, and the policy.
    pub terms: Terms,
    /// Whether there is a leader, who is asked for rounds.
    pub takes_part: bool,
}

/// What a host says.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Somebody asks for something, under a number of the host's that is answered once.
    Call(u32, Call),
    /// What came of an effect.
    Answer(Id, Result<Answer>),
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// The profile as it was left, and the round and head that are published now. First, and once. [`Reply::Done`]
    Open,
    /// What the user did is remembered: whether it may be. [`Reply::Told`]
    Record(Act, Mark),
    /// A slate was on the screen: whether that was not known before. [`Reply::Told`]
    Shown(u32, Mark),
    /// Forgets: how many events were dropped. [`Reply::Count`]
    Forget(Selector, Mark),
    /// Takes an exported profile over. [`Reply::Done`]
    Import(Vec<u8>, Mark),
    /// Stores the profile as it is. [`Reply::Done`]
    Keep,
    /// What the user agrees to; what is left out stays as it is. [`Reply::Done`]
    Consent {
        /// To remember, to learn and to order by it.
        personalise: Option<bool>,
        /// To contribute.
        contribute: Option<bool>,
    },
    /// Nothing of it for the time being. [`Reply::Done`]
    Pause(bool),
    /// Looks which round is open, and takes it: whether it is another. [`Reply::Told`]
    Refresh,
    /// All but the ledger goes. [`Reply::Done`]
    Erase,
    /// What the other half had finished before an erasure is given up. [`Reply::Done`]
    GivenUp,
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// Whether it is so.
    Told(bool),
    /// How many.
    Count(u32),
}

/// What comes out.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// To be done, and answered under this number.
    Effect(Id, Effect),
    /// The answer to a call.
    Reply(u32, Result<Reply>),
}

/// The half of a device that remembers, learns and ranks. Dropped, it is a crash: whatever was not stored has not happened.
pub struct Personalisation {
    inner: Rc<Inner>,
    tasks: Tasks,
}

/// What is shared by all that is under way.
pub(crate) struct Inner {
    pub(crate) host: Host,
    pub(crate) setup: Setup,
    pub(crate) settings: Cell<Settings>,
    pub(crate) published: RefCell<Rc<Published>>,
    /// Nothing before it is open.
    pub(crate) ranker: RefCell<Option<Ranker>>,
    pub(crate) journal: Journal,
    /// Whether the profile is one that was stored.
    pub(crate) restored: Cell<bool>,
    /// How many erasures are under way.
    erasures: Cell<u32>,
    /// Why the open round could not be had last.
    pub(crate) refused: RefCell<Option<String>>,
    /// A round that the host has had verified before there was a store.
    pub(crate) prefetched: RefCell<Option<(Vec<u8>, Admitted)>>,
    /// The latest slates that were made since the profile was stored last, and those before.
    slates: RefCell<Vec<u32>>,
    kept_slates: RefCell<Vec<u32>>,
    replies: RefCell<Vec<Output>>,
}

impl Personalisation {
    /// A machine that knows nothing yet: [`Call::Open`] comes first.
    pub fn new(setup: Setup) -> Self {
        let inner = Inner {
            host: Host::default(),
            journal: Journal::new(&setup.terms.task),
            setup,
            settings: Cell::default(),
            published: RefCell::default(),
            ranker: RefCell::default(),
            restored: Cell::default(),
            erasures: Cell::default(),
            refused: RefCell::default(),
            prefetched: RefCell::default(),
            slates: RefCell::default(),
            kept_slates: RefCell::default(),
            replies: RefCell::default(),
        };
        Self { inner: Rc::new(inner), tasks: Tasks::default() }
    }

    /// What the leader publishes, which the host has asked for and had verified before anything was read: [`Call::Open`] does
    /// not ask for it again.
    pub fn prefetched(&self, round: Vec<u8>, admitted: Admitted) {
        *self.inner.prefetched.borrow_mut() = Some((round, admitted));
    }

    /// What follows from an input, in the order in which it is to be done.
    pub fn handle(&mut self, moment: Moment, input: Input) -> Vec<Output> {
        let inner = &self.inner;
        inner.host.at(moment);
        match input {
            Input::Call(number, call) => {
                let inner = Rc::clone(inner);
                self.tasks.begin(async move {
                    let reply = answered(Rc::clone(&inner), call).await;
                    inner.replies.borrow_mut().push(Output::Reply(number, reply));
                });
            }
            Input::Answer(id, answer) => inner.host.answer(id, answer),
        }
        self.tasks.run(&inner.host);
        let mut outputs = inner.replies.take();
        outputs.extend(inner.host.take_effects().into_iter().map(|(id, effect)| Output::Effect(id, effect)));
        outputs
    }

    /// What the user agreed to.
    pub fn settings(&self) -> Settings {
        self.inner.settings.get()
    }

    /// Whether it may remember, learn and order by it now.
    pub fn personalises(&self) -> bool {
        self.inner.personalises()
    }

    /// Refuses what may be done only while the user agrees to contribute, and to somebody who is named.
    pub fn allow(&self) -> Result<()> {
        self.inner.choice().allow(self.inner.setup.takes_part.then_some(()))
    }

    /// The round (no bytes: none) and the head that it ranks by.
    pub fn published(&self) -> Rc<Published> {
        Rc::clone(&self.inner.published.borrow())
    }

    /// Whether the profile is one that was stored.
    pub fn is_restored(&self) -> bool {
        self.inner.restored.get()
    }

    /// The code of what is wrong with the stored profile, which then is left as it is, unused.
    pub fn damaged(&self) -> Option<String> {
        self.inner.journal.damaged()
    }

    /// The code for which the open round could not be had last.
    pub fn refused(&self) -> Option<String> {
        self.inner.refused.borrow().clone()
    }

    /// The profile, the learner and the head.
    pub fn with<T>(&self, work: impl FnOnce(&mut Ranker) -> T) -> Result<T> {
        self.inner.with(work)
    }

    /// The candidates in an order: see [`Ranker::rerank_scored`]. Without consent what is known stays out of it: the rules are
    /// kept, and the order is the server's.
    pub fn rerank(
        &self,
        candidates: (&[Item], privet_model::Moment, &[f32]),
        request: &Request,
        draw: [u8; 16],
    ) -> Result<Slate> {
        if !self.settings().personalise {
            return Ok(self.inner.blank()?.rerank_scored(candidates, request, draw)?);
        }
        let slate = self.with(|ranker| ranker.rerank_scored(candidates, request, draw))??;
        latest(&mut self.inner.slates.borrow_mut(), slate.id);
        Ok(slate)
    }

    /// What a GPU scores them by; no bytes where nothing personal goes into the order.
    pub fn scoring_batch(&self, candidates: &[Item], moment: privet_model::Moment) -> Result<Vec<u8>> {
        let batch = |ranker: &mut Ranker| ranker.scoring_batch(candidates, moment);
        if !self.settings().personalise {
            return Ok(batch(&mut self.inner.blank()?)?);
        }
        Ok(self.with(batch)??)
    }
}

/// What a call comes to. Each kind is a future of its own on the heap: together they would be compiled into one another.
fn answered(inner: Rc<Inner>, call: Call) -> Pin<Box<dyn Future<Output = Result<Reply>>>> {
    match call {
        Call::Open => Box::pin(async move { inner.open().await.map(|()| Reply::Done) }),
        Call::Record(act, mark) => Box::pin(async move { inner.record(act, mark).await.map(Reply::Told) }),
        Call::Shown(slate, mark) => Box::pin(async move { inner.shown(slate, mark).await.map(Reply::Told) }),
        Call::Forget(selector, mark) => Box::pin(async move { inner.forget(selector, mark).await.map(Reply::Count) }),
        Call::Import(bytes, mark) => Box::pin(async move { inner.import(bytes, mark).await.map(|()| Reply::Done) }),
        Call::Keep => Box::pin(async move { inner.keep(None).await.map(|()| Reply::Done) }),
        Call::Consent { personalise, contribute } => Box::pin(async move {
            let agree = |settings: Settings| Settings {
                personalise: personalise.unwrap_or(settings.personalise),
                contribute: contribute.unwrap_or(settings.contribute),
                ..settings
            };
            inner.choose(agree).await?;
            inner.keep_published().await.map(|()| Reply::Done)
        }),
        Call::Pause(paused) => {
            Box::pin(
                async move { inner.choose(|settings| Settings { paused, ..settings }).await.map(|()| Reply::Done) },
            )
        }
        Call::Refresh => Box::pin(async move { inner.refresh().await.map(Reply::Told) }),
        Call::Erase => Box::pin(async move {
            inner.erasures.set(inner.erasures.get() + 1);
            let erased = inner.erase().await;
            inner.erasures.set(inner.erasures.get() - 1);
            let given_up = erased?;
            if given_up.is_err() {
                inner.choose(|settings| Settings { erased: true, ..settings }).await?;
            }
            given_up.map(|()| Reply::Done)
        }),
        Call::GivenUp => Box::pin(async move {
            inner.choose(|settings| Settings { erased: false, ..settings }).await.map(|()| Reply::Done)
        }),
    }
}

impl Inner {
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.setup.terms.task)
    }

    fn personalises(&self) -> bool {
        let Settings { personalise, paused, .. } = self.settings.get();
        personalise && !paused
    }

    fn choice(&self) -> Choice {
        let Settings { contribute, paused, .. } = self.settings.get();
        Choice { contribute, paused }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Ranker) -> T) -> Result<T> {
        let closed = || Refusal::new("closed", "this personalizer is not open");
        self.ranker.borrow_mut().as_mut().map(work).ok_or_else(closed)
    }

    /// A device that knows nothing.
    fn blank(&self) -> Result<Ranker> {
        Ok(Ranker::new(None, self.setup.terms.policy, &self.published.borrow().head)?)
    }

    /// The rest of the device hears of it at once, and the store before anybody is told that it was done. What is said while
    /// all is erased counts afterwards.
    async fn choose(&self, change: impl FnOnce(Settings) -> Settings) -> Result<()> {
        self.host.until(|| self.erasures.get() == 0).await;
        let settings = change(self.settings.get());
        self.chosen(settings);
        self.host.write(vec![(self.key("settings"), Some(encode(&settings)))], true).await
    }

    pub(crate) fn chosen(&self, settings: Settings) {
        self.settings.set(settings);
        self.host.tell(Effect::Chosen(self.choice()));
    }

    /// Whether this call is in the profile already, and in the stored one: it is asked again by whoever heard no answer.
    async fn is_known(&self, mark: &Mark) -> Result<bool> {
        if self.journal.is_new(mark) {
            return Ok(false);
        }
        self.journal.flush(&self.host).await?;
        Ok(true)
    }

    async fn record(&self, act: Act, mark: Mark) -> Result<bool> {
        if !self.personalises() {
            return Ok(false);
        }
        if self.is_known(&mark).await? {
            return Ok(true);
        }
        self.apply(&act)?;
        // A slate that the stored profile does not know has to come with it: its items stand in the device alone.
        let is_known = act.slate.is_none_or(|slate| self.kept_slates.borrow().contains(&slate));
        if is_known && !self.journal.is_long() {
            self.journal.append(&self.host, act, mark).await?;
        } else {
            self.keep(Some(mark)).await?;
        }
        Ok(true)
    }

    pub(crate) fn apply(&self, act: &Act) -> Result<()> {
        let Act { kind, item, value, slate, moment } = act;
        let record = |ranker: &mut Ranker| {
            let kind = ranker.head().schema.kind(kind)?;
            let event = Event { value: *value, ..Event::new(kind, item.clone(), *moment) };
            match slate {
                Some(slate) => ranker.record_on(*slate, event),
                None => ranker.record(event),
            }
        };
        Ok(self.with(record)??)
    }

    async fn shown(&self, slate: u32, mark: Mark) -> Result<bool> {
        if !self.personalises() || self.is_known(&mark).await? || !self.with(|ranker| ranker.shown(slate))? {
            return Ok(false);
        }
        self.keep(Some(mark)).await?;
        Ok(true)
    }

    async fn forget(&self, selector: Selector, mark: Mark) -> Result<u32> {
        if self.is_known(&mark).await? {
            return Ok(0);
        }
        let dropped = self.with(|ranker| ranker.forget(selector))? as u32;
        self.host.tell(Effect::Forgotten);
        self.keep(Some(mark)).await?;
        Ok(dropped)
    }

    /// What is taken over is whole: whatever was damaged makes way for it.
    async fn import(&self, bytes: Vec<u8>, mark: Mark) -> Result<()> {
        if self.is_known(&mark).await? {
            return Ok(());
        }
        if !self.settings.get().personalise {
            return Err(Refusal::new("consent-missing", "the user has not agreed to be remembered"));
        }
        self.with(|ranker| ranker.import(&bytes))??;
        self.journal.mend();
        self.keep(Some(mark)).await
    }

    /// The profile as it is takes the place of all that is stored of it, slates and lines.
    pub(crate) async fn keep(&self, mark: Option<Mark>) -> Result<()> {
        if !self.settings.get().personalise && self.journal.is_empty() {
            return Ok(());
        }
        for slate in self.slates.take() {
            latest(&mut self.kept_slates.borrow_mut(), slate);
        }
        let snapshot = self.with(|ranker| ranker.export())?;
        self.journal.replace(&self.host, snapshot, mark).await
    }

    /// Whatever the ledger's half says, which comes back, the rest goes.
    async fn erase(&self) -> Result<Result<()>> {
        // Whoever waits to send something looks at this first, and nothing is remembered from here on.
        self.chosen(Settings::default());
        let _alone = self.host.lock(CONTRIBUTION).await?;
        let given_up = self.host.done(Effect::GiveUp).await;
        self.host.tell(Effect::Forgotten);
        self.slates.take();
        self.kept_slates.take();
        self.restored.set(false);
        let published = Rc::clone(&self.published.borrow());
        self.install(published, false).await?;
        self.journal.end(&self.host).await;
        self.host.done(Effect::Clear).await?;
        Ok(given_up)
    }

    /// Looks which round is open, and takes it over with the profile. Nobody contributes meanwhile, in any tab.
    async fn refresh(&self) -> Result<bool> {
        if !self.setup.takes_part {
            return Err(Refusal::new("not-taking-part", "no aggregators are named"));
        }
        let round = self.host.ask(Effect::FetchRound, Answer::bytes);
        let published = self.fetched(Some(round), None).await?;
        *self.refused.borrow_mut() = None;
        if published.round == self.published.borrow().round {
            return Ok(false);
        }
        let alone = self.host.lock(CONTRIBUTION).await?;
        self.install(Rc::new(published), true).await?;
        drop(alone);
        self.keep(None).await?;
        self.keep_published().await?;
        Ok(true)
    }
}

/// Adds a slate to the latest.
fn latest(slates: &mut Vec<u32>, slate: u32) {
    if slates.len() == SLATES {
        slates.remove(0);
    }
    slates.push(slate);
}
