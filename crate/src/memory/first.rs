//! Exports of version 1: CBOR maps by the names of fields, of which the log is the first. No more than that is read.

use super::entry::Entry;
use crate::{Event, Item, Moment, cbor};

cbor!(Item { key, score, embedding, dense, attributes });
cbor!(Moment { ms, offset_min });
cbor!(Event { kind, item, value, moment, position, others });

struct Logged {
    event: Event,
    contributed: bool,
}
cbor!(Logged { event, contributed });

/// The log of an export's body.
pub(super) fn log_from(mut body: &[u8]) -> Option<Vec<Entry>> {
    cbor::read_head(cbor::MAP, &mut body)?;
    let log: Vec<Logged> = cbor::read_named("log", &mut body)?;
    let entry = |Logged { event, contributed }| Entry::Event { event, slate_ms: None, contributed };
    Some(log.into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode;

    struct Body {
        log: Vec<Logged>,
        bytes: u64,
    }
    cbor!(Body { log, bytes });

    fn thing(key: u64) -> Item {
        Item {
            key,
            score: -0.5,
            embedding: vec![1.5; 30],
            dense: vec![f32::MIN],
            attributes: vec![(300, key), (0, 23)],
        }
    }

    fn body(offset_min: i16) -> Vec<u8> {
        let moment = Moment { ms: 1 << 33, offset_min };
        let event = Event {
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
