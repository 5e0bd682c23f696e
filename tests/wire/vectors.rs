//! Reads `tests/vectors`, natively and in a browser. The vectors were made by other people's code for CBOR's rules,
//! HPKE, TurboSHAKE128 and Ed25519.

use std::collections::BTreeMap;

use privet::{AggregateShare, Batch, Manifest, Pins, Role, Round, SealingKey, Signed, Upload, Value, inspect};
use serde::Deserialize;

#[derive(Deserialize)]
struct Uploads {
    rounds: Modes,
    sealing_seeds: Seeds,
    good: Vec<GoodUpload>,
    bad: Vec<BadUpload>,
    broken: Vec<Broken>,
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

#[derive(Deserialize)]
struct BadUpload {
    mode: String,
    #[serde(flatten)]
    bad: Bad,
}

/// An upload of the right sizes with a share that does not open.
#[derive(Deserialize)]
struct Broken {
    role: String,
    #[serde(flatten)]
    bad: Bad,
}

/// Batches, aggregate shares and manifests, each with its fields under their names in the wire format.
#[derive(Deserialize)]
struct Aggregation {
    round: String,
    good: Vec<GoodMessage>,
    bad: Vec<BadMessage>,
}

#[derive(Deserialize)]
struct GoodMessage {
    name: String,
    kind: String,
    bytes: String,
    fields: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct BadMessage {
    kind: String,
    #[serde(flatten)]
    bad: Bad,
}

fn aggregation() -> Aggregation {
    serde_json::from_str(include_str!("../vectors/aggregation.json")).expect("the vectors are JSON of this shape")
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

impl Modes {
    fn round(&self, mode: &str) -> Round {
        Round::decode(&bytes(if mode == "device" { &self.device } else { &self.split })).expect("a round")
    }
}

impl Seeds {
    fn key(&self, role: Role) -> SealingKey {
        SealingKey::from_seed(&key(if role == Role::Leader { &self.leader } else { &self.helper }))
    }
}

pub(crate) fn check_good() {
    let Uploads { rounds: modes, sealing_seeds: seeds, good, .. } = uploads();
    for vector in good {
        let name = &vector.name;
        let round = &modes.round(&vector.mode);
        let upload = Upload::decode(&bytes(&vector.bytes), round).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(privet::hex(&upload.id()), vector.id, "{name}");
        assert_eq!(privet::hex(&upload.encode()), vector.bytes, "{name}");
        let entries: Vec<i32> = if vector.mode == "device" {
            let share = upload.read(round).expect("in the clear");
            share.entries().iter().map(|entry| entry.cast_signed()).collect()
        } else {
            let [ours, theirs] = [Role::Leader, Role::Helper].map(|role| {
                upload.open(round, role, &seeds.key(role)).unwrap_or_else(|error| panic!("{name}: {error}"))
            });
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

/// Reads a message by its own decoder and writes it again.
fn rewritten(kind: &str, bytes: &[u8], round: &Round) -> privet::Result<Vec<u8>> {
    match kind {
        "batch" => Batch::decode(bytes).map(|batch| batch.encode()),
        "aggregate-share" => AggregateShare::decode(bytes, round.dimension).map(|sum| sum.encode()),
        "manifest" => Manifest::decode(bytes).map(|manifest| manifest.encode()),
        _ => panic!("the vectors hold a {kind}"),
    }
}

pub(crate) fn check_aggregation() {
    let Aggregation { round, good, bad } = aggregation();
    let hex = round;
    let round = Round::decode(&bytes(&hex)).expect("a round");
    for GoodMessage { name, kind, bytes: sent, fields } in good {
        let sent = bytes(&sent);
        assert_eq!(rewritten(&kind, &sent, &round), Ok(sent.clone()), "{name}");
        let seen = inspect(&kind, &sent, &bytes(&hex)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seen: BTreeMap<_, _> = seen.into_iter().map(|(field, value)| (field.to_owned(), json(value))).collect();
        assert_eq!(seen, fields, "{name}");
    }
    for kind in ["batch", "aggregate-share", "manifest"] {
        assert!(bad.iter().filter(|vector| vector.kind == kind).count() >= 12, "{kind}");
    }
    for BadMessage { kind, bad } in bad {
        let refused = rewritten(&kind, &bytes(&bad.bytes), &round).map_err(|error| error.code());
        assert_eq!(refused, Err(&*bad.code), "{kind}: {}", bad.name);
        let refused = inspect(&kind, &bytes(&bad.bytes), &bytes(&hex)).map_err(|error| error.code());
        assert_eq!(refused, Err(&*bad.code), "{kind}: {}", bad.name);
    }
}

fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Number(number) => (number as u64).into(),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => privet::hex(&bytes).into(),
        Value::Nothing => serde_json::Value::Null,
    }
}

pub(crate) fn check_bad() {
    let Uploads { rounds: modes, sealing_seeds: seeds, bad, broken, .. } = uploads();
    for mode in ["device", "split"] {
        assert!(bad.iter().filter(|vector| vector.mode == mode).count() >= 12, "{mode}");
    }
    for BadUpload { mode, bad } in bad {
        let refused = Upload::decode(&bytes(&bad.bytes), &modes.round(&mode)).map_err(|error| error.code());
        assert_eq!(refused, Err(&*bad.code), "{mode}: {}", bad.name);
    }
    assert!(broken.len() >= 12);
    let round = modes.round("split");
    for Broken { role: name, bad } in broken {
        let role = if name == "leader" { Role::Leader } else { Role::Helper };
        let upload = Upload::decode(&bytes(&bad.bytes), &round).unwrap_or_else(|error| panic!("{}: {error}", bad.name));
        let refused = upload.open(&round, role, &seeds.key(role)).map_err(|error| error.code());
        assert_eq!(refused.map(|_| ()), Err(&*bad.code), "{name}: {}", bad.name);
    }
    let Rounds { pins, bad, .. } = rounds();
    let pins = Pins { leader: key(&pins.leader), helper: Some(key(&pins.helper)) };
    assert!(bad.len() >= 12);
    for vector in bad {
        let refused = Signed::decode(&bytes(&vector.bytes)).and_then(|signed| signed.verify_round(&pins));
        assert_eq!(refused.map_err(|error| error.code()), Err(&*vector.code), "{}", vector.name);
    }
}
