//! Re-ranking on the GPU: how like each candidate is to what the profile is made of, and what both nets say.

use super::{Gpu, WORKGROUP};
use privet_model::{
    Trouble,
    cpu::{self, ScoringBatch, Shape},
};

/// How far a score may be off the twin's, as a share of the largest term that it may have: sums of a few hundred terms, and
/// an `exp`, in another order.
const TOLERANCE: f32 = 3e-5;

impl Gpu {
    /// Of each item what the shared net says, then what the device's own says of each, then of each which recent item speaks
    /// for it and how loudly: one submission. One of the items is held to the twins.
    pub async fn score(&self, batch: &ScoringBatch) -> Result<Vec<f32>, Trouble> {
        let n = batch.sizes.n as usize;
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut submission = self.submission(4 * n);
        let sizes = submission.uniform(bytemuck::bytes_of(&batch.sizes));
        let [references, factors, directions, thetas] =
            [&batch.references, &batch.factors, &batch.directions, &batch.thetas]
                .map(|list| submission.input(list, false));
        let x = submission.input(&batch.x, true);
        let [reasons, s] = [submission.output(2 * n), submission.output(2 * n)];
        let features = self.bind(&self.profile_features, &[&sizes, &references, &factors, &directions, &x, &reasons]);
        let forward = self.bind(&self.forward, &[&sizes, &x, &thetas, &s]);
        let mut pass = submission.pass();
        pass.set_pipeline(&self.profile_features);
        pass.set_bind_group(0, &features, &[]);
        pass.dispatch_workgroups(batch.sizes.n, 1, 1);
        pass.set_pipeline(&self.forward);
        pass.set_bind_group(0, &forward, &[]);
        pass.dispatch_workgroups(batch.sizes.n.div_ceil(WORKGROUP), 2, 1);
        drop(pass);
        submission.keep(&s, 2 * n);
        submission.keep(&reasons, 2 * n);
        let seen = submission.read().await?;
        // Which one is drawn from what nobody chooses: a score as it is.
        let held = seen[0].to_bits() as usize % n;
        let is_right = seen.iter().all(|number| number.is_finite()) && is_seen(batch, held, &seen);
        if is_right { Ok(seen) } else { Err(Trouble::WrongNumbers) }
    }
}

/// Whether the twins say about the same of this item.
fn is_seen(batch: &ScoringBatch, item: usize, seen: &[f32]) -> bool {
    let (n, f, h) = (batch.sizes.n as usize, batch.sizes.f as usize, batch.sizes.h as usize);
    let mut x = batch.x[item * f..][..f].to_vec();
    let (_, strength) = cpu::profile_features(batch, item, &mut x);
    let shape = Shape { n: 1, f: batch.sizes.f, h: batch.sizes.h, groups: 1 };
    let largest = |numbers: &[f32]| numbers.iter().fold(1.0f32, |most, number| most.max(number.abs()));
    let near = |ours: f32, twin: f32, most: f32| (ours - twin).abs() <= TOLERANCE * most;
    let net = |(at, theta): (usize, &[f32])| {
        let (mut z, mut s) = (vec![0.0; h], [0.0]);
        cpu::forward(shape, &x, theta, &mut z, &mut s);
        near(seen[at * n + item], s[0], largest(theta) * largest(&z).max(largest(&x)))
    };
    let reason = seen[2 * n + 2 * item + 1];
    batch.thetas.chunks_exact(shape.parameters() as usize).enumerate().all(net)
        && (batch.sizes.recent == 0 || near(reason, strength, largest(&[strength])))
}
