//! What is kept in the store beside the ledger, each under a key of its own.

use privet_base::{
    cbor,
    cbor::{Cbor, decode, encode},
};
use privet_effects::Mark;

/// Which call asked last, and which of the ledger's entries is its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) mark: Mark,
    pub(crate) entry: u32,
}

cbor!(Asked { mark, entry });

/// Where this device's slots begin, as a part of one, and in which it looked last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Looked {
    pub(crate) offset: f64,
    pub(crate) slot: u64,
}

cbor!(Looked { offset, slot });

/// Tokens in stock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stock {
    /// What these were made for: the messages that were signed, without their nonces.
    pub(crate) blank: Vec<u8>,
    pub(crate) tokens: Vec<Token>,
    /// Nobody is asked again before.
    pub(crate) again_ms: u64,
}

cbor!(Stock { blank, tokens, again_ms });

/// One, and when it may be used first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) token: Vec<u8>,
    pub(crate) from_ms: u64,
}

cbor!(Token { token, from_ms });

/// One request that carried something, and what it was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Milliseconds since 1970.
    pub time: u64,
    /// Where it went.
    pub url: String,
    /// The task that it was made for.
    pub task: String,
    /// The round.
    pub round: u32,
    /// The upload's id in hexadecimal.
    pub id: String,
    /// Exactly what left.
    pub bytes: Vec<u8>,
    /// Whether a token of the application's backend went with it.
    pub token: bool,
    /// The round that it was made for, as it was published and signed; nothing where another was open when it was sent.
    pub signed: Option<Vec<u8>>,
    /// Nothing where the tab was gone before an answer.
    pub answer: Option<Answered>,
}

cbor!(Sending { time, url, task, round, id, bytes, token, signed, answer });

/// What an upload was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The status; 0 where nobody answered.
    pub status: u32,
    /// The code of a refusal.
    pub code: Option<String>,
    /// How many uploads the server held for the round, and how many there had to be.
    pub progress: Option<(u32, u32)>,
}

cbor!(Answered { status, code, progress });

/// The change that stores a record under this key.
pub(crate) fn stored(key: String, record: &impl Cbor) -> (String, Option<Vec<u8>>) {
    (key, Some(encode(record)))
}

/// A record as it was stored; what cannot be read is as good as nothing: no privacy rests on it.
pub(crate) fn read<T: Cbor>(bytes: Option<Vec<u8>>) -> Option<T> {
    decode(&bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_anything_else_is_nothing() {
        let answer = Some(Answered { status: 409, code: Some("round-over".into()), progress: None });
        let (url, task, id) = ("https://a/v1".to_owned(), "feed".to_owned(), "ab".to_owned());
        let sending =
            Sending { time: 7, url, task, round: 3, id, bytes: vec![1, 2], token: true, signed: None, answer };
        assert_eq!(read(stored(String::new(), &sending).1), Some(sending));
        let stock = Stock { blank: vec![1], tokens: vec![Token { token: vec![2], from_ms: 5 }], again_ms: 9 };
        assert_eq!(read(stored(String::new(), &stock).1), Some(stock));
        for odd in [None, Some(vec![]), Some(b"{\"mark\":1}".to_vec())] {
            assert_eq!(read::<Asked>(odd), None);
        }
    }
}
