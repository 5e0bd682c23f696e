//! Notices that the user's interests have changed: the loss, which training lowers, goes up.

use crate::power::exp2;
use privet_base::{stored, stored::goes_on};

/// No alarm is raised before this many losses: their mean and spread have to be known first.
const WARM_UP: u64 = 30;

/// Mean and spread are those of about this many last losses, so that the slow fall of a loss in training is followed.
const MEMORY: f64 = 100.0;

/// A single loss counts for no more than this many deviations: one odd slate is no drift.
const FURTHEST: f64 = 3.0;

/// By how many deviations the loss may rise for nothing to be wrong.
const TOLERANCE: f64 = 0.25;

/// How many deviations beyond that, summed over events, make an alarm.
const THRESHOLD: f64 = 10.0;

/// After this many losses half of an alarm is left.
const HALF_LIFE: f64 = 20.0;

/// An alarm of which less is left is over.
const LEAST: f64 = 0.01;

/// The factor on the learning rate right after an alarm.
const LEARNING: f32 = 3.0;

/// The part of all that is known of interests that each event takes away right after an alarm.
const FORGETTING: f32 = 0.2;

/// The test of Page (1954) in Hinkley's form (1971) over the training loss of each event.
///
/// Losses are first measured in deviations from their recent mean, so that one threshold fits any head. What each has
/// above the tolerance is summed, never below zero, and a sum over the threshold is an alarm; then everything begins
/// anew. For a while after it, training is faster and memory shorter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drift {
    seen: u64,
    mean: f64,
    variance: f64,
    sum: f64,
    alarm: f64,
}

stored!(Drift { seen, mean, variance, sum, alarm });

impl Drift {
    /// Takes the loss of one event, computed before training on it; true where drift is noticed.
    ///
    /// A loss that is not finite is passed over.
    pub fn observe(&mut self, loss: f64) -> bool {
        if !loss.is_finite() {
            return false;
        }
        self.alarm *= exp2(-1.0 / HALF_LIFE);
        let deviation = self.variance.sqrt();
        let off = loss - self.mean;
        if self.seen >= WARM_UP && deviation > 0.0 {
            let off = (off / deviation).clamp(-FURTHEST, FURTHEST);
            self.sum = (self.sum + off - TOLERANCE).max(0.0);
        }
        if self.sum > THRESHOLD {
            *self = Self { alarm: 1.0, ..Self::default() };
            return true;
        }
        self.seen += 1;
        let rate = (1.0 / self.seen as f64).max(1.0 / MEMORY);
        self.mean += rate * off;
        self.variance = (1.0 - rate) * (self.variance + rate * off * off);
        false
    }

    /// Whether it can go on from here.
    pub fn fits(&self) -> bool {
        goes_on(self.seen)
    }

    /// What is left of the last alarm: 1 right after it, 0 where there was none or it is over.
    pub fn alarm(&self) -> f32 {
        if self.alarm < LEAST { 0.0 } else { self.alarm as f32 }
    }
}

/// What the learning rate is multiplied by while so much is left of an alarm.
pub(crate) fn rate_factor(alarm: f32) -> f32 {
    1.0 + (LEARNING - 1.0) * alarm
}

/// The part of all that is known of interests that an event takes away while so much is left of an alarm.
pub fn forgotten_share(alarm: f32) -> f32 {
    FORGETTING * alarm
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    use super::*;
    use privet_base::stored::{Stored, read_all};

    /// Losses around a level, which is 0.
    #[derive(Debug, Clone, Copy)]
    enum Noise {
        /// Deviation 1 around the level.
        Normal,
        /// Deviation 1, an exponential tail upwards.
        Skewed,
        /// Each loss is half the one before and half new.
        Sticky,
    }

    struct Losses {
        noise: Noise,
        generator: ChaCha8Rng,
        last: f64,
    }

    impl Losses {
        fn new(noise: Noise, seed: u64) -> Self {
            Self { noise, generator: ChaCha8Rng::seed_from_u64(seed), last: 0.0 }
        }

        fn next(&mut self) -> f64 {
            let normal = (0..12).map(|_| self.generator.random::<f64>()).sum::<f64>() - 6.0;
            match self.noise {
                Noise::Normal => normal,
                Noise::Skewed => -(1.0 - self.generator.random::<f64>()).ln() - 1.0,
                Noise::Sticky => {
                    self.last = 0.5 * self.last + 0.75_f64.sqrt() * normal;
                    self.last
                }
            }
        }
    }

    /// Alarms for each 1,000 events at a level that stays.
    fn false_alarms(noise: Noise, seeds: u64) -> f64 {
        let alarms: usize = (0..seeds)
            .map(|seed| {
                let (mut drift, mut losses) = (Drift::default(), Losses::new(noise, seed));
                (0..1_000).filter(|_| drift.observe(losses.next())).count()
            })
            .sum();
        alarms as f64 / seeds as f64
    }

    /// After how many events a step by this many deviations at event 200 is noticed, sorted; more than 200 are 200.
    fn delays(noise: Noise, step: f64, seeds: u64) -> Vec<usize> {
        let mut delays: Vec<usize> = (0..seeds)
            .map(|seed| {
                let (mut drift, mut losses) = (Drift::default(), Losses::new(noise, seed));
                (0..200).for_each(|_| _ = drift.observe(losses.next()));
                (1..200).find(|_| drift.observe(losses.next() + step)).unwrap_or(200)
            })
            .collect();
        delays.sort_unstable();
        delays
    }

    #[test]
    fn steady_losses_seldom_raise_an_alarm() {
        let rate = false_alarms(Noise::Normal, 200);
        assert!(rate <= 1.0, "{rate} with seeds 0 to 199");
        let rate = false_alarms(Noise::Skewed, 200);
        assert!(rate <= 1.0, "{rate} with seeds 0 to 199");
    }

    #[test]
    fn a_step_is_noticed_soon() {
        for (step, median, late) in [(1.0, 25, 60), (2.0, 12, 20)] {
            let delays = delays(Noise::Normal, step, 200);
            assert!(delays[100] <= median && delays[190] <= late, "{} and {}", delays[100], delays[190]);
        }
    }

    #[test]
    fn a_falling_loss_is_no_drift() {
        for seed in 0..20 {
            let (mut drift, mut losses) = (Drift::default(), Losses::new(Noise::Normal, seed));
            assert!((0..500).all(|i| !drift.observe(losses.next() - f64::from(i) / 50.0)), "seed {seed}");
        }
    }

    #[test]
    fn an_alarm_jumps_and_fades() {
        let mut drift = Drift::default();
        (0..100).for_each(|i| assert!(!drift.observe(f64::from(i % 2))));
        assert_eq!(drift.alarm(), 0.0);
        assert!((0..20).any(|_| drift.observe(50.0)));
        assert_eq!(drift.alarm(), 1.0);
        (0..20).for_each(|_| assert!(!drift.observe(50.0)));
        assert!((drift.alarm() - 0.5).abs() < 1e-6);
        (0..400).for_each(|_| assert!(!drift.observe(50.0), "the new level is the level now"));
        assert_eq!(drift.alarm(), 0.0, "in the end nothing is left");
        assert_eq!([0.0, 0.5, 1.0].map(rate_factor), [1.0, 2.0, 3.0]);
        assert_eq!([0.0, 0.5, 1.0].map(forgotten_share), [0.0, 0.1, 0.2]);
    }

    #[test]
    fn scale_and_place_of_the_losses_do_not_matter_and_odd_ones_are_passed_over() {
        let (mut one, mut other) = (Drift::default(), Drift::default());
        let mut losses = Losses::new(Noise::Skewed, 4);
        let mut alarms = 0;
        for i in 0..600 {
            let loss = losses.next() + if i > 300 { 1.5 } else { 0.0 };
            let alarm = one.observe(loss);
            alarms += u32::from(alarm);
            assert_eq!(alarm, other.observe(loss * 1024.0));
            assert!(!other.observe(f64::NAN) && !other.observe(f64::INFINITY));
        }
        assert_eq!(alarms, 1);
    }

    #[test]
    fn state_survives_storage() {
        let mut drift = Drift::default();
        (0..50).for_each(|i| _ = drift.observe(f64::from(i * i % 7)));
        let mut bytes = Vec::new();
        drift.write(&mut bytes);
        assert_eq!(read_all::<Drift>(&bytes), Some(drift));
    }

    /// `cargo test --release -p privet-model drift::tests::rates -- --ignored --nocapture` prints docs/ranking.md's table.
    #[test]
    #[ignore = "a table for the documentation, not a check"]
    #[expect(clippy::print_stdout, reason = "the table is the purpose")]
    fn rates() {
        println!("| losses | alarms in 1,000 events | delay at 0.5 | at 1 | at 2 (deviations; median, 95%) |");
        println!("|---|---|---|---|---|");
        for noise in [Noise::Normal, Noise::Skewed, Noise::Sticky] {
            let [half, one, two] = [0.5, 1.0, 2.0].map(|step| {
                let delays = delays(noise, step, 1_000);
                format!("{}, {}", delays[500], delays[950])
            });
            println!("| {noise:?} | {:.2} | {half} | {one} | {two} |", false_alarms(noise, 1_000));
        }
    }
}
