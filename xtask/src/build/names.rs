//! The names of what a module imports: wasm-bindgen ends each with a hash, which no compression makes smaller.

use anyhow::Result;
use std::{collections::BTreeMap, path::Path};

use crate::place::{read_bytes, write};

/// An underscore and 16 hexadecimal digits.
const LENGTH: usize = 17;

/// Puts a number as long in the place of each hash, in the glue and in the module: lengths and places stay as they were.
pub(super) fn number(glue: &Path, module: &Path) -> Result<()> {
    let (mut text, mut bytes) = (read_bytes(glue)?, read_bytes(module)?);
    let numbers = numbers_of(&text);
    replace(&mut text, &numbers);
    replace(&mut bytes, &numbers);
    write(glue, &text)?;
    write(module, &bytes)
}

fn numbers_of(text: &[u8]) -> BTreeMap<Vec<u8>, String> {
    let mut numbers = BTreeMap::new();
    for hash in text.windows(LENGTH).filter(|window| is_hash(window)) {
        let next = format!("_{:016}", numbers.len());
        numbers.entry(hash.to_vec()).or_insert(next);
    }
    numbers
}

fn is_hash(bytes: &[u8]) -> bool {
    bytes[0] == b'_' && bytes[1..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn replace(bytes: &mut [u8], numbers: &BTreeMap<Vec<u8>, String>) {
    for place in 0..(bytes.len() + 1).saturating_sub(LENGTH) {
        if bytes[place] == b'_'
            && let Some(number) = numbers.get(&bytes[place..place + LENGTH])
        {
            bytes[place..place + LENGTH].copy_from_slice(number.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_becomes_a_number_in_both_and_nothing_else_changes() {
        let mut text = b"a_00000000000000ff(b_0123456789abcdef, a_00000000000000ff); c_0123".to_vec();
        let mut bytes = b"\0b_0123456789abcdef\x01a_00000000000000ff_0123456789abcdee".to_vec();
        let numbers = numbers_of(&text);
        replace(&mut text, &numbers);
        replace(&mut bytes, &numbers);
        assert_eq!(text, b"a_0000000000000000(b_0000000000000001, a_0000000000000000); c_0123");
        assert_eq!(bytes, b"\0b_0000000000000001\x01a_0000000000000000_0123456789abcdee");
    }
}
