//! Reads `tests/vectors`, natively and in a browser. The vectors were made by other people's code for CBOR's rules,
//! HPKE, TurboSHAKE128 and Ed25519.

use privet::{Pins, Role, Round, SealingKey, Signed, Upload};
use serde::Deserialize;

#[derive(Deserialize)]
struct Uploads {
    rounds: Modes,
    sealing_seeds: Seeds,
    good: Vec<GoodUpload>,
    bad: Vec<Bad>,
}

#[derive(Deserialize)]
struct Modes {
    device: String,
    split: String,
}

#[derive(Deserialize)]
struct Seeds {
    leader: String,
    helper: String,
}

#[derive(Deserialize)]
struct GoodUpload {
    name: String,
    mode: String,
    id: String,
    grid: Vec<i32>,
    bytes: String,
}

#[derive(Deserialize)]
struct Rounds {
    pins: Seeds,
    good: Vec<GoodRound>,
    bad: Vec<Bad>,
}

#[derive(Deserialize)]
struct GoodRound {
    name: String,
    hash: String,
    bytes: String,
}

#[derive(Deserialize)]
struct Bad {
    name: String,
    code: String,
    bytes: String,
}

fn uploads() -> Uploads {
    serde_json::from_str(include_str!("../vectors/upload.json")).expect("the vectors are JSON of this shape")
}

fn rounds() -> Rounds {
    serde_json::from_str(include_str!("../vectors/round.json")).expect("the vectors are JSON of this shape")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect()
}

fn key(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().expect("32 bytes")
}

pub(crate) fn check_good() {
    let Uploads { rounds: modes, sealing_seeds: seeds, good, .. } = uploads();
    let [device, split] = [modes.device, modes.split].map(|hex| Round::decode(&bytes(&hex)).expect("a round"));
    let [leader, helper] = [seeds.leader, seeds.helper].map(|seed| SealingKey::from_seed(&key(&seed)));
    for vector in good {
        let name = &vector.name;
        let round = if vector.mode == "device" { &device } else { &split };
        let upload = Upload::decode(&bytes(&vector.bytes), round).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(privet::hex(&upload.id()), vector.id, "{name}");
        assert_eq!(privet::hex(&upload.encode()), vector.bytes, "{name}");
        let entries: Vec<i32> = if vector.mode == "device" {
            let share = upload.read(round).expect("in the clear");
            share.entries().iter().map(|entry| entry.cast_signed()).collect()
        } else {
            let [ours, theirs] = [(Role::Leader, &leader), (Role::Helper, &helper)]
                .map(|(role, key)| upload.open(round, role, key).unwrap_or_else(|error| panic!("{name}: {error}")));
            let sum = ours.entries().iter().zip(theirs.entries()).map(|(a, b)| a.wrapping_add(*b).cast_signed());
            sum.collect()
        };
        assert_eq!(entries, vector.grid, "{name}");
    }
    let Rounds { pins, good, .. } = rounds();
    let pins = Pins { leader: key(&pins.leader), helper: Some(key(&pins.helper)) };
    for vector in good {
        let signed = Signed::decode(&bytes(&vector.bytes)).expect("an envelope");
        let round = signed.verify_round(&pins).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(privet::hex(&round.hash()), vector.hash, "{}", vector.name);
        assert_eq!(privet::hex(&signed.encode()), vector.bytes, "{}", vector.name);
    }
}

pub(crate) fn check_bad() {
    let Uploads { rounds: modes, bad, .. } = uploads();
    let round = Round::decode(&bytes(&modes.device)).expect("a round");
    assert!(bad.len() >= 12);
    for vector in bad {
        let refused = Upload::decode(&bytes(&vector.bytes), &round).map_err(|error| error.code());
        assert_eq!(refused, Err(&*vector.code), "{}", vector.name);
    }
    let Rounds { pins, bad, .. } = rounds();
    let pins = Pins { leader: key(&pins.leader), helper: Some(key(&pins.helper)) };
    assert!(bad.len() >= 12);
    for vector in bad {
        let refused = Signed::decode(&bytes(&vector.bytes)).and_then(|signed| signed.verify_round(&pins));
        assert_eq!(refused.map_err(|error| error.code()), Err(&*vector.code), "{}", vector.name);
    }
}
