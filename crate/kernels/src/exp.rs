use crate::Lanes;

/// ln 2 in two parts: the first has so few bits that its multiples up to 127 are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x` from −87 on; what is under that is as good as nothing, and what is over 88 stays there.
///
/// `x = n·ln 2 + r` with |r| ≤ ln 2 / 2 (Cody and Waite 1980), and e^r as a Taylor polynomial of degree 7, whose first
/// missing term is under 6e-9: the error is that of its additions, about one unit in the last place.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(x: L) -> L {
    let n = x.mul(L::splat(core::f32::consts::LOG2_E)).nearest();
    let r = x.sub(n.mul(L::splat(LN_2_HIGH))).sub(n.mul(L::splat(LN_2_LOW)));
    let mut sum = L::splat(1.0 / 5040.0);
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = L::splat(term).plus(sum, r);
    }
    sum.mul(n.power_of_two())
}
