//! The host as a rule sees it: each thing that it can be asked for is a future.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

use rand::{Rng as _, SeedableRng as _, rngs::ChaCha20Rng};

use crate::{Answer, Changes, Effect, Id, Moment, Refusal, Result};

/// A handle on the effects of one machine; a copy is the same handle.
#[derive(Clone)]
pub struct Host(Rc<Shared>);

struct Shared {
    effects: RefCell<Vec<(Id, Effect)>>,
    /// The effects that are waited for, and what came of them.
    waiting: RefCell<Vec<(Id, Option<Result<Answer>>)>>,
    next: Cell<Id>,
    moment: Cell<Moment>,
    /// Made of the input's random bytes when something is first drawn.
    random: RefCell<Option<ChaCha20Rng>>,
    /// Whether anything has changed since every task was asked.
    moved: Cell<bool>,
}

impl Default for Host {
    fn default() -> Self {
        Self(Rc::new(Shared {
            effects: RefCell::default(),
            waiting: RefCell::default(),
            next: Cell::new(1),
            moment: Cell::new(Moment { wall_ms: 0, running_ms: 0.0, random: None }),
            random: RefCell::default(),
            moved: Cell::new(false),
        }))
    }
}

impl Host {
    /// An input came at this moment.
    pub fn at(&self, moment: Moment) {
        self.0.moment.set(moment);
        *self.0.random.borrow_mut() = None;
    }

    /// What has come of an effect. What nobody waits for any more is dropped.
    pub fn answer(&self, id: Id, answer: Result<Answer>) {
        if let Some((_, waits)) = self.0.waiting.borrow_mut().iter_mut().find(|(waiting, _)| *waiting == id) {
            *waits = Some(answer);
        }
    }

    /// What the host is to do, in this order.
    pub fn take_effects(&self) -> Vec<(Id, Effect)> {
        self.0.effects.take()
    }

    /// The clock of the wall, in milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.0.moment.get().wall_ms
    }

    /// The clock that only goes forwards.
    pub fn running_ms(&self) -> f64 {
        self.0.moment.get().running_ms
    }

    /// Random bytes out of those that came with the input.
    pub fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        let seed = self.0.moment.get().random.ok_or(privet_base::Refusal::RandomSource);
        let seed = seed.map_err(privet_base::Error::from)?;
        self.0.random.borrow_mut().get_or_insert_with(|| ChaCha20Rng::from_seed(seed)).fill_bytes(&mut bytes);
        Ok(bytes)
    }

    /// A part of 1.
    pub fn draw(&self) -> Result<f64> {
        Ok(f64::from(u32::from_le_bytes(self.random()?)) / 2.0_f64.powi(32))
    }

    /// Has the host do this, and waits for what `read` takes out of the answer.
    pub fn ask<T>(&self, effect: Effect, read: fn(Answer) -> Option<T>) -> Reply<T> {
        let id = self.post(effect);
        self.0.waiting.borrow_mut().push((id, None));
        Reply { asked: Asked { host: self.clone(), id }, read }
    }

    /// Has the host do something that is not answered.
    pub fn tell(&self, effect: Effect) {
        self.post(effect);
    }

    /// Has the host do this, and waits for nothing.
    fn post(&self, effect: Effect) -> Id {
        let id = self.0.next.get();
        self.0.next.set(id + 1);
        self.0.effects.borrow_mut().push((id, effect));
        self.moved();
        id
    }

    /// What is stored under this key.
    pub fn read(&self, key: String) -> Reply<Option<Vec<u8>>> {
        self.ask(Effect::Read(key), Answer::bytes)
    }

    /// The keys that begin so, in their order.
    pub fn keys(&self, prefix: String) -> Reply<Vec<String>> {
        self.ask(Effect::Keys(prefix), Answer::keys)
    }

    /// Writes all of it or nothing.
    pub fn write(&self, changes: Changes, durable: bool) -> Reply<()> {
        self.done(Effect::Write { changes, durable })
    }

    /// Waits for something that is only done, or not.
    pub fn done(&self, effect: Effect) -> Reply<()> {
        self.ask(effect, |_| Some(()))
    }

    /// Nobody else holds the lock of this name as long as what this gives lives.
    pub fn lock(&self, name: &'static str) -> Locking {
        Locking(self.done(Effect::Lock(name)))
    }

    /// Waits so long, for a call that waits as well.
    pub fn pass(&self, ms: f64) -> Reply<()> {
        self.done(Effect::Timer { ms, awaited: true })
    }

    /// Waits so long, for nobody's call.
    pub fn rest(&self, ms: f64) -> Reply<()> {
        self.done(Effect::Timer { ms, awaited: false })
    }

    /// Waits until this holds, which another task or an input brings about.
    pub async fn until(&self, holds: impl Fn() -> bool) {
        std::future::poll_fn(|_| if holds() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// What the work comes to, or a refusal where there is one before: the work is given up then.
    pub async fn unless<T>(
        &self,
        refused: impl Fn() -> Option<Refusal>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut work = pin!(work);
        std::future::poll_fn(|context| match refused() {
            Some(refusal) => Poll::Ready(Err(refusal)),
            None => work.as_mut().poll(context),
        })
        .await
    }

    /// What the work comes to, or nothing where it takes longer than this: it is given up then.
    pub async fn within<T>(&self, ms: f64, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
        let (mut work, mut timer) = (pin!(work), pin!(self.rest(ms)));
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result.map(Some)),
            Poll::Pending => timer.as_mut().poll(context).map(|_| Ok(None)),
        })
        .await
    }

    pub(crate) fn moved(&self) {
        self.0.moved.set(true);
    }

    pub(crate) fn still(&self) {
        self.0.moved.set(false);
    }

    pub(crate) fn is_still(&self) -> bool {
        !self.0.moved.get()
    }
}

/// What comes of an effect, once it is answered.
pub struct Reply<T> {
    asked: Asked,
    read: fn(Answer) -> Option<T>,
}

struct Asked {
    host: Host,
    id: Id,
}

impl Asked {
    fn poll(&self) -> Poll<Result<Answer>> {
        let mut waiting = self.host.0.waiting.borrow_mut();
        let place = waiting.iter().position(|(id, answer)| *id == self.id && answer.is_some());
        let Some(place) = place else { return Poll::Pending };
        self.host.moved();
        Poll::Ready(waiting.swap_remove(place).1.unwrap_or_else(|| Err(strange())))
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.asked.poll() {
            Poll::Pending => Poll::Pending,
            Poll::Ready(answer) => Poll::Ready(answer.and_then(|answer| (self.read)(answer).ok_or_else(strange))),
        }
    }
}

/// A lock that is waited for.
pub struct Locking(Reply<()>);

impl Future for Locking {
    type Output = Result<Locked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let held = Pin::new(&mut self.0).poll(context);
        let Asked { host, id } = &self.0.asked;
        held.map(|held| held.map(|()| Locked { host: host.clone(), id: *id }))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut waiting = self.host.0.waiting.borrow_mut();
        if let Some(place) = waiting.iter().position(|(id, _)| *id == self.id) {
            waiting.swap_remove(place);
            drop(waiting);
            self.host.post(Effect::Cancel(self.id));
        }
    }
}

/// A lock that is held.
pub struct Locked {
    host: Host,
    id: Id,
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.host.post(Effect::Unlock(self.id));
    }
}

/// A host that answers something else than it was asked for.
fn strange() -> Refusal {
    Refusal::new("worker-failed", "the host gave another answer than it was asked for")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tasks;

    const MOMENT: Moment = Moment { wall_ms: 7, running_ms: 1.5, random: Some([3; 32]) };

    /// One task, and what it came to.
    struct One {
        host: Host,
        tasks: Tasks,
        came: Rc<RefCell<Option<Result<()>>>>,
    }

    impl One {
        fn of<F: Future<Output = Result<()>> + 'static>(work: impl FnOnce(Host) -> F) -> (Self, Vec<(Id, Effect)>) {
            let mut one = Self { host: Host::default(), tasks: Tasks::default(), came: Rc::default() };
            let (came, work) = (Rc::clone(&one.came), work(one.host.clone()));
            one.tasks.begin(async move {
                let result = work.await;
                *came.borrow_mut() = Some(result);
            });
            one.host.at(MOMENT);
            one.tasks.run(&one.host);
            let effects = one.host.take_effects();
            (one, effects)
        }

        fn answer(&mut self, id: Id, answer: Answer) -> Vec<(Id, Effect)> {
            self.host.at(MOMENT);
            self.host.answer(id, Ok(answer));
            self.tasks.run(&self.host);
            self.host.take_effects()
        }
    }

    #[test]
    fn one_effect_follows_from_the_answer_to_another() {
        let (mut one, effects) = One::of(|host| async move {
            let bytes = host.read("a".into()).await?;
            host.write(vec![("b".into(), bytes)], true).await
        });
        assert_eq!(effects, [(1, Effect::Read("a".into()))]);
        let write = Effect::Write { changes: vec![("b".into(), Some(vec![5]))], durable: true };
        assert_eq!(one.answer(1, Answer::Bytes(Some(vec![5]))), [(2, write)]);
        assert_eq!(one.answer(2, Answer::Done), []);
        assert_eq!(one.came.take(), Some(Ok(())));
    }

    #[test]
    fn a_lock_is_given_back_however_its_holder_ends() {
        let (mut one, effects) = One::of(|host| async move {
            let _lock = host.lock("ledger").await?;
            Err(Refusal::new("paused", "no"))
        });
        assert_eq!(effects, [(1, Effect::Lock("ledger"))]);
        assert_eq!(one.answer(1, Answer::Done), [(2, Effect::Unlock(1))]);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_cancelled() {
        let refused = Rc::new(Cell::new(false));
        let says = Rc::clone(&refused);
        let (mut one, effects) = One::of(|host| async move {
            let refusal = move || says.get().then(|| Refusal::new("aborted", "no"));
            host.unless(refusal, host.pass(9.0)).await
        });
        assert_eq!(effects, [(1, Effect::Timer { ms: 9.0, awaited: true })]);
        refused.set(true);
        assert_eq!(
            one.answer(99, Answer::Done),
            [(2, Effect::Cancel(1))],
            "an answer to nothing is an input like any other"
        );
        assert_eq!(one.came.take(), Some(Err(Refusal::new("aborted", "no"))));
        assert_eq!(one.answer(1, Answer::Done), [], "and its answer is nobody's");
    }

    #[test]
    fn a_task_waits_for_another() {
        let seen = Rc::new(Cell::new(0));
        let (mut one, _) = One::of(|host| {
            let seen = Rc::clone(&seen);
            async move {
                host.until(|| seen.get() == 1).await;
                Ok(())
            }
        });
        let host = one.host.clone();
        one.tasks.begin(async move {
            _ = host.pass(1.0).await;
            seen.set(1);
        });
        one.tasks.run(&one.host.clone());
        assert_eq!(one.came.take(), None);
        one.answer(1, Answer::Done);
        assert_eq!(one.came.take(), Some(Ok(())));
    }

    #[test]
    fn the_same_input_draws_the_same() {
        let host = Host::default();
        assert!(host.draw().is_err(), "no input, no random bytes");
        host.at(MOMENT);
        let drawn = [host.draw(), host.draw()];
        assert_ne!(drawn[0], drawn[1]);
        host.at(MOMENT);
        assert_eq!([host.draw(), host.draw()], drawn);
        host.at(Moment { random: None, ..MOMENT });
        assert_eq!(host.random::<4>().expect_err("no source").code, "random-source");
    }
}
