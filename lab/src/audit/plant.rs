//! Faults that an audit has to catch. They stand here, around the pieces of the path that ships, and never in what ships.
//!
//! What a round's other devices send cancels out of what is seen of the audited one, as whoever attacks owns them: a planted
//! round has that one alone, without seals.

use ::privet::{Bound, Share};
use clap::ValueEnum;
use privet_mechanism::draw;

use super::{
    What,
    path::{COHORT, Setting, World, less, refused},
};

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// Half of the noise that is charged for.
    HalfNoise,
    /// A gradient is not clipped.
    NoClip,
    /// It is clipped after the noise and not before.
    ClipAfterNoise,
    /// One draw serves all entries.
    OneDraw,
    /// The generator has the same seed each time.
    ConstantSeed,
    /// The price is that of vectors C apart, where any two are up to 2C apart.
    #[value(name = "c-where-2c-holds")]
    HalfDistance,
    /// The variance of the device's part is divided by the devices once more.
    PartDividedTwice,
    /// One of the two aggregators adds no noise.
    SilentAggregator,
    /// Both aggregators draw from one seed.
    SameSeed,
    /// One device is in one round twice.
    TwoContributions,
    /// One batch is opened twice, each time with new noise.
    BatchTwice,
    /// A round of fewer devices than it promised is opened.
    SmallCohort,
}

impl Plant {
    /// What claim it breaks.
    pub(crate) fn breaks(self) -> What {
        match self {
            Self::HalfNoise
            | Self::NoClip
            | Self::ClipAfterNoise
            | Self::OneDraw
            | Self::ConstantSeed
            | Self::HalfDistance => What::Device,
            Self::PartDividedTwice => What::Alone,
            Self::SilentAggregator | Self::SameSeed | Self::TwoContributions | Self::BatchTwice | Self::SmallCohort => {
                What::Split
            }
        }
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A path with a fault in it.
pub(crate) struct Planted<'a> {
    plant: Plant,
    setting: &'a Setting,
    bound: Bound,
    /// What the shipped clip makes of the canary, by world, and what it was given, in grid units.
    clipped: [Vec<i32>; 3],
    raw: [Vec<f64>; 3],
    /// What a generator with a constant seed draws.
    constant: Vec<i32>,
}

impl<'a> Planted<'a> {
    pub(crate) fn new(plant: Plant, setting: &'a Setting) -> Result<Self, String> {
        let bound = setting.round.bound().map_err(refused)?;
        let (mut clipped, mut raw) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
        for world in [World::Canary, World::Nothing, World::Opposite] {
            let preview = setting.preview(world)?;
            clipped[world as usize] = preview.clipped;
            let scale = f64::from(bound.grid_scale());
            raw[world as usize] = preview.gradient.iter().map(|&entry| f64::from(entry) * scale).collect();
        }
        let constant = draw(bound.deviation(), bound.dimension()).map_err(refused)?;
        Ok(Self { plant, setting, bound, clipped, raw, constant })
    }

    /// What the attacker sees of the audited device.
    pub(crate) fn seen(&self, world: World) -> Result<f64, String> {
        let part = self.bound.deviation();
        let device = match self.plant {
            Plant::HalfNoise => self.noised(world, part / 2.0)?,
            Plant::NoClip => sum(&whole(&self.raw[world as usize]), &self.drawn(part)?),
            Plant::ClipAfterNoise => {
                let noised: Vec<f64> =
                    self.raw[world as usize].iter().zip(self.drawn(part)?).map(|(x, n)| x + f64::from(n)).collect();
                let norm = noised.iter().map(|x| x * x).sum::<f64>().sqrt();
                let scale = (f64::from(self.bound.clip_norm()) / norm).min(1.0);
                whole(&noised.iter().map(|x| x * scale).collect::<Vec<_>>())
            }
            Plant::OneDraw => {
                let one = draw(part, 1).map_err(refused)?[0];
                sum(&self.clipped[world as usize], &vec![one; self.bound.dimension() as usize])
            }
            Plant::ConstantSeed => sum(&self.clipped[world as usize], &self.constant),
            Plant::PartDividedTwice => self.noised(world, part / f64::from(COHORT).sqrt())?,
            // Of these the fault is the price, or the aggregators'.
            _ => self.noised(world, part)?,
        };
        let mut seen = Share::whole(&device);
        if let Some(deviation) = self.bound.sum_deviation().filter(|_| self.plant.breaks() == What::Split) {
            self.aggregated(world, deviation, &mut seen)?;
        }
        Ok(self.setting.score(&seen))
    }

    /// The helper's noise, as it is left when the leader has taken away what it knows.
    fn aggregated(&self, world: World, deviation: f64, seen: &mut Share) -> Result<(), String> {
        match self.plant {
            Plant::SilentAggregator => {}
            Plant::SameSeed => {
                let helpers = Share::whole(&self.drawn(deviation)?);
                let leaders = helpers.clone();
                seen.add(&helpers);
                *seen = less(seen, &leaders);
            }
            Plant::TwoContributions => {
                seen.add(&Share::whole(&self.noised(world, self.bound.deviation())?));
                seen.add(&Share::whole(&self.drawn(deviation)?));
            }
            Plant::BatchTwice => {
                let mean =
                    self.drawn(deviation)?.iter().zip(self.drawn(deviation)?).map(|(a, b)| (a + b) / 2).collect();
                let mean: Vec<i32> = mean;
                seen.add(&Share::whole(&mean));
            }
            _ => seen.add(&Share::whole(&self.drawn(deviation)?)),
        }
        Ok(())
    }

    /// What is claimed to be the rho of it.
    pub(crate) fn rho(&self, rho: f64) -> f64 {
        // (C / 2C)², and a rho is a square.
        if self.plant == Plant::HalfDistance { rho / 4.0 } else { rho }
    }

    fn noised(&self, world: World, deviation: f64) -> Result<Vec<i32>, String> {
        Ok(sum(&self.clipped[world as usize], &self.drawn(deviation)?))
    }

    fn drawn(&self, deviation: f64) -> Result<Vec<i32>, String> {
        draw(deviation, self.bound.dimension()).map_err(refused)
    }
}

fn sum(a: &[i32], b: &[i32]) -> Vec<i32> {
    a.iter().zip(b).map(|(a, b)| a.wrapping_add(*b)).collect()
}

fn whole(values: &[f64]) -> Vec<i32> {
    values.iter().map(|&value| value as i32).collect()
}
