use crate::{Lanes, tile};

/// The slope of `scale · Σᵢ r[i] · s[i]` by each parameter, with r (n), z (n, h) as [`crate::forward`] left it, g as
/// long as theta, and room for what goes back through the units, d (n, h).
#[expect(clippy::too_many_arguments, reason = "one for each of the twin's, and room")]
#[inline(always)]
pub fn backward<L: Lanes>(
    f: usize,
    h: usize,
    scale: f32,
    x: &[f32],
    theta: &[f32],
    z: &[f32],
    r: &[f32],
    d: &mut [f32],
    g: &mut [f32],
) {
    if f == 0 || h == 0 || 2 * f == 0 || 2 * h == 0 {
        return;
    }
    let w2 = tile::from(theta, f + f * h + h);
    g.fill(0.0);
    let (skip, rest) = tile::split_mut(g, f);
    let (g1, rest) = tile::split_mut(rest, f * h);
    let (gb, g2) = tile::split_mut(rest, h);
    for (((x, z), d), r) in x.chunks_exact(f).zip(z.chunks_exact(h)).zip(d.chunks_exact_mut(h)).zip(r) {
        let r = r * scale;
        tile::add::<L>(skip, r, x);
        tile::add::<L>(g2, r, z);
        through::<L>(r, w2, z, d);
        tile::add::<L>(gb, 1.0, d);
    }
    for (pair, g1) in g1.chunks_mut(2 * h).enumerate() {
        // A feature without a neighbour is its own.
        let (first, second) = (2 * pair, (2 * pair + 1).min(f - 1));
        for k in tile::blocks(h) {
            let zeros = [[L::splat(0.0); 4]; 2];
            let left = x.chunks_exact(f).map_while(|x| Some([x.get(first)?, x.get(second)?]));
            let slopes = tile::tile::<L>((h, k), zeros, left, d);
            for (g1, slopes) in tile::from_mut(g1, k).chunks_mut(h).zip(slopes) {
                tile::put(slopes, g1);
            }
        }
    }
}

/// `d = r · w2` where a unit is open, else 0.
#[inline(always)]
fn through<L: Lanes>(r: f32, w2: &[f32], z: &[f32], d: &mut [f32]) {
    let r = L::splat(r);
    let four = |w2: &[f32; 4], z: &[f32; 4], d: &mut [f32; 4]| {
        r.mul(L::load(w2)).where_positive(L::load(z)).store(d);
    };
    let ((w2, w2_rest), (z, z_rest), (d, d_rest)) = (w2.as_chunks::<4>(), z.as_chunks::<4>(), d.as_chunks_mut::<4>());
    w2.iter().zip(z).zip(d).for_each(|((w2, z), d)| four(w2, z, d));
    if !d_rest.is_empty() {
        let mut last = [0.0; 4];
        four(&tile::filled(w2_rest), &tile::filled(z_rest), &mut last);
        d_rest.iter_mut().zip(last).for_each(|(d, last)| *d = last);
    }
}
