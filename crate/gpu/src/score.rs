//! Re-ranking on the GPU: how like each candidate is to what the profile is made of, and what both nets say.

use super::{Gpu, WORKGROUP};
use privet_model::{
    Trouble,
    cpu::{self, Shape, Sight},
};

/// How far a score may be off the twin's, as a share of the largest term that it may have: sums of a few hundred terms, and
/// an `exp`, in another order.
const TOLERANCE: f32 = 3e-5;

impl Gpu {
    /// Of each item what the shared net says, then what the device's own says of each, then of each which recent item speaks
    /// for it and how loudly: one submission. One of the items is held to the twins.
    pub async fn score(&self, sight: &Sight) -> Result<Vec<f32>, Trouble> {
        let n = sight.sizes.n as usize;
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut room = self.room(4 * n);
        let sizes = room.uniform(bytemuck::bytes_of(&sight.sizes));
        let [others, says, directions, thetas] =
            [&sight.others, &sight.says, &sight.directions, &sight.thetas].map(|list| room.input(list, false));
        let x = room.input(&sight.x, true);
        let [reasons, s] = [room.output(2 * n), room.output(2 * n)];
        let regard = self.bind(&self.regard, &[&sizes, &others, &says, &directions, &x, &reasons]);
        let forward = self.bind(&self.forward, &[&sizes, &x, &thetas, &s]);
        let mut pass = room.pass();
        pass.set_pipeline(&self.regard);
        pass.set_bind_group(0, &regard, &[]);
        pass.dispatch_workgroups(sight.sizes.n, 1, 1);
        pass.set_pipeline(&self.forward);
        pass.set_bind_group(0, &forward, &[]);
        pass.dispatch_workgroups(sight.sizes.n.div_ceil(WORKGROUP), 2, 1);
        drop(pass);
        room.keep(&s, 2 * n);
        room.keep(&reasons, 2 * n);
        let seen = room.read().await?;
        // Which one is drawn from what nobody chooses: a score as it is.
        let held = seen[0].to_bits() as usize % n;
        let is_right = seen.iter().all(|number| number.is_finite()) && is_seen(sight, held, &seen);
        if is_right { Ok(seen) } else { Err(Trouble::WrongNumbers) }
    }
}

/// Whether the twins say about the same of this item.
fn is_seen(sight: &Sight, item: usize, seen: &[f32]) -> bool {
    let (n, f, h) = (sight.sizes.n as usize, sight.sizes.f as usize, sight.sizes.h as usize);
    let mut x = sight.x[item * f..][..f].to_vec();
    let (_, loudness) = cpu::regard(sight, item, &mut x);
    let shape = Shape { n: 1, f: sight.sizes.f, h: sight.sizes.h, groups: 1 };
    let largest = |numbers: &[f32]| numbers.iter().fold(1.0f32, |most, number| most.max(number.abs()));
    let near = |ours: f32, twin: f32, most: f32| (ours - twin).abs() <= TOLERANCE * most;
    let net = |(at, theta): (usize, &[f32])| {
        let (mut z, mut s) = (vec![0.0; h], [0.0]);
        cpu::forward(shape, &x, theta, &mut z, &mut s);
        near(seen[at * n + item], s[0], largest(theta) * largest(&z).max(largest(&x)))
    };
    let reason = seen[2 * n + 2 * item + 1];
    sight.thetas.chunks_exact(shape.parameters() as usize).enumerate().all(net)
        && (sight.sizes.recent == 0 || near(reason, loudness, largest(&[loudness])))
}
