//! Exports of version 1: CBOR maps by the names of fields, of which the log is the first. No more than that is read.

use super::entry::Entry;
use crate::{Event, Item, Moment};

/// The log of an export's body.
pub(super) fn log_from(body: &[u8]) -> Option<Vec<Entry>> {
    let mut fields = Fields(body);
    fields.length(MAP)?;
    fields.name("log")?.list(Fields::entry)
}

/// CBOR's kinds of data, the upper three bits of their first byte (RFC 8949, section 3.1).
const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn entry(&mut self) -> Option<Entry> {
        self.length(MAP)?;
        let event = self.name("event")?.event()?;
        Some(Entry::Event { event, slate_ms: None, contributed: self.name("contributed")?.byte()? == 0xf5 })
    }

    fn event(&mut self) -> Option<Event> {
        self.length(MAP)?;
        let kind = self.name("kind")?.length(NUMBER)? as u16;
        let item = self.name("item")?.item()?;
        let value = self.name("value")?.float()?;
        let moment = self.name("moment")?.moment()?;
        let position = self.name("position")?.length(NUMBER)? as u16;
        Some(Event { kind, item, value, moment, position, others: self.name("others")?.list(Self::item)? })
    }

    fn item(&mut self) -> Option<Item> {
        self.length(MAP)?;
        Some(Item {
            key: self.name("key")?.length(NUMBER)?,
            score: self.name("score")?.float()?,
            embedding: self.name("embedding")?.list(Self::float)?,
            dense: self.name("dense")?.list(Self::float)?,
            attributes: self.name("attributes")?.list(Self::pair)?,
        })
    }

    fn pair(&mut self) -> Option<(u16, u64)> {
        self.length(LIST)?;
        Some((self.length(NUMBER)? as u16, self.length(NUMBER)?))
    }

    fn moment(&mut self) -> Option<Moment> {
        self.length(MAP)?;
        let ms = self.name("ms")?.length(NUMBER)?;
        let offset = self.name("offset_min")?;
        let offset_min = if offset.0.first()? >> 5 == NEGATIVE {
            !(offset.length(NEGATIVE)? as i16)
        } else {
            offset.length(NUMBER)? as i16
        };
        Some(Moment { ms, offset_min })
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.length(LIST)?).map(|_| read(self)).collect()
    }

    fn name(&mut self, name: &str) -> Option<&mut Self> {
        let length = self.length(TEXT)?;
        (length == name.len() as u64 && self.bytes(name.len())? == name.as_bytes()).then_some(self)
    }

    fn float(&mut self) -> Option<f32> {
        let single = self.byte()? == 0xfa;
        single.then_some(f32::from_bits(self.big_endian(4)? as u32))
    }

    /// The number in the head of a datum of this kind.
    fn length(&mut self, kind: u8) -> Option<u64> {
        let first = self.byte()?;
        match first & 31 {
            _ if first >> 5 != kind => None,
            small @ 0..24 => Some(u64::from(small)),
            wide @ 24..28 => self.big_endian(1 << (wide - 24)),
            _ => None,
        }
    }

    fn big_endian(&mut self, length: usize) -> Option<u64> {
        Some(self.bytes(length)?.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    fn bytes(&mut self, length: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::wire::encode;

    #[derive(Serialize)]
    struct Body {
        log: Vec<Logged>,
        bytes: u64,
    }

    #[derive(Serialize)]
    struct Logged {
        event: Acted,
        contributed: bool,
    }

    #[derive(Serialize)]
    struct Acted {
        kind: u16,
        item: Thing,
        value: f32,
        moment: Then,
        position: u16,
        others: Vec<Thing>,
    }

    #[derive(Serialize)]
    struct Thing {
        key: u64,
        score: f32,
        embedding: Vec<f32>,
        dense: Vec<f32>,
        attributes: Vec<(u16, u64)>,
    }

    #[derive(Serialize)]
    struct Then {
        ms: u64,
        offset_min: i16,
    }

    fn thing(key: u64) -> Thing {
        Thing {
            key,
            score: -0.5,
            embedding: vec![1.5; 30],
            dense: vec![f32::MIN],
            attributes: vec![(300, key), (0, 23)],
        }
    }

    fn body(offset_min: i16) -> Vec<u8> {
        let moment = Then { ms: 1 << 33, offset_min };
        let event = Acted {
            kind: 2,
            item: thing(u64::MAX),
            value: 9.0,
            moment,
            position: 70,
            others: vec![thing(24), thing(256)],
        };
        encode(&Body { log: vec![Logged { event, contributed: true }], bytes: 7 })
    }

    #[test]
    fn numbers_of_every_width_and_sign_are_read() {
        for offset_min in [0, 23, 24, 840, i16::MAX, -1, -24, -25, -300, i16::MIN] {
            let log = log_from(&body(offset_min)).expect("the first version's");
            let [Entry::Event { event, slate_ms: None, contributed: true }] = &log[..] else { panic!("{log:?}") };
            assert_eq!((event.kind, event.value, event.position), (2, 9.0, 70));
            assert_eq!(event.moment, Moment { ms: 1 << 33, offset_min });
            for (item, key) in [(&event.item, u64::MAX), (&event.others[0], 24), (&event.others[1], 256)] {
                let attributes = vec![(300, key), (0, 23)];
                let expected = Item { key, score: -0.5, embedding: vec![1.5; 30], dense: vec![f32::MIN], attributes };
                assert_eq!(*item, expected);
            }
        }
    }

    #[test]
    fn what_is_cut_or_named_otherwise_is_refused() {
        let bytes = body(60);
        let log_ends = bytes.len() - 7;
        for length in 0..log_ends {
            assert_eq!(log_from(&bytes[..length]), None, "{length}");
        }
        assert!(log_from(&bytes[..log_ends]).is_some());
        let mut changed = bytes;
        changed[3] = b'x';
        assert_eq!(log_from(&changed), None);
    }
}
