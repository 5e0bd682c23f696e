//! The platform's random source, for keys and seeds. Noise is drawn by `opendp`, from the same platform.

use rand::{
    SeedableRng, TryRng,
    rngs::{ChaCha20Rng, SysRng},
};

use crate::{Error, Result};

/// A cryptographic generator with a fresh seed from the platform; an error where there is no source.
pub(crate) fn generator() -> Result<ChaCha20Rng> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).map_err(|_| Error::RandomSource)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

/// Fresh random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| Error::RandomSource)?;
    Ok(bytes)
}
