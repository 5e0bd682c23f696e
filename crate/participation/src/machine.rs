//! The machine: inputs go in, and what the host has to do comes out.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
};

use privet_effects::{Answer, Choice, Effect, Host, Id, Mark, Moment, Refusal, Result, Tasks};
use privet_release::{Deployment, Entry, Preview, Storage};

use crate::{
    member::{Account, Member, Published, Receipt, Setup},
    records::{Looked, Sending},
    schedule::Session,
};

/// What a host says.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Somebody asks for something, under a number of the host's that is answered once.
    Call(u32, Call),
    /// Whoever made this call waits no more, and why.
    GaveUp(u32, Refusal),
    /// What came of an effect.
    Answer(Id, Result<Answer>),
    /// What the user chose: at the beginning, and whenever that changes.
    Chosen(Choice),
    /// A round as it was published and signed (no bytes: none), and its head.
    Published {
        /// The round.
        round: Vec<u8>,
        /// The head.
        head: Vec<u8>,
    },
    /// The user had something forgotten: no noised vector outlives what it was made from.
    Forgotten,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// The session begins, or the user chose anew: the ledger hears of it, and the clock is looked at. [`Reply::Done`]
    Session {
        /// By the running clock, when the device began to open: before it read anything of its user's.
        since_ms: f64,
    },
    /// A contribution now. [`Reply::Receipt`]
    Contribute(Mark),
    /// What is finished and unsent is given up. [`Reply::Done`]
    GiveUp,
    /// The user agreed by name to wider limits. [`Reply::Done`]
    Widen,
    /// [`Reply::Preview`]
    Preview,
    /// [`Reply::Statement`]
    Statement,
    /// [`Reply::Account`]
    Account,
    /// [`Reply::Entries`]
    Entries,
    /// [`Reply::Log`]
    Log,
}

/// What a call comes to.
pub enum Reply {
    /// It is done.
    Done,
    /// A contribution was made and acknowledged.
    Receipt(Receipt),
    /// A dry run.
    Preview(Preview, u32),
    /// What taking part means, in plain words.
    Statement(String),
    /// What was spent, and what is left.
    Account(Account),
    /// All contributions that were ever debited.
    Entries(Vec<Entry>),
    /// What was sent, the latest last, with the noised vectors that this session knows.
    Log(Vec<(Sending, Option<Vec<i32>>)>),
}

/// How far a contribution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is debited.
    Reserved,
    /// It is finished.
    Ready,
    /// The server has it.
    Sent,
}

/// What comes out.
pub enum Output {
    /// To be done, and answered under this number.
    Effect(Id, Effect),
    /// The answer to a call.
    Reply(u32, Box<Result<Reply>>),
    /// How far a call is.
    Progress(u32, Stage),
}

/// The half of a device that contributes. Dropped, it is a crash: whatever was not durable has not happened.
pub struct Participation {
    inner: Rc<Inner>,
    tasks: Tasks,
    calls: Vec<(u32, Rc<RefCell<Option<Refusal>>>)>,
}

/// What is begun and answers nobody.
type Work = Pin<Box<dyn Future<Output = ()>>>;

/// What is shared by all that is under way.
pub(crate) struct Inner {
    pub(crate) member: Member,
    pub(crate) session: Cell<Session>,
    pub(crate) looked: Cell<Option<Looked>>,
    /// How often each timer was set: only the last time counts.
    timers: [Cell<u32>; 3],
    begin: Box<dyn Fn(Work)>,
    told: Rc<RefCell<Vec<Output>>>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    Look,
    Send,
    Refill,
}

impl Inner {
    /// Whatever this timer was set for does not happen any more.
    pub(crate) fn unset(&self, timer: Timer) {
        let set = &self.timers[timer as usize];
        set.set(set.get() + 1);
    }

    /// Does this after so long, in place of what the timer was set for before.
    pub(crate) fn later(self: &Rc<Self>, timer: Timer, ms: f64, work: impl Future<Output = ()> + 'static) {
        self.unset(timer);
        let (this, host) = (Rc::clone(self), self.member.host.clone());
        let set = self.timers[timer as usize].get();
        (self.begin)(Box::pin(async move {
            let is_last = || this.timers[timer as usize].get() == set;
            let over = || (!is_last()).then(|| Refusal::new("aborted", "the timer was set again"));
            if host.unless(over, host.rest(ms)).await.is_ok() {
                work.await;
            }
        }));
    }
}

/// Whoever made a call, as far as a contribution has to do with them.
pub(crate) struct Caller {
    call: u32,
    gave_up: Rc<RefCell<Option<Refusal>>>,
    told: Rc<RefCell<Vec<Output>>>,
}

impl Caller {
    /// Who resends waits for no answer and is nobody's call.
    pub(crate) fn nobody() -> Self {
        Self { call: 0, gave_up: Rc::default(), told: Rc::default() }
    }

    pub(crate) fn gave_up(&self) -> Option<Refusal> {
        self.gave_up.borrow().clone()
    }

    /// Refuses where the caller has given up.
    pub(crate) fn still_waits(&self) -> Result<()> {
        self.gave_up().map_or(Ok(()), Err)
    }

    pub(crate) fn hears(&self, stage: Stage) {
        self.told.borrow_mut().push(Output::Progress(self.call, stage));
    }
}

impl Participation {
    /// A machine that knows nothing of the user's choices, or of what is published, until it is told.
    pub fn new(setup: Setup) -> Self {
        let tasks = Tasks::default();
        let inner = Inner {
            member: Member::new(Host::default(), setup),
            session: Cell::default(),
            looked: Cell::default(),
            timers: Default::default(),
            begin: Box::new(tasks.beginner()),
            told: Rc::default(),
        };
        Self { inner: Rc::new(inner), tasks, calls: Vec::new() }
    }

    /// What follows from an input, in the order in which it is to be done.
    pub fn handle(&mut self, moment: Moment, input: Input) -> Vec<Output> {
        let inner = Rc::clone(&self.inner);
        let host = &inner.member.host;
        host.at(moment);
        match input {
            Input::Call(number, call) => self.begin(number, call),
            Input::GaveUp(number, refusal) => {
                if let Some((_, call)) = self.calls.iter().find(|(call, _)| *call == number) {
                    *call.borrow_mut() = Some(refusal);
                }
            }
            Input::Answer(id, answer) => host.answer(id, answer),
            Input::Chosen(choice) => inner.member.choice.set(choice),
            Input::Published { round, head } => inner.member.publish(Published { round, head }),
            Input::Forgotten => inner.member.noised.borrow_mut().clear(),
        }
        self.tasks.run(host);
        let mut outputs = inner.told.take();
        for output in &outputs {
            if let Output::Reply(number, _) = output {
                self.calls.retain(|(call, _)| call != number);
            }
        }
        outputs.extend(host.take_effects().into_iter().map(|(id, effect)| Output::Effect(id, effect)));
        outputs
    }

    fn begin(&mut self, number: u32, call: Call) {
        let gave_up = Rc::default();
        self.calls.push((number, Rc::clone(&gave_up)));
        let inner = Rc::clone(&self.inner);
        let caller = Caller { call: number, gave_up, told: Rc::clone(&inner.told) };
        self.tasks.begin(async move {
            let reply = answered(Rc::clone(&inner), call, caller).await;
            inner.told.borrow_mut().push(Output::Reply(number, Box::new(reply)));
        });
    }
}

/// What a call comes to. Each kind is a future of its own on the heap: together they would be compiled into one another.
fn answered(inner: Rc<Inner>, call: Call, caller: Caller) -> Pin<Box<dyn Future<Output = Result<Reply>>>> {
    match call {
        Call::Session { since_ms } => Box::pin(async move {
            let this = Rc::clone(&inner);
            (inner.begin)(Box::pin(async move { this.look().await }));
            inner.session(since_ms).await;
            Ok(Reply::Done)
        }),
        Call::Contribute(mark) => Box::pin(async move { Ok(Reply::Receipt(inner.contribute(mark, &caller).await?)) }),
        Call::GiveUp => Box::pin(async move { inner.member.give_up().await.map(|()| Reply::Done) }),
        Call::Widen => Box::pin(async move {
            inner.member.lasting()?;
            inner.member.step(&mut privet_release::Contributor::widen).await?;
            Ok(Reply::Done)
        }),
        Call::Preview => Box::pin(async move {
            let (preview, examples) = inner.member.preview().await?;
            Ok(Reply::Preview(preview, examples))
        }),
        Call::Statement => Box::pin(async move { inner.statement().await.map(Reply::Statement) }),
        Call::Account => Box::pin(async move { inner.member.account().await.map(Reply::Account) }),
        Call::Entries => Box::pin(async move { inner.member.entries().await.map(Reply::Entries) }),
        Call::Log => Box::pin(async move { inner.member.log().await.map(Reply::Log) }),
    }
}

impl Inner {
    async fn statement(&self) -> Result<String> {
        let member = &self.member;
        let storage = if member.is_kept().await? {
            Storage::Kept
        } else if member.setup.lasting && member.setup.tokens && member.token_terms().await?.is_some() {
            Storage::Tokens
        } else {
            Storage::Evictable
        };
        let one_owner = member.setup.leader.as_ref().is_some_and(|leader| leader.one_owner);
        Ok(member.in_turn(|contributor| contributor.statement(Deployment { one_owner, storage })).await??)
    }
}
