use crate::{Lanes, tile};

/// `z[i] = max(0, b1 + x[i] · w1)`, `s[i] = skip · x[i] + w2 · z[i]`, with x (n, f), z (n, h), s (n) and theta as
/// `skip` (f), `w1` (f, h), `b1` (h), `w2` (h).
///
/// Rows go by two. One without a neighbour is its own: so a row's score is summed in one order, whatever stands beside it.
#[inline(always)]
pub fn forward<L: Lanes>(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    if f == 0 || h == 0 || 2 * f == 0 || 2 * h == 0 {
        return;
    }
    let Some(net) = Net::new(f, h, theta) else { return };
    for ((x, z), s) in x.chunks(2 * f).zip(z.chunks_mut(2 * h)).zip(s.chunks_mut(2)) {
        net.two::<L>(x, z, s);
    }
}

/// The scores alone, with room for the units of two rows: 10,000 rows read nothing but themselves.
#[inline(always)]
pub fn scores<L: Lanes>(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    if f == 0 || h == 0 || 2 * f == 0 || 2 * h == 0 {
        return;
    }
    let Some(net) = Net::new(f, h, theta) else { return };
    for (x, s) in x.chunks(2 * f).zip(s.chunks_mut(2)) {
        let (z, _) = tile::split_mut(z, s.len() * h);
        net.two::<L>(x, z, s);
    }
}

struct Net<'a> {
    f: usize,
    h: usize,
    skip: &'a [f32],
    w1: &'a [f32],
    b1: &'a [f32],
    w2: &'a [f32],
}

impl<'a> Net<'a> {
    #[inline(always)]
    fn new(f: usize, h: usize, theta: &'a [f32]) -> Option<Self> {
        let (skip, rest) = theta.split_at_checked(f)?;
        let (w1, rest) = rest.split_at_checked(f * h)?;
        let (b1, w2) = rest.split_at_checked(h)?;
        Some(Self { f, h, skip, w1, b1, w2 })
    }

    /// The rows that there are, two or one.
    #[inline(always)]
    fn two<L: Lanes>(&self, x: &[f32], z: &mut [f32], s: &mut [f32]) {
        let (x0, x1) = tile::pair(x, self.f);
        for k in tile::blocks(self.h) {
            let before = tile::block(&tile::filled(tile::from(self.b1, k)));
            let left = x0.iter().zip(x1).map(|(x0, x1)| [x0, x1]);
            let units = tile::tile::<L>((self.h, k), [before; 2], left, self.w1);
            for (z, units) in tile::from_mut(z, k).chunks_mut(self.h).zip(units) {
                tile::put(units.map(L::rectified), z);
            }
        }
        for ((x, z), s) in [x0, x1].into_iter().zip(z.chunks(self.h)).zip(s) {
            *s = tile::dot::<L>(self.w2, z) + tile::dot::<L>(self.skip, x);
        }
    }
}
