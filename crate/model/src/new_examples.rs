//! What the next contribution is computed from: the new examples, with all that is not shared standing fixed.

use crate::{
    Head, Learner, Refusal,
    cpu::{ExampleSpan, PlannedSlate, PlannedStep, Shape, StepPlan, StepSettings},
};
use privet_base::{
    Result, stored,
    stored::{Stored, read_all},
};

/// Examples that went into no contribution yet. The personal part, the server's scores and the gate stand fixed in it, so
/// that a gradient is computed from this and the published head alone. It holds what the user did, as the profile does.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExamples {
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

stored!(NewExamples { gate, x, offset, starts, weight });

impl NewExamples {
    /// What is new to a learner under its head, on so much evidence.
    pub fn of(head: &Head, learner: &Learner, evidence: u64) -> Self {
        let d = head.embedding_length();
        let gate = head.gate(evidence);
        let mut new = Self { gate, x: Vec::new(), offset: Vec::new(), starts: vec![0], weight: Vec::new() };
        for example in learner.new_examples() {
            new.x.extend(&example.x);
            new.weight.push(example.weight);
            for row in 0..example.rows() {
                let personal = learner.personal(example.direction(row, d), example.slots(row));
                new.offset.push(example.server[row] + gate * personal);
            }
            new.starts.push(new.offset.len() as u32);
        }
        new
    }

    /// How many examples there are.
    pub fn count(&self) -> usize {
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

    /// What [`NewExamples::encode`] wrote under this head.
    pub fn decode(head: &Head, bytes: &[u8]) -> Result<Self> {
        read_all(bytes).filter(|new: &Self| new.fits(head)).ok_or_else(|| Refusal::StateDamaged.into())
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
    pub(crate) fn step_plan(&self, head: &Head) -> StepPlan {
        let (shape, rows) = (self.shape(head), self.offset.len());
        let f = shape.f as usize;
        let mut plan = StepPlan {
            settings: StepSettings {
                f: shape.f,
                h: shape.h,
                gate: self.gate,
                rate: head.upload.rate,
                plain: 1,
                ..StepSettings::default()
            },
            // Of rows that have none.
            slots: vec![0; rows + 1],
            ..StepPlan::default()
        };
        for (n, (places, &weight)) in self.starts.windows(2).zip(&self.weight).enumerate() {
            plan.examples.push(ExampleSpan { begin: places[0], end: places[1], weight });
            plan.slates.push(PlannedSlate { example: n as u32, work_row: places[0] });
        }
        for (x, offset) in self.x.chunks_exact(f).zip(&self.offset) {
            plan.rows.extend_from_slice(x);
            plan.rows.push(*offset);
        }
        if rows > 0 {
            let all = PlannedStep { begin: 0, count: shape.groups, pull_scale: 0.0, rate_scale: 1.0 };
            plan.steps = vec![all; head.upload.epochs as usize];
        }
        plan.state = head.parameters().to_vec();
        plan.state.resize(3 * head.parameters().len(), 0.0);
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;

    fn head() -> Head {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema")
    }

    fn new_examples() -> NewExamples {
        let x = vec![0.5; 5 * head().shape(0, 0).f as usize];
        NewExamples { gate: 0.25, x, offset: vec![1.0; 5], starts: vec![0, 2, 5], weight: vec![1.0, 2.0] }
    }

    #[test]
    fn what_is_handed_over_is_read_back_bit_for_bit() {
        let read = NewExamples::decode(&head(), &new_examples().encode());
        assert_eq!(read.map(|read| read.encode()), Ok(new_examples().encode()));
    }

    #[test]
    fn what_does_not_fit_together_or_the_head_is_refused() {
        let refused = |bytes: &[u8]| NewExamples::decode(&head(), bytes).err().map(|error| error.code());
        let bytes = new_examples().encode();
        for length in 0..bytes.len() {
            assert_eq!(refused(&bytes[..length]), Some("state-damaged"), "{length}");
        }
        let changes: [fn(&mut NewExamples); 6] = [
            |new| new.x.truncate(1),
            |new| new.offset.push(0.0),
            |new| new.weight.push(0.0),
            |new| new.starts = vec![0, 5, 5],
            |new| new.starts = vec![1, 2, 5],
            |new| new.starts = vec![0, 2, 6],
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut wrong = new_examples();
            change(&mut wrong);
            assert_eq!(refused(&wrong.encode()), Some("state-damaged"), "{n}");
        }
        let other = Head::starting(
            Schema { dense: vec![crate::Dense { name: "age".into(), offset: 0.0, scale: 1.0 }], ..Schema::plain(16) },
            2,
            4.0,
        );
        assert_eq!(
            NewExamples::decode(&other.expect("a plain schema"), &bytes).err(),
            Some(Refusal::StateDamaged.into())
        );
    }
}
