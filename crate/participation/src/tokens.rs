//! Blind tokens in stock: asked for ahead, some at once, at a moment that has nothing to do with any upload, and left to rest
//! before they are used. So who signs them for an account cannot tell which upload one of them came with.

use privet_effects::{Answer, Effect, Refusal, Result};

use crate::{
    member::Member,
    records::{Stock, Token, read, stored},
};

/// So many are asked for at once,
const BATCH: u32 = 4;
/// where no more than this are left.
const LOW: usize = 1;
/// How long signatures are waited for.
const PATIENCE_MS: f64 = 30_000.0;

/// What a round that wants tokens says of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TokenTerms {
    /// Whose: a modulus.
    pub(crate) key: Vec<u8>,
    /// What is signed for one, with zeros in the place of its nonce.
    pub(crate) blank: Vec<u8>,
}

impl Member {
    /// What the round says of tokens, if it wants any.
    pub(crate) async fn token_terms(&self) -> Result<Option<TokenTerms>> {
        self.in_turn(|contributor| {
            let key = contributor.round().token_key?.to_vec();
            Some(TokenTerms { key, blank: contributor.token_context()?.message(&[0; 32]).to_vec() })
        })
        .await
    }

    /// Refuses where there is no token that a contribution could go with: before anything is debited.
    pub(crate) async fn has_token(&self, terms: &TokenTerms) -> Result<()> {
        let stock = self.stock(terms).await?;
        self.rested(&stock).map(|_| ()).ok_or_else(missing)
    }

    /// A token for the upload that is known by this key of the store: it is stored there, and no more in stock.
    pub(crate) async fn take_token(&self, terms: &TokenTerms, key: String) -> Result<Vec<u8>> {
        let mut stock = self.stock(terms).await?;
        let Token { token, .. } = stock.tokens.remove(self.rested(&stock).ok_or_else(missing)?);
        // When the next ones are asked for is drawn: it says nothing of when this one is sent.
        if stock.tokens.len() <= LOW {
            stock.again_ms = stock.again_ms.max(self.host.wall_ms() + self.rest()?);
        }
        self.host.write(vec![(key, Some(token.clone())), stored(self.key("tokens"), &stock)], true).await?;
        Ok(token)
    }

    /// Asks for some where few are left and it is time; where few are left then, how long until it is time again.
    pub(crate) async fn refill(&self, terms: &TokenTerms) -> Result<Option<u64>> {
        let mut stock = self.stock(terms).await?;
        let now_ms = self.host.wall_ms();
        if stock.tokens.len() > LOW {
            return Ok(None);
        }
        // A clock that was set back keeps nobody waiting for longer than the longest rest.
        let wait = stock.again_ms.saturating_sub(now_ms);
        if wait > 0 && wait <= self.longest_rest_ms() {
            return Ok(Some(wait));
        }
        // Before anybody is asked: where a page is closed meanwhile, or nothing is given, nobody is asked again at once.
        stock.again_ms = now_ms + self.rest()?;
        self.host.write(vec![stored(self.key("tokens"), &stock)], true).await?;
        let from_ms = now_ms + self.rest()?;
        let made = self.signed(terms).await?.into_iter().map(|token| Token { token, from_ms });
        // What was taken meanwhile stays taken.
        let mut filled = Stock { tokens: self.stock(terms).await?.tokens, ..stock };
        filled.tokens.extend(made);
        self.host.write(vec![stored(self.key("tokens"), &filled)], true).await?;
        Ok((filled.tokens.len() <= LOW).then(|| filled.again_ms.saturating_sub(self.host.wall_ms())))
    }

    /// A session does not wait for a backend that hangs.
    async fn signed(&self, TokenTerms { key, blank }: &TokenTerms) -> Result<Vec<Vec<u8>>> {
        let effect = Effect::Tokens { key: key.clone(), blank: blank.clone(), count: BATCH };
        let tokens = self.host.within(PATIENCE_MS, self.host.ask(effect, Answer::tokens)).await?;
        tokens.ok_or_else(|| Refusal::new("token-missing", "nobody signed the tokens in time"))
    }

    /// Those that were made for other terms are good for nothing.
    async fn stock(&self, TokenTerms { blank, .. }: &TokenTerms) -> Result<Stock> {
        let stock = read::<Stock>(self.host.read(self.key("tokens")).await?);
        let new = || Stock { blank: blank.clone(), tokens: Vec::new(), again_ms: 0 };
        Ok(stock.filter(|stock| stock.blank == *blank).unwrap_or_else(new))
    }

    fn rested(&self, stock: &Stock) -> Option<usize> {
        let now_ms = self.host.wall_ms();
        let has_rested = |from_ms: u64| from_ms <= now_ms || from_ms - now_ms > self.longest_rest_ms();
        stock.tokens.iter().position(|token| has_rested(token.from_ms))
    }

    /// Tokens rest for a time that is drawn, up to this.
    fn longest_rest_ms(&self) -> u64 {
        self.setup.terms.policy.wait_ms
    }

    /// From a twenty-fourth to the whole of the longest rest.
    fn rest(&self) -> Result<u64> {
        let longest = self.longest_rest_ms() as f64;
        Ok((longest / 24.0 * (1.0 + 23.0 * self.host.draw()?)).ceil() as u64)
    }
}

fn missing() -> Refusal {
    Refusal::new("token-missing", "the round wants a token, and none has rested: they are asked for ahead")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, DAY_MS, code};

    fn terms() -> TokenTerms {
        TokenTerms { key: vec![7; 256], blank: vec![1, 2, 3] }
    }

    fn refill(bench: &mut Bench) -> Result<Option<u64>> {
        bench.run(|member| async move { member.refill(&terms()).await })
    }

    fn take(bench: &mut Bench, key: &'static str) -> Result<Vec<u8>> {
        bench.run(move |member| async move { member.take_token(&terms(), key.into()).await })
    }

    fn ready(bench: &mut Bench) -> Option<String> {
        code(bench.run(|member| async move { member.has_token(&terms()).await }))
    }

    #[test]
    fn four_are_asked_for_at_once_rest_and_are_used_once_each_and_the_next_are_asked_for_ahead() {
        let mut bench = Bench::new(|_| ());
        bench.issuer = vec![Some(Ok(4)), Some(Ok(4))];
        assert_eq!(ready(&mut bench).as_deref(), Some("token-missing"));
        assert_eq!(refill(&mut bench), Ok(None));
        assert_eq!(ready(&mut bench).as_deref(), Some("token-missing"), "they rest");
        bench.memory.wall_ms += DAY_MS / 24 - 1;
        assert_eq!(code(take(&mut bench, "task/token/0")).as_deref(), Some("token-missing"));
        bench.memory.wall_ms += DAY_MS;
        assert_eq!(ready(&mut bench), None);
        let taken = ["task/token/1", "task/token/2", "task/token/3"].map(|key| take(&mut bench, key).expect("rested"));
        assert!(taken[0] != taken[1] && taken[1] != taken[2] && taken[0] != taken[2]);
        assert_eq!(bench.memory.durable("task/token/3"), Some(&taken[2][..]), "it is the upload's before it is sent");
        // One is left: the moment of the next batch was drawn when the last but one was taken.
        let wait = refill(&mut bench).expect("nobody is asked").expect("few are left");
        assert!((DAY_MS / 24..=DAY_MS).contains(&wait), "{wait}");
        assert_eq!(bench.asked, 1);
        bench.memory.wall_ms += wait;
        assert_eq!(refill(&mut bench), Ok(None));
        assert_eq!(bench.asked, 2);
    }

    #[test]
    fn an_issuer_that_gives_fewer_nothing_or_no_answer_is_not_asked_again_at_once() {
        let down = || Some(Err(Refusal::new("worker-failed", "down")));
        for (given, left) in [(Some(Ok(1)), 1), (Some(Ok(0)), 0), (down(), 0), (None, 0)] {
            let mut bench = Bench::new(|_| ());
            bench.issuer = vec![given, Some(Ok(0))];
            let begins_ms = bench.memory.wall_ms;
            _ = refill(&mut bench);
            let passed = bench.memory.wall_ms - begins_ms;
            assert!(passed <= PATIENCE_MS as u64, "a session does not wait for a backend that hangs: {passed}");
            let wait = refill(&mut bench).expect("nobody is asked").expect("few are left");
            assert!((DAY_MS / 24 - passed..=DAY_MS).contains(&wait), "{wait}");
            assert_eq!(bench.asked, 1);
            bench.memory.wall_ms += DAY_MS;
            assert_eq!(ready(&mut bench).is_none(), left == 1);
            _ = refill(&mut bench);
            assert_eq!(bench.asked, 2);
        }
    }

    #[test]
    fn a_signature_of_another_key_is_told_and_nothing_of_it_is_kept() {
        let mut bench = Bench::new(|_| ());
        bench.issuer = vec![Some(Err(Refusal::new("token-refused", "not signed by the issuer that the round names")))];
        assert_eq!(code(refill(&mut bench)).as_deref(), Some("token-refused"));
        bench.memory.wall_ms += DAY_MS;
        assert_eq!(ready(&mut bench).as_deref(), Some("token-missing"));
    }

    #[test]
    fn tokens_for_other_terms_are_good_for_nothing() {
        let mut bench = Bench::new(|setup| setup.terms.policy.wait_ms = 0);
        bench.issuer = vec![Some(Ok(4))];
        assert_eq!(refill(&mut bench), Ok(None));
        assert_eq!(ready(&mut bench), None);
        let others = TokenTerms { blank: vec![9], ..terms() };
        let refused = bench.run(|member| async move { member.has_token(&others).await });
        assert_eq!(code(refused).as_deref(), Some("token-missing"));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_waiting_for_longer_than_the_longest_rest() {
        let mut bench = Bench::new(|_| ());
        bench.issuer = vec![Some(Ok(4)), Some(Ok(4))];
        assert_eq!(refill(&mut bench), Ok(None));
        bench.memory.wall_ms -= 300 * DAY_MS;
        assert_eq!(ready(&mut bench), None, "they would rest for a year");
    }
}
