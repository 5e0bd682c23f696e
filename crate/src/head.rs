//! The small model that ranks: published by the server, the same for everyone until the device fine-tunes it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Example, Result, event, wire};

const VERSION: u32 = 1;

/// A linear head over the features of an [`Example`], and κ: how much evidence personalising waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    embedding_length: usize,
    kappa: f32,
    parameters: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct HeadOnWire(u32, u32, f32, Vec<f32>);

impl Head {
    /// A head that has learnt nothing yet but one thing: what is like the user's interests comes first.
    pub fn starting(embedding_length: usize, kappa: f32) -> Result<Self> {
        let mut parameters = vec![0.0; Example::feature_count(embedding_length)];
        if let Some(affinity) = parameters.get_mut(embedding_length) {
            *affinity = 1.0;
        }
        let head = Self { embedding_length, kappa, parameters };
        head.check()?;
        Ok(head)
    }

    /// The bytes that the server publishes.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(&HeadOnWire(VERSION, self.embedding_length as u32, self.kappa, self.parameters.clone()))
    }

    /// Reads a head and refuses one that cannot rank.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let HeadOnWire(version, embedding_length, kappa, parameters) = wire::decode(bytes)?;
        if version != VERSION {
            return Err(Error::WireVersion { sent: version, known: VERSION });
        }
        let head = Self { embedding_length: embedding_length as usize, kappa, parameters };
        head.check()?;
        Ok(head)
    }

    /// SHA-256 of published bytes: a head's name.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// The length of the embeddings it ranks.
    pub fn embedding_length(&self) -> usize {
        self.embedding_length
    }

    /// One weight a feature.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// What the device adds to the server's score: g(n) · (w · features), with g(n) = n / (n + κ) for n positive
    /// events. With κ > 0 a device without evidence adds nothing under any head.
    pub fn score(&self, evidence: u64, features: &[f32]) -> f32 {
        if evidence == 0 && self.kappa > 0.0 {
            return 0.0;
        }
        let n = evidence as f32;
        let gate = if self.kappa > 0.0 { n / (n + self.kappa) } else { 1.0 };
        gate * self.parameters.iter().zip(features).map(|(w, x)| w * x).sum::<f32>()
    }

    /// The same head with other parameters, as many as before.
    pub fn with_parameters(&self, parameters: Vec<f32>) -> Result<Self> {
        let head = Self { parameters, ..self.clone() };
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<()> {
        let refuse = |reason| Err(Error::HeadRefused { reason });
        event::check_embedding_length(self.embedding_length)
            .or(refuse("embeddings have 16 to 384 numbers, a multiple of 4"))?;
        if self.parameters.len() != Example::feature_count(self.embedding_length) {
            return refuse("the number of parameters does not fit the embeddings");
        }
        if !(self.kappa >= 0.0 && self.kappa.is_finite()) {
            return refuse("kappa is not a finite number from 0");
        }
        event::check_finite(&self.parameters).or(refuse("a parameter is not finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let parameters = (0..18u8).map(f32::from).collect();
        Head { embedding_length: 16, kappa: 4.0, parameters }
    }

    #[test]
    fn a_head_survives_the_wire() {
        assert_eq!(Head::decode(&head().encode()), Ok(head()));
    }

    #[test]
    fn a_head_that_cannot_rank_is_refused() {
        for odd in [
            Head { embedding_length: 12, ..head() },
            Head { embedding_length: 20, ..head() },
            Head { kappa: f32::NAN, ..head() },
            Head { kappa: -1.0, ..head() },
            Head { parameters: vec![f32::INFINITY; 18], ..head() },
        ] {
            assert_eq!(Head::decode(&odd.encode()).expect_err("odd").code(), "head-refused", "{odd:?}");
        }
        let later = wire::encode(&HeadOnWire(2, 16, 4.0, vec![0.0; 18]));
        assert_eq!(Head::decode(&later), Err(Error::WireVersion { sent: 2, known: 1 }));
    }

    #[test]
    fn a_fresh_device_adds_nothing_unless_kappa_is_zero() {
        let features = [1.0; 18];
        assert_eq!(head().score(0, &features), 0.0);
        assert_eq!(head().score(4, &features), 0.5 * 153.0);
        assert_eq!(Head { kappa: 0.0, ..head() }.score(0, &features), 153.0);
    }

    #[test]
    fn other_parameters_make_another_head_if_they_fit() {
        let other = head().with_parameters(vec![0.5; 18]).expect("as many as before");
        assert_eq!(other, Head { parameters: vec![0.5; 18], ..head() });
        for odd in [vec![0.5; 17], vec![f32::NAN; 18]] {
            assert_eq!(head().with_parameters(odd).map_err(|error| error.code()), Err("head-refused"));
        }
    }
}
