//! Blind tokens: a right to one upload that cannot be traced to whom it was given. RFC 9578, publicly verifiable, which is
//! blind RSA (RFC 9474) with keys of 2,048 bits.
//!
//! What an issuer signs is blinded; here is what it signs then, and under which context. Nothing in that is chosen for one
//! device: the challenge is of the keys that the application pins and of the task's name, and the issuer's key stands in
//! the round, which both aggregators sign.

use sha2::{Digest, Sha256};

use crate::{Pins, Round, TokenKey};

/// The type of a publicly verifiable token.
const TYPE: [u8; 2] = [0, 2];
/// An issuer is known by its key alone: this stands in the place of a host's name.
const ISSUER: &[u8] = b"privet";

/// What all tokens of one issuer for one task at one pair of aggregators share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenContext {
    challenge: [u8; 32],
    key: [u8; 32],
}

impl TokenContext {
    /// A token's length: its message, and the signature over that.
    pub const TOKEN: usize = Self::MESSAGE + 256;
    /// The length of what is signed.
    pub const MESSAGE: usize = 98;

    /// Of this round's issuer, if it has one. A round's number is no part of it, and a helper's key is where it has a helper.
    pub fn of(round: &Round, pins: &Pins) -> Option<Self> {
        let pins = Pins { helper: pins.helper.filter(|_| round.helper.is_some()), ..*pins };
        round.token_key.as_ref().map(|key| Self::new(key, &round.task, &pins))
    }

    /// Of the issuer of this key, for the task of this name, at the aggregators of these identities.
    pub fn new(key: &TokenKey, task: &str, pins: &Pins) -> Self {
        Self { challenge: Sha256::digest(challenge(task, pins)).into(), key: Sha256::digest(spki(key)).into() }
    }

    /// What the issuer signs for a token of this nonce.
    pub fn message(&self, nonce: &[u8; 32]) -> [u8; Self::MESSAGE] {
        let parts = [&TYPE[..], nonce, &self.challenge, &self.key].concat();
        parts.try_into().expect("2, and three times 32")
    }

    /// The message and the signature of a token, if it is one of this context.
    pub fn parts<'a>(&self, token: &'a [u8]) -> Option<(&'a [u8; Self::MESSAGE], &'a [u8])> {
        let (message, signature) = token.split_first_chunk()?;
        let nonce = message[2..].first_chunk().expect("a message is longer than a nonce");
        (token.len() == Self::TOKEN && self.message(nonce) == *message).then_some((message, signature))
    }
}

/// A `TokenChallenge` (RFC 9577, 2.1). Tokens are fetched ahead, so it holds nothing of a round.
fn challenge(task: &str, pins: &Pins) -> Vec<u8> {
    let helper = pins.helper.as_ref().map_or(&[][..], |key| key);
    let place = Sha256::digest([b"privet token v1\0", &pins.leader[..], helper].concat());
    let mut challenge = Vec::from(TYPE);
    challenge.extend((ISSUER.len() as u16).to_be_bytes());
    challenge.extend(ISSUER);
    challenge.push(place.len() as u8);
    challenge.extend(place);
    challenge.extend((task.len() as u16).to_be_bytes());
    challenge.extend(task.as_bytes());
    challenge
}

/// The key as RFC 9578, 6.5 has it: RSASSA-PSS with SHA-384, MGF1 with SHA-384 and 48 bytes of salt, in DER.
fn spki(key: &TokenKey) -> Vec<u8> {
    const BEFORE: [u8; 81] = *b"\x30\x82\x01\x52\
        \x30\x3d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\
        \x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\
        \xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
        \x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\
        \xa2\x03\x02\x01\x30\
        \x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
    [&BEFORE[..], key, b"\x02\x03\x01\x00\x01"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINS: Pins = Pins { leader: [1; 32], helper: Some([2; 32]) };

    #[test]
    fn a_context_is_of_its_issuer_its_task_and_its_aggregators() {
        let context = TokenContext::new(&[0xab; 256], "news", &PINS);
        for other in [
            TokenContext::new(&[0xac; 256], "news", &PINS),
            TokenContext::new(&[0xab; 256], "newt", &PINS),
            TokenContext::new(&[0xab; 256], "news", &Pins { leader: [3; 32], ..PINS }),
            TokenContext::new(&[0xab; 256], "news", &Pins { helper: Some([3; 32]), ..PINS }),
            TokenContext::new(&[0xab; 256], "news", &Pins { helper: None, ..PINS }),
            TokenContext::new(&[0xab; 256], "news", &Pins { leader: [2; 32], helper: Some([1; 32]) }),
        ] {
            assert_ne!(other, context);
            let token = [&other.message(&[7; 32])[..], &[9; 256]].concat();
            assert_eq!(context.parts(&token), None);
        }
    }

    #[test]
    fn what_a_server_chooses_for_a_round_is_no_part_of_its_context() {
        let round = Round { token_key: Some([0xab; 256]), ..Round::split_example() };
        let context = TokenContext::of(&round, &PINS);
        assert_eq!(context, Some(TokenContext::new(&[0xab; 256], &round.task, &PINS)));
        let operator = crate::Operator::new("another", [9; 32]);
        for chosen in [
            Round { number: 77, ..round.clone() },
            Round { deadline_s: 1, head: [9; 32], ..round.clone() },
            Round { n_max: 77_777, min_cohort: 7, delta: 1e-9, ..round.clone() },
            Round { leader: operator.clone(), helper: Some(operator), ..round.clone() },
        ] {
            assert_eq!(TokenContext::of(&chosen, &PINS), context, "it would be a tag");
        }
        assert_eq!(TokenContext::of(&Round { token_key: None, ..round.clone() }, &PINS), None);
        // Alone, a leader has one context, whatever else an application pins.
        let alone = Round { helper: None, ..round };
        assert_eq!(TokenContext::of(&alone, &PINS), TokenContext::of(&alone, &Pins { helper: None, ..PINS }));
        assert_ne!(TokenContext::of(&alone, &PINS), context);
    }

    #[test]
    fn a_token_is_its_message_and_a_signature_and_nothing_more() {
        let context = TokenContext::new(&[0xab; 256], "news", &PINS);
        let message = context.message(&[7; 32]);
        let token = [&message[..], &[9; 256]].concat();
        assert_eq!(context.parts(&token), Some((&message, &[9; 256][..])));
        for place in [0, 1, 34, 65, 66, 97] {
            let mut odd = token.clone();
            odd[place] ^= 1;
            assert_eq!(context.parts(&odd), None, "byte {place}");
        }
        for odd in [&[][..], &token[..97], &token[..353], &[&token[..], &[0]].concat()] {
            assert_eq!(context.parts(odd), None, "{} bytes", odd.len());
        }
    }

    #[test]
    fn the_challenge_is_written_as_the_auth_scheme_has_it() {
        let challenge = challenge("news", &PINS);
        let (before, rest) = challenge.split_at(11);
        assert_eq!(before, b"\0\x02\0\x06privet\x20");
        assert_eq!(&rest[32..], b"\0\x04news");
    }
}
