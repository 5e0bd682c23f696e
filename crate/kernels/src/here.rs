//! The kernels in the lanes of this build, and no part of whoever calls them: they are built for speed, and the rest for size.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
type Here = crate::Simd128;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
type Here = crate::Plain;

/// Whether the lanes are those of Wasm's `simd128`. They round as plain arithmetic does: the numbers are the same.
pub const SIMD: bool = cfg!(all(target_arch = "wasm32", target_feature = "simd128"));

/// [`crate::forward`].
#[inline(never)]
pub fn forward(f: usize, h: usize, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    crate::forward::<Here>(f, h, x, theta, z, s);
}

/// [`crate::backward`].
#[expect(clippy::too_many_arguments, reason = "one for each of the twin's, and room")]
#[inline(never)]
pub fn backward(
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
    crate::backward::<Here>(f, h, scale, x, theta, z, r, d, g);
}

/// [`crate::dots`].
#[inline(never)]
pub fn dots(d: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    crate::dots::<Here>(d, a, b, out);
}

/// [`crate::dot`].
#[inline(never)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    crate::dot::<Here>(a, b)
}

/// [`crate::attention`].
#[inline(never)]
pub fn attention(sharpness: f32, k: &[f32], fixed_weight: &[f32]) -> f32 {
    crate::attention::<Here>(sharpness, k, fixed_weight)
}

/// [`crate::step`].
#[inline(never)]
pub fn step(step: crate::Step, slopes: &[f32], home: &[f32], parameters: &mut [f32], squares: &mut [f32]) {
    crate::step::<Here>(step, slopes, home, parameters, squares);
}

/// [`crate::add`].
#[inline(never)]
pub fn add(to: &mut [f32], scale: f32, from: &[f32]) {
    crate::add::<Here>(to, scale, from);
}
