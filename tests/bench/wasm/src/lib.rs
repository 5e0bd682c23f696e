//! What `cargo xtask bench privacy` times in a page: the release path as it ships, and Prio3SumVec of the crate `prio`.

use hpke::{
    Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256,
    single_shot_seal_with_rng,
};
use prio::{
    codec::Encode,
    vdaf::{
        Client,
        prio3::{Prio3, Prio3SumVec, optimal_chunk_length},
    },
};
use privet::{
    Charge, Clipped, Cost, Debit, Gradient, Ledger, Mode, NanoRho, Noised, Operator, Policy, Round, SealingKey, Upload, clip,
    cost, noise,
};
use rand::{
    SeedableRng, TryRng,
    rngs::{ChaCha20Rng, SysRng},
};
use wasm_bindgen::prelude::*;

const ID: [u8; 16] = [7; 16];

fn keys() -> [[u8; 32]; 2] {
    [1, 2].map(|seed| SealingKey::from_seed(&[seed; 32]).public())
}

/// From a rho to the epsilon that a person is shown.
#[wasm_bindgen]
pub fn epsilon(nano_rho: u32, delta: f64) -> f64 {
    privet::accounting::epsilon_from_rho(NanoRho(nano_rho.into()), delta)
}

/// One device in `split` mode, with a gradient that is clipped.
#[wasm_bindgen]
pub struct Release {
    round: Round,
    cost: Cost,
    gradient: Gradient,
    charge: Option<Charge>,
    clipped: Option<Clipped>,
    noised: Option<Noised>,
}

#[wasm_bindgen]
impl Release {
    #[wasm_bindgen(constructor)]
    pub fn new(dimension: u32) -> Self {
        let [leader, helper] = keys();
        let round = Round {
            task: "bench".into(),
            number: 1,
            mode: Mode::Split,
            dimension,
            clip_norm: 1.0,
            grid_scale: 1 << 16,
            noise_multiplier: 8.0,
            part_multiplier: 1.0,
            min_cohort: 100,
            n_max: 10_000,
            delta: 1e-6,
            deadline_s: 4_102_444_800,
            head: [0; 32],
            leader: Operator::new("leader.example", leader),
            helper: Some(Operator::new("helper.example", helper)),
            token_key: None,
        };
        let gradient = Gradient::from_values(&(0..dimension).map(|i| (i % 17) as f32 - 8.0).collect::<Vec<_>>());
        let cost = cost(round.bound().unwrap()).unwrap();
        Self { round, cost, gradient, charge: None, clipped: None, noised: None }
    }

    /// Debits, as the ledger's own step does before a release. Not timed.
    pub fn reserve(&mut self) {
        let mut ledger = Ledger::open(&[], Policy::at_once().limits()).unwrap();
        let debit = Debit { task: "bench".into(), round: 1, deadline_s: 1, id: ID, cost: self.cost };
        let step = ledger.reserve(&[], debit, 0).unwrap();
        self.charge = Some(ledger.persisted(step).unwrap());
    }

    pub fn clip(&mut self) {
        self.clipped = Some(clip(&self.gradient, self.round.bound().unwrap()));
    }

    pub fn noise(&mut self) {
        self.noised = Some(noise(self.clipped.take().unwrap(), self.charge.take().unwrap()).unwrap());
    }

    /// Shares, seals and encodes; gives the bytes that would be sent.
    pub fn encode(&mut self) -> Vec<u8> {
        Upload::new(&self.round, ID, self.noised.take().unwrap()).unwrap().encode()
    }
}

/// A client of Prio3SumVec: shares with a proof that each entry is in range, sealed to two aggregators as ours are.
#[wasm_bindgen]
pub struct Peer {
    prio: Prio3SumVec,
    measurement: Vec<u128>,
}

#[wasm_bindgen]
impl Peer {
    #[wasm_bindgen(constructor)]
    pub fn new(length: usize, bits: usize) -> Self {
        let most = (1u128 << bits) - 1;
        let prio = Prio3::new_sum_vec(2, most, length, optimal_chunk_length(length * bits)).unwrap();
        Self { prio, measurement: (0..length as u128).map(|i| i * 31 % most).collect() }
    }

    /// Gives the bytes that would be sent, less a few of framing.
    pub fn upload(&self) -> Vec<u8> {
        let (public, shares) = self.prio.shard(b"bench", &self.measurement, &ID).unwrap();
        let mut sent = public.get_encoded().unwrap();
        for (to, share) in keys().iter().zip(shares) {
            sent.extend(seal(to, &share.get_encoded().unwrap(), &sent));
        }
        sent
    }
}

fn seal(to: &[u8; 32], plain: &[u8], data: &[u8]) -> Vec<u8> {
    let to = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(to).unwrap();
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).unwrap();
    let mut generator = ChaCha20Rng::from_seed(seed);
    let (key, sealed) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &to,
        b"bench",
        plain,
        data,
        &mut generator,
    )
    .unwrap();
    [key.to_bytes().to_vec(), sealed].concat()
}
