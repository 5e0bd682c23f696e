//! What this device has spent of its lifetime budget, in integers, debited before any noise is drawn.

use core::fmt;

use crate::{Error, Result, wire};

/// Zero-concentrated differential privacy's rho in units of 10⁻⁹, always rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
pub struct NanoRho(pub u64);

impl NanoRho {
    /// The least whole number of nano-rho that is at least `rho`. Exact: no product is rounded in between.
    pub fn from_rho(rho: f64) -> Self {
        if !(0.0..1e9).contains(&rho) {
            return Self(u64::MAX);
        }
        let (mantissa, exponent) = parts(rho);
        // A mantissa is under 2^53 and 10^9 under 2^30, so the product fits; a rho under 10^9 has an exponent under 0
        // or a small mantissa, so the shift up fits too.
        let nano = u128::from(mantissa) * 1_000_000_000;
        let rounded_up = match exponent {
            0.. => nano << exponent,
            -127..=-1 => nano.div_ceil(1 << -exponent),
            _ => u128::from(mantissa > 0),
        };
        Self(u64::try_from(rounded_up).unwrap_or(u64::MAX))
    }

    /// The rho that is charged.
    pub fn rho(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for NanoRho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rho {}", self.rho())
    }
}

/// `number` = mantissa · 2^exponent, exactly, for a number that is finite and not negative.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let (biased, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) }
}

/// What a contribution costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// What the budget is charged: where as many others are honest as the round says.
    pub trusted: NanoRho,
    /// Where nobody else is.
    pub alone: NanoRho,
}

/// A debit that was made. Worth one release, because it cannot be copied; only [`Ledger::reserve`] makes one.
#[derive(Debug)]
pub struct Charge {
    amount: NanoRho,
}

impl Charge {
    /// What was debited.
    pub fn amount(&self) -> NanoRho {
        self.amount
    }

    /// Uses the debit up for something of this cost.
    pub(crate) fn spend_on(self, cost: Cost) -> Result<()> {
        if self.amount < cost.trusted {
            return Err(Error::NotCharged { charged: self.amount.0, cost: cost.trusted.0 });
        }
        Ok(())
    }
}

/// The account. The host stores its bytes durably after each [`Ledger::reserve`] and before the release it pays for:
/// a crash in between loses budget, never privacy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    lifetime: NanoRho,
    spent: NanoRho,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Stored(u32, NanoRho);

const VERSION: u32 = 1;

impl Ledger {
    /// An account that nothing was spent from.
    pub fn new(lifetime: NanoRho) -> Self {
        Self { lifetime, spent: NanoRho(0) }
    }

    /// The account that was stored, under the lifetime budget of today's policy. No bytes at all are a new account.
    pub fn decode(bytes: &[u8], lifetime: NanoRho) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::new(lifetime));
        }
        match wire::decode(bytes) {
            Ok(Stored(VERSION, spent)) => Ok(Self { lifetime, spent }),
            _ => Err(Error::LedgerDamaged),
        }
    }

    /// Takes over what another tab has stored since. What was spent never shrinks.
    pub fn catch_up(&mut self, stored: &Self) {
        self.spent = self.spent.max(stored.spent);
    }

    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(&Stored(VERSION, self.spent))
    }

    /// What was spent so far.
    pub fn spent(&self) -> NanoRho {
        self.spent
    }

    /// What is left.
    pub fn left(&self) -> NanoRho {
        NanoRho(self.lifetime.0.saturating_sub(self.spent.0))
    }

    /// Debits `cost`, or refuses and debits nothing.
    pub fn reserve(&mut self, cost: Cost) -> Result<Charge> {
        let cost = cost.trusted;
        if cost > self.left() {
            return Err(Error::BudgetExhausted { asked: cost.0, left: self.left().0 });
        }
        self.spent = NanoRho(self.spent.0 + cost.0);
        Ok(Charge { amount: cost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(nano: u64) -> Cost {
        Cost { trusted: NanoRho(nano), alone: NanoRho(nano) }
    }

    #[test]
    fn rho_is_rounded_up_and_never_down() {
        for (rho, nano) in [
            (0.0, 0),
            (0.03125, 31_250_000),
            (1.0, 1_000_000_000),
            (1e-9, 2), // the f64 nearest to 1e-9 lies above it
            (f64::MIN_POSITIVE, 1),
            (5e-324, 1),
            (f64::NAN, u64::MAX),
            (-1.0, u64::MAX),
            (f64::INFINITY, u64::MAX),
        ] {
            assert_eq!(NanoRho::from_rho(rho), NanoRho(nano), "{rho:e}");
        }
        assert_eq!(NanoRho::from_rho(0.5f64.next_up()).0, 500_000_001);
        assert_eq!(NanoRho::from_rho(123_456_789.0).0, 123_456_789_000_000_000);
    }

    #[test]
    fn the_budget_refuses_with_both_numbers_and_debits_nothing() {
        let mut ledger = Ledger::new(NanoRho(100));
        assert_eq!(ledger.reserve(flat(60)).expect("60 of 100").amount(), NanoRho(60));
        assert_eq!(ledger.reserve(flat(41)).expect_err("41 of 40"), Error::BudgetExhausted { asked: 41, left: 40 });
        assert_eq!((ledger.spent(), ledger.left()), (NanoRho(60), NanoRho(40)));
        assert!(ledger.reserve(flat(40)).is_ok());
        assert!(ledger.reserve(flat(u64::MAX)).is_err());
    }

    #[test]
    fn catching_up_never_gives_budget_back() {
        let mut ledger = Ledger::new(NanoRho(100));
        ledger.reserve(flat(30)).expect("30 of 100");
        ledger.catch_up(&Ledger::new(NanoRho(100)));
        assert_eq!(ledger.spent(), NanoRho(30));
        ledger.catch_up(&Ledger { lifetime: NanoRho(100), spent: NanoRho(80) });
        assert_eq!(ledger.left(), NanoRho(20));
    }

    #[test]
    fn a_stored_ledger_remembers_and_a_damaged_one_is_refused() {
        let mut ledger = Ledger::new(NanoRho(100));
        ledger.reserve(flat(70)).expect("70 of 100");
        let bytes = ledger.encode();
        assert_eq!(Ledger::decode(&bytes, NanoRho(100)), Ok(ledger));
        assert_eq!(Ledger::decode(&bytes, NanoRho(50)).expect("readable").left(), NanoRho(0), "a smaller budget binds");
        for damaged in [&bytes[..bytes.len() - 1], &[0], &[&bytes[..], &[0]].concat()] {
            assert_eq!(Ledger::decode(damaged, NanoRho(100)), Err(Error::LedgerDamaged));
        }
    }
}
