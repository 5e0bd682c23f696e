//! The server's step from a round's mean contribution to the next head's parameters.
//!
//! A contribution is what a device's own steps took away from the head, so the mean is a direction to go against. All
//! of it is additions, products, quotients and square roots of f64 in one fixed order: IEEE 754 rounds each of them in
//! one way, so both aggregators come to the same bytes.

use privet_base::Result;

/// How the mean moves the head.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields))]
pub enum Optimiser {
    /// Gradient descent with momentum (Polyak 1964): m ← μ·m + g; w ← w − η·m.
    Sgd {
        /// η.
        rate: f64,
        /// μ.
        #[cfg_attr(feature = "serde", serde(default))]
        momentum: f64,
    },
    /// Kingma and Ba 2015, algorithm 1.
    Adam {
        /// η.
        rate: f64,
        /// β₁.
        #[cfg_attr(feature = "serde", serde(default = "beta1"))]
        beta1: f64,
        /// β₂.
        #[cfg_attr(feature = "serde", serde(default = "beta2"))]
        beta2: f64,
        /// ε; Reddi et al. 2021 advise a larger one than for minibatches.
        #[cfg_attr(feature = "serde", serde(default = "epsilon"))]
        epsilon: f64,
    },
    /// Zaheer et al. 2018: as Adam, but v moves by a step of g² at most.
    Yogi {
        /// η.
        rate: f64,
        /// β₁.
        #[cfg_attr(feature = "serde", serde(default = "beta1"))]
        beta1: f64,
        /// β₂.
        #[cfg_attr(feature = "serde", serde(default = "beta2"))]
        beta2: f64,
        /// ε.
        #[cfg_attr(feature = "serde", serde(default = "epsilon"))]
        epsilon: f64,
    },
}

#[cfg(feature = "serde")]
fn beta1() -> f64 {
    0.9
}

#[cfg(feature = "serde")]
fn beta2() -> f64 {
    0.99
}

#[cfg(feature = "serde")]
fn epsilon() -> f64 {
    1e-3
}

/// What an optimiser remembers from round to round. It belongs to a head: who goes back to the head goes back to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// β₁ and β₂ to the power of the steps so far.
    decayed: [f64; 2],
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Optimiser {
    /// Refuses numbers with which no head would learn, with what they have to be.
    pub fn check(&self) -> Result<()> {
        let hold = |holds: bool, what, is: f64, must: &str| {
            if holds {
                Ok(())
            } else {
                Err(privet_wire::Refusal::RoundRefused { what, is: is.to_string(), must: must.into() }.into())
            }
        };
        let fraction = |what, is: f64| hold((0.0..1.0).contains(&is), what, is, "at least 0 and under 1");
        let positive = |what, is: f64| hold(is > 0.0 && is.is_finite(), what, is, "above 0");
        match *self {
            Self::Sgd { rate, momentum } => {
                positive("the optimiser's rate", rate)?;
                fraction("the optimiser's momentum", momentum)
            }
            Self::Adam { rate, beta1, beta2, epsilon } | Self::Yogi { rate, beta1, beta2, epsilon } => {
                positive("the optimiser's rate", rate)?;
                fraction("the optimiser's beta1", beta1)?;
                fraction("the optimiser's beta2", beta2)?;
                positive("the optimiser's epsilon", epsilon)
            }
        }
    }

    /// The parameters after a step against `mean`, and what is remembered for the next.
    pub fn step(&self, memory: &Memory, parameters: &[f32], mean: &[f64]) -> (Vec<f32>, Memory) {
        let mut next = memory.clone();
        next.first.resize(mean.len(), 0.0);
        next.second.resize(mean.len(), 0.0);
        let moved = match *self {
            Self::Sgd { rate, momentum } => {
                let velocity = next.first.iter_mut().zip(mean).map(|(m, &g)| {
                    *m = momentum * *m + g;
                    rate * *m
                });
                moved(parameters, velocity)
            }
            Self::Adam { rate, beta1, beta2, epsilon } => {
                next.adapt(rate, [beta1, beta2], epsilon, parameters, mean, |v, g2| beta2 * v + (1.0 - beta2) * g2)
            }
            Self::Yogi { rate, beta1, beta2, epsilon } => {
                next.adapt(rate, [beta1, beta2], epsilon, parameters, mean, |v, g2| {
                    let away = if v > g2 { 1.0 } else { -1.0 };
                    v - (1.0 - beta2) * away * g2
                })
            }
        };
        (moved, next)
    }
}

fn moved(parameters: &[f32], steps: impl Iterator<Item = f64>) -> Vec<f32> {
    parameters.iter().zip(steps).map(|(&w, step)| (f64::from(w) - step) as f32).collect()
}

impl Memory {
    fn adapt(
        &mut self,
        rate: f64,
        betas: [f64; 2],
        epsilon: f64,
        parameters: &[f32],
        mean: &[f64],
        second: impl Fn(f64, f64) -> f64,
    ) -> Vec<f32> {
        if self.decayed == [0.0; 2] {
            self.decayed = [1.0; 2];
        }
        self.decayed = [self.decayed[0] * betas[0], self.decayed[1] * betas[1]];
        // Both averages begin at 0 and are too small by these factors (section 3 of the paper).
        let [whole1, whole2] = self.decayed.map(|decayed| 1.0 - decayed);
        let steps = self.first.iter_mut().zip(&mut self.second).zip(mean).map(|((m, v), &g)| {
            *m = betas[0] * *m + (1.0 - betas[0]) * g;
            *v = second(*v, g * g);
            rate * (*m / whole1) / ((*v / whole2).sqrt() + epsilon)
        });
        moved(parameters, steps)
    }

    /// Eight bytes a number, little-endian: the two powers, then the averages.
    pub fn encode(&self) -> Vec<u8> {
        let numbers = self.decayed.iter().chain(&self.first).chain(&self.second);
        numbers.flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Reads what [`Memory::encode`] wrote; nothing is the memory of a first head.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let numbers: Vec<f64> = numbers.iter().map(|&number| f64::from_le_bytes(number)).collect();
        let Some((&decayed, averages)) = numbers.split_first_chunk::<2>() else { return Some(Self::default()) };
        let (first, second) = averages.split_at(averages.len() / 2);
        Some(Self { decayed, first: first.to_vec(), second: second.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEANS: [[f64; 2]; 3] = [[1.0, -2.0], [0.5, 0.25], [-1.0, 4.0]];

    fn path(optimiser: &Optimiser) -> Vec<[f32; 2]> {
        let mut memory = Memory::default();
        let mut at = vec![1.0f32, 1.0];
        let step = |mean: &[f64; 2]| {
            // What is stored between two rounds is all that is remembered.
            memory = Memory::decode(&memory.encode()).expect("our own bytes");
            (at, memory) = optimiser.step(&memory, &at, mean);
            [at[0], at[1]]
        };
        MEANS.iter().map(step).collect()
    }

    fn near(path: &[[f32; 2]], wanted: [[f64; 2]; 3]) {
        for (at, wanted) in path.as_flattened().iter().zip(wanted.as_flattened()) {
            assert!((f64::from(*at) - wanted).abs() < 1e-6, "{path:?} {wanted:?}");
        }
    }

    #[test]
    fn momentum_carries_steps_on() {
        let plain = Optimiser::Sgd { rate: 0.5, momentum: 0.0 };
        near(&path(&plain), [[0.5, 2.0], [0.25, 1.875], [0.75, -0.125]]);
        let heavy = Optimiser::Sgd { rate: 0.5, momentum: 0.5 };
        near(&path(&heavy), [[0.5, 2.0], [0.0, 2.375], [0.25, 0.5625]]);
    }

    /// By the formulas as they are printed, with powers and without a memory.
    #[test]
    fn adam_and_yogi_are_their_papers() {
        let (rate, beta1, beta2, epsilon) = (0.1, 0.9, 0.99, 1e-3);
        for yogi in [false, true] {
            let mut wanted = [[0.0; 2]; 3];
            for axis in 0..2 {
                let (mut m, mut v, mut w) = (0.0, 0.0, 1.0);
                for (t, mean) in MEANS.iter().enumerate() {
                    let g: f64 = mean[axis];
                    m = beta1 * m + (1.0 - beta1) * g;
                    let square = g.powi(2);
                    v = if yogi {
                        v - (1.0 - beta2) * f64::signum(v - square) * square
                    } else {
                        beta2 * v + (1.0 - beta2) * square
                    };
                    let power = t as i32 + 1;
                    let (whole1, whole2) = (1.0 - f64::powi(beta1, power), 1.0 - f64::powi(beta2, power));
                    w -= rate * (m / whole1) / (f64::sqrt(v / whole2) + epsilon);
                    wanted[t][axis] = w;
                }
            }
            let optimiser = if yogi {
                Optimiser::Yogi { rate, beta1, beta2, epsilon }
            } else {
                Optimiser::Adam { rate, beta1, beta2, epsilon }
            };
            near(&path(&optimiser), wanted);
        }
    }

    #[test]
    fn numbers_that_teach_nothing_are_refused_with_what_they_must_be() {
        for (odd, said) in [
            (Optimiser::Sgd { rate: 0.0, momentum: 0.0 }, "rate is 0 and has to be above 0"),
            (Optimiser::Sgd { rate: f64::NAN, momentum: 0.0 }, "rate is NaN and has to be above 0"),
            (Optimiser::Sgd { rate: 1.0, momentum: 1.0 }, "momentum is 1 and has to be at least 0 and under 1"),
            (Optimiser::Adam { rate: 1.0, beta1: 0.9, beta2: -0.1, epsilon: 1.0 }, "beta2 is -0.1 and has to be"),
            (Optimiser::Yogi { rate: 1.0, beta1: 0.9, beta2: 0.9, epsilon: 0.0 }, "epsilon is 0 and has to be above 0"),
        ] {
            let refused = odd.check().expect_err("odd").to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert_eq!(Optimiser::Sgd { rate: 0.1, momentum: 0.9 }.check(), Ok(()));
    }

    #[test]
    fn a_damaged_memory_is_not_read() {
        assert_eq!(Memory::decode(&[]), Some(Memory::default()));
        assert_eq!(Memory::decode(&[0; 7]), None);
    }
}
