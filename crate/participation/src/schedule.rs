//! When a device takes part: by the clock or by a call, and never because of what its user did.

use std::rc::Rc;

use privet_effects::{Advice, Answer, Effect, Mark, Refusal, Result};

use crate::{
    machine::{Caller, Inner, Timer},
    member::Receipt,
    records::{Looked, read, stored},
    slots::{HOUR_MS, OPENING, Slots, Window, until_drawn},
};

/// How far the ledger has heard of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Session {
    #[default]
    Unknown,
    Beginning,
    Begun,
}

impl Inner {
    /// Where contributing is agreed to, the ledger hears that a session begins, and what was left unsent goes out by and by.
    pub(crate) async fn session(self: &Rc<Self>, since_ms: f64) {
        let member = &self.member;
        if member.setup.leader.is_none() || !member.choice.get().contribute || !member.setup.lasting {
            return;
        }
        match self.session.get() {
            Session::Begun => {}
            Session::Beginning => member.host.until(|| self.session.get() != Session::Beginning).await,
            Session::Unknown => {
                self.session.set(Session::Beginning);
                let begun = self.begin_session(since_ms).await;
                self.session.set(if begun.is_ok() { Session::Begun } else { Session::Unknown });
                if let Err(refusal) = begun {
                    member.failed(refusal);
                }
            }
        }
    }

    async fn begin_session(self: &Rc<Self>, since_ms: f64) -> Result<()> {
        let member = &self.member;
        member.step(&mut privet_release::Contributor::session).await?;
        self.refill().await?;
        if member.unsent().await?.is_some() {
            self.send_later(since_ms, OPENING)?;
        }
        Ok(())
    }

    /// Tokens are asked for where few are left. Nothing hangs on it: whoever wants a token then and has none is refused. A
    /// signature of another key than the round's is no such thing: it would tag this device.
    async fn refill(self: &Rc<Self>) -> Result<()> {
        let member = &self.member;
        let Some(terms) = member.token_terms().await?.filter(|_| member.setup.tokens) else { return Ok(()) };
        let filled = async {
            let _alone = member.alone().await?;
            member.refill(&terms).await
        };
        match filled.await {
            Err(refusal) if refusal.code == "token-refused" => return Err(refusal),
            Ok(None) | Err(_) => {}
            Ok(Some(wait)) => {
                let this = Rc::clone(self);
                self.later(Timer::Refill, wait as f64, async move {
                    _ = Box::pin(this.refill()).await;
                });
            }
        }
        Ok(())
    }

    /// By the clock, and by nothing that the user does: once in a slot, it is asked whether a contribution is due.
    pub(crate) async fn look(self: &Rc<Self>) {
        self.unset(Timer::Look);
        if let Err(refusal) = self.look_now().await {
            self.member.failed(refusal);
        }
    }

    async fn look_now(self: &Rc<Self>) -> Result<()> {
        let member = &self.member;
        if !member.setup.scheduled || member.setup.leader.is_none() || !member.choice.get().contribute {
            return Ok(());
        }
        let looked = self.looked().await?;
        let slots = Slots::of(member.setup.terms.policy.interval_ms as f64, looked.offset);
        let wall_ms = member.host.wall_ms() as f64;
        let this = Rc::clone(self);
        self.later(Timer::Look, slots.until_next(wall_ms), async move {
            Box::pin(this.look()).await;
        });
        let slot = slots.at(wall_ms).max(0) as u64;
        if slot == looked.slot || member.choice.get().paused {
            return Ok(());
        }
        self.looked.set(Some(Looked { slot, ..looked }));
        let key = member.key("slot");
        member.host.write(vec![stored(key, &Looked { slot, ..looked })], true).await?;
        self.by_the_clock().await
    }

    /// Where this device's slots begin is drawn once, and outlives what the user erases.
    async fn looked(&self) -> Result<Looked> {
        if let Some(looked) = self.looked.get() {
            return Ok(looked);
        }
        let kept = read(self.member.host.read(self.member.key("slot")).await?);
        let looked = match kept {
            Some(kept) => kept,
            None => Looked { offset: self.member.host.draw()?, slot: 0 },
        };
        self.looked.set(Some(looked));
        Ok(looked)
    }

    /// At the caller's moment, and as much later as hides how long it took.
    pub(crate) async fn contribute(self: &Rc<Self>, mark: Mark, caller: &Caller) -> Result<Receipt> {
        self.may_contribute().await?;
        let member = &self.member;
        member.host.done(Effect::Now).await?;
        let start_ms = member.host.running_ms();
        // Nothing is debited for a round that is not open any more.
        member.host.done(Effect::Refresh).await?;
        let done = member.contribute_now(mark, caller, start_ms).await;
        match &done {
            Ok(_) => *member.refused.borrow_mut() = None,
            Err(refusal) if refusal.advice == Some(Advice::Refetch) => _ = member.host.done(Effect::Refresh).await,
            Err(_) => {}
        }
        done
    }

    /// Made now, and sent at a moment of the next hour that is drawn, or in the next session.
    async fn by_the_clock(self: &Rc<Self>) -> Result<()> {
        self.may_contribute().await?;
        let member = &self.member;
        member.host.done(Effect::Now).await?;
        let start_ms = member.host.running_ms();
        member.host.done(Effect::Refresh).await?;
        let made = member.make().await?;
        *member.refused.borrow_mut() = None;
        match made {
            None => Ok(()),
            Some(room) => {
                let span_ms = HOUR_MS.min(room.left_ms as f64 / 2.0);
                self.send_later(start_ms, Window { longest_ms: room.longest_ms as f64, span_ms })
            }
        }
    }

    /// Refuses where it may not.
    async fn may_contribute(self: &Rc<Self>) -> Result<()> {
        self.member.allow()?;
        self.member.lasting()?;
        self.member.anchored(self.member.setup.tokens).await?;
        self.session(self.member.host.running_ms()).await;
        Ok(())
    }

    fn send_later(self: &Rc<Self>, start_ms: f64, window: Window) -> Result<()> {
        let host = &self.member.host;
        let wait = until_drawn(start_ms, window, host.running_ms(), host.draw()?);
        let this = Rc::clone(self);
        self.later(Timer::Send, wait, async move {
            if this.member.choice.get().paused {
                return;
            }
            if let Err(refusal) = this.member.resend().await {
                this.member.failed(refusal);
            }
        });
        Ok(())
    }
}

impl crate::member::Member {
    /// Refuses to spend on a ledger that may be gone tomorrow, with nothing beside it that counts.
    pub(crate) async fn anchored(&self, tokens: bool) -> Result<()> {
        let says = "the browser may delete the ledger, and with it the count of what was spent: have \
                    navigator.storage.persist() granted, give tokens, or set allowEvictable, which the statement then says";
        let stays = self.is_kept().await? || tokens || self.setup.allow_evictable;
        if stays { Ok(()) } else { Err(Refusal::new("storage-evictable", says)) }
    }

    /// Whether the ledger stays until a person removes it.
    pub(crate) async fn is_kept(&self) -> Result<bool> {
        Ok(self.setup.lasting && self.host.ask(Effect::Persisted, Answer::told).await?)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, code};

    #[test]
    fn where_the_ledger_may_be_deleted_tokens_count_or_the_application_answers_for_it_or_nothing_is_contributed() {
        for (kept, tokens, allow, refused) in [
            (true, false, false, None),
            (false, true, false, None),
            (false, false, true, None),
            (false, false, false, Some("storage-evictable")),
        ] {
            let mut bench = Bench::new(|setup| setup.allow_evictable = allow);
            bench.memory.evictable = !kept;
            let anchored = bench.run(move |member| async move { member.anchored(tokens).await });
            assert_eq!(code(anchored).as_deref(), refused, "{kept} {tokens} {allow}");
        }
        let mut bench = Bench::new(|setup| setup.lasting = false);
        let anchored = bench.run(|member| async move { member.anchored(false).await });
        let says = anchored.expect_err("it ends with the page").message.to_string();
        assert!(says.contains("persist()") && says.contains("tokens") && says.contains("allowEvictable"), "{says}");
    }
}
