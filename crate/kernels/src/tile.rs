//! The inner loop of everything dense: a few rows times a few lanes, summed in registers.

use crate::Lanes;

/// How many columns are summed at once: four vectors of them.
pub(crate) const BLOCK: usize = 16;

/// `left(i, r) · right[i · h + k ..]` summed over all i, for two r and a block of columns.
///
/// Two rows by four vectors keep eight sums in registers and read four vectors for eight products. Unrolling over i as
/// well costs more than it gives: the sums no longer fit. What is left of each i is read where it lies: a pair of numbers
/// would be moved through the registers of whole numbers.
#[inline(always)]
pub(crate) fn tile<'a, L: Lanes>(
    (h, k): (usize, usize),
    mut sums: [[L; 4]; 2],
    left: impl Iterator<Item = [&'a f32; 2]>,
    right: &[f32],
) -> [[L; 4]; 2] {
    if h < BLOCK || !L::TOGETHER {
        return apart((h, k), sums, left, right);
    }
    for (left, row) in left.zip(right.chunks_exact(h)) {
        let Some(right) = from(row, k).first_chunk() else { break };
        sums = with(sums, left, right);
    }
    sums
}

/// The same with the sums in memory: where there are fewer columns than a block has, or fewer registers. By itself, as a call
/// in a loop takes its registers.
#[inline(never)]
fn apart<'a, L: Lanes>(
    (h, k): (usize, usize),
    sums: [[L; 4]; 2],
    left: impl Iterator<Item = [&'a f32; 2]>,
    right: &[f32],
) -> [[L; 4]; 2] {
    let mut numbers = [[0.0; BLOCK]; 2];
    numbers.iter_mut().zip(sums).for_each(|(numbers, sums)| put(sums, numbers));
    for (left, row) in left.zip(right.chunks_exact(h)) {
        for (numbers, left) in numbers.iter_mut().zip(left) {
            if L::TOGETHER {
                add::<L>(split_mut(numbers, h).0, *left, row);
            } else {
                numbers.iter_mut().zip(from(row, k)).for_each(|(sum, right)| *sum += left * right);
            }
        }
    }
    [block(&numbers[0]), block(&numbers[1])]
}

#[inline(always)]
fn with<L: Lanes>(mut sums: [[L; 4]; 2], left: [&f32; 2], right: &[f32; BLOCK]) -> [[L; 4]; 2] {
    let right = block(right);
    for r in 0..2 {
        let left = L::splat(*left[r]);
        for v in 0..4 {
            sums[r][v] = sums[r][v].plus(left, right[v]);
        }
    }
    sums
}

/// Sixteen numbers.
#[inline(always)]
pub(crate) fn block<L: Lanes>(numbers: &[f32; BLOCK]) -> [L; 4] {
    let (fours, _) = numbers.as_chunks::<4>();
    core::array::from_fn(|v| L::load(&fours[v]))
}

/// Where each block of columns begins out of h. The last one ends where the columns end, and so computes some of them
/// again: to the same numbers. Where there are fewer than a block, the rest of it is zeros.
#[inline(always)]
pub(crate) fn blocks(h: usize) -> impl Iterator<Item = usize> {
    (0..h).step_by(BLOCK).map(move |k| k.min(h.saturating_sub(BLOCK)))
}

/// Writes a block, or as much of it as there is room for.
#[inline(never)]
pub(crate) fn put<L: Lanes>(block: [L; 4], to: &mut [f32]) {
    let (fours, _) = to.as_chunks_mut::<4>();
    let whole = 4 * fours.len().min(4);
    fours.iter_mut().zip(block).for_each(|(four, lanes)| lanes.store(four));
    if let Some(&lanes) = block.get(whole / 4) {
        let mut last = [0.0; 4];
        lanes.store(&mut last);
        from_mut(to, whole).iter_mut().zip(last).for_each(|(to, number)| *to = number);
    }
}

/// Numbers, and zeros after them.
#[inline(never)]
pub(crate) fn filled<const N: usize>(numbers: &[f32]) -> [f32; N] {
    let mut filled = [0.0; N];
    filled.iter_mut().zip(numbers).for_each(|(filled, number)| *filled = *number);
    filled
}

/// `Σᵢ a[i] · b[i]`, in four sums that do not wait for each other.
#[inline(never)]
pub fn dot<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    let mut sums = [L::splat(0.0); 4];
    let mut add = |a, b| {
        let (a, b) = (block(a), block(b));
        sums = core::array::from_fn(|v| sums[v].plus(a[v], b[v]));
    };
    a.iter().zip(b).for_each(|(a, b)| add(a, b));
    if !a_rest.is_empty() {
        add(&filled(a_rest), &filled(b_rest));
    }
    let [p, q, r, s] = sums;
    p.add(q).add(r.add(s)).total()
}

/// `to += scale · from`.
#[inline(never)]
pub fn add<L: Lanes>(to: &mut [f32], scale: f32, from: &[f32]) {
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

/// The same of what is written to.
#[inline(always)]
pub(crate) fn from_mut(numbers: &mut [f32], place: usize) -> &mut [f32] {
    numbers.get_mut(place..).unwrap_or_default()
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

/// Two rows; one by itself is its own neighbour.
#[inline(always)]
pub(crate) fn pair(rows: &[f32], length: usize) -> (&[f32], &[f32]) {
    let (first, second) = split(rows, length);
    (first, if second.is_empty() { first } else { second })
}
