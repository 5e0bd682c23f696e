//! What a GPU is given to learn for a learner.

use super::{DAMPING, Learner, drawn, pool_size};
use crate::{
    Example, Head,
    cpu::{ExampleSpan, Net, PlannedSlate, PlannedStep, StepPlan},
    drift,
    example::SLOTS,
};

impl Learner {
    /// The next of the steps that are owed, at most so many. The plan ends where the parameters are that
    /// [`Learner::step`] comes to in as many steps; [`Learner::take_back`] takes them.
    pub(crate) fn step_plan(&self, head: &Head, most: u32) -> StepPlan {
        let local = head.local;
        let all: Vec<&Example> = self.pool.iter().chain(&self.inbox).collect();
        let (mut from, mut to, mut owed) = (0, self.pool.len(), self.owed);
        let mut plan = StepPlan { net: net(head), ..StepPlan::default() };
        for step in self.steps..self.steps + u64::from(most) {
            while owed == 0 && to < all.len() {
                from = from.max((to + 1).saturating_sub(pool_size(all[to].alarm)));
                (to, owed) = (to + 1, local.steps);
            }
            if owed == 0 {
                break;
            }
            owed -= 1;
            let (begin, mut work_row) = (plan.slates.len() as u32, 0);
            for place in drawn(step, to - from, local.batch) {
                plan.slates.push(PlannedSlate { example: (from + place) as u32, work_row });
                work_row += all[from + place].rows() as u32;
            }
            let (count, share) = (plan.slates.len() as u32 - begin, 1.0 / (to - from) as f32);
            plan.steps.push(PlannedStep {
                begin,
                count,
                pull_scale: share,
                rate_scale: drift::rate_factor(all[to - 1].alarm),
            });
        }
        lay(&mut plan, &all[..to], head);
        let zeros = core::iter::repeat_n(&0.0, self.personal.len());
        let values = self.theta.iter().chain(&self.personal).chain(&self.theta_squares).chain(&self.personal_squares);
        plan.state = values.chain(head.parameters()).chain(zeros).copied().collect();
        plan
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

fn lay(plan: &mut StepPlan, examples: &[&Example], head: &Head) {
    let (f, d) = (head.shape(0, 0).f as usize, head.embedding_length());
    let mut slots = Vec::new();
    let rows: usize = examples.iter().map(|example| example.rows()).sum();
    let mut begin = 0;
    for example in examples {
        for row in 0..example.rows() {
            plan.rows.extend_from_slice(&example.x[row * f..][..f]);
            plan.rows.extend_from_slice(example.direction(row, d));
            plan.rows.push(example.server[row]);
            plan.slots.push((rows + 1 + slots.len()) as u32);
            slots.extend(example.slots(row).iter().map(|&slot| u32::from(slot)));
        }
        let end = begin + example.rows() as u32;
        plan.examples.push(ExampleSpan { begin, end, weight: example.weight });
        begin = end;
    }
    plan.slots.push((rows + 1 + slots.len()) as u32);
    plan.slots.extend(slots);
}
