//! What a host can be asked for, and what it can say.

use privet_base::cbor;

use crate::{Refusal, Result};

/// By this an effect is answered. They rise, and none is given twice by one machine.
pub type Id = u32;

/// What is to be written: bytes, or nothing where a key is to go. All of it or nothing.
pub type Changes = Vec<(String, Option<Vec<u8>>)>;

/// The half that ranks is one caller's at a time: this lock is one tab's own, and every other is shared by all of them.
pub const DEVICE: &str = "device";

/// Idempotency key: tab id and call number. The same one twice is one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The tab.
    pub tab: String,
    /// Its call's number; they rise.
    pub call: u32,
}

cbor!(Mark { tab, call });

/// What the user chose, as far as contributing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// To contribute.
    pub contribute: bool,
    /// To pause.
    pub paused: bool,
}

impl Choice {
    /// Whom a device may contribute to: only while its user agrees, and where somebody is named.
    pub fn allow<Leader>(self, named: Option<Leader>) -> Result<Leader> {
        let refusal = |code, message| Err(Refusal::new(code, message));
        match (named, self) {
            (None, _) => refusal("not-taking-part", "no aggregators are named"),
            (_, Self { contribute: false, .. }) => refusal("consent-missing", "the user has not agreed to contribute"),
            (_, Self { paused: true, .. }) => refusal("paused", "this personalizer is paused"),
            (Some(leader), _) => Ok(leader),
        }
    }
}

/// When an input came, and random bytes to draw from while it is handled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// The clock of the wall, in milliseconds since 1970: people set it.
    pub wall_ms: u64,
    /// A clock that only goes forwards, in milliseconds since any time.
    pub running_ms: f64,
    /// From the platform's source; nothing where it has none.
    pub random: Option<[u8; 32]>,
}

/// What the host is to do. Each is answered once, but for those that say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// What is stored under this key: [`Answer::Bytes`].
    Read(String),
    /// The keys that begin so, in their order: [`Answer::Keys`].
    Keys(String),
    /// [`Answer::Done`] when it is written; with `durable`, when it is on disk and not only in a cache.
    Write {
        /// What.
        changes: Changes,
        /// Whether it has to outlive a crash of the machine.
        durable: bool,
    },
    /// [`Answer::Done`] when nobody else who has this store open holds the lock of this name.
    Lock(&'static str),
    /// Gives back the lock that this effect took. Not answered.
    Unlock(Id),
    /// [`Answer::Done`] after so long.
    Timer {
        /// In milliseconds.
        ms: f64,
        /// Whether somebody's call waits for it; else it is no reason to keep a process alive.
        awaited: bool,
    },
    /// [`Answer::Done`], at once: the moment of the answer is what is asked for.
    Now,
    /// Nobody waits for this effect any more: it may be left undone. Not answered.
    Cancel(Id),
    /// Whether the store stays until a person removes it: [`Answer::Told`].
    Persisted,
    /// A `PUT` of an upload to this address: [`Answer::Acknowledged`]. A refusal by the server carries its advice and status.
    Upload {
        /// Where to.
        url: String,
        /// Exactly what is sent.
        bytes: Vec<u8>,
        /// A token of the application's issuer.
        token: Option<Vec<u8>>,
    },
    /// Blinds so many messages, each the blank with random bytes in the place of its nonce, has the application's issuer
    /// sign them, and holds the signatures to the key: [`Answer::Tokens`], all or the first of them.
    Tokens {
        /// The issuer's key: a modulus.
        key: Vec<u8>,
        /// What is signed for one, with zeros in the place of its nonce.
        blank: Vec<u8>,
        /// How many.
        count: u32,
    },
    /// Where a descent over these new examples ends: [`Answer::Descended`]. It is computed by what the host has for it.
    Descend(Vec<u8>),
    /// The half of the device that ranks is asked for the examples since the last contribution: [`Answer::Bytes`].
    NewExamples,
    /// It is told that those were contributed: [`Answer::Done`].
    Contributed,
    /// It stores the profile as it is: [`Answer::Done`].
    KeepProfile,
    /// It looks which round is open, and takes it. [`Answer::Done`] when what is published then was told.
    Refresh,
    /// All but the ledger goes: [`Answer::Done`] when it has.
    Clear,
    /// What the leader publishes as the open round, as it is signed: [`Answer::Bytes`].
    FetchRound,
    /// The head of this hash, in hexadecimal: [`Answer::Bytes`]. What comes is compared with the hash by the one who asked.
    FetchHead(String),
    /// The head that the application brings: [`Answer::Bytes`], none where it brings none.
    OwnHead,
    /// The half of the device that contributes gives up what it has finished: [`Answer::Done`], at once where it has no ledger.
    GiveUp,
    /// It is told to go by another round and head: those that the half that ranks has now. Not answered.
    Published,
    /// It is told what the user chose. Not answered.
    Chosen(Choice),
    /// It is told that the user had something forgotten. Not answered.
    Forgotten,
}

/// What becomes of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// What was read; nothing where nothing is stored.
    Bytes(Option<Vec<u8>>),
    /// The keys.
    Keys(Vec<String>),
    /// Whether it is so.
    Told(bool),
    /// Where a descent has ended.
    Descended(Descended),
    /// Tokens, each its message and the signature over that.
    Tokens(Vec<Vec<u8>>),
    /// The server holds the upload.
    Acknowledged {
        /// How many uploads it holds for the round.
        count: u32,
        /// How many there have to be before the sum is opened.
        min_cohort: u32,
    },
}

impl Answer {
    /// What was read.
    pub fn bytes(self) -> Option<Option<Vec<u8>>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Done => Some(None),
            _ => None,
        }
    }

    pub(crate) fn keys(self) -> Option<Vec<String>> {
        if let Self::Keys(keys) = self { Some(keys) } else { None }
    }

    /// Whether it is so.
    pub fn told(self) -> Option<bool> {
        if let Self::Told(told) = self { Some(told) } else { None }
    }

    /// Where a descent ends.
    pub fn descended(self) -> Option<Descended> {
        if let Self::Descended(descended) = self { Some(descended) } else { None }
    }

    /// Tokens.
    pub fn tokens(self) -> Option<Vec<Vec<u8>>> {
        if let Self::Tokens(tokens) = self { Some(tokens) } else { None }
    }

    /// How many uploads the server holds, and how many there have to be.
    pub fn acknowledged(self) -> Option<(u32, u32)> {
        if let Self::Acknowledged { count, min_cohort } = self { Some((count, min_cohort)) } else { None }
    }
}

/// Where a descent has ended: parameters of this device's own. They have no bytes, and are not shown by `Debug`.
#[derive(Clone, PartialEq)]
pub struct Descended(pub Vec<f32>);

impl core::fmt::Debug for Descended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} parameters", self.0.len())
    }
}
