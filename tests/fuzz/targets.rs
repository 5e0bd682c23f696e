//! What each fuzz target does with its bytes. A native test replays the committed corpora through the same functions.
//!
//! What a decoder reads it writes back to the byte: no two encodings stand for one message.

use privet::{
    AggregateShare, Batch, Closing, Cost, Forward, Head, Ledger, Manifest, NanoRho, Operator, Pins, Policy, Round,
    Signed, Upload,
};

/// What a target does with its bytes; whether they could be read.
pub(crate) type Target = fn(&[u8]) -> bool;

/// The targets by name.
pub(crate) const TARGETS: [(&str, Target); 10] = [
    ("upload", upload),
    ("round", round),
    ("signed", signed),
    ("head", head),
    ("ledger", ledger),
    ("batch", batch),
    ("aggregate_share", aggregate_share),
    ("manifest", manifest),
    ("closing", closing),
    ("forward", forward),
];

/// An upload for a round that the fuzzer cannot know the hash of: its hash is written over the place where it belongs.
pub(crate) fn upload(bytes: &[u8]) -> bool {
    let mut read = false;
    for mode in [include_bytes!("corpus/round/device").as_slice(), include_bytes!("corpus/round/split")] {
        let round = Round::decode(mode).expect("a committed round");
        let mut bytes = bytes.to_vec();
        if let Some(place) = bytes.get_mut(4..36) {
            place.copy_from_slice(&round.hash());
        }
        if let Ok(upload) = Upload::decode(&bytes, &round) {
            assert_eq!(upload.encode(), bytes);
            assert_eq!(bytes.len(), Upload::size(&round));
            read = true;
        }
    }
    read
}

/// A round holds together: its bound exists.
pub(crate) fn round(bytes: &[u8]) -> bool {
    let Ok(round) = Round::decode(bytes) else { return false };
    assert_eq!(round.encode(), bytes);
    assert!(round.bound().is_ok());
    assert!(round.leader != Operator::new("", [0; 32]));
    true
}

/// An envelope is read back to the byte; nobody can forge a signature.
pub(crate) fn signed(bytes: &[u8]) -> bool {
    let Ok(signed) = Signed::decode(bytes) else { return false };
    assert_eq!(signed.encode(), bytes);
    assert!(signed.verify_round(&Pins { leader: [9; 32], helper: None }).is_err());
    true
}

/// A head ranks: nobody with no evidence gets another order than the server's, whatever the head.
pub(crate) fn head(bytes: &[u8]) -> bool {
    let Ok(head) = Head::decode(bytes) else { return false };
    assert_eq!(head.encode(), bytes);
    let shape = head.shape(1, 1);
    let (mut z, mut s) = (vec![0.0; shape.h as usize], [f32::NAN]);
    privet::cpu::forward(shape, &vec![0.0; shape.f as usize], head.parameters(), &mut z, &mut s);
    assert!(!z.iter().any(|unit| unit.is_nan()));
    assert!((0.0..=1.0).contains(&head.gate(3)));
    true
}

/// A ledger that is read never has more left than its lifetime, sends nothing that it did not debit, and one step
/// further it is read again.
pub(crate) fn ledger(bytes: &[u8]) -> bool {
    let limits = Policy::at_once().limits();
    let Ok(mut ledger) = Ledger::open(bytes, limits) else { return false };
    assert!(ledger.left() <= limits.lifetime);
    let unsent = ledger.unsent(bytes).expect("it was read before");
    assert!(unsent.is_none_or(|unsent| ledger.entries().iter().any(|entry| entry.id == unsent.id)));
    let stored = ledger.tick(bytes, 7).expect("time may always pass").bytes().to_vec();
    let spent = ledger.spent();
    assert_eq!(Ledger::open(&stored, limits).expect("our own bytes").spent(), spent);
    let cost = Cost::alone(NanoRho(5));
    if let Ok(step) = ledger.reserve(&stored, ("fuzz", 1, [0xfe; 16]), cost, 8) {
        ledger.persisted(step).expect("it is the next step");
        assert!(ledger.spent().trusted > spent.trusted);
    }
    true
}

/// A batch is sorted, without repeats.
pub(crate) fn batch(bytes: &[u8]) -> bool {
    let Ok(batch) = Batch::decode(bytes) else { return false };
    assert_eq!(batch.encode(), bytes);
    assert_eq!(Batch::new(batch.configuration, batch.number, batch.ids().to_vec()), batch);
    true
}

/// A sum has the dimension that was asked for.
pub(crate) fn aggregate_share(bytes: &[u8]) -> bool {
    let Ok(sum) = AggregateShare::decode(bytes, 18) else { return false };
    assert_eq!(sum.encode(), bytes);
    assert_eq!(sum.share().entries().len(), 18);
    true
}

/// A manifest is read back to the byte.
pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let Ok(manifest) = Manifest::decode(bytes) else { return false };
    assert_eq!(manifest.encode(), bytes);
    true
}

/// A list's numbers rise.
pub(crate) fn closing(bytes: &[u8]) -> bool {
    let Ok(closing) = Closing::decode(bytes) else { return false };
    assert_eq!(closing.encode(), bytes);
    assert_eq!(Closing::new(closing.configuration, closing.batches().to_vec()), closing);
    true
}

/// Forwarded shares are whole.
pub(crate) fn forward(bytes: &[u8]) -> bool {
    let Ok(forward) = Forward::decode(bytes) else { return false };
    assert_eq!(forward.encode(), bytes);
    assert_eq!(Forward::new(forward.configuration, forward.shares()), Ok(forward));
    true
}
