//! What an operator asks of devices, the same for every round of a task.

use privet::{
    Error, Head, Mode, Operator, Optimiser, Result, Round, Schema, Spent, TokenKey, accounting::epsilon_from_rho, cost,
    hex, refusal, unhex,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Shorter rounds than this would be over before devices hear of them.
const SHORTEST_ROUND_S: u64 = 60;
/// A round's least time where the operator writes none: six heads a day at most.
const LEAST_ROUND_S: u64 = 4 * 60 * 60;

/// A task's terms. Its text is JSON with the fields in this order, and its hash is the text's: what the helper's
/// operator admits is what they can read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// 1 to 64 small letters, digits and hyphens.
    pub name: String,
    /// Who adds the noise: `device` or `split`.
    #[serde(with = "mode")]
    pub mode: Mode,
    /// SHA-256 of the head that the first round starts from, in hexadecimal.
    pub head: String,
    /// How many parameters heads have.
    pub dimension: u32,
    /// C, the largest norm of a contribution.
    pub clip_norm: f64,
    /// s, how many grid units are 1.
    pub grid_scale: u32,
    /// z: each aggregator's noise in multiples of S, in `device` mode each device's.
    pub noise_multiplier: f64,
    /// p: in `split` mode each device's own noise in multiples of S.
    #[serde(default)]
    pub part_multiplier: f64,
    /// A sum is never opened over fewer devices.
    pub min_cohort: u32,
    /// A round closes when this many have contributed.
    pub goal: u32,
    /// The most that a round takes.
    pub n_max: u32,
    /// The delta of the claimed epsilon.
    pub delta: f64,
    /// The epsilon that the task claims for one contribution: its numbers must keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// How long a round stays open at most.
    pub round_s: u64,
    /// How a round's mean moves the head.
    pub optimiser: Optimiser,
    /// Whose blind tokens uploads have to carry: an issuer's modulus, in hexadecimal. Without one anybody may upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
    /// Lets anybody upload to a `split` task: nothing but tokens keeps one client from spoiling round after round.
    #[serde(default, skip_serializing_if = "is_not")]
    pub open: bool,
    /// The least time that a round stays open: whoever fills it moves the head once in so long.
    #[serde(default = "least_round_s")]
    pub least_round_s: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_not(flag: &bool) -> bool {
    !flag
}

fn least_round_s() -> u64 {
    LEAST_ROUND_S
}

mod mode {
    use privet::Mode;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(mode: &Mode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match mode {
            Mode::Device => "device",
            Mode::Split => "split",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
        match &*String::deserialize(from)? {
            "device" => Ok(Mode::Device),
            "split" => Ok(Mode::Split),
            other => Err(D::Error::custom(format!("mode is {other} and has to be device or split"))),
        }
    }
}

impl Task {
    /// What is hashed, stored, and read by the helper's operator.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data always encodes")
    }

    /// SHA-256 of the text, in hexadecimal: what is admitted.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.text()))
    }

    /// Reads a text and refuses terms that cannot be kept.
    pub fn read(text: &str) -> Result<Self> {
        let task: Self = serde_json::from_str(text).map_err(|_| refusal::Base::WireMalformed)?;
        task.check()?;
        if task.text() == text { Ok(task) } else { Err(refusal::Base::WireMalformed.into()) }
    }

    /// The first head's hash.
    pub fn first_head(&self) -> Result<[u8; 32]> {
        unhex(&self.head)
            .ok_or_else(|| refusal::Model::HeadRefused { reason: "its hash is not 64 hexadecimal digits" }.into())
    }

    /// Refuses a first head that is another than the terms name, or has not as many parameters as they say.
    pub fn check_first(&self, head: &[u8]) -> Result<()> {
        if self.first_head() != Ok(Head::hash(head)) {
            return Err(refusal::Terms::HeadStale { round: 1 }.into());
        }
        let (sent, wanted) = (Head::decode(head)?.parameters().len(), self.dimension as usize);
        if sent == wanted { Ok(()) } else { Err(refusal::Shares::WireLength { sent, wanted }.into()) }
    }

    /// Whose tokens uploads have to carry, if they have to.
    pub fn token_key(&self) -> Result<Option<TokenKey>> {
        let refused = |text: &String| refusal::Wire::RoundRefused {
            what: "the token key's length",
            is: text.len().to_string(),
            must: "512 hexadecimal digits".into(),
        };
        self.token_key.as_ref().map(|text| unhex(text).ok_or_else(|| refused(text))).transpose().map_err(Error::from)
    }

    /// The configuration of one round.
    pub fn round(
        &self,
        number: u32,
        head: [u8; 32],
        deadline_s: u64,
        leader: Operator,
        helper: Option<Operator>,
    ) -> Round {
        Round {
            task: self.name.clone(),
            number,
            mode: self.mode,
            dimension: self.dimension,
            clip_norm: self.clip_norm,
            grid_scale: self.grid_scale,
            noise_multiplier: self.noise_multiplier,
            part_multiplier: self.part_multiplier,
            min_cohort: self.min_cohort,
            n_max: self.n_max,
            delta: self.delta,
            deadline_s,
            head,
            leader,
            helper,
            // A text that is no key is refused before it comes to a round.
            token_key: self.token_key().unwrap_or(None),
        }
    }

    /// Refuses terms that no round could keep, with both numbers.
    pub fn check(&self) -> Result<()> {
        let someone = || Operator::new("someone", [0; 32]);
        let helper = (self.mode == Mode::Split).then(someone);
        self.token_key()?;
        let round = self.round(1, self.first_head()?, u64::MAX, someone(), helper);
        // Whatever a device would refuse is refused here first: the reach of the sum, the least noise part, the cohort.
        Round::decode(&round.encode())?;
        let (least, goal, most) = (self.min_cohort, self.goal, self.n_max);
        hold((least..=most).contains(&goal), "the goal", &goal, format!("{least} to {most}"))?;
        let round_s = self.round_s;
        hold(round_s >= SHORTEST_ROUND_S, "the length of a round", &round_s, format!("at least {SHORTEST_ROUND_S} s"))?;
        self.optimiser.check()?;
        let least_s = self.least_round_s;
        hold(least_s <= round_s, "the least length of a round", &least_s, format!("at most {round_s} s"))?;
        let closed = self.token_key()?.is_some();
        let guarded = closed || self.open || self.mode == Mode::Device;
        hold(guarded, "the token key of a split task", &"missing", "given, unless the task says open = true".into())?;
        let Some(claimed) = self.epsilon else { return Ok(()) };
        // Between this device's data and none, as the statement for users says it.
        let real = epsilon_from_rho(Spent::from(cost(round.bound()?)?).against_nothing(), self.delta);
        hold(real <= claimed, "the epsilon of a contribution", &format!("{real:.4}"), format!("at most {claimed}"))
    }

    /// The task that is there without a file: a small head at a cost that the default policy of a device admits.
    pub fn demo(mode: Mode, min_cohort: u32) -> Result<(Self, Vec<u8>)> {
        let head = Head::starting(Schema::plain(16), 16, 4.0)?;
        let bytes = head.encode();
        let task = Self {
            name: "demo".into(),
            mode,
            head: hex(&Head::hash(&bytes)),
            dimension: head.parameters().len() as u32,
            clip_norm: 1.0,
            grid_scale: 1 << 14,
            noise_multiplier: if mode == Mode::Device { 8.0 } else { 4.0 },
            part_multiplier: if mode == Mode::Device { 0.0 } else { 0.25 },
            min_cohort,
            goal: min_cohort,
            n_max: min_cohort.max(10_000),
            delta: 1e-6,
            epsilon: None,
            round_s: 7 * 24 * 60 * 60,
            optimiser: Optimiser::Sgd { rate: 1.0, momentum: 0.0 },
            token_key: None,
            open: mode == Mode::Split,
            least_round_s: 0,
        };
        task.check()?;
        Ok((task, bytes))
    }
}

fn hold(holds: bool, what: &'static str, is: &dyn std::fmt::Display, must: String) -> Result<()> {
    if holds { Ok(()) } else { Err(refusal::Wire::RoundRefused { what, is: is.to_string(), must }.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task::demo(Mode::Split, 100).expect("the demo's numbers fit").0
    }

    #[test]
    fn a_task_is_known_by_its_text() {
        let task = task();
        assert_eq!(Task::read(&task.text()), Ok(task.clone()));
        assert_eq!(task.hash().len(), 64);
        let lower = Task { min_cohort: 99, ..task.clone() };
        assert_ne!(lower.hash(), task.hash());
        assert_eq!(
            Task::read(&format!("{} ", task.text())),
            Err(refusal::Base::WireMalformed.into()),
            "another text, another hash"
        );
        assert_eq!(Task::read(&task.text().replace("\"goal\"", "\"gaol\"")), Err(refusal::Base::WireMalformed.into()));
    }

    #[test]
    fn terms_that_cannot_be_kept_are_refused_with_both_numbers() {
        let fine = task();
        for (odd, said) in [
            (
                Task { n_max: 1_000_000, ..fine.clone() },
                "the reach of the sum is 16433164581 and has to be under 2^31 grid units",
            ),
            (
                Task { grid_scale: 2, ..fine.clone() },
                "the deviation of a device's noise is 0.5 and has to be at least 3 grid units",
            ),
            (Task { n_max: 99, ..fine.clone() }, "the most uploads is 99 and has to be at least 100"),
            (Task { goal: 99, ..fine.clone() }, "the goal is 99 and has to be 100 to 10000"),
            (Task { round_s: 59, ..fine.clone() }, "the length of a round is 59 and has to be at least 60 s"),
            (
                Task { epsilon: Some(1.1), ..fine.clone() },
                "the epsilon of a contribution is 1.1429 and has to be at most 1.1",
            ),
            (Task { token_key: Some("00".into()), ..fine.clone() }, "the token key's length is 2 and has to be 512"),
            (Task { open: false, ..fine.clone() }, "the token key of a split task is missing and has to be given"),
            (
                Task { least_round_s: fine.round_s + 1, ..fine.clone() },
                "the least length of a round is 604801 and has to be at most 604800 s",
            ),
            (
                Task { optimiser: Optimiser::Sgd { rate: -1.0, momentum: 0.0 }, ..fine.clone() },
                "rate is -1 and has to be above 0",
            ),
        ] {
            let refused = odd.check().expect_err("odd");
            assert_eq!(refused.code(), "round-refused");
            assert!(refused.to_string().contains(said), "{refused}");
        }
        assert_eq!(Task { epsilon: Some(1.2), ..fine.clone() }.check(), Ok(()));
        assert_eq!(Task { head: "00".into(), ..fine }.check().map_err(|error| error.code()), Err("head-refused"));
    }

    #[test]
    fn the_demo_is_one_that_a_device_admits() {
        for mode in [Mode::Device, Mode::Split] {
            let (task, head) = Task::demo(mode, 100).expect("the demo's numbers fit");
            let operator = || Operator::new("someone", [1; 32]);
            let round = task.round(1, Head::hash(&head), 1, operator(), (mode == Mode::Split).then(operator));
            assert_eq!(
                privet::Policy::default().admit(&round, cost(round.bound().expect("a plain bound")).expect("a cost")),
                Ok(())
            );
        }
    }
}
