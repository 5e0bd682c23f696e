//! What the next contribution is computed from: the new examples, with all that is not shared standing fixed.

use crate::{
    Head, Learner,
    cpu::{Chosen, Course, Net, Shape, Span, Turn},
};
use privet_base::{
    Error, Result, stored,
    stored::{Stored, read_all},
};

/// Examples that went into no contribution yet. The personal part, the server's scores and the gate stand fixed in it, so
/// that a gradient is computed from this and the published head alone. It holds what the user did, as the profile does.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    /// How far the gate is open.
    pub(crate) gate: f32,
    /// The features of every item (rows, features).
    pub(crate) x: Vec<f32>,
    /// What is not shared of each item's score.
    pub(crate) offset: Vec<f32>,
    /// Where each example's items begin (examples + 1).
    pub(crate) starts: Vec<u32>,
    /// How much each example counts.
    pub(crate) weight: Vec<f32>,
}

stored!(Fresh { gate, x, offset, starts, weight });

impl Fresh {
    /// What is new to a learner under its head, on so much evidence.
    pub fn of(head: &Head, learner: &Learner, evidence: u64) -> Self {
        let d = head.embedding_length();
        let gate = head.gate(evidence);
        let mut fresh = Self { gate, x: Vec::new(), offset: Vec::new(), starts: vec![0], weight: Vec::new() };
        for example in learner.fresh() {
            fresh.x.extend(&example.x);
            fresh.weight.push(example.weight);
            for row in 0..example.rows() {
                let personal = learner.personal(example.direction(row, d), example.slots(row));
                fresh.offset.push(example.server[row] + gate * personal);
            }
            fresh.starts.push(fresh.offset.len() as u32);
        }
        fresh
    }

    /// How many examples there are.
    pub fn examples(&self) -> usize {
        self.weight.len()
    }

    /// The sizes under this head.
    pub(crate) fn shape(&self, head: &Head) -> Shape {
        head.shape(self.offset.len() as u32, self.weight.len() as u32)
    }

    /// The bytes that one module of a device hands to the other. They stay there.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// What [`Fresh::encode`] wrote under this head.
    pub fn decode(head: &Head, bytes: &[u8]) -> Result<Self> {
        read_all(bytes).filter(|fresh: &Self| fresh.fits(head)).ok_or(Error::StateDamaged)
    }

    /// Whether all sizes agree: what was written under a head of other features does not.
    fn fits(&self, head: &Head) -> bool {
        let rows = self.offset.len();
        self.x.len() == rows * head.shape(0, 0).f as usize
            && self.starts.len() == self.weight.len() + 1
            && self.starts[0] == 0
            && self.starts.is_sorted_by(|a, b| a < b)
            && self.starts[self.weight.len()] as usize == rows
    }

    /// The descent over all of it, a step an epoch.
    pub(crate) fn course(&self, head: &Head) -> Course {
        let (shape, rows) = (self.shape(head), self.offset.len());
        let f = shape.f as usize;
        let mut course = Course {
            net: Net { f: shape.f, h: shape.h, gate: self.gate, rate: head.upload.rate, plain: 1, ..Net::default() },
            // Of rows that have none.
            slots: vec![0; rows + 1],
            ..Course::default()
        };
        for (n, (places, &weight)) in self.starts.windows(2).zip(&self.weight).enumerate() {
            course.examples.push(Span { begin: places[0], end: places[1], weight });
            course.chosen.push(Chosen { example: n as u32, room: places[0] });
        }
        for (x, offset) in self.x.chunks_exact(f).zip(&self.offset) {
            course.rows.extend_from_slice(x);
            course.rows.push(*offset);
        }
        if rows > 0 {
            let all = Turn { begin: 0, count: shape.groups, share: 0.0, faster: 1.0 };
            course.turns = vec![all; head.upload.epochs as usize];
        }
        course.state = head.parameters().to_vec();
        course.state.resize(3 * head.parameters().len(), 0.0);
        course
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;

    fn head() -> Head {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema")
    }

    fn fresh() -> Fresh {
        let x = vec![0.5; 5 * head().shape(0, 0).f as usize];
        Fresh { gate: 0.25, x, offset: vec![1.0; 5], starts: vec![0, 2, 5], weight: vec![1.0, 2.0] }
    }

    #[test]
    fn what_is_handed_over_is_read_back_bit_for_bit() {
        let read = Fresh::decode(&head(), &fresh().encode());
        assert_eq!(read.map(|read| read.encode()), Ok(fresh().encode()));
    }

    #[test]
    fn what_does_not_fit_together_or_the_head_is_refused() {
        let refused = |bytes: &[u8]| Fresh::decode(&head(), bytes).err().map(|error| error.code());
        let bytes = fresh().encode();
        for length in 0..bytes.len() {
            assert_eq!(refused(&bytes[..length]), Some("state-damaged"), "{length}");
        }
        let changes: [fn(&mut Fresh); 6] = [
            |fresh| fresh.x.truncate(1),
            |fresh| fresh.offset.push(0.0),
            |fresh| fresh.weight.push(0.0),
            |fresh| fresh.starts = vec![0, 5, 5],
            |fresh| fresh.starts = vec![1, 2, 5],
            |fresh| fresh.starts = vec![0, 2, 6],
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut wrong = fresh();
            change(&mut wrong);
            assert_eq!(refused(&wrong.encode()), Some("state-damaged"), "{n}");
        }
        let other = Head::starting(
            Schema { dense: vec![crate::Dense { name: "age".into(), offset: 0.0, scale: 1.0 }], ..Schema::plain(16) },
            2,
            4.0,
        );
        assert_eq!(Fresh::decode(&other.expect("a plain schema"), &bytes).err(), Some(Error::StateDamaged));
    }
}
