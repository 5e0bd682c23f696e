//! What can happen to a world.

use privet_base::Draws;

/// How many items there are to act on.
pub(crate) const ITEMS: u32 = 8;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asks {
    /// With this item.
    Record(u32),
    Rerank,
    /// The slate that was made last.
    Shown,
    ForgetItem(u32),
    /// All that happened until now.
    ForgetTime,
    Import(Vec<u8>),
    Keep,
    Consent(bool, bool),
    Pause(bool),
    Refresh,
    Erase,
    GivenUp,
}

/// Something that happens to a world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// One of the answers that wait is told.
    Tell(u32),
    Ask(Asks),
    /// The last call is asked again, because nobody heard an answer.
    Again,
    /// Whoever leads is gone, and another tab leads.
    Crash,
    /// Everything is gone that was not durable.
    LosePower,
    /// Another round with another head is open.
    NextRound,
    /// The next write fails.
    Full,
    /// Whether the leader answers.
    Silent(bool),
}

impl Step {
    /// Any, the likelier the more ordinary.
    pub(crate) fn drawn(draws: &mut Draws) -> Self {
        let any = draws.below(1 << 16);
        match draws.below(100) {
            0..50 => Self::Tell(any),
            50..66 => Self::Ask(Asks::Record(any % ITEMS)),
            66..70 => Self::Ask(Asks::Rerank),
            70..74 => Self::Ask(Asks::Shown),
            74..76 => Self::Ask(Asks::ForgetItem(any % ITEMS)),
            76 => Self::Ask(Asks::ForgetTime),
            77 => Self::Ask(Asks::Import(Vec::new())),
            78 => Self::Ask(Asks::Keep),
            79..83 => Self::Ask(Asks::Consent(!any.is_multiple_of(8), any.is_multiple_of(2))),
            83 => Self::Ask(Asks::Pause(any.is_multiple_of(3))),
            84 => Self::Ask(Asks::Refresh),
            85 => Self::Ask(Asks::Erase),
            86..89 => Self::Again,
            89..93 => Self::Crash,
            93 => Self::LosePower,
            94 => Self::NextRound,
            95..97 => Self::Full,
            _ => Self::Silent(any.is_multiple_of(2)),
        }
    }
}
