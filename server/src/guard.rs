//! Whether a round's mean is one that its devices can have made: what holds a bad head back.

use privet::{Mode, Result, Round};

/// A standard normal vector of d entries is longer than √d + 6 once in 65 million draws, and shorter than √d − 6 as
/// rarely (Laurent and Massart 2000, lemma 1, and Lipschitz concentration).
const MARGIN: f64 = 6.0;

/// The norm of a mean beside what its noise alone would give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norms {
    /// Of the mean, in units of the head.
    pub mean: f64,
    /// The least that the noise of the tolerated cohort leaves.
    pub least: f64,
    /// The most that contributions of norm C and everyone's noise make.
    pub most: f64,
}

impl Norms {
    /// Of the mean over `count` contributions.
    pub fn new(round: &Round, mean: &[f64], count: u32) -> Result<Self> {
        let (n, d) = (f64::from(count), mean.len() as f64);
        // One device's noise in units of the head; of n parts the mean has 1/√n of it.
        let part = round.bound()?.deviation() / f64::from(round.grid_scale);
        let everyone = part / n.sqrt();
        let honest = match round.mode {
            Mode::Device => 1.0,
            Mode::Split => 1.0 - f64::from(round.tolerated_permille) / 1000.0,
        };
        let least = everyone * honest.sqrt() * (d.sqrt() - MARGIN).max(0.0);
        let most = round.clip_norm + everyone * (d.sqrt() + MARGIN);
        Ok(Self { mean: mean.iter().map(|entry| entry * entry).sum::<f64>().sqrt(), least, most })
    }

    /// Why the head is held back, if it is, with both numbers.
    pub fn objection(&self) -> Option<String> {
        let Self { mean, least, most } = *self;
        // What is no number is over every bound.
        if mean.is_nan() || mean > most {
            return Some(format!(
                "the norm of the mean is {mean:.4}; clipped contributions and noise make {most:.4} at most"
            ));
        }
        (mean < least).then(|| format!("the norm of the mean is {mean:.4}; the noise alone makes {least:.4} at least"))
    }
}

#[cfg(test)]
mod tests {
    use privet::Operator;

    use super::*;
    use crate::Task;

    fn round() -> Round {
        let (task, _) = Task::demo(Mode::Split, 100).expect("the demo's numbers fit");
        let task = Task { dimension: 400, grid_scale: 1 << 12, tolerated_permille: 190, ..task };
        let operator = || Operator::new("someone", [0; 32]);
        task.round(1, [0; 32], 1, operator(), Some(operator()))
    }

    #[test]
    fn a_mean_is_held_back_when_it_is_longer_or_quieter_than_it_can_be() {
        // h = 81 parts of 4/9 each: over 100 devices a deviation of 4/90 an entry, 0.9 of which is the tolerated least.
        let norms = |norm: f64| Norms::new(&round(), &[norm / 20.0; 400], 100).expect("a plain round");
        let Norms { mean, least, most } = norms(1.0);
        assert!((mean - 1.0).abs() < 1e-9);
        assert!((least - 0.9 * 14.0 * 4.0 / 90.0).abs() < 1e-6, "{least}");
        assert!((most - (1.0 + 26.0 * 4.0 / 90.0)).abs() < 1e-6, "{most}");
        assert_eq!(norms(1.0).objection(), None);
        assert!(
            norms(2.2).objection().expect("too long").contains("2.2000; clipped contributions and noise make 2.1556")
        );
        assert!(norms(0.5).objection().expect("too quiet").contains("0.5000; the noise alone makes 0.5600"));
        assert!(norms(f64::NAN).objection().is_some());
    }

    #[test]
    fn few_entries_say_nothing_of_quiet() {
        let small = Norms::new(&Round { dimension: 18, ..round() }, &[0.0; 18], 100).expect("a plain round");
        assert_eq!(small.objection(), None);
    }
}
