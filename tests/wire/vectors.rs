//! Reads `tests/vectors/upload.json`, natively and in a browser.

use privet::Upload;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    dimension: u32,
    good: Vec<Good>,
    bad: Vec<Bad>,
}

#[derive(Deserialize)]
struct Good {
    name: String,
    round: u32,
    id: String,
    grid: Vec<i32>,
    bytes: String,
}

#[derive(Deserialize)]
struct Bad {
    name: String,
    code: String,
    bytes: String,
}

fn read() -> Vectors {
    serde_json::from_str(include_str!("../vectors/upload.json")).expect("the vectors are JSON of this shape")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect()
}

pub(crate) fn check_good() {
    let Vectors { dimension, good, .. } = read();
    assert!(!good.is_empty());
    for vector in good {
        let upload =
            Upload::decode(&bytes(&vector.bytes), dimension).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(upload.round(), vector.round, "{}", vector.name);
        assert_eq!(privet::hex(&upload.id()), vector.id, "{}", vector.name);
        assert_eq!(upload.grid(), vector.grid, "{}", vector.name);
        assert_eq!(privet::hex(&upload.encode()), vector.bytes, "{}", vector.name);
    }
}

pub(crate) fn check_bad() {
    let Vectors { dimension, bad, .. } = read();
    assert!(bad.len() >= 12);
    for vector in bad {
        let refused = Upload::decode(&bytes(&vector.bytes), dimension).map_err(|error| error.code());
        assert_eq!(refused, Err(&*vector.code), "{}", vector.name);
    }
}
