use privet_model::Head;
use privet_terms::{Policy, Terms};
use privet_wire::{Identity, Pins, Round, Signed};

/// The two who sign rounds; the helper signs those that name one.
pub struct Aggregators {
    /// The one that devices talk to.
    pub leader: Identity,
    /// The one beside it.
    pub helper: Identity,
}

impl Default for Aggregators {
    fn default() -> Self {
        Self { leader: Identity::from_seed(&[1; 32]), helper: Identity::from_seed(&[2; 32]) }
    }
}

impl Aggregators {
    /// The round as it is published.
    pub fn signed(&self, round: &Round) -> Vec<u8> {
        let helper = round.helper.as_ref().map(|_| self.helper.sign_round(round));
        Signed::round(round, self.leader.sign_round(round), helper).encode()
    }

    /// What an application fixes that takes part in rounds like this one.
    pub fn terms(&self, round: &Round, policy: Policy) -> Terms {
        let helper = round.helper.as_ref().map(|_| self.helper.public());
        Terms { task: round.task.clone(), pins: Pins { leader: self.leader.public(), helper }, policy }
    }
}

/// The round over this head and as many devices as a plain policy asks for.
pub fn over(round: Round, head: &Head) -> Round {
    Round { head: Head::hash(&head.encode()), dimension: head.parameters().len() as u32, min_cohort: 100, ..round }
}
