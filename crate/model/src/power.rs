//! Powers.

/// `2^x` for x to 1023; what is under the smallest normal number is 0. Exact for whole x. The library's looks half of it
/// up in a table of 4 KB, which no compression makes smaller.
pub(crate) fn exp2(x: f64) -> f64 {
    if x < -1022.0 {
        return 0.0;
    }
    let whole = x.round_ties_even();
    let rest = (x - whole) * core::f64::consts::LN_2;
    // Taylor's series of e^r, |r| ≤ ln 2 / 2: what it leaves out is under 5e-18.
    let sum = (1..=13).rev().fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    f64::from_bits(((whole as i64 + 1023) as u64) << 52) * sum
}

/// `e^x` for x to 88, by the same: another function of the library less.
pub(crate) fn exp(x: f32) -> f32 {
    exp2(f64::from(x) * core::f64::consts::LOG2_E) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_is_the_librarys_to_the_last_place() {
        for i in -10_300..=8_800 {
            let x = i as f32 / 100.0;
            let wanted = f64::from(x).exp() as f32;
            assert!((exp(x) - wanted).abs() <= wanted * f32::EPSILON, "e^{x} is {} and not {wanted}", exp(x));
        }
        assert_eq!([0.0, f32::NEG_INFINITY].map(exp), [1.0, 0.0]);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn it_is_the_librarys_to_the_last_places() {
        for i in -102_200..=102_300 {
            let x = f64::from(i) / 100.0;
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 5e-16, "2^{x} is {} and not {}", exp2(x), x.exp2());
        }
        for whole in -1022..=1023 {
            let x = f64::from(whole);
            assert_eq!(exp2(x), x.exp2());
        }
        assert_eq!([f64::NEG_INFINITY, -1e9, -1022.1].map(exp2), [0.0; 3]);
        assert!(exp2(f64::NAN).is_nan());
    }
}
