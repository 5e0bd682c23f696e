//! The limits of an account: recorded when it is opened, tightened at once, widened only where the user agreed.

use privet_accounting::NanoRho;
use privet_base::cbor::Cbor;

/// What the policy asks of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All that may ever be spent where one aggregator is honest, charges of both adjacencies together.
    pub lifetime: NanoRho,
    /// The most that one contribution may cost where one aggregator is honest.
    pub per_round: NanoRho,
    /// The most that one contribution may cost where nobody else is.
    pub alone_per_round: NanoRho,
    /// All that may ever be spent where nobody else is honest. None: that is recorded and not limited.
    pub alone: Option<NanoRho>,
    /// How long a new ledger waits before its first contribution, by its own clock.
    pub wait_ms: u64,
    /// How many sessions must have started before its first contribution.
    pub sessions: u32,
    /// How far apart two contributions to one task are, by its own clock.
    pub interval_ms: u64,
}

impl Cbor for Limits {
    fn write(&self, to: &mut Vec<u8>) {
        let Self { lifetime, per_round, alone_per_round, alone, wait_ms, sessions, interval_ms } = *self;
        ((lifetime, per_round), (alone_per_round, alone), (wait_ms, sessions, interval_ms)).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let ((lifetime, per_round), (alone_per_round, alone), (wait_ms, sessions, interval_ms)) = Cbor::read(from)?;
        Some(Self { lifetime, per_round, alone_per_round, alone, wait_ms, sessions, interval_ms })
    }
}

impl Limits {
    /// The tighter of both, limit by limit.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        Self {
            lifetime: self.lifetime.min(other.lifetime),
            per_round: self.per_round.min(other.per_round),
            alone_per_round: self.alone_per_round.min(other.alone_per_round),
            alone: self.alone.into_iter().chain(other.alone).min(),
            wait_ms: self.wait_ms.max(other.wait_ms),
            sessions: self.sessions.max(other.sessions),
            interval_ms: self.interval_ms.max(other.interval_ms),
        }
    }

    /// The wider of both, limit by limit.
    #[must_use]
    pub fn wider(self, other: Self) -> Self {
        Self {
            lifetime: self.lifetime.max(other.lifetime),
            per_round: self.per_round.max(other.per_round),
            alone_per_round: self.alone_per_round.max(other.alone_per_round),
            alone: self.alone.zip(other.alone).map(|(a, b)| a.max(b)),
            wait_ms: self.wait_ms.min(other.wait_ms),
            sessions: self.sessions.min(other.sessions),
            interval_ms: self.interval_ms.min(other.interval_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_tightened_and_widened_for_itself() {
        let some = |a: u64, b: u64, alone: Option<u64>| Limits {
            lifetime: NanoRho(a),
            per_round: NanoRho(b),
            alone_per_round: NanoRho(a),
            alone: alone.map(NanoRho),
            wait_ms: b,
            sessions: a as u32,
            interval_ms: b,
        };
        let (one, other) = (some(1, 20, Some(5)), some(10, 2, None));
        let tight = Limits { wait_ms: 20, sessions: 10, interval_ms: 20, ..some(1, 2, Some(5)) };
        let wide = Limits { wait_ms: 2, sessions: 1, interval_ms: 2, ..some(10, 20, None) };
        assert_eq!((one.tighter(other), other.tighter(one)), (tight, tight));
        assert_eq!((one.wider(other), other.wider(one)), (wide, wide));
        let (five, six) = (some(1, 1, Some(5)), some(1, 1, Some(6)));
        assert_eq!((five.tighter(six), five.wider(six)), (five, six));
    }
}
