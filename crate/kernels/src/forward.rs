use crate::{Lanes, tile};

/// `z[i] = max(0, b1 + x[i] · w1)`, `s[i] = skip · x[i] + w2 · z[i]`, with x (n, f), z (n, h), s (n) and theta as
/// `skip` (f), `w1` (f, h), `b1` (h), `w2` (h).
#[inline(always)]
pub fn forward<L: Lanes>(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    if f == 0 || h == 0 || 2 * f == 0 || 2 * h == 0 {
        return;
    }
    let mut z = z.chunks_exact_mut(2 * h);
    let mut s = s.chunks_exact_mut(2);
    let mut x = x.chunks_exact(2 * f);
    for ((x, z), s) in x.by_ref().zip(z.by_ref()).zip(s.by_ref()) {
        rows::<L, 2, true>(f, h, x, theta, z, s);
    }
    rows::<L, 1, true>(f, h, x.remainder(), theta, z.into_remainder(), s.into_remainder());
}

/// The scores alone: nothing is kept of the units, and 10,000 rows read nothing but themselves.
#[inline(always)]
pub fn scores<L: Lanes>(f: usize, h: usize, x: &[f32], theta: &[f32], s: &mut [f32]) {
    if f == 0 || h == 0 || 2 * f == 0 || 2 * h == 0 {
        return;
    }
    let mut s = s.chunks_exact_mut(2);
    let mut x = x.chunks_exact(2 * f);
    for (x, s) in x.by_ref().zip(s.by_ref()) {
        rows::<L, 2, false>(f, h, x, theta, &mut [], s);
    }
    rows::<L, 1, false>(f, h, x.remainder(), theta, &mut [], s.into_remainder());
}

#[inline(always)]
fn rows<L: Lanes, const R: usize, const KEEP: bool>(
    f: usize,
    h: usize,
    x: &[f32],
    theta: &[f32],
    z: &mut [f32],
    s: &mut [f32],
) {
    if s.is_empty() {
        return;
    }
    let (skip, rest) = tile::split(theta, f);
    let (w1, rest) = tile::split(rest, f * h);
    let (b1, w2) = tile::split(rest, h);
    let mut sums = [L::splat(0.0); R];
    let mut k = 0;
    while k + 16 <= h {
        units::<L, R, 4, KEEP>(f, h, k, x, (w1, b1, w2), &mut sums, z);
        k += 16;
    }
    while k + 4 <= h {
        units::<L, R, 1, KEEP>(f, h, k, x, (w1, b1, w2), &mut sums, z);
        k += 4;
    }
    let (b1, w2) = (tile::from(b1, k), tile::from(w2, k));
    for (((r, x), s), sums) in x.chunks_exact(f).enumerate().zip(s).zip(sums) {
        *s = sums.total() + tile::dot::<L>(skip, x);
        for (k, (b1, w2)) in (k..h).zip(b1.iter().zip(w2)) {
            let column = w1.chunks_exact(h).map(|w| w.get(k).copied().unwrap_or_default());
            let sum = x.iter().zip(column).fold(*b1, |sum, (x, w)| sum + x * w);
            let unit = if sum > 0.0 { sum } else { 0.0 };
            *s += w2 * unit;
            if KEEP && let Some(z) = z.get_mut(r * h + k) {
                *z = unit;
            }
        }
    }
}

/// The hidden units from k on, 4·V of them, of R rows.
#[inline(always)]
fn units<L: Lanes, const R: usize, const V: usize, const KEEP: bool>(
    f: usize,
    h: usize,
    k: usize,
    x: &[f32],
    (w1, b1, w2): (&[f32], &[f32], &[f32]),
    sums: &mut [L; R],
    z: &mut [f32],
) {
    let ((b1, _), (w2, _)) = (tile::from(b1, k).as_chunks::<4>(), tile::from(w2, k).as_chunks::<4>());
    let (Some(b1), Some(w2)) = (b1.first_chunk::<V>(), w2.first_chunk::<V>()) else { return };
    let mut units: [[L; V]; R] = [core::array::from_fn(|v| L::load(&b1[v])); R];
    let rows = w1.chunks_exact(h).enumerate();
    let at = |r, i| x.get(r * f + i).copied().unwrap_or_default();
    tile::tile(&mut units, rows.map(|(i, w)| (core::array::from_fn(|r| at(r, i)), tile::from(w, k))));
    for r in 0..R {
        let mut z = z.get_mut(r * h + k..).unwrap_or_default().as_chunks_mut::<4>().0.iter_mut();
        for v in 0..V {
            let unit = units[r][v].rectified();
            sums[r] = sums[r].plus(L::load(&w2[v]), unit);
            if KEEP && let Some(z) = z.next() {
                unit.store(z);
            }
        }
    }
}
