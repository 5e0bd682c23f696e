//! What the log holds: what was on the screen, and what the user did.

use privet_base::stored::Stored;
use privet_decide::running::DEPTH;
use privet_model::{Event, Item, Moment, Schema};

/// What is to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// All about the item of this key.
    Item(u64),
    /// All about items with this value of the attribute at this place.
    Attribute(u16, u64),
    /// All from the first of these milliseconds until before the second.
    Time(u64, u64),
}

impl Selector {
    pub(super) fn meets(self, item: &Item) -> bool {
        match self {
            Self::Item(key) => item.key == key,
            Self::Attribute(place, value) => item.attributes.contains(&(place, value)),
            Self::Time(..) => false,
        }
    }

    fn spans(self, ms: u64) -> bool {
        matches!(self, Self::Time(from, to) if (from..to).contains(&ms))
    }
}

/// One thing that the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// The key of the item that it was done with.
    pub item: u64,
    /// The place of the event's kind in the schema.
    pub kind: u16,
    /// When, in milliseconds since 1970.
    pub ms: u64,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    /// What the user did.
    Event {
        event: Event,
        /// When the slate was made that it names: its items were counted as seen when that was shown.
        slate_ms: Option<u64>,
        contributed: bool,
    },
    /// What was shown together, the first place first.
    Slate { items: Vec<Item>, moment: Moment },
}

impl Entry {
    /// An event that names no slate.
    pub(super) fn plain(event: Event) -> Self {
        Self::Event { event, slate_ms: None, contributed: false }
    }

    /// The items that it is about.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        let (one, many) = match self {
            Self::Event { event, .. } => (Some(&event.item), &event.others),
            Self::Slate { items, .. } => (None, items),
        };
        one.into_iter().chain(many)
    }

    /// What was done; nothing where it was a showing.
    pub(super) fn action(&self) -> Option<Action> {
        let Self::Event { event, .. } = self else { return None };
        Some(Action { item: event.item.key, kind: event.kind, ms: event.moment.ms })
    }

    /// When it was, and when the slate was made that it names: what is forgotten of either time takes it along.
    pub(super) fn times(&self) -> impl Iterator<Item = u64> {
        let (ms, slate_ms) = match self {
            Self::Event { event, slate_ms, .. } => (event.moment.ms, *slate_ms),
            Self::Slate { moment, .. } => (moment.ms, None),
        };
        core::iter::once(ms).chain(slate_ms)
    }

    /// Takes away what the selector names; whether anything is left.
    pub(super) fn forget(&mut self, selector: Selector) -> bool {
        let in_span = self.times().any(|ms| selector.spans(ms));
        match self {
            Self::Event { event, .. } => {
                event.others.retain(|item| !selector.meets(item));
                !selector.meets(&event.item) && !in_span
            }
            Self::Slate { items, .. } => {
                items.retain(|item| !selector.meets(item));
                !items.is_empty() && !in_span
            }
        }
    }

    pub(super) fn fits(&self, schema: &Schema) -> bool {
        match self {
            Self::Event { event, .. } => event.check(schema).is_ok(),
            Self::Slate { items, .. } => fit(items, schema),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> u64 {
        (64 + self.items().map(Item::size).sum::<usize>()) as u64
    }
}

impl Stored for Entry {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Event { event, slate_ms, contributed } => {
                false.write(to);
                event.write(to);
                slate_ms.write(to);
                contributed.write(to);
            }
            Self::Slate { items, moment } => {
                true.write(to);
                items.write(to);
                moment.write(to);
            }
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(from)? {
            Self::Slate { items: Stored::read(from)?, moment: Stored::read(from)? }
        } else {
            let event = Stored::read(from)?;
            Self::Event { event, slate_ms: Stored::read(from)?, contributed: Stored::read(from)? }
        })
    }
}

/// Whether they can be the items of a slate.
pub(super) fn fit(items: &[Item], schema: &Schema) -> bool {
    (1..=DEPTH).contains(&items.len()) && items.iter().all(|item| item.check(schema).is_ok())
}
