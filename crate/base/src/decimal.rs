//! Numbers as a message gives them: fifteen digits at most, and no exponent. What the standard library has for this is exact
//! to the last bit, and a twentieth of the module that loads first.

/// The most digits that a double always has.
const DIGITS: u32 = 15;

/// The number in decimal digits.
pub fn decimal(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() { "NaN" } else { "infinite" }.to_owned();
    }
    let (sign, size) = (if number < 0.0 { "-" } else { "" }, number.abs());
    let before = (size as u64).checked_ilog10().map_or(0, |log| log + 1);
    if before > DIGITS {
        return format!("{sign}{}", size as u64);
    }
    let one = 10u64.pow(DIGITS - before);
    let scaled = (size * one as f64).round() as u64;
    let (whole, part) = (scaled / one, scaled % one);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{:0width$}", part, width = (DIGITS - before) as usize);
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_given_back_as_they_would_write_it() {
        for said in ["0", "1", "-1", "0.5", "3.9", "0.000001", "0.032046147", "8191.9", "100001", "4489216000", "2.236"]
        {
            assert_eq!(decimal(said.parse().expect("a number")), said);
        }
        assert_eq!(decimal(-0.0), "0");
        assert_eq!(decimal(1e-20), "0");
        assert_eq!(decimal(1e18), "1000000000000000000");
        assert_eq!(decimal(1e30), u64::MAX.to_string(), "more than any limit is");
        assert_eq!(decimal(0.1 + 0.2), "0.3");
        assert_eq!(decimal(999_999_999_999_999.9), "1000000000000000");
        assert_eq!(decimal(f64::NAN), "NaN");
        assert_eq!(decimal(f64::NEG_INFINITY), "infinite");
    }
}
