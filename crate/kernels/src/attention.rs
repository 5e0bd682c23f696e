use crate::{Lanes, exp::exp, tile::filled};

/// `Σⱼ wⱼ · kⱼ / Σⱼ wⱼ` with `wⱼ = fixed_weight[j] · exp(sharpness · (kⱼ − 1))`, over the volumes over zero; 0 for none.
///
/// `fixed_weight` is all of a weight that does not depend on the item: label and fading. Cosines are at most 1 and no
/// sharpness is over 40, so no exponent leaves what `exp` is made for; in a profile that somebody wrote by hand they may
/// be anything, and a weight is then a number without a meaning.
#[inline(always)]
pub fn attention<L: Lanes>(sharpness: f32, k: &[f32], fixed_weight: &[f32]) -> f32 {
    let mut sums = [L::splat(0.0); 2];
    let mut add = |k: &[f32; 4], fixed_weight: &[f32; 4]| {
        let (k, fixed_weight) = (L::load(k), L::load(fixed_weight));
        let weight = fixed_weight.mul(exp(L::splat(sharpness).mul(k.sub(L::splat(1.0))))).where_positive(fixed_weight);
        sums = [sums[0].plus(weight, k), sums[1].add(weight)];
    };
    let ((k, k_rest), (fixed_weight, volume_rest)) = (k.as_chunks::<4>(), fixed_weight.as_chunks::<4>());
    k.iter().zip(fixed_weight).for_each(|(k, fixed_weight)| add(k, fixed_weight));
    if !k_rest.is_empty() {
        add(&filled(k_rest), &filled(volume_rest));
    }
    let [sum, total] = sums.map(L::total);
    if total > 0.0 { sum / total } else { 0.0 }
}
