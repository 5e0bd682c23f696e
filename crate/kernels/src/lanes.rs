//! Four numbers that are worked on together, whatever the machine calls them.

/// Four lanes of `f32`.
pub trait Lanes: Copy {
    /// Whether the four are one register, so that eight of them and more fit.
    const TOGETHER: bool = true;
    /// The same number in all lanes.
    fn splat(number: f32) -> Self;
    /// Four numbers.
    fn load(from: &[f32; 4]) -> Self;
    /// The four numbers.
    fn store(self, to: &mut [f32; 4]);
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// The quotient.
    fn div(self, other: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// `self + a · b`, in one rounding or in two.
    fn plus(self, a: Self, b: Self) -> Self;
    /// Zero where it is under zero, or no number.
    fn rectified(self) -> Self;
    /// `self` where the other is over zero, else zero.
    fn where_positive(self, other: Self) -> Self;
    /// The nearest whole number.
    fn nearest(self) -> Self;
    /// `2^self` for whole numbers from −126 to 127.
    fn power_of_two(self) -> Self;

    /// The sum of the lanes, in pairs.
    #[inline(always)]
    fn total(self) -> f32 {
        let mut lanes = [0.0; 4];
        self.store(&mut lanes);
        let [a, b, c, d] = lanes;
        (a + c) + (b + d)
    }
}

/// Lanes that the compiler makes of plain arithmetic: SSE and NEON have them natively, and Wasm without SIMD has none.
#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
#[derive(Debug, Clone, Copy)]
pub struct Plain([f32; 4]);

#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
impl Plain {
    #[inline(always)]
    fn each(self, of: impl Fn(f32) -> f32) -> Self {
        let Self([a, b, c, d]) = self;
        Self([of(a), of(b), of(c), of(d)])
    }

    #[inline(always)]
    fn both(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        let (Self([a, b, c, d]), Self([p, q, r, s])) = (self, other);
        Self([of(a, p), of(b, q), of(c, r), of(d, s)])
    }
}

#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
/// Added and taken away again it rounds a number under 2²² to a whole one, ties to even.
const ROUNDING: f32 = 12_582_912.0;

#[cfg(not(all(feature = "module", target_arch = "wasm32")))]
impl Lanes for Plain {
    const TOGETHER: bool = cfg!(not(target_arch = "wasm32"));

    #[inline(always)]
    fn splat(number: f32) -> Self {
        Self([number; 4])
    }

    #[inline(always)]
    fn load(from: &[f32; 4]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 4]) {
        *to = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.both(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.both(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.both(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.both(other, |a, b| a / b)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.each(f32::sqrt)
    }

    #[inline(always)]
    fn plus(self, a: Self, b: Self) -> Self {
        self.add(a.mul(b))
    }

    #[inline(always)]
    fn rectified(self) -> Self {
        self.each(|x| if x > 0.0 { x } else { 0.0 })
    }

    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        self.both(other, |x, gate| if gate > 0.0 { x } else { 0.0 })
    }

    #[inline(always)]
    fn nearest(self) -> Self {
        self.each(|x| (x + ROUNDING) - ROUNDING)
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        self.each(|x| f32::from_bits(((x as i32).wrapping_add(127) << 23) as u32))
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm {
    //! The lanes of a browser.

    #![expect(
        unsafe_code,
        reason = "four numbers are read and written at once; the references say that they are there"
    )]

    use core::arch::wasm32::{
        f32x4_add, f32x4_div, f32x4_gt, f32x4_mul, f32x4_nearest, f32x4_pmax, f32x4_splat, f32x4_sqrt, f32x4_sub,
        i32x4_add, i32x4_shl, i32x4_splat, i32x4_trunc_sat_f32x4, v128, v128_and, v128_load, v128_store,
    };

    use super::Lanes;

    macro_rules! lanes {
        ($name:ident, $plus:expr) => {
            impl Lanes for $name {
                #[inline(always)]
                fn splat(number: f32) -> Self {
                    Self(f32x4_splat(number))
                }

                #[inline(always)]
                fn load(from: &[f32; 4]) -> Self {
                    // SAFETY: 16 bytes lie there, and a load need not be aligned.
                    Self(unsafe { v128_load(from.as_ptr().cast()) })
                }

                #[inline(always)]
                fn store(self, to: &mut [f32; 4]) {
                    // SAFETY: 16 bytes lie there, and a store need not be aligned.
                    unsafe { v128_store(to.as_mut_ptr().cast(), self.0) }
                }

                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    Self(f32x4_add(self.0, other.0))
                }

                #[inline(always)]
                fn sub(self, other: Self) -> Self {
                    Self(f32x4_sub(self.0, other.0))
                }

                #[inline(always)]
                fn mul(self, other: Self) -> Self {
                    Self(f32x4_mul(self.0, other.0))
                }

                #[inline(always)]
                fn div(self, other: Self) -> Self {
                    Self(f32x4_div(self.0, other.0))
                }

                #[inline(always)]
                fn sqrt(self) -> Self {
                    Self(f32x4_sqrt(self.0))
                }

                #[inline(always)]
                fn plus(self, a: Self, b: Self) -> Self {
                    let plus: fn(v128, v128, v128) -> v128 = $plus;
                    Self(plus(self.0, a.0, b.0))
                }

                #[inline(always)]
                fn rectified(self) -> Self {
                    Self(f32x4_pmax(f32x4_splat(0.0), self.0))
                }

                #[inline(always)]
                fn where_positive(self, other: Self) -> Self {
                    Self(v128_and(self.0, f32x4_gt(other.0, f32x4_splat(0.0))))
                }

                #[inline(always)]
                fn nearest(self) -> Self {
                    Self(f32x4_nearest(self.0))
                }

                #[inline(always)]
                fn power_of_two(self) -> Self {
                    Self(i32x4_shl(i32x4_add(i32x4_trunc_sat_f32x4(self.0), i32x4_splat(127)), 23))
                }
            }
        };
    }

    /// The 128 bits that every browser of today has.
    #[derive(Debug, Clone, Copy)]
    pub struct Simd128(v128);
    lanes!(Simd128, |sum, a, b| f32x4_add(sum, f32x4_mul(a, b)));

    /// The same with a fused product and sum, where the browser has relaxed SIMD.
    #[cfg(target_feature = "relaxed-simd")]
    #[derive(Debug, Clone, Copy)]
    pub struct Relaxed(v128);
    #[cfg(target_feature = "relaxed-simd")]
    lanes!(Relaxed, |sum, a, b| core::arch::wasm32::f32x4_relaxed_madd(a, b, sum));
}
