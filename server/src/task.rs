//! What the server asks of devices.

use privet::{Head, Result, Round};

/// A task with its open round and the head that belongs to it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The open round.
    pub round: Round,
    /// The head, as published.
    pub head: Vec<u8>,
}

impl Task {
    /// The task of the demo: a linear head over embeddings of 16 numbers, at a cost that the default policy of a device
    /// admits. All the noise is the device's own, so this server need not be trusted.
    pub fn demo(min_cohort: u32) -> Result<Self> {
        let head = Head::starting(16, 4.0)?;
        let bytes = head.encode();
        let round = Round {
            task: "demo".into(),
            number: 1,
            dimension: head.parameters().len() as u32,
            clip_norm: 1.0,
            grid_scale: 1 << 16,
            noise_multiplier: 8.0,
            min_cohort,
            head: Head::hash(&bytes),
        };
        // Whatever a device would refuse is refused here first.
        Round::decode(&round.encode())?;
        Ok(Self { round, head: bytes })
    }
}
