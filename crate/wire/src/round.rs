//! What a round asks of devices, and what it promises them.
use sha2::{Digest, Sha256};

use crate::{Bound, Refusal, TokenKey, VERSION, check_version};
use privet_base::{
    Result, cbor,
    cbor::{Cbor, decode, encode},
    decimal,
};

/// A name is short enough for an address.
const NAME_LENGTH: usize = 64;
/// The hard limit on a round's dimension; a device's policy may want less.
pub const MOST_DIMENSION: u32 = 4096;
/// The least deviation of a device's noise in grid units: from here on sums of discrete Gaussians are discrete Gaussians
/// to within e^(-88) (Kairouz, Liu, Steinke 2021), so that what is said of one part is true of several.
const LEAST_NOISE: f64 = 3.0;

/// Who adds the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of it on this device: no server is trusted with anything.
    Device,
    /// A part on each device, and additive shares for two aggregators that do not collude.
    Split,
}

/// Who runs an aggregator, and the key that shares are sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator(String, [u8; 32]);
cbor!(Operator(name, sealing_key));

impl Operator {
    /// An operator of this name with this X25519 key.
    pub fn new(name: &str, sealing_key: [u8; 32]) -> Self {
        Self(name.into(), sealing_key)
    }

    /// What the operator calls itself.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The public key that shares for it are sealed to.
    pub fn sealing_key(&self) -> [u8; 32] {
        self.1
    }
}

/// The configuration of a round. Whoever signs it has signed every field.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The task's name: 1 to 64 small letters, digits and hyphens.
    pub task: String,
    /// Counts up from 1.
    pub number: u32,
    /// Who adds the noise.
    pub mode: Mode,
    /// How many parameters the head has.
    pub dimension: u32,
    /// C, the largest norm of a contribution, in units of the head.
    pub clip_norm: f64,
    /// s, how many grid units are 1.
    pub grid_scale: u32,
    /// z: in `device` mode each device's noise has a deviation of z · S grid units, in `split` mode each aggregator's.
    pub noise_multiplier: f64,
    /// p: in `split` mode each device's own noise has a deviation of p · S grid units, for the case that both
    /// aggregators collude. 0 in `device` mode.
    pub part_multiplier: f64,
    /// The least number of devices over which the sum is opened.
    pub min_cohort: u32,
    /// The most uploads that the round takes.
    pub n_max: u32,
    /// The delta at which the task states its epsilon.
    pub delta: f64,
    /// When the round closes at the latest, in seconds of Unix time.
    pub deadline_s: u64,
    /// SHA-256 of the head that gradients are computed against.
    pub head: [u8; 32],
    /// The aggregator that devices talk to.
    pub leader: Operator,
    /// The other aggregator, in `split` mode.
    pub helper: Option<Operator>,
    /// The issuer whose tokens uploads have to carry, if they have to. Both aggregators sign it, so that every device has
    /// the same.
    pub token_key: Option<TokenKey>,
}

struct OnWire(u32, String, u32, u32, u32, f64, u32, f64, f64, u32, u32, f64, u64, [u8; 32], Operator, Option<Operator>);
cbor!(OnWire(
    version,
    task,
    number,
    mode,
    dimension,
    clip_norm,
    grid_scale,
    noise_multiplier,
    part_multiplier,
    min_cohort,
    n_max,
    delta,
    deadline_s,
    head,
    leader,
    helper
));
/// An array of the fields above, and of one more.
const ARRAYS: [u8; 2] = [0x90, 0x91];
/// That one: the head of 256 bytes, and those.
const TOKEN_KEY: usize = 3 + size_of::<TokenKey>();

impl Round {
    /// No round: over before it began, and of a bound that nothing fits.
    pub fn none(dimension: u32) -> Self {
        Self {
            task: String::new(),
            number: 0,
            mode: Mode::Device,
            dimension,
            clip_norm: 0.0,
            grid_scale: 0,
            noise_multiplier: 0.0,
            part_multiplier: 0.0,
            min_cohort: 0,
            n_max: 0,
            delta: 0.0,
            deadline_s: 0,
            head: [0; 32],
            leader: Operator::new("", [0; 32]),
            helper: None,
            token_key: None,
        }
    }

    /// The bytes that are signed.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = encode(&OnWire(
            VERSION,
            self.task.clone(),
            self.number,
            self.mode as u32,
            self.dimension,
            self.clip_norm,
            self.grid_scale,
            self.noise_multiplier,
            self.part_multiplier,
            self.min_cohort,
            self.n_max,
            self.delta,
            self.deadline_s,
            self.head,
            self.leader.clone(),
            self.helper.clone(),
        ));
        if let Some(key) = &self.token_key {
            bytes[0] = ARRAYS[1];
            key.write(&mut bytes);
        }
        bytes
    }

    /// Reads a configuration and refuses one that contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (bytes, token_key) = cut(bytes)?;
        let OnWire(
            version,
            task,
            number,
            mode,
            dimension,
            clip_norm,
            grid_scale,
            noise_multiplier,
            part_multiplier,
            min_cohort,
            n_max,
            delta,
            deadline_s,
            head,
            leader,
            helper,
        ) = decode(&bytes)?;
        check_version(version)?;
        let mode = match mode {
            0 => Mode::Device,
            1 => Mode::Split,
            _ => return Err(privet_base::Refusal::WireMalformed.into()),
        };
        let round = Self {
            task,
            number,
            mode,
            dimension,
            clip_norm,
            grid_scale,
            noise_multiplier,
            part_multiplier,
            min_cohort,
            n_max,
            delta,
            deadline_s,
            head,
            leader,
            helper,
            token_key,
        };
        round.check()?;
        Ok(round)
    }

    /// SHA-256 of the configuration: what is signed, and what every share is bound to.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// What the clip norm, the grid, the multipliers and the mode come to.
    pub fn bound(&self) -> Result<Bound> {
        let Self { clip_norm, grid_scale, noise_multiplier, part_multiplier, dimension, .. } = *self;
        match self.mode {
            Mode::Device => Bound::device(clip_norm, grid_scale, noise_multiplier, dimension),
            Mode::Split => Bound::split(clip_norm, grid_scale, noise_multiplier, part_multiplier, dimension),
        }
    }

    fn check(&self) -> Result<()> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let named = (1..=NAME_LENGTH).contains(&self.task.len()) && self.task.bytes().all(plain);
        hold(named, "the task's name", &self.task.len(), "1 to 64 small letters, digits and hyphens")?;
        for operator in self.helper.iter().chain([&self.leader]) {
            let length = operator.name().len();
            hold((1..=NAME_LENGTH).contains(&length), "an operator's name", &length, "1 to 64 bytes long")?;
        }
        hold((1..=MOST_DIMENSION).contains(&self.dimension), "the dimension", &self.dimension, "1 to 4096")?;
        hold(self.number > 0, "the round's number", &self.number, "at least 1")?;
        hold(self.min_cohort > 0, "the least cohort", &self.min_cohort, "at least 1")?;
        hold(self.n_max >= self.min_cohort, "the most uploads", &self.n_max, &format!("at least {}", self.min_cohort))?;
        hold(self.delta > 0.0 && self.delta < 1.0, "delta", &decimal(self.delta), "between 0 and 1")?;
        let helpers = usize::from(self.helper.is_some());
        match self.mode {
            Mode::Device => {
                hold(helpers == 0, "the number of helpers in device mode", &helpers, "0")?;
                let part = self.part_multiplier;
                hold(part == 0.0, "the part multiplier in device mode", &decimal(part), "0")?;
            }
            Mode::Split => hold(helpers == 1, "the number of helpers in split mode", &helpers, "1")?,
        }
        let ends = self.token_key.map_or([0x80, 1], |key| [key[0], key[key.len() - 1]]);
        hold(ends[0] >= 0x80 && ends[1] % 2 == 1, "the token key", &"even or short", "an odd number of 2,048 bits")?;
        let bound = self.bound()?;
        let deviation = bound.deviation();
        hold(
            deviation >= LEAST_NOISE,
            "the deviation of a device's noise",
            &decimal((deviation * 1000.0).round() / 1000.0),
            "at least 3 grid units",
        )?;
        // The sum is read as centred representatives: 12 deviations away lies one entry in 10^32.
        let reach = f64::from(self.n_max) * f64::from(bound.clip_norm()) + 12.0 * bound.sum_variance(self.n_max).sqrt();
        hold(reach < 2f64.powi(31), "the reach of the sum", &decimal(reach.round()), "under 2^31 grid units")
    }
}

/// The fields that every round has, and the key of an issuer where there is one.
fn cut(bytes: &[u8]) -> Result<(Vec<u8>, Option<TokenKey>)> {
    if bytes.first() != Some(&ARRAYS[1]) {
        return Ok((bytes.to_vec(), None));
    }
    let (fields, mut last) =
        bytes.split_at_checked(bytes.len() - TOKEN_KEY.min(bytes.len())).ok_or(privet_base::Refusal::WireMalformed)?;
    let key = TokenKey::read(&mut last)
        .filter(|_| last.is_empty() && !fields.is_empty())
        .ok_or(privet_base::Refusal::WireMalformed)?;
    Ok(([&ARRAYS[..1], &fields[1..]].concat(), Some(key)))
}

fn hold(holds: bool, what: &'static str, is: &dyn core::fmt::Display, must: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Refusal::RoundRefused { what, is: is.to_string(), must: must.into() }.into()) }
}

#[cfg(any(test, feature = "examples"))]
impl Round {
    /// A small one in `device` mode.
    pub fn example() -> Self {
        Self {
            task: "demo".into(),
            number: 1,
            mode: Mode::Device,
            dimension: 18,
            clip_norm: 1.0,
            grid_scale: 1 << 12,
            noise_multiplier: 8.0,
            part_multiplier: 0.0,
            min_cohort: 2,
            n_max: 10_000,
            delta: 1e-6,
            deadline_s: 1_800_000_000,
            head: [7; 32],
            leader: Operator::new("example.org", [3; 32]),
            helper: None,
            token_key: None,
        }
    }

    /// One in `split` mode; the sealing keys are those of the seeds of ones and of twos.
    pub fn split_example() -> Self {
        let key = |hex| privet_base::unhex(hex).expect("32 bytes");
        let leader = key("41852320ff367495fa522c94cb83af391e4e89018392725bbf2098dd931bc424");
        let helper = key("6080bbe51005ea9acc863580ce57317d46bef6333558d5bfa97e461342985005");
        Self {
            mode: Mode::Split,
            noise_multiplier: 4.0,
            part_multiplier: 0.25,
            min_cohort: 100,
            leader: Operator::new("leader.example", leader),
            helper: Some(Operator::new("helper.example", helper)),
            ..Self::example()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_survives_the_wire() {
        for round in [Round::example(), Round::split_example()] {
            assert_eq!(Round::decode(&round.encode()), Ok(round.clone()));
            let round = Round { token_key: Some([0x8f; 256]), ..round };
            assert_eq!(Round::decode(&round.encode()), Ok(round));
        }
    }

    #[test]
    fn a_token_key_is_one_more_field_and_has_one_encoding() {
        let (plain, with) = (Round::example(), Round { token_key: Some([0x8f; 256]), ..Round::example() });
        let (plain, with) = (plain.encode(), with.encode());
        assert_eq!(with.len(), plain.len() + 259);
        for (odd, why) in [
            ([&[0x91], &plain[1..]].concat(), "said and not there"),
            ([&[0x90], &with[1..]].concat(), "there and not said"),
            ([&with[..], &[0]].concat(), "left over"),
            (with[..with.len() - 1].to_vec(), "cut"),
            (vec![0x91], "nothing but a head"),
            ([&[0x91], &with[with.len() - 259..]].concat(), "nothing but a key"),
        ] {
            assert_eq!(Round::decode(&odd), Err(privet_base::Refusal::WireMalformed.into()), "{why}");
        }
        for ends in [[0x7f, 1], [0x80, 2]] {
            let mut key = [0x8f; 256];
            [key[0], key[255]] = ends;
            let odd = Round { token_key: Some(key), ..Round::example() };
            assert_eq!(Round::decode(&odd.encode()).map_err(|error| error.code()), Err("round-refused"));
        }
    }

    #[test]
    fn a_round_that_contradicts_itself_is_refused_with_both_numbers() {
        let (fine, split) = (Round::example(), Round::split_example());
        let message = |odd: &Round| {
            let refused = Round::decode(&odd.encode()).expect_err("odd");
            assert_eq!(refused.code(), "round-refused", "{odd:?}");
            refused.to_string()
        };
        let helper = split.helper.clone();
        for odd in [
            Round { task: String::new(), ..fine.clone() },
            Round { task: "Demo".into(), ..fine.clone() },
            Round { task: "x".repeat(65), ..fine.clone() },
            Round { dimension: 0, ..fine.clone() },
            Round { number: 0, ..fine.clone() },
            Round { min_cohort: 0, ..fine.clone() },
            Round { delta: 1.0, ..fine.clone() },
            Round { delta: f64::NAN, ..fine.clone() },
            Round { clip_norm: f64::INFINITY, ..fine.clone() },
            Round { noise_multiplier: 0.0, ..fine.clone() },
            Round { helper, ..fine.clone() },
            Round { helper: None, ..split.clone() },
            Round { leader: Operator::new("", [1; 32]), ..fine.clone() },
        ] {
            message(&odd);
        }
        for (odd, said) in [
            (Round { dimension: 4097, ..fine.clone() }, "the dimension is 4097 and has to be 1 to 4096"),
            (Round { n_max: 1, ..fine.clone() }, "the most uploads is 1 and has to be at least 2"),
            (
                Round { part_multiplier: 0.25, ..fine.clone() },
                "the part multiplier in device mode is 0.25 and has to be 0",
            ),
            (
                Round { part_multiplier: 0.0, ..split.clone() },
                "the part multiplier is 0 and has to be above 0 and at most 100",
            ),
            (
                Round { grid_scale: 11, ..split.clone() },
                "the deviation of a device's noise is 2.75 and has to be at least 3 grid units",
            ),
            (
                Round { n_max: 600_000, ..split },
                "the reach of the sum is 2467122304 and has to be under 2^31 grid units",
            ),
            (
                Round { n_max: 1_000_000, ..fine },
                "the reach of the sum is 4489216000 and has to be under 2^31 grid units",
            ),
        ] {
            assert_eq!(message(&odd), format!("the round is refused: {said}"));
        }
    }

    #[test]
    fn the_ends_of_what_is_allowed_are_allowed() {
        let (fine, split) = (Round::example(), Round::split_example());
        let name = "x".repeat(64);
        let coarse = Round { grid_scale: 12, ..split };
        for round in [
            Round { task: name.clone(), leader: Operator::new(&name, [1; 32]), ..fine.clone() },
            Round { dimension: 4096, ..fine.clone() },
            Round { dimension: 1, min_cohort: 1, n_max: 1, ..fine.clone() },
            Round { n_max: 459_232, ..fine.clone() },
            Round { part_multiplier: 100.0, ..coarse.clone() },
            coarse.clone(),
        ] {
            assert_eq!(Round::decode(&round.encode()), Ok(round));
        }
        for round in [
            Round { leader: Operator::new(&"x".repeat(65), [1; 32]), ..fine.clone() },
            Round { n_max: 459_233, ..fine },
            Round { grid_scale: 11, ..coarse },
        ] {
            assert!(Round::decode(&round.encode()).is_err(), "{round:?}");
        }
    }

    #[test]
    fn the_hash_covers_every_field() {
        let round = Round::split_example();
        let hash = round.hash();
        let helper = Some(Operator::new("helper.example", [9; 32]));
        for changed in [
            Round { task: "other".into(), ..round.clone() },
            Round { number: 2, ..round.clone() },
            Round { mode: Mode::Device, ..round.clone() },
            Round { dimension: 19, ..round.clone() },
            Round { clip_norm: 2.0, ..round.clone() },
            Round { grid_scale: 1 << 11, ..round.clone() },
            Round { noise_multiplier: 8.5, ..round.clone() },
            Round { part_multiplier: 0.5, ..round.clone() },
            Round { min_cohort: 99, ..round.clone() },
            Round { n_max: 9_999, ..round.clone() },
            Round { delta: 1e-5, ..round.clone() },
            Round { deadline_s: 0, ..round.clone() },
            Round { head: [8; 32], ..round.clone() },
            Round { leader: Operator::new("leader.example", [9; 32]), ..round.clone() },
            Round { leader: Operator::new("else.example", round.leader.sealing_key()), ..round.clone() },
            Round { helper, ..round.clone() },
            Round { helper: None, ..round.clone() },
            Round { token_key: Some([0x8f; 256]), ..round.clone() },
        ] {
            assert_ne!(changed.hash(), hash, "{changed:?}");
        }
    }
}
