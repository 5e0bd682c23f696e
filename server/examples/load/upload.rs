//! Uploads by another hand: CBOR written out, HPKE called directly.

use hpke::{Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256};
use privet::{Mode, Round, UploadId};
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// What makes uploads of a round, each under its own id.
pub(crate) struct Maker {
    round: Round,
    configuration: [u8; 32],
    random: ChaCha8Rng,
    next: u64,
}

impl Maker {
    pub(crate) fn new(round: Round) -> Self {
        Self { configuration: round.hash(), round, random: ChaCha8Rng::seed_from_u64(1), next: 0 }
    }

    pub(crate) fn round(&self) -> &Round {
        &self.round
    }

    pub(crate) fn upload(&mut self) -> (UploadId, Vec<u8>) {
        self.next += 1;
        let mut id = [0; 16];
        self.random.fill_bytes(&mut id);
        id[..8].copy_from_slice(&self.next.to_le_bytes());
        let mut entries = vec![0; 4 * self.round.dimension as usize];
        self.random.fill_bytes(&mut entries);
        if self.round.mode == Mode::Device {
            // No longer than noise makes an entry, or it is refused.
            for entry in entries.as_chunks_mut::<4>().0 {
                let short = i16::from_le_bytes([entry[0], entry[1]]);
                *entry = i32::from(short).to_le_bytes();
            }
        }
        // [2, configuration, id, [share…]], as docs/wire-format.md writes it.
        let mut bytes = vec![0x84, 2, 0x58, 32];
        bytes.extend(self.configuration);
        bytes.push(0x50);
        bytes.extend(id);
        let helper = self.round.helper.as_ref().map(privet::Operator::sealing_key);
        if let Some(helper) = helper.filter(|_| self.round.mode == Mode::Split) {
            bytes.push(0x82);
            let share = self.sealed(self.round.leader.sealing_key(), &entries, id, 0);
            push_bytes(&mut bytes, &share);
            let seed = self.sealed(helper, &entries[..32], id, 1);
            push_bytes(&mut bytes, &seed);
        } else {
            bytes.push(0x81);
            push_bytes(&mut bytes, &entries);
        }
        (id, bytes)
    }

    fn sealed(&mut self, to: [u8; 32], plain: &[u8], id: UploadId, role: u8) -> Vec<u8> {
        let to = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&to).expect("a key");
        let data = [&self.configuration[..], &id, &[role]].concat();
        let (key, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &to,
            b"privet upload share v1",
            plain,
            &data,
            &mut self.random,
        )
        .expect("a plain key");
        [key.to_bytes().to_vec(), ciphertext].concat()
    }
}

fn push_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u16;
    if length < 256 {
        to.extend([0x58, length as u8]);
    } else {
        to.push(0x59);
        to.extend(length.to_be_bytes());
    }
    to.extend(bytes);
}
