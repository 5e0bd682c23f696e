//! What only this device knows of its user: its own copy of the net, and a personal linear part. It never leaves.

mod schedule;
mod step_plan;

use std::collections::VecDeque;

use crate::{Example, Head, Refusal, cpu, drift, example::SLOTS};
use privet_base::{
    Result,
    stored::{Stored, goes_on, read_all},
};
use privet_kernels::{Step, here as kernels};
use schedule::{Schedule, drawn};

/// What a parameter's squared slopes begin with: without it the first steps would be as long for a slope that says
/// nothing as for one that says much.
const DAMPING: f32 = 0.1;

/// Fine-tuning: a queue of examples, and the steps that each of them earns.
///
/// However the work is cut into slices, the kernels come to the same, bit for bit: which step comes next, and what it goes
/// over, is the `Schedule`'s, which knows no clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Learner {
    /// The device's copy of the net.
    theta: Vec<f32>,
    /// Weights of the embedding's entries, then of the slots of attributes' values.
    personal: Vec<f32>,
    theta_squares: Vec<f32>,
    personal_squares: Vec<f32>,
    /// The oldest first: the pool that steps go over, then what waits to be admitted to it.
    examples: VecDeque<Example>,
    schedule: Schedule,
}

impl Stored for Learner {
    fn write(&self, to: &mut Vec<u8>) {
        self.write_up_to(self.examples.len(), to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let [theta, personal] = [Stored::read(from)?, Stored::read(from)?];
        let [theta_squares, personal_squares] = [Stored::read(from)?, Stored::read(from)?];
        let (mut examples, mut waiting) = (VecDeque::read(from)?, VecDeque::read(from)?);
        let pool = examples.len();
        examples.append(&mut waiting);
        let schedule = Schedule { from: 0, to: pool, owed: Stored::read(from)?, steps: Stored::read(from)? };
        Some(Self { theta, personal, theta_squares, personal_squares, examples, schedule })
    }
}

/// Buffers for a step, kept from one to the next.
#[derive(Default)]
pub struct Scratch {
    /// The examples of a batch, one below the other, as [`cpu::listwise`] has them.
    x: Vec<f32>,
    offset: Vec<f32>,
    starts: Vec<u32>,
    weight: Vec<f32>,
    losses: Vec<f32>,
    z: Vec<f32>,
    d: Vec<f32>,
    s: Vec<f32>,
    r: Vec<f32>,
    /// Slopes of the net and of the personal part, and zeros for what that is pulled to.
    g: Vec<f32>,
    personal: Vec<f32>,
    zeros: Vec<f32>,
}

impl Learner {
    /// A device that has learnt nothing: the shared net, and nothing personal.
    pub fn new(head: &Head) -> Self {
        let (shared, personal) = (head.parameters().len(), head.embedding_length() + SLOTS);
        Self {
            theta: head.parameters().to_vec(),
            personal: vec![0.0; personal],
            theta_squares: vec![0.0; shared],
            personal_squares: vec![0.0; personal],
            examples: VecDeque::new(),
            schedule: Schedule::default(),
        }
    }

    /// Takes an example in. Nothing is computed yet.
    pub fn push(&mut self, example: Example) {
        self.examples.push_back(example);
    }

    /// How many steps there are to take.
    pub fn owed(&self, head: &Head) -> u64 {
        let waiting = self.examples.len() - self.schedule.to;
        u64::from(self.schedule.owed) + waiting as u64 * u64::from(head.local.steps)
    }

    /// Takes one step, if one is owed.
    pub fn step(&mut self, head: &Head, scratch: &mut Scratch) -> bool {
        let Some(step) = self.next_step(head) else { return false };
        self.descend(head, step, scratch);
        true
    }

    /// Takes over what somebody else has computed for it: the parameters after so many steps, and the sums of their
    /// squared slopes. Where the sizes are not its own, or so many steps are not owed, nothing changes.
    pub fn take_back(&mut self, head: &Head, steps: u32, state: &[f32]) -> Result<()> {
        let count = self.theta.len() + self.personal.len();
        if state.len() != 2 * count || u64::from(steps) > self.owed(head) || !state.iter().all(|x| x.is_finite()) {
            return Err(Refusal::StateDamaged.into());
        }
        for _ in 0..steps {
            self.next_step(head);
        }
        let mut rest = state;
        for part in [&mut self.theta, &mut self.personal, &mut self.theta_squares, &mut self.personal_squares] {
            let (own, others) = rest.split_at(part.len());
            part.copy_from_slice(own);
            rest = others;
        }
        Ok(())
    }

    /// The next step that is owed, with which what is too old for it leaves the pool.
    fn next_step(&mut self, head: &Head) -> Option<u64> {
        let step = self.schedule.next(head, |place| self.examples[place].alarm, self.examples.len());
        for _ in 0..core::mem::take(&mut self.schedule.from) {
            self.examples.pop_front();
            self.schedule.to -= 1;
        }
        step
    }

    /// The bytes of it, with no more of the examples that wait than so many steps come to.
    pub fn lend(&self, head: &Head, most: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let waiting = most.div_ceil(head.local.steps.max(1)) as usize;
        self.write_up_to(self.examples.len().min(self.schedule.to.saturating_add(waiting)), &mut bytes);
        bytes
    }

    /// All of it but the examples from this place on.
    fn write_up_to(&self, end: usize, to: &mut Vec<u8>) {
        let Self { theta, personal, theta_squares, personal_squares, examples, schedule } = self;
        [theta, personal, theta_squares, personal_squares].iter().for_each(|numbers| numbers.write(to));
        for part in [0..schedule.to, schedule.to..end] {
            (part.len() as u32).write(to);
            examples.range(part).for_each(|example| example.write(to));
        }
        schedule.owed.write(to);
        schedule.steps.write(to);
    }

    /// What [`Learner::lend`] wrote under this head.
    pub(crate) fn lent(head: &Head, bytes: &[u8]) -> Result<Self> {
        read_all(bytes).filter(|learner: &Self| learner.fits(head)).ok_or_else(|| Refusal::StateDamaged.into())
    }

    /// The device's copy of the net.
    pub fn theta(&self) -> &[f32] {
        &self.theta
    }

    /// What the personal part says of an item, by its direction and its slots.
    pub fn personal(&self, direction: &[f32], slots: &[u16]) -> f32 {
        let (embedding, values) = self.personal.split_at(direction.len());
        let valued: f32 = slots.iter().map(|&slot| values[usize::from(slot)]).sum();
        kernels::dot(embedding, direction) + if slots.is_empty() { 0.0 } else { valued / slots.len() as f32 }
    }

    /// The examples that went into no contribution yet, the oldest first.
    pub fn new_examples(&self) -> impl Iterator<Item = &Example> {
        self.examples.iter().filter(|example| !example.contributed)
    }

    /// All of them went into a contribution.
    pub fn contributed(&mut self) {
        self.examples.iter_mut().for_each(|example| example.contributed = true);
    }

    /// Whether its sizes are those of this head.
    pub fn fits(&self, head: &Head) -> bool {
        let (shared, personal) = (head.parameters().len(), head.embedding_length() + SLOTS);
        let fits = |example: &Example| example.fits(head);
        [&self.theta, &self.theta_squares].iter().all(|numbers| numbers.len() == shared)
            && [&self.personal, &self.personal_squares].iter().all(|numbers| numbers.len() == personal)
            && self.examples.iter().all(fits)
            && (self.schedule.owed == 0 || self.schedule.to > 0)
            && goes_on(self.schedule.steps)
    }

    fn descend(&mut self, head: &Head, step: u64, scratch: &mut Scratch) {
        let (local, pool) = (head.local, self.schedule.to);
        let chosen: Vec<usize> = drawn(step, pool, local.batch).collect();
        self.slopes(head, &chosen, scratch);
        // Slopes are means over examples; a pull weighs as much as so many of them.
        let (scale, share) = (1.0 / chosen.len() as f32, 1.0 / pool as f32);
        let faster = drift::rate_factor(self.examples[pool - 1].alarm);
        let step =
            |rate: f32, pull: f32, scale| Step { scale, rate: faster * rate, pull: pull * share, damping: DAMPING };
        let net = step(local.rate, local.pull, 1.0);
        kernels::step(net, &scratch.g, head.parameters(), &mut self.theta, &mut self.theta_squares);
        let linear = step(local.personal_rate, local.personal_pull, scale);
        kernels::step(linear, &scratch.personal, &scratch.zeros, &mut self.personal, &mut self.personal_squares);
    }

    /// Writes the slopes of these examples into the scratch: the net's mean, and the personal part's sum.
    fn slopes(&self, head: &Head, chosen: &[usize], scratch: &mut Scratch) {
        let d = head.embedding_length();
        let examples = || chosen.iter().map(|&place| &self.examples[place]);
        let Scratch { x, offset, starts, weight, losses, z, d: through, s, r, g, personal, zeros } = scratch;
        [&mut *x, offset, weight].into_iter().for_each(Vec::clear);
        starts.clear();
        starts.push(0);
        for example in examples() {
            x.extend_from_slice(&example.x);
            let linear = |i| self.personal(example.direction(i, d), example.slots(i));
            offset.extend(example.server.iter().enumerate().map(|(i, server)| server + linear(i)));
            starts.push(offset.len() as u32);
            weight.push(example.weight);
        }
        let rows = offset.len();
        let shape = head.shape(rows as u32, chosen.len() as u32);
        let (f, h) = (shape.f as usize, shape.h as usize);
        for (numbers, length) in
            [(&mut *z, rows * h), (through, rows * h), (s, rows), (r, rows), (losses, chosen.len())]
        {
            numbers.resize(length, 0.0);
        }
        g.resize(self.theta.len(), 0.0);
        zeros.resize(self.personal.len(), 0.0);
        kernels::forward(f, h, x, &self.theta, z, s);
        cpu::listwise(shape, 1.0, starts, weight, offset, s, r, losses);
        kernels::backward(f, h, 1.0 / chosen.len() as f32, x, &self.theta, z, r, through, g);
        personal.clear();
        personal.resize(self.personal.len(), 0.0);
        let (embedding, values) = personal.split_at_mut(d);
        let rows = examples().flat_map(|example| (0..example.rows()).map(move |i| (example, i)));
        for ((example, i), &r) in rows.zip(&*r) {
            kernels::add(embedding, r, example.direction(i, d));
            let slots = example.slots(i);
            slots.iter().for_each(|&slot| values[usize::from(slot)] += r / slots.len() as f32);
        }
    }
}

#[cfg(any(test, feature = "examples"))]
impl Learner {
    /// What is left of the last alarm at the newest example that was looked at.
    pub fn pool_alarm(&self) -> f32 {
        self.schedule.to.checked_sub(1).map_or(0.0, |newest| self.examples[newest].alarm)
    }

    /// The weights of the embedding's entries, then of the slots of attributes' values.
    pub fn personal_weights(&self) -> &[f32] {
        &self.personal
    }

    /// The shared net again in the place of the device's own.
    pub fn reset_net(&mut self, head: &Head) {
        self.theta = head.parameters().to_vec();
    }
}

impl Example {
    /// The direction of a row's embedding, which has so many numbers.
    pub fn direction(&self, row: usize, d: usize) -> &[f32] {
        &self.directions[row * d..][..d]
    }

    fn fits(&self, head: &Head) -> bool {
        let rows = self.rows();
        rows > 0
            && self.x.len() == rows * head.shape(0, 0).f as usize
            && self.directions.len() == rows * head.embedding_length()
            && self.slot_starts.len() == rows + 1
            && self.slot_starts.is_sorted()
            && self.slot_starts[rows] as usize == self.slots.len()
            && self.slots.iter().all(|&slot| usize::from(slot) < SLOTS)
    }

    /// The places of the values of a row's attributes.
    pub fn slots(&self, row: usize) -> &[u16] {
        &self.slots[usize::from(self.slot_starts[row])..usize::from(self.slot_starts[row + 1])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;

    fn head() -> Head {
        Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema")
    }

    /// Two items of which the first is chosen; they differ in one feature, one entry of their directions, and a slot.
    fn example(head: &Head, alarm: f32) -> Example {
        let f = head.shape(0, 0).f as usize;
        let mut x = vec![0.0; 2 * f];
        x[0] = 1.0;
        let mut directions = vec![0.0; 32];
        directions[0] = 1.0;
        Example {
            x,
            server: vec![0.0; 2],
            directions,
            slots: vec![7, 9],
            slot_starts: vec![0, 1, 2],
            weight: 1.0,
            alarm,
            contributed: false,
        }
    }

    fn after(head: &Head, alarms: &[f32]) -> Learner {
        let mut learner = Learner::new(head);
        alarms.iter().for_each(|&alarm| learner.push(example(head, alarm)));
        while learner.step(head, &mut Scratch::default()) {}
        learner
    }

    #[test]
    fn two_hundred_and_fifty_six_examples_are_kept_and_sixteen_at_an_alarm() {
        let mut head = head();
        head.local.steps = 1;
        assert_eq!(after(&head, &[0.0; 300]).schedule.to, 256);
        let mut alarms = vec![0.0; 300];
        alarms.push(1.0);
        assert_eq!(after(&head, &alarms).schedule.to, 16);
        alarms.push(0.5);
        assert_eq!(after(&head, &alarms).schedule.to, 17);
    }

    /// Numbers without a pattern.
    fn uneven(i: usize) -> f32 {
        (i as f32 * 0.618_034).fract() - 0.5
    }

    /// Slates of every length up to seven, with slots or without, at every stage of an alarm.
    fn many(head: &Head, count: usize) -> Learner {
        let f = head.shape(0, 0).f as usize;
        let mut learner = Learner::new(head);
        for n in 0..count {
            let rows = 2 + n % 6;
            let slots: Vec<u16> =
                (0..rows).flat_map(|row| (0..row % 4).map(move |slot| (7 * n + 5 * slot) as u16 % 256)).collect();
            let ends = (0..rows).scan(0, |sum, row| {
                *sum += (row % 4) as u16;
                Some(*sum)
            });
            learner.push(Example {
                x: (0..rows * f).map(|i| uneven(n * 31 + i)).collect(),
                server: (0..rows).map(|i| uneven(n * 17 + i)).collect(),
                directions: (0..rows * 16).map(|i| uneven(n * 13 + i)).collect(),
                slot_starts: [0].into_iter().chain(ends).collect(),
                slots,
                weight: 1.0 + (n % 3) as f32,
                alarm: if n % 40 < 20 { 0.0 } else { 1.0 - (n % 20) as f32 / 20.0 },
                contributed: false,
            });
        }
        learner
    }

    #[test]
    fn a_course_ends_where_as_many_steps_do_wherever_it_is_cut() {
        let mut head = head();
        (head.local.steps, head.local.batch) = (3, 5);
        head = head.with_parameters((0..head.parameters().len()).map(uneven).collect()).expect("as many");
        for at_once in [1, 4, 1000] {
            let (mut ours, mut other) = (many(&head, 300), many(&head, 300));
            // Not from the beginning, nor from between two examples.
            for _ in 0..7 {
                assert!(ours.step(&head, &mut Scratch::default()) && other.step(&head, &mut Scratch::default()));
            }
            let mut taken = 0;
            while ours.owed(&head) > 0 && taken < 1200 {
                let plan =
                    Learner::lent(&head, &ours.lend(&head, at_once)).expect("our own bytes").step_plan(&head, at_once);
                assert_eq!(plan.steps.len(), ours.owed(&head).min(u64::from(at_once)) as usize);
                let mut state = plan.state.clone();
                plan.run(&plan.steps, &mut state);
                let steps = plan.steps.len() as u32;
                ours.take_back(&head, steps, &state[..2 * plan.parameters()]).expect("as many as are owed");
                (0..steps).for_each(|_| assert!(other.step(&head, &mut Scratch::default())));
                taken += steps;
            }
            assert_eq!((&ours.schedule, &ours.examples), (&other.schedule, &other.examples), "what was admitted");
            for (ours, other) in [(&ours.theta, &other.theta), (&ours.personal, &other.personal)] {
                for (ours, other) in ours.iter().zip(other) {
                    assert!((ours - other).abs() < 1e-4, "{ours} {other}, {at_once} at once");
                }
            }
        }
    }

    #[test]
    fn what_somebody_else_computed_is_taken_only_where_it_fits() {
        let head = head();
        let mut learner = many(&head, 3);
        let count = learner.theta.len() + learner.personal.len();
        let before = learner.clone();
        let owed = learner.owed(&head) as u32;
        let mut odd = vec![0.5; 2 * count];
        odd[count + 1] = f32::NAN;
        for (steps, state) in [(1, vec![0.5; 2 * count - 1]), (owed + 1, vec![0.5; 2 * count]), (1, odd)] {
            assert_eq!(learner.take_back(&head, steps, &state), Err(Refusal::StateDamaged.into()));
            assert_eq!(learner, before);
        }
        assert_eq!(learner.take_back(&head, owed, &vec![0.5; 2 * count]), Ok(()));
        assert_eq!((learner.owed(&head), learner.personal[0]), (0, 0.5));
    }

    #[test]
    fn a_step_is_the_one_that_is_written_down() {
        // The slope of the loss is −1/2 by what the chosen one has. AdaGrad begins at 0.1, so the square is 0.35.
        let mut head = head();
        head.local.steps = 1;
        let (learner, longer) = (after(&head, &[0.0]), after(&head, &[1.0]));
        let root = 0.35f32.sqrt();
        let of = |rate: f32, pull: f32| (0.5 * rate / root) / (1.0 + rate / root * pull);
        for (found, wanted) in [
            (learner.theta[0] - head.parameters()[0], of(0.05, 200.0)),
            (learner.personal[0], of(0.1, 50.0)),
            (learner.personal[16 + 7], of(0.1, 50.0)),
            (learner.personal[16 + 9], -of(0.1, 50.0)),
            (longer.personal[0], of(0.3, 50.0)),
        ] {
            assert!((found - wanted).abs() < 1e-7, "{found} {wanted}");
        }
    }

    #[test]
    fn an_example_teaches_in_its_own_steps_and_not_by_chance_later() {
        let mut head = head();
        (head.local.steps, head.local.batch) = (1, 1);
        let mut learner = Learner::new(&head);
        for n in 0..100 {
            learner.push(Example { slots: vec![2 * n, 2 * n + 1], ..example(&head, 0.0) });
            assert_eq!(learner.personal[16 + usize::from(2 * n)], 0.0);
            assert!(learner.step(&head, &mut Scratch::default()) && learner.owed(&head) == 0);
            assert!(learner.personal[16 + usize::from(2 * n)] > 0.0, "the {n}th");
        }
    }

    #[test]
    fn a_pull_weighs_as_so_many_examples_and_no_strength_of_it_swings() {
        let mut head = head();
        let far = after(&head, &[0.0; 50]).personal[0];
        head.local.personal_pull = 1e6;
        let near = after(&head, &[0.0; 50]).personal[0];
        assert!(far > 0.1 && (0.0..1e-4).contains(&near), "{far} {near}");
        let ten = |pull: f32, count: usize| {
            let mut head = head.clone();
            (head.local.steps, head.local.batch, head.local.personal_pull) = (400, 1, pull);
            after(&head, &vec![0.0; count]).personal[0]
        };
        // Twice as many examples weigh as much against twice the pull.
        assert!((ten(10.0, 5) - ten(20.0, 10)).abs() < 0.02, "{} {}", ten(10.0, 5), ten(20.0, 10));
    }
}
