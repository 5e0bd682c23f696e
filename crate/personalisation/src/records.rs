//! What is kept in the store beside the profile's snapshot.

use privet_base::{
    cbor,
    stored::{Stored, read_all},
};
use privet_effects::Mark;
use privet_model::{Item, Moment};

/// What the user did, with the schema's name for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// The name of its kind.
    pub kind: String,
    /// What it was done with. On a slate that is known its key is enough.
    pub item: Item,
    /// The number that it carries, where its kind has one.
    pub value: f32,
    /// The slate that the item was on.
    pub slate: Option<u32>,
    /// When.
    pub moment: Moment,
}

/// What the user agreed to. Nothing is, until it is said.
#[expect(clippy::struct_excessive_bools, reason = "four things that a user says, each a yes or a no")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// To remember what is done here, to learn from it on this device, and to order by it.
    pub personalise: bool,
    /// To contribute noised gradients.
    pub contribute: bool,
    /// Nothing of either for the time being.
    pub paused: bool,
    /// It was erased while the ledger's half could not be loaded: what that has finished is given up before anything else.
    pub erased: bool,
}

cbor!(Settings { personalise, contribute, paused, erased });

/// A line of the journal: an act, and the call that it came with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) act: Act,
    pub(crate) mark: Mark,
}

impl Stored for Line {
    fn write(&self, to: &mut Vec<u8>) {
        let Self { act: Act { kind, item, value, slate, moment }, mark: Mark { tab, call } } = self;
        write_text(kind, to);
        item.write(to);
        value.write(to);
        slate.write(to);
        moment.write(to);
        write_text(tab, to);
        call.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (kind, item, value) = (read_text(from)?, Stored::read(from)?, Stored::read(from)?);
        let act = Act { kind, item, value, slate: Stored::read(from)?, moment: Stored::read(from)? };
        Some(Self { act, mark: Mark { tab: read_text(from)?, call: Stored::read(from)? } })
    }
}

fn write_text(text: &str, to: &mut Vec<u8>) {
    (text.len() as u32).write(to);
    to.extend_from_slice(text.as_bytes());
}

fn read_text(from: &mut &[u8]) -> Option<String> {
    String::from_utf8(Stored::read(from)?).ok()
}

impl Line {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        read_all(bytes)
    }
}

/// Each tab's last call that is in the profile, the latest last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Marks(pub(crate) Vec<Mark>);

cbor!(Marks(marks));
