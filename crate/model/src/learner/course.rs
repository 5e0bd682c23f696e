//! What a GPU is given to learn for a learner.

use super::{DAMPING, Learner, drawn, room};
use crate::{
    Example, Head,
    cpu::{Chosen, Course, Net, Span, Turn},
    drift,
    example::SLOTS,
};

impl Learner {
    /// The next of the steps that are owed, at most so many. The course ends where the parameters are that
    /// [`Learner::step`] comes to in as many steps; [`Learner::took`] takes them.
    pub(crate) fn course(&self, head: &Head, most: u32) -> Course {
        let local = head.local;
        let all: Vec<&Example> = self.pool.iter().chain(&self.inbox).collect();
        let (mut from, mut to, mut owed) = (0, self.pool.len(), self.owed);
        let mut course = Course { net: net(head), ..Course::default() };
        for step in self.steps..self.steps + u64::from(most) {
            while owed == 0 && to < all.len() {
                from = from.max((to + 1).saturating_sub(room(all[to].alarm)));
                (to, owed) = (to + 1, local.steps);
            }
            if owed == 0 {
                break;
            }
            owed -= 1;
            let (begin, mut room) = (course.chosen.len() as u32, 0);
            for place in drawn(step, to - from, local.batch) {
                course.chosen.push(Chosen { example: (from + place) as u32, room });
                room += all[from + place].rows() as u32;
            }
            let (count, share) = (course.chosen.len() as u32 - begin, 1.0 / (to - from) as f32);
            course.turns.push(Turn { begin, count, share, faster: drift::learning(all[to - 1].alarm) });
        }
        lay(&mut course, &all[..to], head);
        let zeros = core::iter::repeat_n(&0.0, self.personal.len());
        let values = self.theta.iter().chain(&self.personal).chain(&self.theta_squares).chain(&self.personal_squares);
        course.state = values.chain(head.parameters()).chain(zeros).copied().collect();
        course
    }
}

fn net(head: &Head) -> Net {
    let (shape, local) = (head.shape(0, 0), head.local);
    Net {
        f: shape.f,
        h: shape.h,
        d: head.embedding_length() as u32,
        values: SLOTS as u32,
        gate: 1.0,
        damping: DAMPING,
        rate: local.rate,
        pull: local.pull,
        personal_rate: local.personal_rate,
        personal_pull: local.personal_pull,
        plain: 0,
    }
}

fn lay(course: &mut Course, examples: &[&Example], head: &Head) {
    let (f, d) = (head.shape(0, 0).f as usize, head.embedding_length());
    let mut slots = Vec::new();
    let rows: usize = examples.iter().map(|example| example.rows()).sum();
    let mut begin = 0;
    for example in examples {
        for row in 0..example.rows() {
            course.rows.extend_from_slice(&example.x[row * f..][..f]);
            course.rows.extend_from_slice(example.direction(row, d));
            course.rows.push(example.server[row]);
            course.slots.push((rows + 1 + slots.len()) as u32);
            slots.extend(example.slots(row).iter().map(|&slot| u32::from(slot)));
        }
        let end = begin + example.rows() as u32;
        course.examples.push(Span { begin, end, weight: example.weight });
        begin = end;
    }
    course.slots.push((rows + 1 + slots.len()) as u32);
    course.slots.extend(slots);
}
