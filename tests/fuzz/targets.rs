//! What each fuzz target does with its bytes. A native test replays the committed corpora through the same functions.
//!
//! What a decoder reads it writes back to the byte: no two encodings stand for one message.

use privet::{
    Ablation, AggregateShare, Attribute, Batch, Closing, Cost, Debit, Event, Forward, Head, Item, Ledger, Manifest,
    Memory, Moment, NanoRho, NewExamples, Operator, Pins, Policy, Round, Schema, Scratch, SealingKey, Selector, Share,
    Signed, TokenContext, Upload, rank,
};

/// What a target does with its bytes; whether they could be read.
pub(crate) type Target = fn(&[u8]) -> bool;

/// The targets by name.
pub(crate) const TARGETS: [(&str, Target); 14] = [
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
    ("memory", memory),
    ("new_examples", new_examples),
    ("share", share),
    ("token", token),
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

/// A head ranks: a device without evidence has the server's order, unless the head has it learn without any (κ is 0).
pub(crate) fn head(bytes: &[u8]) -> bool {
    let Ok(head) = Head::decode(bytes) else { return false };
    assert_eq!(head.encode(), bytes);
    let shape = head.shape(1, 1);
    let (mut z, mut s) = (vec![0.0; shape.h as usize], [f32::NAN]);
    privet::cpu::forward(shape, &vec![0.0; shape.f as usize], head.parameters(), &mut z, &mut s);
    assert!(!z.iter().any(|unit| unit.is_nan()));
    assert!((0.0..=1.0).contains(&head.gate(3)));
    // As unlike each other as can be, and neither in the server's order nor against it.
    let candidates = [(1, 0.25, -1.0), (2, -3.0, 1.0), (3, 2.0, 0.0)].map(|(key, score, entry)| {
        let (embedding, dense) = (vec![entry; head.schema.embedding as usize], vec![entry; head.schema.dense.len()]);
        Item { score, dense, ..Item::plain(key, embedding) }
    });
    let nothing = Memory::new(&head, Ablation::default());
    let ranking = rank(&head, &nothing, &candidates, Moment::default()).expect("the schema describes them");
    assert!(head.kappa == 0.0 || ranking.order == [2, 0, 1], "{:?}", ranking.order);
    true
}

/// A ledger that is read never has more left than its lifetime, sends nothing that it did not debit, and one step
/// further it is read again.
pub(crate) fn ledger(bytes: &[u8]) -> bool {
    let limits = Policy::at_once().limits();
    let Ok(mut ledger) = Ledger::open(bytes, limits) else { return false };
    assert!(ledger.left() <= limits.lifetime);
    let unsent = ledger.unsent(bytes, 0).expect("it was read before");
    assert!(unsent.is_none_or(|unsent| ledger.entries().iter().any(|entry| entry.debit.id == unsent.debit.id)));
    let stored = ledger.tick(bytes, 7).expect("time may always pass").bytes().to_vec();
    let spent = ledger.spent();
    assert_eq!(Ledger::open(&stored, limits).expect("our own bytes").spent(), spent);
    let cost = Cost::alone(NanoRho(5));
    let debit = Debit { task: "fuzz".into(), round: u32::MAX, deadline_s: 9, id: [0xfe; 16], cost };
    if let Ok(step) = ledger.reserve(&stored, debit, 8) {
        ledger.persisted(step).expect("it is the next step");
        assert!(ledger.spent().charged() > spent.charged());
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

/// A memory that is read is written back to the byte, and can be gone on with: the next event, slate, step and forgetting.
///
/// Bytes that are no export are tried as the body of one, as nobody finds a sum by chance.
pub(crate) fn memory(bytes: &[u8]) -> bool {
    let mut schema = Schema::plain(16);
    schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
    let mut head = Head::starting(schema, 2, 4.0).expect("a plain schema");
    (head.local.steps, head.local.batch) = (2, 2);
    let whole = exported(bytes);
    let (mut memory, written) = match (Memory::import(&head, bytes), Memory::import(&head, &whole)) {
        (Ok(memory), _) => (memory, bytes),
        (_, Ok(memory)) => (memory, &whole[..]),
        _ => return false,
    };
    let kept = memory.export();
    assert_eq!(kept, written);
    let item = |key| Item { attributes: vec![(0, 7)], ..Item::plain(key, vec![0.5; 16]) };
    memory.shown(&head, 1);
    memory.record_on(&head, 1, Event::new(1, item(11), Moment::default())).expect("the item fits");
    memory.record(&head, Event::new(3, item(12), Moment { ms: u64::MAX, offset_min: i16::MIN })).expect("it fits");
    (0..6).for_each(|_| _ = memory.advance(&head, &mut Scratch::default()));
    assert_eq!(rank(&head, &memory, &[item(1), item(2)], Moment::default()).expect("they fit").order.len(), 2);
    memory.contributed();
    memory.forget(&head, Selector::Item(11));
    (0..6).for_each(|_| _ = memory.advance(&head, &mut Scratch::default()));
    let again = Memory::import(&head, &memory.export()).expect("our own bytes");
    assert_eq!(again.export(), memory.export());
    true
}

/// What one module hands to the other is written back to the byte.
pub(crate) fn new_examples(bytes: &[u8]) -> bool {
    let head = Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema");
    let Ok(fresh) = NewExamples::decode(&head, bytes) else { return false };
    assert_eq!(fresh.encode(), bytes);
    assert!(fresh.count() < bytes.len());
    true
}

/// What a seal was opened to is a share of the round's size, or none. Nobody seals without the key.
pub(crate) fn share(bytes: &[u8]) -> bool {
    assert!(SealingKey::from_seed(&[1; 32]).open_seed(bytes, &[2; 32], &[3; 16]).is_err());
    let Ok(share) = Share::from_bytes(bytes, 18) else { return false };
    assert_eq!(share.to_bytes(), bytes);
    let mut sum = Share::zero(18);
    sum.add(&share);
    assert_eq!(sum, share);
    true
}

/// An export with this body, whose sum is right.
fn exported(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let head: &[u8] = match body.len() {
        0..24 => &[0x40 | length[3]],
        24..256 => &[0x58, length[3]],
        256..65_536 => &[0x59, length[2], length[3]],
        _ => &[0x5a, length[0], length[1], length[2], length[3]],
    };
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (words, rest) = body.as_chunks::<8>();
    let sum = words.iter().fold(body.len() as u64, |sum, &word| step(sum, u64::from_le_bytes(word)));
    let sum = rest.iter().fold(sum, |sum, &byte| step(sum, byte.into()));
    [&[0x83, 4], head, body, &[0x48], &sum.to_le_bytes()].concat()
}

/// A token is cut in two, and nothing of it is lost or made up.
pub(crate) fn token(bytes: &[u8]) -> bool {
    let pins = Pins { leader: [1; 32], helper: Some([2; 32]) };
    let context = TokenContext::new(&[0xab; 256], "news", &pins);
    let Some((message, signature)) = context.parts(bytes) else { return false };
    assert_eq!([&message[..], signature].concat(), bytes);
    true
}
