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

/// Reads a token and its signature in hexadecimal, and refuses one that the backend of this key has not signed for this
/// round.
pub(crate) fn verify_token(key: &[u8; 32], task: &str, round: u32, text: Option<&str>) -> Result<Token> {
    let bytes: [u8; 96] = text.and_then(unhex).ok_or(Error::TokenRefused)?;
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
        let text = |token: [u8; 32]| hex(&[&token[..], &sign_token(&backend, "demo", 3, &token)].concat());
        let (key, fine) = (backend.public(), text([1; 32]));
        assert_eq!(verify_token(&key, "demo", 3, Some(&fine)), Ok([1; 32]));
        let other = format!("02{}", &fine[2..]);
        for refused in [
            verify_token(&key, "demo", 3, None),
            verify_token(&key, "demo", 3, Some(&fine[2..])),
            verify_token(&key, "demo", 3, Some(&other)),
            verify_token(&key, "demo", 4, Some(&fine)),
            verify_token(&key, "other", 3, Some(&fine)),
            verify_token(&[9; 32], "demo", 3, Some(&fine)),
        ] {
            assert_eq!(refused, Err(Error::TokenRefused));
        }
    }
}
