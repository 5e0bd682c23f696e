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
    let mut pairs = g1.chunks_exact_mut(2 * h);
    let mut j = 0;
    for g1 in pairs.by_ref() {
        columns::<L, 2>(f, h, j, x, d, g1);
        j += 2;
    }
    columns::<L, 1>(f, h, j, x, d, pairs.into_remainder());
}

/// `d = r · w2` where a unit is open, else 0.
#[inline(always)]
fn through<L: Lanes>(r: f32, w2: &[f32], z: &[f32], d: &mut [f32]) {
    let ((w2, w2_rest), (z, z_rest), (d, d_rest)) = (w2.as_chunks::<4>(), z.as_chunks::<4>(), d.as_chunks_mut::<4>());
    let lanes = L::splat(r);
    for ((w2, z), d) in w2.iter().zip(z).zip(d) {
        lanes.mul(L::load(w2)).where_positive(L::load(z)).store(d);
    }
    for ((w2, z), d) in w2_rest.iter().zip(z_rest).zip(d_rest) {
        *d = if *z > 0.0 { r * w2 } else { 0.0 };
    }
}

/// `g1[r][k] = Σᵢ x[i][j + r] · d[i][k]` for R features from j on.
#[inline(always)]
fn columns<L: Lanes, const R: usize>(f: usize, h: usize, j: usize, x: &[f32], d: &[f32], g1: &mut [f32]) {
    if g1.is_empty() {
        return;
    }
    let mut k = 0;
    while k + 16 <= h {
        block::<L, R, 4>(f, h, j, k, x, d, g1);
        k += 16;
    }
    while k + 4 <= h {
        block::<L, R, 1>(f, h, j, k, x, d, g1);
        k += 4;
    }
    for k in k..h {
        for (r, g1) in g1.chunks_exact_mut(h).enumerate() {
            let at = |row: &[f32], place: usize| row.get(place).copied().unwrap_or_default();
            let sum = x.chunks_exact(f).zip(d.chunks_exact(h)).map(|(x, d)| at(x, j + r) * at(d, k)).sum();
            if let Some(g1) = g1.get_mut(k) {
                *g1 = sum;
            }
        }
    }
}

#[inline(always)]
fn block<L: Lanes, const R: usize, const V: usize>(
    f: usize,
    h: usize,
    j: usize,
    k: usize,
    x: &[f32],
    d: &[f32],
    g1: &mut [f32],
) {
    let mut sum = [[L::splat(0.0); V]; R];
    let left = x.chunks_exact(f).map(|x| core::array::from_fn(|r| x.get(j + r).copied().unwrap_or_default()));
    tile::tile(&mut sum, left.zip(d.chunks_exact(h).map(|d| tile::from(d, k))));
    for (g1, sum) in g1.chunks_exact_mut(h).zip(sum) {
        let (g1, _) = g1.get_mut(k..).unwrap_or_default().as_chunks_mut::<4>();
        g1.iter_mut().zip(sum).for_each(|(g1, sum)| sum.store(g1));
    }
}
