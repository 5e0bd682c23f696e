//! The platform's random source, for keys and seeds. Noise is drawn by `opendp`, from the same platform.

use rand::{
    SeedableRng, TryRng,
    rngs::{ChaCha20Rng, SysRng},
};

use crate::{Refusal, Result};

/// A cryptographic generator with a fresh seed from the platform; an error where there is no source.
pub fn generator() -> Result<ChaCha20Rng> {
    bytes().map(ChaCha20Rng::from_seed)
}

/// Fresh random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| Refusal::RandomSource)?;
    Ok(bytes)
}

/// Refuses a source that is missing, constant, or gives one byte over and over: two draws are compared with each other
/// and each within itself. Honest draws fail with a probability under 2⁻²⁴⁷, so a refusal is never a false alarm.
pub fn test(mut draw: impl FnMut(&mut [u8]) -> bool) -> Result<()> {
    let (mut first, mut second) = ([0; DRAW], [0; DRAW]);
    let plain = |draw: &[u8; DRAW]| draw.iter().all(|byte| *byte == draw[0]);
    let there = draw(&mut first) && draw(&mut second);
    if there && first != second && !plain(&first) && !plain(&second) {
        Ok(())
    } else {
        Err(Refusal::RandomSource.into())
    }
}

/// What one draw of the self-test asks for: as much as a generator is seeded with.
const DRAW: usize = 32;

/// The platform's source as keys and seeds are drawn from it.
pub fn platform(bytes: &mut [u8]) -> bool {
    SysRng.try_fill_bytes(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    #[test]
    fn this_platforms_source_passes() {
        assert_eq!(test(platform), Ok(()));
    }

    #[test]
    fn a_source_that_is_missing_or_constant_is_refused() {
        let counted = |bytes: &mut [u8]| bytes.iter_mut().zip(0..).for_each(|(byte, place)| *byte = place);
        let refused = Err(Refusal::RandomSource.into());
        assert_eq!(test(|_| false), refused, "missing");
        assert_eq!(test(|_| true), refused, "it leaves the bytes as they are");
        let constant = |bytes: &mut [u8]| {
            counted(bytes);
            true
        };
        assert_eq!(test(constant), refused, "the same draw each time");
        let mut byte = 0;
        let plain = |bytes: &mut [u8]| {
            byte += 1;
            bytes.fill(byte);
            true
        };
        assert_eq!(test(plain), refused, "one byte over and over");
        for plain in [1, 2] {
            let mut draws = 0;
            let once = |bytes: &mut [u8]| {
                draws += 1;
                if draws != plain {
                    counted(bytes);
                }
                true
            };
            assert_eq!(test(once), refused, "one byte over and over, in draw {plain} alone");
        }
        let mut draws = 0;
        let ends = |bytes: &mut [u8]| {
            draws += 1;
            bytes.fill(0);
            bytes[draws % 5] = 1;
            draws < 2
        };
        assert_eq!(test(ends), refused, "it ends after the first draw");
    }

    /// A byte that no draw sets is the same in all 64. One that is drawn is so with a probability of 2⁻⁵⁰⁴.
    #[test]
    fn every_byte_is_drawn_and_every_generator_begins_elsewhere() {
        let seed = || bytes::<32>().expect("there is a random source");
        let begins = || {
            let mut begin = [0; 32];
            generator().expect("there is a random source").fill_bytes(&mut begin);
            begin
        };
        for draws in [[0; 64].map(|_| seed()), [0; 64].map(|_| begins())] {
            for place in 0..32 {
                assert!(draws.iter().any(|draw| draw[place] != draws[0][place]), "byte {place}");
            }
        }
    }

    #[test]
    fn two_draws_of_a_seed_are_asked_for() {
        let mut asked = Vec::new();
        let source = |bytes: &mut [u8]| {
            asked.push(bytes.len());
            bytes[asked.len()] = 1;
            true
        };
        assert_eq!(test(source), Ok(()));
        assert_eq!(asked, [32, 32]);
    }
}
