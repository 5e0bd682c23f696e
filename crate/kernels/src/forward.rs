use crate::{Lanes, tile};

/// `z[i] = max(0, b1 + x[i] · w1)`, `s[i] = skip · x[i] + w2 · z[i]`, with x (n, f), z (n, h), s (n) and theta as
/// `skip` (f), `w1` (f, h), `b1` (h), `w2` (h).
#[inline(always)]
pub fn forward<L: Lanes>(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    if f == 0 || h == 0 {
        return;
    }
    let mut x = x.chunks_exact(2 * f);
    let mut z = z.chunks_exact_mut(2 * h);
    let mut s = s.chunks_exact_mut(2);
    for ((x, z), s) in x.by_ref().zip(z.by_ref()).zip(s.by_ref()) {
        rows::<L, 2>(f, h, x, theta, z, s);
    }
    if let [s] = s.into_remainder() {
        rows::<L, 1>(f, h, x.remainder(), theta, z.into_remainder(), core::slice::from_mut(s));
    }
}

#[inline(always)]
fn rows<L: Lanes, const R: usize>(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    let mut k = 0;
    while k + 16 <= h {
        units::<L, R, 4>(f, h, k, x, theta, z);
        k += 16;
    }
    while k + 4 <= h {
        units::<L, R, 1>(f, h, k, x, theta, z);
        k += 4;
    }
    let (skip, rest) = theta.split_at(f);
    let (w1, rest) = rest.split_at(f * h);
    let (b1, w2) = rest.split_at(h);
    for ((x, z), s) in x.chunks_exact(f).zip(z.chunks_exact_mut(h)).zip(s) {
        for k in k..h {
            let sum = x.iter().zip(w1.chunks_exact(h)).fold(b1[k], |sum, (x, w)| sum + x * w[k]);
            z[k] = if sum > 0.0 { sum } else { 0.0 };
        }
        *s = tile::dot::<L>(skip, x) + tile::dot::<L>(w2, z);
    }
}

/// The hidden units from k on, 4·V of them, of R rows.
#[inline(always)]
fn units<L: Lanes, const R: usize, const V: usize>(
    f: usize,
    h: usize,
    k: usize,
    x: &[f32],
    theta: &[f32],
    z: &mut [f32],
) {
    let (w1, rest) = theta[f..].split_at(f * h);
    let (b1, _) = rest[k..].as_chunks::<4>();
    let Some(b1) = b1.first_chunk::<V>() else { return };
    let mut sum: [[L; V]; R] = [core::array::from_fn(|v| L::load(&b1[v])); R];
    let terms = w1.chunks_exact(h).enumerate().map(|(i, w)| (core::array::from_fn(|r| x[r * f + i]), &w[k..]));
    tile::tile(&mut sum, terms);
    for (z, sum) in z.chunks_exact_mut(h).zip(sum) {
        let (z, _) = z[k..].as_chunks_mut::<4>();
        z.iter_mut().zip(sum).for_each(|(z, sum)| sum.rectified().store(z));
    }
}
