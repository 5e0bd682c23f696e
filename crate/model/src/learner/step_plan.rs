//! What a GPU is given to learn for a learner.

use super::{DAMPING, Learner, drawn};
use crate::{
    Example, Head,
    cpu::{ExampleSpan, PlannedSlate, PlannedStep, StepPlan, StepSettings},
    drift,
    example::SLOTS,
};

impl Learner {
    /// The next of the steps that are owed, at most so many. The plan ends where the parameters are that
    /// [`Learner::step`] comes to in as many steps; [`Learner::take_back`] takes them.
    pub(crate) fn step_plan(&self, head: &Head, most: u32) -> StepPlan {
        let local = head.local;
        let mut schedule = self.schedule;
        let mut plan = StepPlan { settings: settings(head), ..StepPlan::default() };
        while plan.steps.len() < most as usize {
            let alarm = |place: usize| self.examples[place].alarm;
            let Some(step) = schedule.next(head, alarm, self.examples.len()) else { break };
            let (from, pool) = (schedule.from, schedule.to - schedule.from);
            let (begin, mut work_row) = (plan.slates.len() as u32, 0);
            for place in drawn(step, pool, local.batch) {
                plan.slates.push(PlannedSlate { example: (from + place) as u32, work_row });
                work_row += self.examples[from + place].rows() as u32;
            }
            let (count, pull_scale) = (plan.slates.len() as u32 - begin, 1.0 / pool as f32);
            let rate_scale = drift::rate_factor(alarm(schedule.to - 1));
            plan.steps.push(PlannedStep { begin, count, pull_scale, rate_scale });
        }
        lay(&mut plan, self.examples.range(..schedule.to), head);
        let zeros = core::iter::repeat_n(&0.0, self.personal.len());
        let values = self.theta.iter().chain(&self.personal).chain(&self.theta_squares).chain(&self.personal_squares);
        plan.state = values.chain(head.parameters()).chain(zeros).copied().collect();
        plan
    }
}

fn settings(head: &Head) -> StepSettings {
    let (shape, local) = (head.shape(0, 0), head.local);
    StepSettings {
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

fn lay<'a>(plan: &mut StepPlan, examples: impl Iterator<Item = &'a Example> + Clone, head: &Head) {
    let (f, d) = (head.shape(0, 0).f as usize, head.embedding_length());
    let mut slots = Vec::new();
    let rows: usize = examples.clone().map(Example::rows).sum();
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
