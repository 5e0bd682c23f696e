//! Bytes as hexadecimal digits.

/// Bytes as two small hexadecimal digits each, as addresses carry them.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// As many bytes as `text` says in hexadecimal; `None` if it does not.
pub fn unhex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|&[high, low]| Some((digit(high)? << 4 | digit(low)?) as u8)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_as_it_is_written() {
        assert_eq!(unhex(&hex(&[0x00, 0x0f, 0xa0, 0xff])), Some([0x00, 0x0f, 0xa0, 0xff]));
        for odd in ["000fa0f", "000fa0f0f0", "000fa0", "000FA0FF", "000fa0fg", "+00fa0ff"] {
            assert_eq!(unhex::<4>(odd), None, "{odd}");
        }
    }

    #[test]
    fn hexadecimal_is_two_small_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
