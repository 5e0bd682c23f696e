use crate::{Lanes, tile};

/// `out[i][j] = a[i] · b[j]`, with a (n, d), b (m, d) and out (n, m).
///
/// Two rows of a by two of b keep four sums in registers and read four vectors for four products. A row without a
/// neighbour is its own: so each product is summed in one order, whatever stands beside it.
#[inline(always)]
pub fn dots<L: Lanes>(d: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let Some(m) = b.len().checked_div(d).filter(|m| 2 * d != 0 && 2 * m != 0) else { return };
    for (a, out) in a.chunks(2 * d).zip(out.chunks_mut(2 * m)) {
        let ((a0, a1), (out0, out1)) = (tile::pair(a, d), tile::split_mut(out, m));
        let mut out1 = out1.chunks_mut(2);
        for (b, out0) in b.chunks(2 * d).zip(out0.chunks_mut(2)) {
            let (b0, b1) = tile::pair(b, d);
            let [p, q, r, s] = square::<L>([a0, a1, b0, b1]);
            out0.iter_mut().zip([p, q]).for_each(|(out, product)| *out = product);
            out1.next().unwrap_or_default().iter_mut().zip([r, s]).for_each(|(out, product)| *out = product);
        }
    }
}

/// The four products of two vectors and two.
#[inline(always)]
fn square<L: Lanes>(rows: [&[f32]; 4]) -> [f32; 4] {
    let mut sums = [L::splat(0.0); 4];
    let mut add = |four: [&[f32; 4]; 4]| {
        let [a0, a1, b0, b1] = four.map(L::load);
        sums = [sums[0].plus(a0, b0), sums[1].plus(a0, b1), sums[2].plus(a1, b0), sums[3].plus(a1, b1)];
    };
    let [(a0, a0_rest), (a1, a1_rest), (b0, b0_rest), (b1, b1_rest)] = rows.map(<[f32]>::as_chunks::<4>);
    for ((a0, a1), (b0, b1)) in a0.iter().zip(a1).zip(b0.iter().zip(b1)) {
        add([a0, a1, b0, b1]);
    }
    if !a0_rest.is_empty() {
        add([a0_rest, a1_rest, b0_rest, b1_rest].map(tile::filled).each_ref());
    }
    sums.map(L::total)
}
