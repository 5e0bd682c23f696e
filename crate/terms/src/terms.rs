//! A task and who signs its rounds, and a round that was admitted under them.

use crate::{Policy, Refusal};
use privet_accounting::{Adjacency, Cost, NanoRho, rho_of_gaussian};
use privet_base::Result;
use privet_model::Head;
use privet_wire::{Bound, Pins, Round, Signed, TokenContext};

/// What the application fixes, and no server can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The task to take part in.
    pub task: String,
    /// Who has to have signed its rounds.
    pub pins: Pins,
    /// What may be asked of this device.
    pub policy: Policy,
}

impl Terms {
    /// The round, if both who have to have signed it, it is this task's, and the policy allows it at what it costs at least.
    pub fn admit(&self, signed: &[u8]) -> Result<Admitted> {
        let round = Signed::decode(signed)?.verify_round(&self.pins)?;
        if round.task != self.task {
            return Err(Refusal::TaskUnknown.into());
        }
        self.policy.admit(&round, least_cost(round.bound()?))?;
        Ok(Admitted { round, policy: self.policy, pins: Some(self.pins) })
    }
}

/// A round that a device takes part in, on its policy: only [`Terms::admit`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    round: Round,
    policy: Policy,
    /// Who has signed it; nobody where there is none.
    pins: Option<Pins>,
}

impl Admitted {
    /// No round: nothing is ever released on it. The application vouches for its head.
    fn none(policy: Policy, head: &Head) -> Self {
        Self { round: Round::none(head.parameters().len() as u32), policy, pins: None }
    }

    /// The round.
    pub fn round(&self) -> &Round {
        &self.round
    }

    /// What may be asked of this device.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the round's tokens are made for, if it wants any.
    pub fn token_context(&self) -> Option<TokenContext> {
        TokenContext::of(&self.round, self.pins.as_ref()?)
    }

    /// The round's head, if these are its bytes.
    pub fn head(&self, bytes: &[u8]) -> Result<Head> {
        if Head::hash(bytes) != self.round.head {
            return Err(Refusal::HeadStale { round: self.round.number }.into());
        }
        let head = Head::decode(bytes)?;
        if head.parameters().len() != self.round.dimension as usize {
            return Err(privet_model::Refusal::HeadRefused {
                reason: "its parameters are not as many as the round's dimension",
            }
            .into());
        }
        Ok(head)
    }

    /// The same, or where there is no round, a head that the application vouches for.
    pub fn or_local(admitted: Option<Self>, policy: Policy, head: &[u8]) -> Result<(Self, Head)> {
        match admitted {
            Some(admitted) => admitted.head(head).map(|head| (admitted, head)),
            None => Head::decode(head).map(|head| (Self::none(policy, &head), head)),
        }
    }
}

/// What a contribution costs, or a trifle less: enough to refuse a round by. What is charged is computed where the noise
/// is drawn, and the policy is asked again with that.
pub fn least_cost(bound: Bound) -> Cost {
    let trifle = 1.0 - 1e-9;
    let norm = f64::from(bound.clip_norm());
    let price = |deviation, apart| NanoRho::from_rho(trifle * rho_of_gaussian(apart, deviation));
    let alone = price(bound.deviation(), 2.0 * norm);
    match bound.sum_deviation() {
        None => Cost::alone(alone),
        Some(deviation) => Cost { trusted: price(deviation, norm), adjacency: Adjacency::Zeroed, alone },
    }
}
