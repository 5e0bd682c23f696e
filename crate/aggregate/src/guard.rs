//! Whether a round's mean is one that its devices can have made: what holds a bad head back.

use privet_base::Result;
use privet_wire::Round;

/// A standard normal vector of d entries is longer than √d + 6 once in 65 million draws, and shorter than √d − 6 as
/// rarely (Laurent and Massart 2000, lemma 1, and Lipschitz concentration).
const MARGIN: f64 = 6.0;

/// The norm of a mean beside what its noise alone would give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norms {
    /// Of the mean, in units of the head.
    pub mean: f64,
    /// The least that the noise of both aggregators leaves, whatever devices send.
    pub least: f64,
    /// The most that contributions of norm C and everyone's noise make.
    pub most: f64,
}

impl Norms {
    /// Of the mean over `count` contributions.
    pub fn new(round: &Round, mean: &[f64], count: u32) -> Result<Self> {
        let (bound, d) = (round.bound()?, mean.len() as f64);
        let unit = f64::from(count) * f64::from(round.grid_scale);
        let noise = bound.sum_variance(count).sqrt() / unit;
        // What no device can take away: both aggregators' noise, or in `device` mode, where there is none, all devices'.
        let sure = bound.sum_deviation().map_or(noise, |each| 2f64.sqrt() * each / unit);
        let least = sure * (d.sqrt() - MARGIN).max(0.0);
        let most = round.clip_norm + noise * (d.sqrt() + MARGIN);
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
    use super::*;

    fn round() -> Round {
        Round { dimension: 400, grid_scale: 1 << 12, part_multiplier: 0.25, ..Round::split_example() }
    }

    #[test]
    fn a_mean_is_held_back_when_it_is_longer_or_quieter_than_it_can_be() {
        // √(2·16 + 100/16) / 100 an entry with everyone's noise, √32 / 100 of it the aggregators'.
        let norms = |norm: f64| Norms::new(&round(), &[norm / 20.0; 400], 100).expect("a plain round");
        let Norms { mean, least, most } = norms(1.0);
        assert!((mean - 1.0).abs() < 1e-9);
        assert!((least - 14.0 * 0.32f64.sqrt() / 10.0).abs() < 1e-6, "{least}");
        assert!((most - (1.0 + 26.0 * 0.3825f64.sqrt() / 10.0)).abs() < 1e-6, "{most}");
        assert_eq!(norms(1.0).objection(), None);
        assert!(
            norms(2.7).objection().expect("too long").contains("2.7000; clipped contributions and noise make 2.6080")
        );
        assert!(norms(0.5).objection().expect("too quiet").contains("0.5000; the noise alone makes 0.7920"));
        assert!(norms(f64::NAN).objection().is_some());
    }

    #[test]
    fn few_entries_say_nothing_of_quiet() {
        let small = Norms::new(&Round { dimension: 18, ..round() }, &[0.0; 18], 100).expect("a plain round");
        assert_eq!(small.objection(), None);
    }
}
