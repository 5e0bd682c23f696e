//! A discrete Gaussian that can be seeded, for the simulator and long statistical tests. Never for an upload.
//!
//! Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential Privacy", algorithms 1 to 3, in integers.

use core::cell::RefCell;

use opendp::{
    core::{Function, Measurement},
    measures::ZeroConcentratedDivergence,
};
use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::{Mechanism, gaussian};
use privet_base::Result;

/// Random bits, drawn a word at a time and used one by one.
pub struct Bits<R> {
    source: R,
    word: u64,
    left: u32,
}

impl Bits<ChaCha20Rng> {
    /// The same seed, the same bits.
    pub fn seeded(seed: [u8; 32]) -> Self {
        Self::new(ChaCha20Rng::from_seed(seed))
    }
}

impl<R: Rng> Bits<R> {
    /// Bits out of `source`.
    pub fn new(source: R) -> Self {
        Self { source, word: 0, left: 0 }
    }

    fn bit(&mut self) -> bool {
        if self.left == 0 {
            (self.word, self.left) = (self.source.next_u64(), 64);
        }
        let bit = self.word & 1 == 1;
        self.word >>= 1;
        self.left -= 1;
        bit
    }

    /// Uniform in 0..`bound`: Lemire 2019, "Fast Random Integer Generation in an Interval".
    fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.source.next_u64()) * u128::from(bound);
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// True with a probability of `numerator` / `denominator`, for numerator ≤ denominator < 2^127.
    ///
    /// Compares a uniform number with the quotient, digit by digit from the top: two digits on average, exact after
    /// any number of them.
    fn bernoulli(&mut self, mut numerator: u128, denominator: u128) -> bool {
        if numerator == denominator {
            return true;
        }
        loop {
            numerator <<= 1;
            let digit = numerator >= denominator;
            if digit {
                numerator -= denominator;
            }
            if self.bit() != digit {
                return digit;
            }
        }
    }

    /// True with a probability of exp(−γ), γ = `numerator` / `denominator`: algorithm 1.
    fn exp_bernoulli(&mut self, mut numerator: u128, denominator: u128) -> bool {
        // Whole units one after the other: the first that fails ends it, so a large γ costs no more.
        while numerator > denominator {
            if !self.exp_bernoulli(1, 1) {
                return false;
            }
            numerator -= denominator;
        }
        let mut k = 1;
        // A chance of γ/k is γ and 1/k together, whose denominators cannot overflow.
        while self.bernoulli(numerator, denominator) && self.bernoulli(1, k) {
            k += 1;
        }
        k % 2 == 1
    }
}

/// The integers x with weights of exp(−x²/(2σ²)), for a rational σ².
#[derive(Debug, Clone, Copy)]
pub struct DiscreteGaussian {
    /// σ² = `numerator` / `denominator`.
    numerator: u64,
    denominator: u64,
    /// t = ⌊σ⌋ + 1, the scale of the Laplace proposals.
    scale: u64,
}

/// Proposals reach 256 scales. Beyond 256σ lies less than e^−32,000 of the exact distribution.
const REACH: u64 = 256;

impl DiscreteGaussian {
    /// σ² = `numerator` / `denominator`, both between 1 and 2^52: then every product below fits.
    pub fn new(numerator: u64, denominator: u64) -> Result<Self> {
        let fits = 1..=1 << 52;
        if !fits.contains(&numerator) || !fits.contains(&denominator) {
            return Err(privet_mechanism::Refusal::NoiseFailed.into());
        }
        Ok(Self { numerator, denominator, scale: (numerator / denominator).isqrt() + 1 })
    }

    /// One draw: algorithm 3.
    ///
    /// A proposal y stays with a probability of exp(−(|y| − σ²/t)²/(2σ²)). With σ² = a/b that exponent is
    /// (|y|bt − a)² / (2abt²). bt² is at most 4·2^52 and |y| at most 256t, so the square is under 2^124 and the
    /// denominator under 2^107.
    pub fn draw(&self, bits: &mut Bits<impl Rng>) -> i64 {
        let (a, bt) = (u128::from(self.numerator), u128::from(self.denominator * self.scale));
        let denominator = 2 * a * bt * u128::from(self.scale);
        loop {
            let proposal = self.laplace(bits);
            let distance = (u128::from(proposal.unsigned_abs()) * bt).abs_diff(a);
            if bits.exp_bernoulli(distance * distance, denominator) {
                return proposal;
            }
        }
    }

    /// The integers y with weights of exp(−|y|/t): algorithm 2.
    fn laplace(&self, bits: &mut Bits<impl Rng>) -> i64 {
        loop {
            let rest = bits.below(self.scale);
            if !bits.exp_bernoulli(rest.into(), self.scale.into()) {
                continue;
            }
            let mut whole = 0;
            while whole < REACH && bits.exp_bernoulli(1, 1) {
                whole += 1;
            }
            let size = (whole * self.scale + rest) as i64;
            let negative = bits.bit();
            if whole == REACH || (negative && size == 0) {
                continue; // zero would come up twice
            }
            return if negative { -size } else { size };
        }
    }
}

/// `opendp`'s Gaussian mechanism, with its domain, metric and privacy map, and draws that `seed` decides.
///
/// Entries saturate at the ends of an i32, as `opendp`'s do.
pub fn make_seeded_gaussian(numerator: u64, denominator: u64, seed: [u8; 32]) -> Result<Mechanism> {
    let noise = DiscreteGaussian::new(numerator, denominator)?;
    let twin = gaussian(deviation_below(numerator, denominator))?;
    let bits = RefCell::new(Bits::seeded(seed));
    let add = move |entry: &i32| {
        let sum = i64::from(*entry) + noise.draw(&mut bits.borrow_mut());
        sum.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    };
    Measurement::new(
        twin.input_domain.clone(),
        twin.input_metric.clone(),
        ZeroConcentratedDivergence,
        Function::new(move |entries: &Vec<i32>| entries.iter().map(&add).collect()),
        twin.privacy_map.clone(),
    )
    .map_err(|_| privet_mechanism::Refusal::NoiseFailed.into())
}

/// σ where it is a whole number, else an f64 just below it: less noise than is drawn, so never too small a cost.
fn deviation_below(numerator: u64, denominator: u64) -> f64 {
    let root = (numerator / denominator).isqrt();
    if u128::from(root).pow(2) * u128::from(denominator) == u128::from(numerator) {
        return root as f64;
    }
    // Both are exact as f64, and the quotient and its root are right to a unit in the last place together.
    (numerator as f64 / denominator as f64).sqrt().next_down().next_down()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [7; 32];

    /// The largest and smallest variances that there are.
    const ENDS: [(u64, u64); 4] = [(1 << 52, 1), (1, 1 << 52), (1 << 52, 1 << 52), (1 << 52, (1 << 52) - 1)];

    fn draws(numerator: u64, denominator: u64, seed: [u8; 32], count: usize) -> Vec<i64> {
        let noise = DiscreteGaussian::new(numerator, denominator).expect("in range");
        let mut bits = Bits::seeded(seed);
        (0..count).map(|_| noise.draw(&mut bits)).collect()
    }

    #[test]
    fn a_seed_decides_every_draw() {
        assert_eq!(draws(1_000_000, 1, SEED, 100), draws(1_000_000, 1, SEED, 100));
        assert_ne!(draws(1_000_000, 1, SEED, 100), draws(1_000_000, 1, [8; 32], 100));
        assert_eq!(draws(1_000_000, 1, SEED, 6), [898, 135, 421, -1034, 483, 207], "as earlier simulations drew");
    }

    #[test]
    fn a_variance_that_could_overflow_is_refused() {
        for (numerator, denominator) in [(0, 1), (1, 0), ((1 << 52) + 1, 1), (1, (1 << 52) + 1)] {
            assert_eq!(
                DiscreteGaussian::new(numerator, denominator).err(),
                Some(privet_mechanism::Refusal::NoiseFailed.into())
            );
        }
    }

    /// Overflow would panic here. A value beyond 10σ is a false alarm in fewer than one run in 10¹⁹.
    #[test]
    fn extreme_variances_are_drawn() {
        for (numerator, denominator) in ENDS {
            let furthest = draws(numerator, denominator, SEED, 1000).iter().map(|x| x.unsigned_abs()).max();
            let deviation = (numerator as f64 / denominator as f64).sqrt();
            assert!(furthest.expect("1000 draws") as f64 <= 10.0 * deviation, "{furthest:?} of {deviation}");
        }
    }

    #[test]
    fn the_furthest_proposal_does_not_overflow() {
        for (numerator, denominator) in ENDS {
            let noise = DiscreteGaussian::new(numerator, denominator).expect("in range");
            let (scale, bt) = (u128::from(noise.scale), u128::from(noise.denominator * noise.scale));
            let furthest = u128::from(REACH) * scale * bt;
            assert!(furthest.pow(2) < 1 << 126 && 2 * u128::from(numerator) * bt * scale < 1 << 126);
        }
    }

    #[test]
    fn chances_are_exact_at_their_ends() {
        let mut bits = Bits::seeded(SEED);
        for _ in 0..1000 {
            assert!(bits.bernoulli(5, 5) && !bits.bernoulli(0, 5) && bits.exp_bernoulli(0, 5));
            assert!(!bits.exp_bernoulli(u128::MAX >> 2, 1), "e to a large minus number");
            assert!(bits.below(3) < 3 && bits.below(1) == 0);
        }
    }

    #[test]
    fn it_costs_what_the_shipped_mechanism_costs() {
        let seeded = make_seeded_gaussian(8192 * 8192, 1, SEED).expect("in range");
        let shipped = gaussian(8192.0).expect("a plain deviation");
        for apart in [1.0, 1024.0, 2048.0, 12345.678] {
            assert_eq!(seeded.map(&apart).expect("a cost"), shipped.map(&apart).expect("a cost"));
        }
        let tenth = make_seeded_gaussian(1, 10, SEED).expect("in range").map(&1.0).expect("a cost");
        assert!((5.0..=5.000_000_1).contains(&tenth), "{tenth}");
    }

    #[test]
    fn the_measurement_adds_its_draws_and_saturates() {
        let seeded =
            |entries| make_seeded_gaussian(100, 1, SEED).expect("in range").invoke(&entries).expect("integers");
        let expected: Vec<i32> = draws(100, 1, SEED, 50).iter().map(|&x| x as i32 + 1000).collect();
        assert_eq!(seeded(vec![1000; 50]), expected);
        assert!(seeded(vec![i32::MAX; 50]).iter().all(|&x| x > i32::MAX - 100));
        assert!(seeded(vec![i32::MIN; 50]).iter().all(|&x| x < i32::MIN + 100));
    }

    /// `cargo test -p privet-release --release --features simulate -- --ignored --nocapture time_of_a_draw`
    #[test]
    #[ignore = "a measurement"]
    #[expect(clippy::print_stdout, reason = "its result")]
    fn time_of_a_draw() {
        for deviation in [500u64, 29_309, 1_000_000] {
            let (count, start) = (1_000_000, std::time::Instant::now());
            std::hint::black_box(draws(deviation * deviation, 1, SEED, count));
            let ours = start.elapsed().as_nanos() / count as u128;
            let (count, start) = (20_000, std::time::Instant::now());
            let shipped = gaussian(deviation as f64).expect("plain").invoke(&vec![0; count]).expect("integers");
            let theirs = start.elapsed().as_nanos() / std::hint::black_box(shipped).len() as u128;
            println!("deviation {deviation}: {ours} ns a draw; opendp {theirs} ns");
        }
    }
}
