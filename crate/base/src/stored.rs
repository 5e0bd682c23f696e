//! The bytes of what a device remembers: fields one after the other, numbers with the lowest byte first, lists after their
//! length. Nothing says what is what: a version stands in front of all of it, and a sum behind.
//!
//! Derived CBOR would do, and weighs several times as much to load as this.

use std::collections::VecDeque;

/// What can be written, and read back.
pub trait Stored: Sized {
    /// Appends it.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads one from the front, and takes it away there. Refuses any bytes that [`Stored::write`] would not write.
    fn read(from: &mut &[u8]) -> Option<Self>;

    /// Reads so many.
    fn read_list(count: usize, from: &mut &[u8]) -> Option<Vec<Self>> {
        // Whoever claims more than there are bytes has room made for these alone.
        let mut list = Vec::with_capacity(count.min(from.len() / size_of::<Self>()));
        for _ in 0..count {
            list.push(Self::read(from)?);
        }
        Some(list)
    }
}

/// Reads what [`Stored::write`] wrote, and nothing after it.
pub fn read_all<T: Stored>(mut bytes: &[u8]) -> Option<T> {
    T::read(&mut bytes).filter(|_| bytes.is_empty())
}

/// Whether a counter that was read can be counted on from here.
pub fn goes_on(count: u64) -> bool {
    count < 1 << 53
}

/// Stores a type as its fields.
#[macro_export]
macro_rules! stored {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::stored::Stored for $name {
            fn write(&self, to: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::stored::Stored::write($field, to);)*
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: $crate::stored::Stored::read(from)?),* })
            }
        }
    )*};
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl Stored for $number {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*bytes))
            }

            fn read_list(count: usize, from: &mut &[u8]) -> Option<Vec<Self>> {
                let (bytes, rest) = from.split_at_checked(count.checked_mul(size_of::<Self>())?)?;
                *from = rest;
                Some(bytes.as_chunks().0.iter().map(|bytes| Self::from_le_bytes(*bytes)).collect())
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i16 f32 f64);

macro_rules! lists {
    ($($list:ident)*) => {$(
        impl<T: Stored> Stored for $list<T> {
            fn write(&self, to: &mut Vec<u8>) {
                (self.len() as u32).write(to);
                self.iter().for_each(|item| item.write(to));
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                let count = u32::read(from)? as usize;
                T::read_list(count, from).map(Self::from)
            }
        }
    )*};
}
lists!(Vec VecDeque);

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

impl<T: Stored + Copy + Default, const N: usize> Stored for [T; N] {
    fn write(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|item| item.write(to));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let mut all = [T::default(); N];
        for item in &mut all {
            *item = T::read(from)?;
        }
        Some(all)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        u8::from(self.is_some()).write(to);
        self.iter().for_each(|item| item.write(to));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        if bool::read(from)? { T::read(from).map(Some) } else { Some(None) }
    }
}

impl Stored for bool {
    fn write(&self, to: &mut Vec<u8>) {
        u8::from(*self).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        u8::read(from).filter(|&byte| byte < 2).map(|byte| byte == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sorted;

    #[derive(Debug, PartialEq)]
    struct All {
        number: f32,
        list: Vec<(u16, u64)>,
        queue: VecDeque<Option<u8>>,
        map: Sorted<(u16, u64), [f64; 2]>,
        flag: bool,
    }
    stored!(All { number, list, queue, map, flag });

    fn all() -> All {
        let mut map = Sorted::new();
        [((1, 2), [0.5, f64::MAX]), ((0, 9), [-1.0, 0.0])].iter().for_each(|&(key, value)| *map.entry(key) = value);
        All { number: -0.0, list: vec![(1, 2), (3, u64::MAX)], queue: VecDeque::from([None, Some(7)]), map, flag: true }
    }

    fn bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        all().write(&mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back() {
        let read: All = read_all(&bytes()).expect("our own bytes");
        assert_eq!((read.number.to_bits(), read), ((-0.0_f32).to_bits(), all()));
    }

    #[test]
    fn bytes_that_are_cut_longer_or_written_otherwise_are_refused() {
        let bytes = bytes();
        for length in 0..bytes.len() {
            assert_eq!(read_all::<All>(&bytes[..length]), None, "{length}");
        }
        assert_eq!(read_all::<All>(&[&bytes[..], &[0]].concat()), None);
        assert_eq!((read_all(&[1]), read_all::<bool>(&[2])), (Some(true), None));
        assert_eq!(read_all::<Option<u8>>(&[3, 4]), None);
        assert_eq!(read_all::<Sorted<u8, u8>>(&[2, 0, 0, 0, 5, 0, 4, 0]), None, "not in order");
        assert_eq!(read_all::<Sorted<u8, u8>>(&[2, 0, 0, 0, 5, 0, 5, 0]), None, "twice");
        assert_eq!(read_all::<Vec<u64>>(&[255; 8]), None, "a length that nobody has room for");
    }
}
