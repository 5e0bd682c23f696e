//! What the server asks of devices.

use privet::{Head, Mode, Operator, Result, Round, Schema, Signed};

use crate::Keys;

/// 2100-01-01: the round of the demo stays open.
const DEADLINE_S: u64 = 4_102_444_800;

/// A task with its open round and the head that belongs to it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The open round.
    pub round: Round,
    /// The round as published, signed.
    pub signed: Vec<u8>,
    /// The head, as published.
    pub head: Vec<u8>,
    /// What applications pin.
    pub identity: [u8; 32],
}

impl Task {
    /// The task of the demo: a small net over embeddings of 16 numbers, at a cost that the default policy of a device
    /// admits. All the noise is the device's own, so this server need not be trusted.
    pub fn demo(min_cohort: u32, keys: &Keys) -> Result<Self> {
        let head = Head::starting(Schema::plain(16), 16, 4.0)?;
        let bytes = head.encode();
        let round = Round {
            task: "demo".into(),
            number: 1,
            mode: Mode::Device,
            dimension: head.parameters().len() as u32,
            clip_norm: 1.0,
            grid_scale: 1 << 16,
            noise_multiplier: 8.0,
            tolerated_permille: 0,
            min_cohort,
            n_max: min_cohort.max(10_000),
            delta: 1e-6,
            deadline_s: DEADLINE_S,
            head: Head::hash(&bytes),
            leader: Operator::new("this server", keys.sealing.public()),
            helper: None,
        };
        // Whatever a device would refuse is refused here first.
        Round::decode(&round.encode())?;
        let signed = Signed::round(&round, keys.identity.sign_round(&round), None).encode();
        Ok(Self { round, signed, head: bytes, identity: keys.identity.public() })
    }
}
