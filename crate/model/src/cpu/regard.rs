use super::attention;
use crate::cpu::Glance;
use privet_base::{Error, Result, stored, stored::read_all};

/// How many decayed interests there are: one for each half-life, and one of what was pushed away.
pub const TIDES: usize = 4;
/// How many interests are kept apart by clustering.
pub const CLUSTERS: usize = 4;
/// How many recent items attention looks back at.
pub const RECENT: usize = 64;
/// How many looks back.
pub const LOOKS: usize = 3;

/// Sizes of what is scored, as the shaders read them.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Sizes {
    /// Items.
    pub n: u32,
    /// Features.
    pub f: u32,
    /// Hidden units.
    pub h: u32,
    /// The length of a direction.
    pub d: u32,
    /// Which of the features is the first that the likeness says.
    pub at: u32,
    /// How many recent items there are, at most 64.
    pub recent: u32,
}

/// Items as a profile is going to see them, laid out for a GPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sight {
    /// Sizes.
    pub sizes: Sizes,
    /// What an item is compared with (rows, d): tides, clusters, and the recent items, the latest first.
    pub others: Vec<f32>,
    /// The sharpness of each look; 1 over each tide's length, or 0; each cluster's share; then of each recent item its
    /// volume in each look, and its label.
    pub says: Vec<f32>,
    /// Of each item (n, d).
    pub directions: Vec<f32>,
    /// The features of each item (n, f), without what the likeness says.
    pub x: Vec<f32>,
    /// The shared net and the device's own.
    pub thetas: Vec<f32>,
}

stored! {
    Sizes { n, f, h, d, at, recent }
    Sight { sizes, others, says, directions, x, thetas }
}

impl Sight {
    /// What `Ranker::sight` wrote, if all sizes agree.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        read_all(bytes).filter(Self::fits).ok_or(Error::StateDamaged)
    }

    fn fits(&self) -> bool {
        let Sizes { n, f, h, d, at, recent } = self.sizes;
        let [n, f, h, d, at, recent] = [n, f, h, d, at, recent].map(u64::from);
        let lists = [&self.others, &self.says, &self.directions, &self.x, &self.thetas];
        let ring = (TIDES + CLUSTERS) as u64;
        let wanted = [
            (ring + recent).checked_mul(d),
            Some(LOOKS as u64 + ring + 4 * recent),
            n.checked_mul(d),
            n.checked_mul(f),
            h.checked_mul(f + 2).and_then(|rest| (rest + f).checked_mul(2)),
        ];
        recent <= RECENT as u64
            && at + (TIDES + 2 + LOOKS) as u64 <= f
            && lists.iter().zip(wanted).all(|(list, wanted)| wanted == Some(list.len() as u64))
    }
}

/// Twin of `regard.wgsl`: what is written into the features of an item, and which of the recent items speaks most for it.
pub fn regard(sight: &Sight, item: usize, x: &mut [f32]) -> (f32, f32) {
    let (d, at, recent) = (sight.sizes.d as usize, sight.sizes.at as usize, sight.sizes.recent as usize);
    let direction = &sight.directions[item * d..][..d];
    let mut like = vec![0.0; TIDES + CLUSTERS + recent];
    for (j, like) in like.iter_mut().enumerate() {
        let other = &sight.others[j * d..][..d];
        *like = other.iter().zip(direction).map(|(other, direction)| other * direction).sum();
    }
    let (tides, rest) = like.split_at(TIDES);
    let (clusters, ring) = rest.split_at(CLUSTERS);
    let (sharpness, says) = sight.says.split_at(LOOKS);
    let (scales, says) = says.split_at(TIDES);
    let (shares, voices) = says.split_at(CLUSTERS);
    for i in 0..TIDES {
        x[at + i] = tides[i] * scales[i];
    }
    let known = || clusters.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    x[at + 4] = known().map(|(like, _)| *like).reduce(f32::max).unwrap_or_default();
    x[at + 5] = known().map(|(like, share)| share * like).sum();
    for look in 0..LOOKS {
        let volumes: Vec<f32> = (0..recent).map(|j| voices[4 * j + look]).collect();
        let glance = Glance { sharpness: sharpness[look], fading: 0.0, against: false };
        x[at + 6 + look] = attention(glance, ring, &volumes);
    }
    let mut loudest = (0.0, f32::NEG_INFINITY);
    for j in (0..recent).rev() {
        let voice = voices[4 * j + 3] * ring[j];
        if voice >= loudest.1 {
            loudest = (j as f32, voice);
        }
    }
    loudest
}
