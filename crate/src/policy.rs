//! What this device lets any round ask of it.

use crate::{Error, Limits, NanoRho, Result, Round, cost};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

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
    /// The most that this device ever spends where nobody else is honest. None: that is not limited.
    pub alone: Option<NanoRho>,
    /// How long a new ledger waits before its first contribution.
    pub wait_ms: u64,
    /// How many sessions must have started before it.
    pub sessions: u32,
    /// How far apart two contributions to one task are.
    pub interval_ms: u64,
}

impl Default for Policy {
    /// rho 1.052 is an epsilon of 8 at a delta of 10⁻⁶.
    fn default() -> Self {
        Self {
            lifetime: NanoRho(1_052_000_000),
            per_round: NanoRho(31_250_000),
            min_cohort: 100,
            dimension: 4096,
            alone: None,
            wait_ms: DAY_MS,
            sessions: 2,
            interval_ms: 7 * DAY_MS,
        }
    }
}

impl Policy {
    /// What the ledger refuses by.
    pub fn limits(&self) -> Limits {
        let Self { lifetime, alone, wait_ms, sessions, interval_ms, .. } = *self;
        Limits { lifetime, alone, wait_ms, sessions, interval_ms }
    }

    /// The default without any waiting: for tests and for a demonstration that nobody's data goes through.
    pub fn at_once() -> Self {
        Self { wait_ms: 0, sessions: 0, interval_ms: 0, ..Self::default() }
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
