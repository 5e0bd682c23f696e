//! CBOR (RFC 8949), as far as it is spoken here: of each value there is one encoding, and no other is read.
//!
//! Heads are the shortest, lengths are definite, a struct's fields stand in its own order, and floating-point numbers
//! keep their width and every bit.

use crate::{Refusal, Result};

/// What has an encoding. The stages before the noise have none.
pub trait Cbor: Sized {
    /// Appends it.
    fn write(&self, to: &mut Vec<u8>);
    /// Takes it from the beginning of `from`; `None` where something else stands there.
    fn read(from: &mut &[u8]) -> Option<Self>;
}

/// The encoding of a struct: of one with names a map from them in this order, of one without an array.
#[macro_export]
macro_rules! cbor {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut Vec<u8>) {
                $crate::cbor::head($crate::cbor::MAP, [$(stringify!($field)),+].len() as u64, to);
                $($crate::cbor::write_named(stringify!($field), &self.$field, to);)+
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                $crate::cbor::expect($crate::cbor::MAP, [$(stringify!($field)),+].len() as u64, from)?;
                Some(Self { $($field: $crate::cbor::read_named(stringify!($field), from)?),+ })
            }
        }
    };
    ($type:ident ( $($field:ident),+ $(,)? )) => {
        impl $crate::cbor::Cbor for $type {
            fn write(&self, to: &mut Vec<u8>) {
                let Self($($field),+) = self;
                $crate::cbor::head($crate::cbor::ARRAY, [$(stringify!($field)),+].len() as u64, to);
                $($crate::cbor::Cbor::write($field, to);)+
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                $crate::cbor::expect($crate::cbor::ARRAY, [$(stringify!($field)),+].len() as u64, from)?;
                $(let $field = $crate::cbor::Cbor::read(from)?;)+
                Some(Self($($field),+))
            }
        }
    };
}

/// The one encoding of a message.
pub fn encode(message: &impl Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    bytes
}

/// Reads a message, and refuses any bytes but the ones that [`encode`] writes for it, with nothing after them.
pub fn decode<T: Cbor>(mut bytes: &[u8]) -> Result<T> {
    let message = T::read(&mut bytes).ok_or(Refusal::WireMalformed)?;
    if bytes.is_empty() { Ok(message) } else { Err(Refusal::WireMalformed.into()) }
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
/// The major type of an array.
pub const ARRAY: u8 = 4;
/// The major type of a map.
pub const MAP: u8 = 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const F32: u8 = 0xfa;
const F64: u8 = 0xfb;

/// Appends the head of an item: its major type, and its value or length.
pub fn head(major: u8, value: u64, to: &mut Vec<u8>) {
    let width = match value {
        0..24 => return to.push(major << 5 | value as u8),
        24..0x100 => 0,
        0x100..0x1_0000 => 1,
        0x1_0000..0x1_0000_0000 => 2,
        _ => 3,
    };
    to.push(major << 5 | (24 + width));
    to.extend_from_slice(&value.to_be_bytes()[8 - (1 << width)..]);
}

/// The value or length behind a head of this major type, if one stands there.
pub fn read_head(major: u8, from: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = from.split_first()?;
    if first >> 5 != major {
        return None;
    }
    let (value, rest) = match first & 31 {
        small @ 0..24 => (small.into(), rest),
        wide @ 24..28 => {
            let (bytes, rest) = rest.split_at_checked(1 << (wide - 24))?;
            let value = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
            let least = [24, 0x100, 0x1_0000, 0x1_0000_0000][usize::from(wide - 24)];
            (Some(value).filter(|&value| value >= least)?, rest)
        }
        _ => return None,
    };
    *from = rest;
    Some(value)
}

/// Takes this head, if it is what stands there.
pub fn expect(major: u8, value: u64, from: &mut &[u8]) -> Option<()> {
    let mut after = *from;
    if read_head(major, &mut after)? != value {
        return None;
    }
    *from = after;
    Some(())
}

fn read_slice<'a>(major: u8, from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_head(major, from)?).ok()?;
    let (slice, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(slice)
}

fn write_slice(major: u8, slice: &[u8], to: &mut Vec<u8>) {
    head(major, slice.len() as u64, to);
    to.extend_from_slice(slice);
}

/// Appends a text.
pub fn write_text(text: &str, to: &mut Vec<u8>) {
    write_slice(TEXT, text.as_bytes(), to);
}

/// A text, if one stands there.
pub fn read_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    core::str::from_utf8(read_slice(TEXT, from)?).ok()
}

/// Appends an entry of a map: a name, and what it names.
pub fn write_named(name: &str, value: &impl Cbor, to: &mut Vec<u8>) {
    write_text(name, to);
    value.write(to);
}

/// What stands behind this name, if the name stands there.
pub fn read_named<T: Cbor>(name: &str, from: &mut &[u8]) -> Option<T> {
    if read_slice(TEXT, from)? == name.as_bytes() { T::read(from) } else { None }
}

/// As many bytes as follow a float's first.
fn read_float<const WIDTH: usize>(first: u8, from: &mut &[u8]) -> Option<[u8; WIDTH]> {
    let (bytes, rest) = from.strip_prefix(&[first])?.split_first_chunk()?;
    *from = rest;
    Some(*bytes)
}

macro_rules! unsigned {
    ($($type:ty)+) => {$(
        impl Cbor for $type {
            fn write(&self, to: &mut Vec<u8>) {
                head(UNSIGNED, u64::from(*self), to);
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                read_head(UNSIGNED, from)?.try_into().ok()
            }
        }
    )+};
}
unsigned!(u16 u32 u64);

impl Cbor for i16 {
    fn write(&self, to: &mut Vec<u8>) {
        let value = i64::from(*self);
        if value < 0 { head(NEGATIVE, (-1 - value) as u64, to) } else { head(UNSIGNED, value as u64, to) }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let value = |major, from: &mut &[u8]| Self::try_from(read_head(major, from)?).ok();
        if from.first()? >> 5 == NEGATIVE { Some(-1 - value(NEGATIVE, from)?) } else { value(UNSIGNED, from) }
    }
}

impl Cbor for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(if *self { TRUE } else { FALSE });
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (&first, rest) = from.split_first()?;
        *from = rest;
        if first == TRUE || first == FALSE { Some(first == TRUE) } else { None }
    }
}

macro_rules! float {
    ($($type:ty, $first:expr);+) => {$(
        impl Cbor for $type {
            fn write(&self, to: &mut Vec<u8>) {
                to.push($first);
                to.extend_from_slice(&self.to_be_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                read_float($first, from).map(Self::from_be_bytes)
            }
        }
    )+};
}
float!(f32, F32; f64, F64);

impl Cbor for String {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(self, to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_text(from).map(Into::into)
    }
}

impl Cbor for Vec<u8> {
    fn write(&self, to: &mut Vec<u8>) {
        write_slice(BYTES, self, to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_slice(BYTES, from).map(Into::into)
    }
}

impl<const LENGTH: usize> Cbor for [u8; LENGTH] {
    fn write(&self, to: &mut Vec<u8>) {
        write_slice(BYTES, self, to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_slice(BYTES, from)?.try_into().ok()
    }
}

impl<T: Cbor> Cbor for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(to),
            None => to.push(NULL),
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        match from.strip_prefix(&[NULL]) {
            Some(rest) => {
                *from = rest;
                Some(None)
            }
            None => T::read(from).map(Some),
        }
    }
}

impl<T: Cbor> Cbor for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        head(ARRAY, self.len() as u64, to);
        self.iter().for_each(|item| item.write(to));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        // Room is made as items come: a length alone is easily claimed.
        let mut items = Self::new();
        for _ in 0..read_head(ARRAY, from)? {
            items.push(T::read(from)?);
        }
        Some(items)
    }
}

macro_rules! tuple {
    ($($length:literal: $($type:ident)+);+) => {$(
        impl<$($type: Cbor),+> Cbor for ($($type,)+) {
            #[expect(non_snake_case, reason = "each is named as its type is")]
            fn write(&self, to: &mut Vec<u8>) {
                let ($($type,)+) = self;
                head(ARRAY, $length, to);
                $($type.write(to);)+
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                expect(ARRAY, $length, from)?;
                Some(($($type::read(from)?,)+))
            }
        }
    )+};
}
tuple!(2: A B; 3: A B C; 5: A B C D E);

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Named {
        ms: u64,
        of: Option<i16>,
    }
    cbor!(Named { ms, of });

    #[derive(Debug, PartialEq)]
    struct Unnamed(u32, String);
    cbor!(Unnamed(number, text));

    fn written(value: &impl Cbor) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        bytes
    }

    fn read<T: Cbor>(mut bytes: &[u8]) -> Option<T> {
        T::read(&mut bytes).filter(|_| bytes.is_empty())
    }

    fn survives<T: Cbor + PartialEq + Debug>(value: T, expected: &[u8]) {
        assert_eq!(written(&value), expected, "{value:?}");
        assert_eq!(read(expected), Some(value));
        for length in 0..expected.len() {
            assert_eq!(read::<T>(&expected[..length]), None, "{length} bytes of {expected:x?}");
        }
    }

    /// The examples of RFC 8949, appendix A, as far as they have to do with what is spoken here.
    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        survives(0u64, &[0x00]);
        survives(23u16, &[0x17]);
        survives(24u16, &[0x18, 24]);
        survives(1000u32, &[0x19, 0x03, 0xe8]);
        survives(1_000_000u32, &[0x1a, 0x00, 0x0f, 0x42, 0x40]);
        survives(1_000_000_000_000u64, &[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00]);
        survives(u64::MAX, &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        survives(-1i16, &[0x20]);
        survives(-100i16, &[0x38, 99]);
        survives(i16::MIN, &[0x39, 0x7f, 0xff]);
        survives(100_000.0f32, &[0xfa, 0x47, 0xc3, 0x50, 0x00]);
        survives(1.1f64, &[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]);
        survives(false, &[0xf4]);
        survives(true, &[0xf5]);
        survives(None::<u32>, &[0xf6]);
        survives(vec![1u8, 2, 3, 4], &[0x44, 1, 2, 3, 4]);
        survives([1u8, 2, 3, 4], &[0x44, 1, 2, 3, 4]);
        survives("ü".to_owned(), &[0x62, 0xc3, 0xbc]);
        survives(vec![1u32, 2, 3], &[0x83, 1, 2, 3]);
        survives((1u16, 2u64), &[0x82, 1, 2]);
    }

    #[test]
    fn a_struct_is_a_map_in_its_own_order_or_an_array() {
        survives(Named { ms: 5, of: Some(-2) }, &[0xa2, 0x62, b'm', b's', 5, 0x62, b'o', b'f', 0x21]);
        survives(Unnamed(7, "a".into()), &[0x82, 7, 0x61, b'a']);
    }

    #[test]
    fn no_second_encoding_is_read() {
        assert_eq!(read::<u64>(&[0x18, 23]), None, "a head that could be shorter");
        assert_eq!(read::<u64>(&[0x19, 0, 255]), None);
        assert_eq!(read::<u64>(&[0x1a, 0, 0, 255, 255]), None);
        assert_eq!(read::<u64>(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255]), None);
        assert_eq!(read::<u64>(&[0x1c]), None, "a head that means nothing");
        assert_eq!(read::<Vec<u32>>(&[0x9f, 1, 0xff]), None, "a length that is not said");
        assert_eq!(read::<f64>(&[0xfa, 0x47, 0xc3, 0x50, 0x00]), None, "a number of another width");
        assert_eq!(read::<Named>(&[0xa2, 0x62, b'o', b'f', 0x21, 0x62, b'm', b's', 5]), None, "another order");
        assert_eq!(read::<Named>(&[0xa1, 0x62, b'm', b's', 5]), None, "a field less");
        assert_eq!(read::<u16>(&[0x1a, 0, 1, 0, 0]), None, "a number too large");
        assert_eq!(read::<i16>(&[0x39, 0x80, 0x00]), None);
        assert_eq!(read::<[u8; 4]>(&[0x43, 1, 2, 3]), None);
        assert_eq!(read::<String>(&[0x61, 0xff]), None, "no text");
        assert_eq!(read::<bool>(&[0xf6]), None);
    }

    #[test]
    fn a_length_that_is_only_claimed_takes_no_room() {
        let claims = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read::<Vec<u64>>(&claims), None);
        assert_eq!(read::<Vec<u8>>(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn every_bit_of_a_number_that_is_none_is_kept() {
        for bits in [0x7fc0_0001, 0x7f80_0001, 0xffff_ffff] {
            let kept = read::<f32>(&written(&f32::from_bits(bits))).map(f32::to_bits);
            assert_eq!(kept, Some(bits));
        }
    }
}
