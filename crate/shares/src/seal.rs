//! HPKE (RFC 9180): X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20-Poly1305, base mode, one message.

use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256, single_shot_open, single_shot_seal_with_rng,
};

use privet_base::{Result, entropy};
use privet_wire::UploadId;

use crate::Refusal;

type Kem = X25519HkdfSha256;

/// What the bytes are for, so that no other use of these keys can be passed off as this one.
const INFO: &[u8] = b"privet upload share v1";
/// The encapsulated key, and the tag.
pub const OVERHEAD: usize = 32 + 16;

/// Which aggregator a share is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that devices talk to.
    Leader,
    /// The other.
    Helper,
}

/// An aggregator's private key for opening shares.
pub struct SealingKey(<Kem as hpke::Kem>::PrivateKey);

impl SealingKey {
    /// A fresh key.
    pub fn generate() -> Result<Self> {
        Ok(Self(Kem::gen_keypair_with_rng(&mut entropy::generator()?).0))
    }

    /// The key that RFC 9180's `DeriveKeyPair` makes of 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Kem::derive_keypair(seed).0)
    }

    /// What devices seal to.
    pub fn public(&self) -> [u8; 32] {
        Kem::sk_to_pk(&self.0).to_bytes().into()
    }

    /// Opens a helper's sealed share of this upload: the seed of its entries ([`Share::from_seed`](crate::Share)).
    pub fn open_seed(&self, sealed: &[u8], configuration: &[u8; 32], id: &UploadId) -> Result<[u8; 32]> {
        let plain = self.open(sealed, &associated(configuration, id, Role::Helper))?;
        plain.try_into().map_err(|_| Refusal::SealBroken.into())
    }

    /// Opens what [`seal`] made for this key and these associated data.
    pub fn open(&self, sealed: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        let (key, ciphertext) = sealed.split_at_checked(32).ok_or(Refusal::SealBroken)?;
        let key = <Kem as hpke::Kem>::EncappedKey::from_bytes(key).map_err(|_| Refusal::SealBroken)?;
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeR::Base, &self.0, &key, INFO, ciphertext, data)
            .map_err(|_| Refusal::SealBroken.into())
    }
}

/// Seals to a public key: the encapsulated key, then the ciphertext.
pub fn seal(to: &[u8; 32], plain: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let to = <Kem as hpke::Kem>::PublicKey::from_bytes(to).map_err(|_| Refusal::SealBroken)?;
    let mut generator = entropy::generator()?;
    let (key, ciphertext) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeS::Base,
        &to,
        INFO,
        plain,
        data,
        &mut generator,
    )
    .map_err(|_| Refusal::SealBroken)?;
    let mut sealed = key.to_bytes().to_vec();
    sealed.extend(ciphertext);
    Ok(sealed)
}

/// What a share is bound to: the hash of the configuration, the upload and the role.
pub fn associated(configuration: &[u8; 32], id: &UploadId, role: Role) -> [u8; 49] {
    let mut data = [0; 49];
    data[..32].copy_from_slice(configuration);
    data[32..48].copy_from_slice(id);
    data[48] = role as u8;
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_key_and_its_data_alone() {
        let (key, other) = (SealingKey::from_seed(&[1; 32]), SealingKey::generate().expect("there is a random source"));
        let data = associated(&[5; 32], &[6; 16], Role::Helper);
        let sealed = seal(&key.public(), b"a share", &data).expect("a plain key");
        assert_eq!(sealed.len(), b"a share".len() + OVERHEAD);
        assert_eq!(key.open(&sealed, &data).as_deref(), Ok(&b"a share"[..]));
        assert_eq!(other.open(&sealed, &data), Err(Refusal::SealBroken.into()));
        for data in [
            associated(&[4; 32], &[6; 16], Role::Helper),
            associated(&[5; 32], &[7; 16], Role::Helper),
            associated(&[5; 32], &[6; 16], Role::Leader),
        ] {
            assert_eq!(key.open(&sealed, &data), Err(Refusal::SealBroken.into()));
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(key.open(&changed, &data), Err(Refusal::SealBroken.into()), "byte {place}");
        }
        assert_eq!(key.open(&sealed[..31], &data), Err(Refusal::SealBroken.into()));
    }

    #[test]
    fn a_helpers_share_is_a_seed_of_32_bytes_and_no_other_length() {
        let key = SealingKey::from_seed(&[1; 32]);
        let opened = |length: usize, role| {
            let data = associated(&[5; 32], &[6; 16], role);
            let sealed = seal(&key.public(), &vec![7; length], &data).expect("a plain key");
            key.open_seed(&sealed, &[5; 32], &[6; 16])
        };
        assert_eq!(opened(32, Role::Helper), Ok([7; 32]));
        for (length, role) in [(31, Role::Helper), (33, Role::Helper), (32, Role::Leader)] {
            assert_eq!(opened(length, role), Err(Refusal::SealBroken.into()), "{length}");
        }
    }

    /// The same key and nonce over two plaintexts would give away how they differ.
    #[test]
    fn nothing_is_sealed_twice_with_the_same_key() {
        let to = SealingKey::from_seed(&[1; 32]).public();
        let sealed = [0; 2].map(|_| seal(&to, b"a share", b"data").expect("a plain key"));
        assert_ne!(sealed[0][..32], sealed[1][..32], "the encapsulated key");
        assert_ne!(sealed[0][32..], sealed[1][32..], "the ciphertext");
        let keys = [0; 2].map(|_| SealingKey::generate().expect("there is a random source").public());
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn the_example_of_a_round_names_the_keys_of_the_examples_here() {
        let round = privet_wire::Round::split_example();
        assert_eq!(round.leader.sealing_key(), SealingKey::from_seed(&[1; 32]).public());
        let helper = round.helper.map(|helper| helper.sealing_key());
        assert_eq!(helper, Some(SealingKey::from_seed(&[2; 32]).public()));
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        assert_eq!(seal(&[0; 32], b"a share", &[]), Err(Refusal::SealBroken.into()));
    }
}
