//! What this device lets any round ask of it.

use crate::{Limits, Refusal};
use privet_accounting::{Cost, NanoRho};
use privet_base::{Error, Result, decimal};
use privet_wire::{Mode, Round};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Limits that the application sets and no server can widen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// All that this device ever spends.
    pub lifetime: NanoRho,
    /// The most that one round may cost where one aggregator is honest.
    pub per_round: NanoRho,
    /// The most that one round may cost where nobody else is.
    pub alone_per_round: NanoRho,
    /// The most that this device ever spends where nobody else is honest; `None` caps nothing.
    pub alone: Option<NanoRho>,
    /// The least noise multiplier.
    pub noise_multiplier: f64,
    /// The least part multiplier, in `split` mode.
    pub part_multiplier: f64,
    /// How far ahead a round's deadline may lie.
    pub deadline_ms: u64,
    /// The least number of devices over which a round may be opened.
    pub min_cohort: u32,
    /// The largest number of devices that a round may wait for.
    pub max_cohort: u32,
    /// The largest number of parameters.
    pub dimension: u32,
    /// The largest delta that a task may state its epsilon at.
    pub delta: f64,
    /// Whether rounds may have this device add all of the noise.
    pub device: bool,
    /// Whether rounds may split the noise between devices.
    pub split: bool,
    /// How long a new ledger waits before its first contribution.
    pub wait_ms: u64,
    /// How many sessions must have started before it.
    pub sessions: u32,
    /// How far apart two contributions to one task are.
    pub interval_ms: u64,
    /// One slate in this many is an interleaving of the server's order and this device's, and every one while it is open
    /// which does better; 0 for none, and then nothing is compared.
    pub interleave_every: u32,
}

impl Default for Policy {
    /// rho 1.052 is an epsilon of 8 at a delta of 10⁻⁶. A noise multiplier of 4 is what rho 0.03125 comes to in `split`
    /// mode; in `device` mode the cost of a round asks for 8 by itself. A part multiplier of 1/4 and a rho of 32 where
    /// both aggregators collude say the same: what they cost in accuracy stands in `docs/privacy.md`.
    fn default() -> Self {
        Self {
            lifetime: NanoRho(1_052_000_000),
            per_round: NanoRho(31_250_000),
            alone_per_round: NanoRho(32_000_000_000),
            alone: None,
            noise_multiplier: 4.0,
            part_multiplier: 0.25,
            deadline_ms: 14 * DAY_MS,
            min_cohort: 100,
            max_cohort: 100_000,
            dimension: 4096,
            delta: 1e-6,
            device: true,
            split: true,
            wait_ms: DAY_MS,
            sessions: 2,
            interval_ms: 7 * DAY_MS,
            interleave_every: 10,
        }
    }
}

impl Policy {
    /// A limit out of a number that an application wrote: rounded down, and 0 for what is no number. A cost that is no
    /// number is endless; a limit that is none must not be.
    pub fn limit(rho: f64) -> NanoRho {
        NanoRho((rho * 1e9) as u64)
    }

    /// What the ledger refuses by.
    pub fn limits(&self) -> Limits {
        let Self { lifetime, per_round, alone_per_round, alone, wait_ms, sessions, interval_ms, .. } = *self;
        Limits { lifetime, per_round, alone_per_round, alone, wait_ms, sessions, interval_ms }
    }

    /// Refuses a round whose deadline has passed, or lies further ahead than a round may last: one that stays open for
    /// months is one that devices come back to.
    pub fn in_time(&self, round: &Round, now_ms: u64) -> Result<()> {
        let (deadline_s, now_s) = (round.deadline_s, now_ms / 1000);
        if now_s >= deadline_s {
            return Err(Refusal::RoundOver { deadline_s, now_s }.into());
        }
        at_most("deadline in hours", hours(deadline_s - now_s), hours(self.deadline_ms / 1000))
    }

    /// The default without any waiting: for tests and for a demonstration that nobody's data goes through.
    pub fn at_once() -> Self {
        Self { wait_ms: 0, sessions: 0, interval_ms: 0, ..Self::default() }
    }

    /// Refuses a round that asks for more, with both numbers. `cost` is what one contribution to it costs.
    pub fn admit(&self, round: &Round, Cost { trusted, alone, .. }: Cost) -> Result<()> {
        at_most("rho", trusted.rho(), self.per_round.rho())?;
        at_most("rho where nobody else is honest", alone.rho(), self.alone_per_round.rho())?;
        if let Some(cap) = self.alone {
            at_most("rho where nobody else is honest", alone.rho(), cap.rho())?;
        }
        at_least("noise multiplier", round.noise_multiplier, self.noise_multiplier)?;
        if round.mode == Mode::Split {
            at_least("part multiplier", round.part_multiplier, self.part_multiplier)?;
        }
        at_least("cohort", f64::from(round.min_cohort), f64::from(self.min_cohort))?;
        at_most("cohort", f64::from(round.min_cohort), f64::from(self.max_cohort))?;
        at_most("dimension", f64::from(round.dimension), f64::from(self.dimension))?;
        at_most("delta", round.delta, self.delta)?;
        match (round.mode, self.device, self.split) {
            (Mode::Device, true, _) | (Mode::Split, _, true) => Ok(()),
            (Mode::Device, _, true) => Err(refusal("mode", "device", "split")),
            (Mode::Split, true, _) => Err(refusal("mode", "split", "device")),
            (Mode::Device, ..) => Err(refusal("mode", "device", "none")),
            (Mode::Split, ..) => Err(refusal("mode", "split", "none")),
        }
    }
}

/// Refuses what is more than a limit, with both numbers.
pub fn at_most(what: &'static str, asked: f64, limit: f64) -> Result<()> {
    if asked <= limit { Ok(()) } else { Err(refusal(what, &decimal(asked), &format!("at most {}", decimal(limit)))) }
}

fn at_least(what: &'static str, asked: f64, limit: f64) -> Result<()> {
    if asked >= limit { Ok(()) } else { Err(refusal(what, &decimal(asked), &format!("at least {}", decimal(limit)))) }
}

fn hours(seconds: u64) -> f64 {
    seconds as f64 / 3600.0
}

fn refusal(what: &'static str, asked: &str, allowed: &str) -> Error {
    Refusal::PolicyRefused { what, asked: asked.into(), allowed: allowed.into() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lies_ahead_and_no_further_than_a_round_may_last() {
        let (round, day_s) = (Round::example(), 86_400);
        let at = |now_s: u64| Policy::default().in_time(&round, now_s * 1000);
        assert_eq!(at(round.deadline_s - 14 * day_s), Ok(()));
        let refused = at(round.deadline_s - 14 * day_s - 36).expect_err("too far ahead").to_string();
        assert_eq!(refused, "the round asks for a deadline in hours of 336.01; this device allows at most 336");
        assert_eq!(at(round.deadline_s - 1), Ok(()));
        let (deadline_s, now_s) = (round.deadline_s, round.deadline_s);
        assert_eq!(at(now_s), Err(Refusal::RoundOver { deadline_s, now_s }.into()));
    }

    #[test]
    fn a_limit_that_is_no_number_allows_nothing() {
        for (rho, nano) in [(1.052, 1_052_000_000), (f64::NAN, 0), (-1.0, 0), (1.999e-9, 1)] {
            assert_eq!(Policy::limit(rho), NanoRho(nano), "{rho}");
        }
    }
}
