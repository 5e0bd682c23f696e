//! What a contribution costs, in whole nano-rho.

use core::fmt;

use crate::{cbor::Cbor, decimal::decimal};

/// Zero-concentrated differential privacy's rho in units of 10⁻⁹, always rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
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
        write!(f, "rho {}", decimal(self.rho()))
    }
}

/// `number` = mantissa · 2^exponent, exactly, for a number that is finite and not negative.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let (biased, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) }
}

impl Cbor for NanoRho {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        u64::read(from).map(Self)
    }
}

/// What a contribution costs under both readings of who is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Where the devices that must be honest are. The lifetime budget refuses on it.
    pub trusted: NanoRho,
    /// Where nobody else is. Recorded beside it; refuses only where the policy names a cap.
    pub alone: NanoRho,
}

impl Cost {
    /// The cost where all of the noise is this device's: it trusts nobody, so both are the same.
    pub fn alone(cost: NanoRho) -> Self {
        Self { trusted: cost, alone: cost }
    }

    /// Both sums. They stop at the largest number instead of wrapping round to a small one.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |a: NanoRho, b: NanoRho| NanoRho(a.0.saturating_add(b.0));
        Self { trusted: sum(self.trusted, other.trusted), alone: sum(self.alone, other.alone) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rho_is_rounded_up_and_never_down() {
        for (rho, nano) in [
            (0.0, 0),
            (0.03125, 31_250_000),
            (1.0, 1_000_000_000),
            (1e-9, 2), // the f64 nearest to 1e-9 lies above it
            (f64::MIN_POSITIVE, 1),
            (5e-324, 1),
            (1e-30, 1),
            (1e-60, 1),
            (0.75e9, 750_000_000_000_000_000),
            (1e9, u64::MAX),
            (1.5e9, u64::MAX),
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
    fn a_sum_of_costs_never_wraps_round() {
        let most = Cost { trusted: NanoRho(u64::MAX - 1), alone: NanoRho(5) };
        assert_eq!(
            most.plus(Cost { trusted: NanoRho(2), alone: NanoRho(7) }),
            Cost { trusted: NanoRho(u64::MAX), alone: NanoRho(12) }
        );
    }
}
