//! The exports of the Wasm module: addresses in a memory that the core's module owns.

#![expect(unreachable_pub, reason = "what is exported from a module is called from outside it")]
#![expect(unsafe_code, reason = "addresses come in as numbers; the core, which calls, has checked what lies there")]

use crate::Lanes;
use core::slice::{from_raw_parts as read, from_raw_parts_mut as write};

#[cfg(target_feature = "relaxed-simd")]
type Here = crate::Relaxed;
#[cfg(not(target_feature = "relaxed-simd"))]
type Here = crate::Simd128;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// [`crate::forward`].
///
/// # Safety
///
/// The addresses are those of x (n, f), theta, z (n, h) and s (n), and no two of them overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forward(
    n: usize,
    f: usize,
    h: usize,
    x: *const f32,
    theta: *const f32,
    z: *mut f32,
    s: *mut f32,
) {
    // SAFETY: the caller's.
    let (x, theta, z, s) = unsafe { (read(x, n * f), read(theta, f + f * h + 2 * h), write(z, n * h), write(s, n)) };
    crate::forward::<Here>(f, h, x, theta, z, s);
}

/// [`crate::scores`].
///
/// # Safety
///
/// The addresses are those of x (n, f), theta, z (2, h) and s (n), and no two of them overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scores(
    n: usize,
    f: usize,
    h: usize,
    x: *const f32,
    theta: *const f32,
    z: *mut f32,
    s: *mut f32,
) {
    // SAFETY: the caller's.
    let (x, theta, z, s) = unsafe { (read(x, n * f), read(theta, f + f * h + 2 * h), write(z, 2 * h), write(s, n)) };
    crate::scores::<Here>(f, h, x, theta, z, s);
}

/// [`crate::backward`].
///
/// # Safety
///
/// The addresses are those of x (n, f), theta, z (n, h), r (n), d (n, h) and g, and no two of them overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn backward(
    n: usize,
    f: usize,
    h: usize,
    scale: f32,
    x: *const f32,
    theta: *const f32,
    z: *const f32,
    r: *const f32,
    d: *mut f32,
    g: *mut f32,
) {
    let count = f + f * h + 2 * h;
    // SAFETY: the caller's.
    let (x, theta, z, r) = unsafe { (read(x, n * f), read(theta, count), read(z, n * h), read(r, n)) };
    // SAFETY: the caller's.
    let (d, g) = unsafe { (write(d, n * h), write(g, count)) };
    crate::backward::<Here>(f, h, scale, x, theta, z, r, d, g);
}

/// [`crate::add`].
///
/// # Safety
///
/// The addresses are those of as many numbers each, which do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn add(n: usize, to: *mut f32, scale: f32, from: *const f32) {
    // SAFETY: the caller's.
    let (to, from) = unsafe { (write(to, n), read(from, n)) };
    crate::add::<Here>(to, scale, from);
}

/// Sums of products that read no memory, as fast as this machine and browser make them: what nothing here can be faster
/// than. There are 96 sums and products a round.
#[unsafe(no_mangle)]
pub extern "C" fn peak(rounds: usize, a: f32) -> f32 {
    let (a, b) = (Here::splat(a), Here::splat(0.5));
    // Twelve that do not wait for each other are as many as a sum and a product take cycles.
    let mut sums: [Here; 12] = core::array::from_fn(|i| Here::splat(i as f32));
    for _ in 0..rounds {
        sums = sums.map(|sum| b.plus(sum, a));
    }
    sums.into_iter().fold(Here::splat(0.0), Here::add).total()
}

/// [`crate::dots`].
///
/// # Safety
///
/// The addresses are those of a (n, d), b (m, d) and out (n, m), and the last overlaps neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dots(n: usize, m: usize, d: usize, a: *const f32, b: *const f32, out: *mut f32) {
    // SAFETY: the caller's.
    let (a, b, out) = unsafe { (read(a, n * d), read(b, m * d), write(out, n * m)) };
    crate::dots::<Here>(d, a, b, out);
}

/// [`crate::attention`] of n items at m others.
///
/// # Safety
///
/// The addresses are those of k (n, m), fixed_weight (m) and out (n), and the last overlaps neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn attention(
    n: usize,
    m: usize,
    sharpness: f32,
    k: *const f32,
    fixed_weight: *const f32,
    out: *mut f32,
) {
    // SAFETY: the caller's.
    let (k, fixed_weight, out) = unsafe { (read(k, n * m), read(fixed_weight, m), write(out, n)) };
    if m > 0 {
        out.iter_mut()
            .zip(k.chunks_exact(m))
            .for_each(|(out, k)| *out = crate::attention::<Here>(sharpness, k, fixed_weight));
    }
}
