//! Which round and head it ranks by, and how the profile comes back under them.

use std::rc::Rc;

use privet_base::{cbor::decode, hex};
use privet_effects::{Answer, DEVICE, Effect, Reply, Result};
use privet_model::Head;
use privet_ranker::Ranker;
use privet_terms::Admitted;

use crate::{machine::Inner, records::Act};

/// By these the leader cannot be reached, or has nothing yet: what was published last stands.
const SILENT: [&str; 2] = ["server-unreachable", "round-pending"];

/// A round as it was published and signed (no bytes: none), and the head that it names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Published {
    /// The round.
    pub round: Vec<u8>,
    /// The head.
    pub head: Vec<u8>,
    /// The round as it was verified.
    admitted: Option<Admitted>,
}

impl Inner {
    pub(crate) async fn open(&self) -> Result<()> {
        // All of it is asked for at once: whoever opens waits for all.
        let fetching = self.setup.takes_part && self.prefetched.borrow().is_none();
        let round = fetching.then(|| self.host.ask(Effect::FetchRound, Answer::bytes));
        let [head, settings] = ["head", "settings"].map(|name| self.host.read(self.key(name)));
        let profile = self.journal.ask(&self.host);
        let before = head.await.ok().flatten();
        let published = self.first_published(round, before.clone()).await?;
        let anew = before.is_some_and(|before| before != published.head);
        self.install(Rc::new(published), false).await?;
        if let Some(settings) = settings.await.ok().flatten().and_then(|bytes| decode(&bytes).ok()) {
            self.chosen(settings);
        }
        let mut load = |snapshot: &[u8]| {
            let taken = self.with(|ranker| if anew { ranker.adopt(snapshot) } else { ranker.import(snapshot) })?;
            Ok(taken?)
        };
        let found = profile.found().await;
        let restored = self.journal.restore(found, &mut load, &mut |act: Act| self.apply(&act));
        self.restored.set(restored);
        if self.journal.damaged().is_some() {
            // What was read before the damage was found is not used.
            let published = Rc::clone(&self.published.borrow());
            self.install(published, false).await?;
        }
        // A store that is full is no reason not to rank.
        if anew {
            _ = self.keep(None).await;
        }
        _ = self.keep_published().await;
        Ok(())
    }

    /// What is published now; where nobody answers, what was published last; where nothing was, the application's head.
    async fn first_published(
        &self,
        round: Option<Reply<Option<Vec<u8>>>>,
        before: Option<Vec<u8>>,
    ) -> Result<Published> {
        if !self.setup.takes_part {
            return self.own().await;
        }
        let refusal = match self.fetched(round, before.clone()).await {
            Ok(published) => return Ok(published),
            Err(refusal) if SILENT.contains(&&*refusal.code) => refusal,
            Err(refusal) => return Err(refusal),
        };
        *self.refused.borrow_mut() = Some(refusal.code.to_string());
        let round = self.host.read(self.key("round")).await.ok().flatten();
        if let (Some(round), Some(head)) = (round, before) {
            return self.admitted(round, head);
        }
        let own = self.own().await?;
        if own.head.is_empty() { Err(refusal) } else { Ok(own) }
    }

    /// The head that the application brings: it vouches for that, and there is no round.
    async fn own(&self) -> Result<Published> {
        let head = self.host.ask(Effect::OwnHead, Answer::bytes).await?.unwrap_or_default();
        Ok(Published { round: Vec::new(), head, admitted: None })
    }

    fn admitted(&self, round: Vec<u8>, head: Vec<u8>) -> Result<Published> {
        let admitted = if round.is_empty() { None } else { Some(self.setup.terms.admit(&round)?) };
        Ok(Published { round, head, admitted })
    }

    /// The open round, verified, and its head: one of those at hand where the round names it.
    pub(crate) async fn fetched(
        &self,
        round: Option<Reply<Option<Vec<u8>>>>,
        before: Option<Vec<u8>>,
    ) -> Result<Published> {
        let prefetched = self.prefetched.take();
        let (round, admitted) = match (round, prefetched) {
            (Some(round), _) => {
                let round = round.await?.unwrap_or_default();
                let admitted = self.setup.terms.admit(&round)?;
                (round, admitted)
            }
            (None, Some(prefetched)) => prefetched,
            (None, None) => return self.own().await,
        };
        let hash = admitted.round().head;
        let known = [Some(self.published.borrow().head.clone()), before].into_iter().flatten();
        let head = match known.into_iter().find(|head| Head::hash(head) == hash) {
            Some(head) => head,
            None => self.host.ask(Effect::FetchHead(hex(&hash)), Answer::bytes).await?.unwrap_or_default(),
        };
        Ok(Published { round, head, admitted: Some(admitted) })
    }

    /// A ranker for this round and head takes the place of the one before, with its profile if so wished.
    pub(crate) async fn install(&self, published: Rc<Published>, keeps: bool) -> Result<()> {
        let _turn = self.host.lock(DEVICE).await?;
        let mut ranker = Ranker::new(published.admitted.clone(), self.setup.terms.policy, &published.head)?;
        if keeps && let Err(error) = ranker.adopt(&self.with(|ranker| ranker.export())?) {
            self.journal.damage(error.code());
        }
        *self.ranker.borrow_mut() = Some(ranker);
        *self.published.borrow_mut() = published;
        self.host.tell(Effect::Published);
        Ok(())
    }

    /// What to start from when nobody answers.
    pub(crate) async fn keep_published(&self) -> Result<()> {
        if !self.settings.get().personalise {
            return Ok(());
        }
        let published = Rc::clone(&self.published.borrow());
        let Published { round, head, .. } = &*published;
        let changes = vec![(self.key("round"), Some(round.clone())), (self.key("head"), Some(head.clone()))];
        self.host.write(changes, false).await
    }
}
