//! A refusal by any part of a device, or by a server, as a caller hears of it.

use std::{borrow::Cow, ops::Deref};

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

/// Why something was not done. It is small, because nearly everything may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Said>);

/// What is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
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
        Self(Box::new(Said { code: code.into(), message: message.into(), advice: None, status: 0 }))
    }

    /// The same, as a server said it.
    #[must_use]
    pub fn by_a_server(mut self, advice: Option<Advice>, status: u16) -> Self {
        (self.0.advice, self.0.status) = (advice, status);
        self
    }

    /// Whether the server has refused for good. Only its own word is.
    pub fn is_for_good(&self) -> bool {
        matches!(self.0.advice, Some(Advice::Refetch | Advice::Stop))
    }
}

impl Deref for Refusal {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl From<privet_base::Error> for Refusal {
    fn from(error: privet_base::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
