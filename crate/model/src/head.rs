//! The small model that ranks: published by the server, the same for everyone until the device fine-tunes it.
use sha2::{Digest, Sha256};

use crate::{Refusal, Schema, cpu::Shape, event, profile::SLOWEST_INTEREST};
use privet_base::{Result, cbor};

const VERSION: u32 = 2;
/// More than this nobody federates under a useful budget.
const MOST_PARAMETERS: u32 = 4096;
/// How many hidden units there may be.
const MOST_HIDDEN: u32 = 256;

/// A net over what a profile has to say about an item, the schema of both, and how a device learns.
///
/// A score is `server + g(n) · (net + personal)`, with `g(n) = n / (n + κ)` for n events that spoke for an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What items and events look like.
    pub schema: Schema,
    /// How much evidence personalising waits for. 0: newcomers get the shared head at once.
    pub kappa: f32,
    /// How fast people stop looking: the place p of a slate is examined with a probability of 1/p^η.
    pub eta: f32,
    /// How a device fine-tunes its own copy.
    pub local: Local,
    /// How a device makes the gradient that it uploads.
    pub upload: Descent,
    /// What the head was made from, in the operator's words.
    pub facts: String,
    hidden: u32,
    parameters: Vec<f32>,
}

/// How a device fine-tunes. All of it counts in events and steps: a faster clock changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Local {
    /// How many steps an event earns.
    pub steps: u32,
    /// Over how many examples a step goes, the newest always among them.
    pub batch: u32,
    /// The size of a step of the net's copy.
    pub rate: f32,
    /// How many examples the shared head weighs as much as: the copy is pulled back to it.
    pub pull: f32,
    /// The size of a step of the personal part.
    pub personal_rate: f32,
    /// How many examples weigh as much as the pull of the personal part to zero.
    pub personal_pull: f32,
}
cbor!(Local { steps, batch, rate, pull, personal_rate, personal_pull });

/// Plain gradient descent from the published head.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Descent {
    /// How many times over all new examples.
    pub epochs: u32,
    /// The size of a step.
    pub rate: f32,
}
cbor!(Descent { epochs, rate });

struct OnWire(u32, Vec<u8>, [u8; 32]);
cbor!(OnWire(version, body, digest));

struct Body(Schema, f32, f32, Local, Descent, String, u32, Vec<u8>);
cbor!(Body(schema, kappa, eta, local, upload, facts, hidden, parameters));

impl Head {
    /// A head that has learnt nothing yet but one thing: what is like the user's interests comes first.
    ///
    /// Its hidden units begin as a fixed, uneven pattern and with no say: at zero all of them would learn the same.
    pub fn starting(schema: Schema, hidden: u32, kappa: f32) -> Result<Self> {
        let f = schema.features();
        let shape = Shape { n: 0, f: f as u32, h: hidden, groups: 0 };
        let mut parameters = vec![0.0; shape.parameters() as usize];
        // The sizes of He et al. 2015 for rectified units; the angle of gold is as uneven as a pattern gets.
        let size = (6.0 / f as f32).sqrt();
        let first = f..f + f * hidden as usize;
        for (i, weight) in parameters[first].iter_mut().enumerate() {
            *weight = size * (2.0 * (i as f32 * 0.618_034).fract() - 1.0);
        }
        parameters[schema.dense.len() + SLOWEST_INTEREST] = 1.0;
        let local = Local { steps: 8, batch: 8, rate: 0.05, pull: 200.0, personal_rate: 0.1, personal_pull: 50.0 };
        let upload = Descent { epochs: 1, rate: 1.0 };
        let head = Self { schema, kappa, eta: 1.0, local, upload, facts: String::new(), hidden, parameters };
        head.check()?;
        Ok(head)
    }

    /// The bytes that the server publishes: a body, and its SHA-256.
    pub fn encode(&self) -> Vec<u8> {
        let parameters = self.parameters.iter().flat_map(|parameter| parameter.to_le_bytes()).collect::<Vec<u8>>();
        let Self { schema, kappa, eta, local, upload, facts, hidden, .. } = self.clone();
        let body = cbor::encode(&Body(schema, kappa, eta, local, upload, facts, hidden, parameters));
        let digest = Sha256::digest(&body).into();
        cbor::encode(&OnWire(VERSION, body, digest))
    }

    /// Reads a head and refuses one that cannot rank.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let OnWire(version, body, digest) = cbor::decode(bytes)?;
        if version != VERSION {
            return Err(privet_base::Refusal::WireVersion { sent: version, known: VERSION }.into());
        }
        if digest != <[u8; 32]>::from(Sha256::digest(&body)) {
            return Err(Refusal::HeadRefused { reason: "its bytes do not have the hash that it carries" }.into());
        }
        let Body(schema, kappa, eta, local, upload, facts, hidden, parameters) = cbor::decode(&body)?;
        let (parameters, []) = parameters.as_chunks::<4>() else {
            return Err(Refusal::HeadRefused { reason: "its parameters are not whole numbers of four bytes" }.into());
        };
        let parameters = parameters.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let head = Self { schema, kappa, eta, local, upload, facts, hidden, parameters };
        head.check()?;
        Ok(head)
    }

    /// SHA-256 of published bytes: a head's name.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// The length of the embeddings it ranks.
    pub fn embedding_length(&self) -> usize {
        self.schema.embedding as usize
    }

    /// The shared parameters: what is federated.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// The same head with other parameters, as many as before.
    pub fn with_parameters(&self, parameters: Vec<f32>) -> Result<Self> {
        let head = Self { parameters, ..self.clone() };
        head.check()?;
        Ok(head)
    }

    /// The net's sizes, for a batch.
    pub fn shape(&self, n: u32, groups: u32) -> Shape {
        Shape { n, f: self.schema.features() as u32, h: self.hidden, groups }
    }

    /// How much of what a device has learnt counts: 0 without evidence, unless κ is 0.
    pub fn gate(&self, evidence: u64) -> f32 {
        let n = evidence as f32;
        if self.kappa > 0.0 { n / (n + self.kappa) } else { 1.0 }
    }

    fn check(&self) -> Result<()> {
        let refuse = |reason| Err(Refusal::HeadRefused { reason }.into());
        self.schema.check()?;
        if !(1..=MOST_HIDDEN).contains(&self.hidden) {
            return refuse("it has to have 1 to 256 hidden units");
        }
        let wanted = self.shape(0, 0).parameters();
        if wanted > MOST_PARAMETERS {
            return refuse("it has over 4096 parameters");
        }
        if self.parameters.len() != wanted as usize {
            return refuse("the number of parameters does not fit the schema and the hidden units");
        }
        if !(self.kappa >= 0.0 && self.kappa.is_finite()) {
            return refuse("kappa is not a finite number from 0");
        }
        if !(0.0..=4.0).contains(&self.eta) {
            return refuse("eta is not between 0 and 4");
        }
        let Local { steps, batch, rate, pull, personal_rate, personal_pull } = self.local;
        if steps > 1000 || !(1..=256).contains(&batch) || !(1..=100).contains(&self.upload.epochs) {
            return refuse("steps, batch and epochs are not within 0 to 1000, 1 to 256 and 1 to 100");
        }
        if [rate, personal_rate].iter().any(|rate| !(0.0..=10.0).contains(rate)) {
            return refuse("a rate is not between 0 and 10");
        }
        if [pull, personal_pull].iter().any(|pull| !(0.0..=1e6).contains(pull)) {
            return refuse("a pull is not between 0 and a million");
        }
        if !(0.0..=100.0).contains(&self.upload.rate) {
            return refuse("the upload's rate is not between 0 and 100");
        }
        event::check_finite(&self.parameters).or(refuse("a parameter is not finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head::starting(Schema::plain(16), 4, 4.0).expect("a plain schema")
    }

    #[test]
    fn a_head_survives_the_wire() {
        let head = Head { facts: "made up".into(), eta: 0.5, ..head() };
        assert_eq!(Head::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn a_head_that_cannot_rank_is_refused() {
        let local = head().local;
        for odd in [
            Head { schema: Schema::plain(20), hidden: 5, ..head() },
            Head { schema: Schema { embedding: 12, ..Schema::plain(16) }, ..head() },
            Head { kappa: f32::NAN, ..head() },
            Head { kappa: -1.0, ..head() },
            Head { eta: 9.0, ..head() },
            Head { hidden: 0, ..head() },
            Head { local: Local { batch: 0, ..local }, ..head() },
            Head { local: Local { rate: f32::INFINITY, ..local }, ..head() },
            Head { local: Local { personal_pull: -1.0, ..local }, ..head() },
            Head { upload: Descent { epochs: 0, rate: 1.0 }, ..head() },
            Head { parameters: vec![f32::INFINITY; head().parameters.len()], ..head() },
            Head { parameters: vec![0.0; 4097], ..head() },
        ] {
            let code = Head::decode(&odd.encode()).expect_err("odd").code();
            assert!(["head-refused", "schema-refused"].contains(&code), "{code} {odd:?}");
        }
        let large = Head::starting(Schema::plain(16), 256, 4.0).map_err(|error| error.code());
        assert_eq!(large.err(), Some("head-refused"), "256 x 17 is over 4096");
    }

    #[test]
    fn a_changed_or_later_file_is_refused() {
        let bytes = head().encode();
        let OnWire(_, body, digest) = cbor::decode(&bytes).expect("our own bytes");
        let later = cbor::encode(&OnWire(3, body.clone(), digest));
        assert_eq!(Head::decode(&later), Err(privet_base::Refusal::WireVersion { sent: 3, known: VERSION }.into()));
        let mut changed = body;
        *changed.last_mut().expect("it is not empty") ^= 1;
        let refused = Head::decode(&cbor::encode(&OnWire(VERSION, changed, digest))).map_err(|error| error.code());
        assert_eq!(refused, Err("head-refused"));
    }

    #[test]
    fn the_gate_opens_with_evidence() {
        assert_eq!([0, 4, 12].map(|n| head().gate(n)), [0.0, 0.5, 0.75]);
        assert_eq!(Head { kappa: 0.0, ..head() }.gate(0), 1.0);
    }

    #[test]
    fn other_parameters_make_another_head_if_they_fit() {
        let halves = vec![0.5; head().parameters.len()];
        let other = head().with_parameters(halves.clone()).expect("as many as before");
        assert_eq!(other, Head { parameters: halves, ..head() });
        for odd in [vec![0.5; 17], vec![f32::NAN; head().parameters.len()]] {
            assert_eq!(head().with_parameters(odd).map_err(|error| error.code()), Err("head-refused"));
        }
    }
}
