//! The one way out of a device: debit, noise, store, send, each step durable before the next. The core decides what a step is;
//! here is who may ask for one, and in which order.

use privet_effects::{Answer, Effect, Mark, Refusal, Result};
use privet_release::{Contributor, Fate, Unsent, Upload};
use privet_wire::Signed;

use crate::{
    machine::{Caller, Stage},
    member::{Leader, Made, Member, Receipt, name},
    records::{Answered, Asked, Sending, read, stored},
    slots::{Window, until_drawn},
};

/// By the clock, a round that is open for less than this is left to those who have been before.
const LEAST_LEFT_MS: u64 = 600_000;

/// How long the round is open, and how long the work before a release may take on a slow device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) longest_ms: u64,
    pub(crate) left_ms: u64,
}

impl Member {
    /// One contribution at a time over all tabs. A call that was begun before, by a tab that is gone, is not debited again.
    pub(crate) async fn contribute_now(&self, mark: Mark, caller: &Caller, start_ms: f64) -> Result<Receipt> {
        let _alone = self.alone().await?;
        // It reads the ledger anew: another tab may have done what this call is asked for again.
        let earlier = self.unsent().await?;
        if let Some(begun) = self.begun(&mark).await? {
            return Ok(begun);
        }
        caller.still_waits()?;
        self.allow()?;
        let entry = (self.entries().await?.len() - usize::from(earlier.is_some())) as u32;
        self.host.write(vec![stored(self.key("asked"), &Asked { mark, entry })], true).await?;
        if let Some(earlier) = earlier {
            return self.send(earlier, caller).await;
        }
        let Room { longest_ms, .. } = self.room().await?;
        self.enough(2 * longest_ms).await?;
        let upload = self.release(caller).await?;
        let longest_ms = longest_ms as f64;
        let window = Window { longest_ms, span_ms: longest_ms };
        let wait = until_drawn(start_ms, window, self.host.running_ms(), self.host.draw()?);
        self.host.unless(|| caller.gave_up(), self.host.pass(wait)).await?;
        self.send(upload, caller).await
    }

    /// The next one, to be sent later, and how long that may be; nothing where one waits to be sent already.
    pub(crate) async fn make(&self) -> Result<Option<Room>> {
        let _alone = self.alone().await?;
        if self.unsent().await?.is_some() {
            return Ok(None);
        }
        let room = self.room().await?;
        self.allow()?;
        self.enough(2 * room.longest_ms + LEAST_LEFT_MS).await?;
        self.release(&Caller::nobody()).await?;
        Ok(Some(room))
    }

    /// What was finished and never answered goes out again, as it is.
    pub(crate) async fn resend(&self) -> Result<()> {
        let _alone = self.alone().await?;
        if let Some(unsent) = self.unsent().await? {
            self.send(unsent, &Caller::nobody()).await?;
        }
        Ok(())
    }

    async fn room(&self) -> Result<Room> {
        let wall_ms = self.host.wall_ms();
        self.in_turn(|contributor| Room {
            longest_ms: contributor.longest_ms(),
            left_ms: contributor.round().deadline_s.saturating_mul(1000).saturating_sub(wall_ms),
        })
        .await
    }

    /// A round that ends before anything could be sent to it is not worth a debit.
    async fn enough(&self, least_ms: u64) -> Result<()> {
        let Room { left_ms, .. } = self.room().await?;
        let says = || format!("the round ends in {left_ms} ms, and to send something may take {least_ms} ms");
        if left_ms >= least_ms { Ok(()) } else { Err(Refusal::new("round-over", says())) }
    }

    /// What has become of a call that a tab made before, if it has come to a debit.
    async fn begun(&self, mark: &Mark) -> Result<Option<Receipt>> {
        let asked = read::<Asked>(self.host.read(self.key("asked")).await?).filter(|asked| asked.mark == *mark);
        let Some(Asked { entry, .. }) = asked else { return Ok(None) };
        let entry = self.entries().await?.into_iter().nth(entry as usize);
        let Some(entry) = entry.filter(|entry| entry.fate != Fate::Ready) else { return Ok(None) };
        let id = privet_base::hex(&entry.debit.id);
        let sending = self.sendings().await?.into_iter().rfind(|sending| sending.id == id);
        match sending {
            Some(Sending { round, id, bytes, answer, .. }) if entry.fate == Fate::Sent => {
                let progress = answer.and_then(|answer| answer.progress).unwrap_or_default();
                let rho = entry.debit.cost.trusted.rho();
                Ok(Some(Receipt { round, id, bytes, rho, progress, made: Made::default(), send_ms: 0.0 }))
            }
            sending => {
                let code = sending.and_then(|sending| sending.answer?.code);
                let says = "the tab that contributed was closed before it was done";
                Err(Refusal::new(code.unwrap_or_else(|| "reservation-lost".into()), says))
            }
        }
    }

    /// Debits durably, and only then draws noise; stores what is finished, and only then lets it be sent.
    async fn release(&self, caller: &Caller) -> Result<Unsent> {
        match self.token_terms().await? {
            Some(terms) => self.has_token(&terms).await?,
            // Tokens count only where they are wanted.
            None => self.anchored(false).await?,
        }
        self.step(&mut Contributor::tick).await?;
        let id = self.host.random()?;
        self.step(&mut |contributor, stored, now_ms| contributor.reserve(stored, id, now_ms)).await?;
        caller.hears(Stage::Reserved);
        self.noise().await?;
        self.step(&mut |contributor, stored, _| contributor.ready(stored)).await?;
        caller.hears(Stage::Ready);
        self.host.done(Effect::KeepProfile).await?;
        let says = "the finished upload is not in the store";
        self.unsent().await?.ok_or_else(|| Refusal::new("reservation-lost", says))
    }

    /// Gradient, clip, noise. In one turn: what is recorded meanwhile is not in it.
    async fn noise(&self) -> Result<()> {
        let _turn = self.turn().await?;
        let (descended, examples, gradient_ms) = self.descended().await?;
        let start_ms = self.host.running_ms();
        let contribution = self.with(|contributor| contributor.contribute(&descended))?;
        self.host.done(Effect::Contributed).await?;
        let made = Made { examples, gradient_ms, release_ms: self.host.running_ms() - start_ms };
        let id = privet_base::hex(&contribution.id);
        *self.made.borrow_mut() = Some((id.clone(), made));
        self.noised.borrow_mut().push((id, contribution.noised));
        Ok(())
    }

    /// Sends what is stored, to the task that it was made for, and stores the answer.
    async fn send(&self, upload: Unsent, caller: &Caller) -> Result<Receipt> {
        let (id, debit) = (name(&upload), &upload.debit);
        self.host.done(Effect::Now).await?;
        let start_ms = self.host.running_ms();
        let token = self.token_for(&id).await?;
        caller.still_waits()?;
        let url = place(self.allow()?, &debit.task, debit.round, &id);
        let mut sending = Sending {
            time: self.host.wall_ms(),
            url: url.clone(),
            task: debit.task.clone(),
            round: debit.round,
            id: id.clone(),
            bytes: upload.bytes.clone(),
            token: token.is_some(),
            signed: self.signed_for(&upload.bytes),
            answer: None,
        };
        let key = self.log_sending(&sending).await?;
        let put = self.host.ask(Effect::Upload { url, bytes: upload.bytes.clone(), token }, Answer::acknowledged);
        let progress = match self.host.unless(|| caller.gave_up(), put).await {
            Ok(progress) => progress,
            Err(refusal) => {
                let code = refusal.code.to_string();
                let answer = Answered { status: refusal.status.into(), code: Some(code.clone()), progress: None };
                sending.answer = Some(answer);
                self.log_answer(key, &sending).await?;
                if refusal.is_for_good() {
                    self.step(&mut |contributor, stored, _| contributor.refused(stored, upload.debit.id, &code))
                        .await?;
                    self.forget_token(&id).await?;
                }
                return Err(refusal);
            }
        };
        sending.answer = Some(Answered { status: 200, code: None, progress: Some(progress) });
        self.log_answer(key, &sending).await?;
        self.step(&mut |contributor, stored, _| contributor.sent(stored, upload.debit.id)).await?;
        self.forget_token(&id).await?;
        caller.hears(Stage::Sent);
        let made = self.made.borrow().as_ref().filter(|(of, _)| *of == id).map(|(_, made)| *made);
        Ok(Receipt {
            round: debit.round,
            rho: debit.cost.trusted.rho(),
            id,
            bytes: upload.bytes,
            progress,
            made: made.unwrap_or_default(),
            send_ms: self.host.running_ms() - start_ms,
        })
    }

    /// The round at hand, where these bytes were made for that one.
    fn signed_for(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let signed = &self.published.borrow().round;
        let round = Signed::decode(signed).ok()?.verify_round(&self.setup.terms.pins).ok()?;
        Upload::decode(bytes, &round).ok().map(|_| signed.clone())
    }

    /// Out of the stock once for each upload, and kept until that is answered.
    async fn token_for(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let key = self.token_key(id);
        if let Some(kept) = self.host.read(key.clone()).await? {
            return Ok(Some(kept));
        }
        match self.token_terms().await? {
            Some(terms) => self.take_token(&terms, key).await.map(Some),
            None => Ok(None),
        }
    }

    async fn forget_token(&self, id: &str) -> Result<()> {
        self.host.write(vec![(self.token_key(id), None)], false).await
    }

    fn token_key(&self, id: &str) -> String {
        self.key(&format!("token/{id}"))
    }
}

/// Where an upload goes.
fn place(leader: &Leader, task: &str, round: u32, id: &str) -> String {
    let base = leader.url.trim_end_matches('/');
    format!("{base}/v1/tasks/{}/rounds/{round}/uploads/{id}", escaped(task))
}

/// A task's name as one part of an address: as JavaScript's `encodeURIComponent` has it.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_one_that_javascript_makes() {
        let leader = Leader { url: "https://a.example//".into(), one_owner: false };
        let escaped = "a%20b%2Fc-_.!~*'()%C3%A9%25";
        let url = place(&leader, "a b/c-_.!~*'()é%", 7, "00ff");
        assert_eq!(url, format!("https://a.example/v1/tasks/{escaped}/rounds/7/uploads/00ff"));
    }
}
