//! The inner loop of everything dense: a few rows times a few lanes, summed in registers.

use crate::Lanes;

/// `sum[r][v] += Σᵢ left(i, r) · right(i)[4·v ..]` for all i.
///
/// Two rows by four vectors keep eight sums in registers and read four vectors for eight products. Unrolling over i as
/// well costs more than it gives: the sums no longer fit.
#[inline(always)]
pub(crate) fn tile<'a, L: Lanes, const R: usize, const V: usize>(
    sum: &mut [[L; V]; R],
    terms: impl Iterator<Item = ([f32; R], &'a [f32])>,
) {
    for (left, right) in terms {
        let (right, _) = right.as_chunks::<4>();
        let Some(right) = right.first_chunk::<V>() else { return };
        let left = left.map(L::splat);
        for v in 0..V {
            let right = L::load(&right[v]);
            for r in 0..R {
                sum[r][v] = sum[r][v].plus(left[r], right);
            }
        }
    }
}

/// `Σᵢ a[i] · b[i]`.
#[inline(always)]
pub(crate) fn dot<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sum = L::splat(0.0);
    for (a, b) in a.iter().zip(b) {
        sum = sum.plus(L::load(a), L::load(b));
    }
    a_rest.iter().zip(b_rest).fold(sum.total(), |sum, (a, b)| sum + a * b)
}

/// `to += scale · from`.
#[inline(always)]
pub(crate) fn add<L: Lanes>(to: &mut [f32], scale: f32, from: &[f32]) {
    let ((to, to_rest), (from, from_rest)) = (to.as_chunks_mut::<4>(), from.as_chunks::<4>());
    let lanes = L::splat(scale);
    for (to, from) in to.iter_mut().zip(from) {
        L::load(to).plus(lanes, L::load(from)).store(to);
    }
    to_rest.iter_mut().zip(from_rest).for_each(|(to, from)| *to += scale * from);
}

/// From a place on; nothing where there is no such place. A slice would panic there, with a message, which would be
/// data: and a module without a memory of its own must not hold any.
#[inline(always)]
pub(crate) fn from(numbers: &[f32], place: usize) -> &[f32] {
    numbers.get(place..).unwrap_or_default()
}

/// Up to a place and from there on, in the same manner.
#[inline(always)]
pub(crate) fn split(numbers: &[f32], place: usize) -> (&[f32], &[f32]) {
    numbers.split_at_checked(place).unwrap_or_default()
}

/// The same of what is written to.
#[inline(always)]
pub(crate) fn split_mut(numbers: &mut [f32], place: usize) -> (&mut [f32], &mut [f32]) {
    numbers.split_at_mut_checked(place).unwrap_or_default()
}
