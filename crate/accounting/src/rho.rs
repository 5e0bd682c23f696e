//! What a contribution costs, in whole nano-rho.

use core::fmt;

use privet_base::{cbor::Cbor, decimal};

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

/// Between which two worlds a rho is promised. A sum over both is neither: they are kept apart and added by
/// [`Spent::against_nothing`] and [`Spent::against_any_other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjacency {
    /// This device's data, or a contribution of zeros in its place: S apart.
    Zeroed,
    /// This device's data, or any other data in its place: 2S apart.
    Replaced,
}

/// What a contribution costs under both readings of who is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Where one aggregator is honest, whoever everybody else is. The lifetime budget refuses on it.
    pub trusted: NanoRho,
    /// What `trusted` is between.
    pub adjacency: Adjacency,
    /// Where nobody but this device is honest, always between any data and any other. Recorded beside it; refuses only
    /// where the policy names a cap.
    pub alone: NanoRho,
}

impl Cbor for Adjacency {
    fn write(&self, to: &mut Vec<u8>) {
        (*self as u32).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        match u32::read(from)? {
            0 => Some(Self::Zeroed),
            1 => Some(Self::Replaced),
            _ => None,
        }
    }
}

impl Cbor for Cost {
    fn write(&self, to: &mut Vec<u8>) {
        (self.adjacency, self.trusted, self.alone).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (adjacency, trusted, alone) = Cbor::read(from)?;
        Some(Self { trusted, adjacency, alone })
    }
}

impl Cost {
    /// The cost where all of the noise is this device's: it trusts nobody, so both are the same.
    pub fn alone(cost: NanoRho) -> Self {
        Self { trusted: cost, adjacency: Adjacency::Replaced, alone: cost }
    }
}

/// What was spent, the two kinds of charges apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// The charges between this device's data and nothing.
    pub zeroed: NanoRho,
    /// The charges between this device's data and any other.
    pub replaced: NanoRho,
    /// What all of it comes to where nobody but this device is honest.
    pub alone: NanoRho,
}

impl Spent {
    /// With one more contribution. Sums stop at the largest number instead of wrapping round to a small one.
    #[must_use]
    pub fn plus(self, cost: Cost) -> Self {
        let Self { zeroed, replaced, alone } = self;
        let alone = sum(alone, cost.alone);
        match cost.adjacency {
            Adjacency::Zeroed => Self { zeroed: sum(zeroed, cost.trusted), replaced, alone },
            Adjacency::Replaced => Self { zeroed, replaced: sum(replaced, cost.trusted), alone },
        }
    }

    /// What the lifetime budget counts: each charge as it was made. Nothing is promised of this sum; it is at least
    /// [`Spent::against_nothing`].
    pub fn charged(self) -> NanoRho {
        sum(self.zeroed, self.replaced)
    }

    /// The rho of all of it between this device's data and nothing: half as far apart as any two, so a fourth of that.
    pub fn against_nothing(self) -> NanoRho {
        sum(self.zeroed, NanoRho(self.replaced.0.div_ceil(4)))
    }

    /// The rho of all of it between this device's data and any other.
    pub fn against_any_other(self) -> NanoRho {
        sum(NanoRho(self.zeroed.0.saturating_mul(4)), self.replaced)
    }
}

impl From<Cost> for Spent {
    fn from(cost: Cost) -> Self {
        Self::default().plus(cost)
    }
}

fn sum(a: NanoRho, b: NanoRho) -> NanoRho {
    NanoRho(a.0.saturating_add(b.0))
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
    fn charges_of_two_adjacencies_are_kept_apart_and_never_wrap_round() {
        let zeroed = |rho| Cost { trusted: NanoRho(rho), adjacency: Adjacency::Zeroed, alone: NanoRho(7) };
        let spent = Spent::default().plus(zeroed(10)).plus(Cost::alone(NanoRho(5))).plus(zeroed(1));
        assert_eq!(spent, Spent { zeroed: NanoRho(11), replaced: NanoRho(5), alone: NanoRho(19) });
        assert_eq!(spent.charged(), NanoRho(16));
        assert_eq!(spent.against_nothing(), NanoRho(11 + 2), "a fourth, rounded up");
        assert_eq!(spent.against_any_other(), NanoRho(44 + 5));
        assert_eq!(Spent::from(zeroed(3)), Spent { zeroed: NanoRho(3), replaced: NanoRho(0), alone: NanoRho(7) });
        let most = Spent::default().plus(zeroed(u64::MAX - 1)).plus(zeroed(2));
        assert_eq!((most.zeroed, most.against_any_other()), (NanoRho(u64::MAX), NanoRho(u64::MAX)));
        assert_eq!(most.plus(Cost::alone(NanoRho(1))).charged(), NanoRho(u64::MAX));
    }
}
