use crate::{Lanes, tile};

/// `out[i][j] = a[i] · b[j]`, with a (n, d), b (m, d) and out (n, m).
///
/// Two rows of a by two of b keep four sums in registers and read four vectors for four products.
#[inline(always)]
pub fn dots<L: Lanes>(d: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let Some(m) = b.len().checked_div(d).filter(|m| 2 * d != 0 && 2 * m != 0) else { return };
    let mut rows = a.chunks_exact(2 * d);
    let mut out = out.chunks_exact_mut(2 * m);
    for (a, out) in rows.by_ref().zip(out.by_ref()) {
        let ((a0, a1), (out0, out1)) = (tile::split(a, d), tile::split_mut(out, m));
        let mut columns = b.chunks_exact(2 * d);
        let mut pairs = out0.chunks_exact_mut(2).zip(out1.chunks_exact_mut(2));
        for (b, (out0, out1)) in columns.by_ref().zip(pairs.by_ref()) {
            let (b0, b1) = tile::split(b, d);
            let [p, q, r, s] = square::<L>(a0, a1, b0, b1);
            out0.iter_mut().zip([p, q]).for_each(|(out, product)| *out = product);
            out1.iter_mut().zip([r, s]).for_each(|(out, product)| *out = product);
        }
        if !columns.remainder().is_empty() {
            for (a, out) in [(a0, out0.last_mut()), (a1, out1.last_mut())] {
                out.into_iter().for_each(|out| *out = tile::dot::<L>(a, columns.remainder()));
            }
        }
    }
    if !rows.remainder().is_empty() {
        for (out, b) in out.into_remainder().iter_mut().zip(b.chunks_exact(d)) {
            *out = tile::dot::<L>(rows.remainder(), b);
        }
    }
}

/// The four products of two vectors and two.
#[inline(always)]
fn square<L: Lanes>(a0: &[f32], a1: &[f32], b0: &[f32], b1: &[f32]) -> [f32; 4] {
    let [(a0, a0_rest), (a1, a1_rest), (b0, b0_rest), (b1, b1_rest)] = [a0, a1, b0, b1].map(<[f32]>::as_chunks::<4>);
    let mut sums = [L::splat(0.0); 4];
    for ((a0, a1), (b0, b1)) in a0.iter().zip(a1).zip(b0.iter().zip(b1)) {
        let [a0, a1, b0, b1] = [a0, a1, b0, b1].map(L::load);
        sums = [sums[0].plus(a0, b0), sums[1].plus(a0, b1), sums[2].plus(a1, b0), sums[3].plus(a1, b1)];
    }
    let rest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    [
        sums[0].total() + rest(a0_rest, b0_rest),
        sums[1].total() + rest(a0_rest, b1_rest),
        sums[2].total() + rest(a1_rest, b0_rest),
        sums[3].total() + rest(a1_rest, b1_rest),
    ]
}
