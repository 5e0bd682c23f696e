//! One-time tokens: the application's backend says who may upload, and never learns which upload is whose from them.

use privet::{Error, Identity, Result, unhex, verify_message};

/// A token that was checked: 32 bytes that are accepted once.
pub type Token = [u8; 32];

/// What the backend signs: a token is for one round of one task.
fn message(task: &str, round: u32, token: &Token) -> Vec<u8> {
    [b"token\0", task.as_bytes(), b"\0", &round.to_le_bytes(), token].concat()
}

/// Signs a token, as a backend does.
pub fn sign_token(backend: &Identity, task: &str, round: u32, token: &Token) -> [u8; 64] {
    backend.sign_message(&message(task, round, token))
}

/// The bytes of a token as they travel in an upload's header, in hexadecimal.
pub(crate) fn token_bytes(text: Option<&str>) -> Result<Vec<u8>> {
    let bytes: [u8; 96] = text.and_then(unhex).ok_or(Error::TokenRefused)?;
    Ok(bytes.to_vec())
}

/// Reads a token and its signature, and refuses one that the backend of this key has not signed for this round.
pub(crate) fn verify_token(key: &[u8; 32], task: &str, round: u32, bytes: &[u8]) -> Result<Token> {
    let bytes: &[u8; 96] = bytes.try_into().map_err(|_| Error::TokenRefused)?;
    let (token, signature) = bytes.split_first_chunk::<32>().ok_or(Error::TokenRefused)?;
    let signature = signature.try_into().map_err(|_| Error::TokenRefused)?;
    let verified = verify_message("application", &message(task, round, token), signature, key);
    verified.map(|()| *token).map_err(|_| Error::TokenRefused)
}

#[cfg(test)]
mod tests {
    use privet::hex;

    use super::*;

    #[test]
    fn a_token_is_for_one_round_of_one_task() {
        let backend = Identity::from_seed(&[5; 32]);
        let sent = |token: [u8; 32]| [&token[..], &sign_token(&backend, "demo", 3, &token)].concat();
        let (key, fine) = (backend.public(), sent([1; 32]));
        assert_eq!(verify_token(&key, "demo", 3, &fine), Ok([1; 32]));
        assert_eq!(token_bytes(Some(&hex(&fine))), Ok(fine.clone()));
        assert_eq!(token_bytes(None), Err(Error::TokenRefused));
        let other = [&[2], &fine[1..]].concat();
        for refused in [
            verify_token(&key, "demo", 3, &fine[1..]),
            verify_token(&key, "demo", 3, &other),
            verify_token(&key, "demo", 4, &fine),
            verify_token(&key, "other", 3, &fine),
            verify_token(&[9; 32], "demo", 3, &fine),
        ] {
            assert_eq!(refused, Err(Error::TokenRefused));
        }
    }
}
