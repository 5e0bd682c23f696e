//! A Wasm module as its sections, in the binary format.

use anyhow::{Context, Result, bail};

/// The magic number and the version.
const START: &[u8] = b"\0asm\x01\0\0\0";

pub(super) const CUSTOM: u8 = 0;
pub(super) const IMPORTS: u8 = 2;
pub(super) const EXPORTS: u8 = 7;
pub(super) const CODE: u8 = 10;
pub(super) const DATA: u8 = 11;

/// Each with its number and its content.
pub(super) fn sections(module: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    let mut rest = module.strip_prefix(START).context("it does not begin as a Wasm module")?;
    let mut sections = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        sections.push((id, slice(&mut rest)?));
    }
    Ok(sections)
}

pub(super) fn module<'a>(sections: impl IntoIterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let mut module = START.to_vec();
    for (id, content) in sections {
        module.push(id);
        put_slice(content, &mut module);
    }
    module
}

/// A number, lowest seven bits first (LEB128), taken from the front.
pub(super) fn number(from: &mut &[u8]) -> Result<usize> {
    let mut number = 0;
    for (place, &byte) in from.iter().take(5).enumerate() {
        number |= usize::from(byte & 127) << (7 * place);
        if byte < 128 {
            *from = &from[place + 1..];
            return Ok(number);
        }
    }
    bail!("a number of the module does not end")
}

pub(super) fn put_number(mut number: usize, to: &mut Vec<u8>) {
    while number > 127 {
        to.push(number as u8 | 128);
        number >>= 7;
    }
    to.push(number as u8);
}

/// As many bytes as the number in front of them says: a name, a section, a function's body.
pub(super) fn slice<'a>(from: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = number(from)?;
    let (slice, rest) = from.split_at_checked(length).context("the module ends too early")?;
    *from = rest;
    Ok(slice)
}

pub(super) fn put_slice(slice: &[u8], to: &mut Vec<u8>) {
    put_number(slice.len(), to);
    to.extend_from_slice(slice);
}

pub(super) fn byte(from: &mut &[u8]) -> Result<u8> {
    let (&first, rest) = from.split_first().context("the module ends too early")?;
    *from = rest;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        let long = vec![7; 300];
        let whole = module([(CUSTOM, &b"\x01a"[..]), (CODE, &long), (DATA, &[])]);
        let found = sections(&whole).expect("our own bytes");
        assert_eq!(found, [(CUSTOM, &b"\x01a"[..]), (CODE, &long[..]), (DATA, &[][..])]);
        assert_eq!(module(found), whole);
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be_and_read_back() {
        for (value, length) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u32::MAX as usize, 5)] {
            let mut bytes = Vec::new();
            put_number(value, &mut bytes);
            assert_eq!(bytes.len(), length);
            assert_eq!(number(&mut &bytes[..]).expect("it was just written"), value);
        }
    }

    #[test]
    fn what_is_cut_is_refused() {
        let whole = module([(CODE, &[1, 2, 3][..])]);
        for length in (0..whole.len()).filter(|length| *length != START.len()) {
            assert!(sections(&whole[..length]).is_err(), "{length}");
        }
        assert!(number(&mut &[128; 9][..]).is_err());
    }
}
