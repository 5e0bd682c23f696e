//! What this device lets any round ask of it.

use crate::{Error, NanoRho, Result, Round, cost};

/// Limits that the application sets and no server can widen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// All that this device ever spends.
    pub lifetime: NanoRho,
    /// The most that one round may cost.
    pub per_round: NanoRho,
    /// The least number of devices over which a round may be opened.
    pub min_cohort: u32,
    /// The largest number of parameters.
    pub dimension: u32,
}

impl Default for Policy {
    /// rho 1.052 is an epsilon of 8 at a delta of 10⁻⁶.
    fn default() -> Self {
        Self { lifetime: NanoRho(1_052_000_000), per_round: NanoRho(31_250_000), min_cohort: 100, dimension: 4096 }
    }
}

impl Policy {
    /// A limit out of a number that an application wrote: rounded down, and 0 for what is no number. A cost that is no
    /// number is endless; a limit that is none must not be.
    pub fn limit(rho: f64) -> NanoRho {
        NanoRho((rho * 1e9) as u64)
    }

    /// Refuses a round that asks for more, with both numbers.
    pub fn admit(&self, round: &Round) -> Result<()> {
        let cost = cost(round.bound()?)?;
        let refuse = |rule, asked, allowed| Err(Error::PolicyRefused { rule, asked, allowed });
        if cost > self.per_round {
            return refuse("a nano-rho per round of", cost.0, self.per_round.0);
        }
        if round.min_cohort < self.min_cohort {
            return refuse("a cohort of", round.min_cohort.into(), self.min_cohort.into());
        }
        if round.dimension > self.dimension {
            return refuse("a dimension of", round.dimension.into(), self.dimension.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_no_number_allows_nothing() {
        for (rho, nano) in [(1.052, 1_052_000_000), (f64::NAN, 0), (-1.0, 0), (1.999e-9, 1)] {
            assert_eq!(Policy::limit(rho), NanoRho(nano), "{rho}");
        }
    }

    #[test]
    fn a_round_that_asks_for_more_is_refused_with_both_numbers() {
        let policy = Policy::default();
        let round = Round { min_cohort: 100, ..Round::example() };
        assert_eq!(policy.admit(&round), Ok(()));
        let refused = |round| policy.admit(&round).expect_err("asks for too much").to_string();
        assert_eq!(
            refused(Round { noise_multiplier: 7.9, ..round.clone() }),
            "the round asks for a nano-rho per round of 32046147; this device allows 31250000"
        );
        assert_eq!(
            refused(Round { min_cohort: 99, ..round.clone() }),
            "the round asks for a cohort of 99; this device allows 100"
        );
        assert_eq!(
            refused(Round { dimension: 4097, ..round }),
            "the round asks for a dimension of 4097; this device allows 4096"
        );
    }
}
