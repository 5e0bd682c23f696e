//! Blind tokens: a device's right to one upload, which says nothing of who it is. Either aggregator verifies it by itself.

use privet::{Pins, Result, Round, TokenContext, unhex};
use ring::signature::{RSA_PSS_2048_8192_SHA384, RsaPublicKeyComponents};
use sha2::{Digest, Sha256};

use crate::Refusal;

/// A token that was verified: 32 bytes that are accepted once.
pub type Token = [u8; 32];

/// The bytes of a token as they travel in an upload's header, in hexadecimal.
pub(crate) fn token_bytes(text: Option<&str>) -> Result<Vec<u8>> {
    let bytes: [u8; TokenContext::TOKEN] = text.and_then(unhex).ok_or(Refusal::TokenRefused)?;
    Ok(bytes.to_vec())
}

/// Refuses a token that the round's issuer has not signed for this task at these aggregators. What it is known by is the
/// hash of what was signed: of one message there may be several signatures, and they are one token.
pub fn verify_token(round: &Round, pins: &Pins, bytes: &[u8]) -> Result<Token> {
    let key = round.token_key.as_ref().ok_or(Refusal::TokenRefused)?;
    let context = TokenContext::of(round, pins).ok_or(Refusal::TokenRefused)?;
    let (message, signature) = context.parts(bytes).ok_or(Refusal::TokenRefused)?;
    let issuer = RsaPublicKeyComponents { n: &key[..], e: &[1, 0, 1][..] };
    let verified = issuer.verify(&RSA_PSS_2048_8192_SHA384, message, signature);
    verified.map(|()| Sha256::digest(message).into()).map_err(|_| Refusal::TokenRefused.into())
}

#[cfg(test)]
mod tests {
    use privet::{Mode, Operator, TokenKey, hex};
    use ring::{rand::SystemRandom, signature::RSA_PSS_SHA384};
    use serde_json::Value;

    use super::*;
    use crate::{IssuerKey, Task};

    const PINS: Pins = Pins { leader: [1; 32], helper: Some([2; 32]) };

    fn round(key: TokenKey) -> Round {
        let (task, _) = Task::demo(Mode::Split, 100).expect("it is fine");
        let operator = || Operator::new("someone", [0; 32]);
        Round { token_key: Some(key), ..task.round(1, [0; 32], 1, operator(), Some(operator())) }
    }

    #[test]
    fn a_token_is_of_its_issuer_for_its_task_at_its_aggregators_in_any_round() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, two] = ["one", "two"].map(|name| {
            let path = folder.path().join(name);
            let public = IssuerKey::open(&path).expect("it can be made").public();
            (public, std::fs::read(path).expect("it is there"))
        });
        let round = round(one.0);
        let token = |issuer: &(TokenKey, Vec<u8>), round: &Round, pins: &Pins, nonce: u8| {
            let message = TokenContext::new(&issuer.0, &round.task, pins).message(&[nonce; 32]);
            let (pair, mut signature) = (ring::rsa::KeyPair::from_pkcs8(&issuer.1).expect("our own"), [0; 256]);
            pair.sign(&RSA_PSS_SHA384, &SystemRandom::new(), &message, &mut signature).expect("it signs");
            [&message[..], &signature].concat()
        };
        let fine = token(&one, &round, &PINS, 7);
        let known = verify_token(&round, &PINS, &fine);
        assert!(known.is_ok());
        assert_eq!(verify_token(&Round { number: 9, ..round.clone() }, &PINS, &fine), known, "another round");
        assert_eq!(verify_token(&round, &PINS, &token(&one, &round, &PINS, 7)), known, "signed twice, and one token");
        assert_ne!(verify_token(&round, &PINS, &token(&one, &round, &PINS, 8)), known);
        let (other, elsewhere) = (Round { task: "other".into(), ..round.clone() }, Pins { leader: [3; 32], ..PINS });
        let mut forged = token(&one, &round, &PINS, 9);
        forged[2] ^= 1;
        for (refused, why) in [
            (token(&two, &round, &PINS, 9), "another issuer's"),
            (token(&one, &other, &PINS, 9), "another task's"),
            (token(&one, &round, &elsewhere, 9), "for other aggregators"),
            (forged, "another nonce than was signed"),
            (fine[..353].to_vec(), "cut"),
            (vec![], "none"),
        ] {
            assert_eq!(verify_token(&round, &PINS, &refused), Err(Refusal::TokenRefused.into()), "{why}");
        }
        assert_eq!(verify_token(&Round { token_key: None, ..round }, &PINS, &fine), Err(Refusal::TokenRefused.into()));
        assert_eq!(token_bytes(Some(&hex(&fine))), Ok(fine.clone()));
        for text in [None, Some(""), Some(&hex(&fine[1..])), Some(&hex(&fine).to_uppercase())] {
            assert_eq!(token_bytes(text), Err(Refusal::TokenRefused.into()));
        }
    }

    #[test]
    fn the_rfcs_tokens_are_verified_as_ours_are() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/token.json")).expect("JSON");
        let bytes = |value: &Value| -> Vec<u8> {
            let (pairs, _) = value.as_str().expect("hexadecimal").as_bytes().as_chunks::<2>();
            pairs.iter().map(|pair| unhex::<1>(std::str::from_utf8(pair).expect("ASCII")).expect("digits")[0]).collect()
        };
        let tokens = vectors["tokens"].as_array().expect("a list");
        assert_eq!(tokens.len(), 5);
        for vector in tokens {
            let (spki, token) = (bytes(&vector["key"]), bytes(&vector["token"]));
            let key: TokenKey = spki[81..337].try_into().expect("2,048 bits");
            let (message, signature) = token.split_at(TokenContext::MESSAGE);
            let issuer = RsaPublicKeyComponents { n: &key[..], e: &[1, 0, 1][..] };
            assert!(issuer.verify(&RSA_PSS_2048_8192_SHA384, message, signature).is_ok());
            // Ours differs in its challenge alone: type and key stand there as the RFC has them.
            let ours = TokenContext::new(&key, "news", &PINS).message(message[2..34].try_into().expect("32 bytes"));
            assert_eq!((&ours[..34], &ours[66..]), (&message[..34], &message[66..]));
            assert_eq!(Sha256::digest(bytes(&vector["challenge"]))[..], message[34..66]);
            assert_eq!(Sha256::digest(spki)[..], message[66..]);
        }
    }
}
