//! A refusal by any part of a device, or by a server, as a caller hears of it.

use std::borrow::Cow;

/// What a server says that a device should do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Send the same again later.
    Retry,
    /// Look which round is open: this upload is good for nothing any more.
    Refetch,
    /// Give this upload up.
    Stop,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable: callers match on this.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
    /// A server's advice, where one said it.
    pub advice: Option<Advice>,
    /// The status of a server's answer; 0 where nobody answered, or nobody was asked.
    pub status: u16,
}

impl Refusal {
    /// One of this device's own.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), advice: None, status: 0 }
    }

    /// Whether the server has refused for good. Only its own word is.
    pub fn is_for_good(&self) -> bool {
        matches!(self.advice, Some(Advice::Refetch | Advice::Stop))
    }
}

impl From<privet_base::Error> for Refusal {
    fn from(error: privet_base::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
