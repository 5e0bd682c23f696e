//! An issuer's RSA key, which signs tokens and nothing else.

use std::{fs, io, path::Path};

use privet::{Result, TokenKey, refusal};
use rand::rngs::SysRng;
use rsa::{
    BoxedUint, PrivateKey,
    hazmat::rsa_decrypt_and_check,
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
    rand_core::UnwrapErr,
    traits::PublicKeyParts,
};

use super::BLINDED;
use crate::{Refusal, files::private_file, keys::write_new};

const BITS: usize = 8 * BLINDED;
/// The exponent, as every device has it.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A key of 2,048 bits.
pub struct IssuerKey(PrivateKey);

impl IssuerKey {
    /// Reads the file (PKCS#8 in DER), or makes it with a fresh key if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            let key = PrivateKey::new(&mut UnwrapErr(SysRng), BITS).map_err(io::Error::other)?;
            let file = key.to_pkcs8_der().map_err(io::Error::other)?;
            write_new(path, file.as_bytes())?;
        }
        private_file(path)?;
        let key = PrivateKey::from_pkcs8_der(&fs::read(path)?).ok();
        let fits = |key: &PrivateKey| key.n_bytes().len() == BLINDED && key.e_bytes()[..] == EXPONENT;
        let odd =
            || io::Error::new(io::ErrorKind::InvalidData, "an issuer's key has 2,048 bits and the exponent 65,537");
        key.filter(fits).map(Self).ok_or_else(odd)
    }

    /// What the task names as its `token_key`.
    pub fn public(&self) -> TokenKey {
        self.0.n_bytes()[..].try_into().expect("it has 2,048 bits")
    }

    /// Whether this is a number that a device blinds to: from 1 to the modulus.
    pub(super) fn takes(&self, blinded: &[u8; BLINDED]) -> bool {
        *blinded != [0; BLINDED] && *blinded < self.public()
    }

    /// The blind signature (RFC 9474, 4.3): the private operation, with the key and the number blinded once more against
    /// whoever measures it, and checked by the public one.
    pub(super) fn sign(&self, blinded: &[u8; BLINDED]) -> Result<[u8; BLINDED]> {
        let number = BoxedUint::from_be_slice(blinded, BITS as u32).map_err(|_| refusal::Base::WireMalformed)?;
        let signed = rsa_decrypt_and_check(&self.0, Some(&mut SysRng), &number).map_err(|cause| {
            tracing::error!(%cause, "a token cannot be signed");
            Refusal::StoreFailed
        })?;
        let bytes = signed.to_be_bytes();
        Ok(bytes[..].try_into().expect("it is under the modulus"))
    }
}
