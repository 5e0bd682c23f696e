//! Uploads that need a token of an issuer.

use std::{fs, path::Path};

use privet::{Batch, Forward, Mode, Pins, TokenContext, TokenKey, Upload, UploadId, hex};
use privet_server::{
    Ask, IssuerKey, Verdict,
    store::{RoundStore, UploadStore},
};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA384};
use tempfile::TempDir;

use super::pair::{Pair, Reply, agent, contribution, problem};

/// An issuer and a device in one: what is signed is what a device would have after unblinding.
struct Issuer {
    key: TokenKey,
    pair: KeyPair,
}

impl Issuer {
    fn at(path: &Path) -> Self {
        let key = IssuerKey::open(path).expect("it can be made").public();
        let pair = KeyPair::from_pkcs8(&fs::read(path).expect("it is there")).expect("our own file");
        Self { key, pair }
    }

    fn token(&self, task: &str, pins: &Pins, nonce: u8) -> String {
        hex(&self.bytes(task, pins, nonce))
    }

    fn bytes(&self, task: &str, pins: &Pins, nonce: u8) -> Vec<u8> {
        let message = TokenContext::new(&self.key, task, pins).message(&[nonce; 32]);
        let mut signature = [0; 256];
        self.pair.sign(&RSA_PSS_SHA384, &SystemRandom::new(), &message, &mut signature).expect("it signs");
        [&message[..], &signature].concat()
    }
}

fn wanting(folder: &TempDir, mode: Mode, goal: u32) -> (Pair, Issuer) {
    let issuer = Issuer::at(&folder.path().join("issuer.key"));
    let key = hex(&issuer.key);
    let pair = Pair::start(folder, mode, |task| {
        (task.goal, task.n_max) = (goal, goal);
        (task.token_key, task.open) = (Some(key), false);
    });
    (pair, issuer)
}

fn put(pair: &Pair, round: u32, (id, body): &(UploadId, Vec<u8>), token: Option<&str>) -> Reply {
    let address = format!("http://{}/v1/tasks/demo/rounds/{round}/uploads/{}", pair.address, hex(id));
    let request = token.into_iter().fold(agent().put(address), |request, token| request.header("privet-token", token));
    Reply::from(request.send(&body[..]))
}

#[test]
fn a_token_lets_one_upload_in_and_only_one_of_the_rounds_issuer_does() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let (pair, issuer) = wanting(&folder, mode, 3);
        let pins = pair.pins();
        assert_eq!(pair.round().token_key, Some(issuer.key), "it stands in what both signed");
        let [one, two] = [1, 2].map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16])));
        let other = Issuer::at(&folder.path().join("other.key"));
        for refused in [
            None,
            Some(other.token("demo", &pins, 7)),
            Some(issuer.token("other", &pins, 7)),
            Some(issuer.token("demo", &Pins { leader: [9; 32], ..pins }, 7)),
            Some(hex(&[7; 354])),
        ] {
            assert_eq!(put(&pair, 1, &one, refused.as_deref()).problem(), problem(403, "token-refused"));
        }
        let first = issuer.token("demo", &pins, 7);
        assert_eq!(put(&pair, 1, &one, Some(&first)).count(), (201, 1));
        assert_eq!(put(&pair, 1, &one, Some(&first)).count(), (200, 1), "the same again is the same");
        assert_eq!(put(&pair, 1, &two, Some(&first)).problem(), problem(403, "token-spent"));
        let again = issuer.token("demo", &pins, 7);
        assert_eq!(
            put(&pair, 1, &two, Some(&again)).problem(),
            problem(403, "token-spent"),
            "another signature, one token"
        );
        assert_eq!(put(&pair, 1, &two, Some(&issuer.token("demo", &pins, 8))).count(), (201, 2));
        pair.stop();
    }
}

#[test]
fn for_a_spent_token_the_helper_holds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pair, issuer) = wanting(&folder, Mode::Split, 3);
    let held = |ids: &[u8]| {
        let (store, round) = (pair.helper.as_ref().expect("there is one").store(), pair.round().hash());
        let batch = Batch::new(round, 1, ids.iter().map(|&n| [n; 16]).collect());
        pair.runtime.block_on(async {
            let stored = store.round(&round).await.expect("it answers").expect("it is open");
            store.seeds(stored.id, &batch).await.expect("it answers").len()
        })
    };
    let token = issuer.token("demo", &pair.pins(), 7);
    let uploads = [1, 2, 3].map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16])));
    assert_eq!(put(&pair, 1, &uploads[0], Some(&token)).count(), (201, 1));
    assert_eq!(held(&[1, 2, 3]), 1);
    for upload in &uploads[1..] {
        assert_eq!(put(&pair, 1, upload, Some(&token)).problem(), problem(403, "token-spent"));
        assert_eq!(put(&pair, 1, upload, None).problem(), problem(403, "token-refused"));
    }
    assert_eq!(held(&[1, 2, 3]), 1);
    pair.stop();
}

/// A few tokens, each sent with many uploads at a time: the helper has no more rows than there are tokens, and who comes
/// with one of their own finds room. A leader that forwards all the same is refused by the helper.
#[test]
fn a_token_is_one_place_at_either_aggregator() {
    const TOKENS: u8 = 4;
    const EACH: u8 = 12;
    let folder = tempfile::tempdir().expect("a folder");
    let (pair, issuer) = wanting(&folder, Mode::Split, 8);
    let pins = pair.pins();
    let token = |nonce| issuer.bytes("demo", &pins, nonce);
    let sent: Vec<String> = (0..TOKENS).map(|nonce| hex(&token(nonce))).collect();
    let many: Vec<(UploadId, Vec<u8>)> =
        (0..TOKENS * EACH).map(|n| ([n + 1; 16], contribution(&mut pair.device(), [n + 1; 16]))).collect();
    let codes: Vec<String> = std::thread::scope(|scope| {
        let send = |(n, upload): (usize, &(UploadId, Vec<u8>))| {
            let reply = put(&pair, 1, upload, Some(&sent[n % sent.len()]));
            if reply.status == 201 { "new".into() } else { reply.problem().1 }
        };
        let sent: Vec<_> = many.iter().enumerate().map(|each| scope.spawn(move || send(each))).collect();
        sent.into_iter().map(|sent| sent.join().expect("it answers")).collect()
    });
    let counted = |code: &str| codes.iter().filter(|said| *said == code).count();
    assert_eq!((counted("new"), counted("token-spent")), (usize::from(TOKENS), codes.len() - usize::from(TOKENS)));

    let round = pair.round();
    let helper = pair.helper.clone().expect("there is one");
    let rows = |ids: Vec<UploadId>| {
        let stored =
            pair.runtime.block_on(helper.store().round(&round.hash())).expect("it answers").expect("it is open");
        let batch = Batch::new(round.hash(), 1, ids);
        pair.runtime.block_on(helper.store().seeds(stored.id, &batch)).expect("it answers").len()
    };
    let ids: Vec<UploadId> = many.iter().map(|(id, _)| *id).collect();
    assert_eq!(rows(ids.clone()), usize::from(TOKENS), "no share came there without a place here");

    let forwarded = |place: usize, tokens: Vec<Vec<u8>>| {
        let sealed = Upload::decode(&many[place].1, &round).expect("our own bytes").shares()[1].clone();
        let forward = Forward::new(round.hash(), [(many[place].0, &sealed[..])]).expect("its size");
        let said = pair.runtime.block_on(helper.answer(Ask::Shares, &forward.with_tokens(tokens).encode()));
        Verdict::of(said.expect("the round is open")[0]).expect("a verdict")
    };
    let spare = codes.iter().position(|code| code == "token-spent").expect("there are some");
    let other = Issuer::at(&folder.path().join("other.key"));
    assert_eq!(forwarded(spare, vec![]), Verdict::NoToken);
    for refused in [
        vec![7; 354],
        other.bytes("demo", &pins, 9),
        issuer.bytes("other", &pins, 9),
        issuer.bytes("demo", &Pins { leader: [9; 32], ..pins }, 9),
    ] {
        assert_eq!(forwarded(spare, vec![refused]), Verdict::NoToken);
    }
    assert_eq!(forwarded(spare, vec![token(0)]), Verdict::Spent);
    assert_eq!(rows(ids), usize::from(TOKENS));

    for n in 0..TOKENS {
        let upload = ([100 + n; 16], contribution(&mut pair.device(), [100 + n; 16]));
        assert_eq!(put(&pair, 1, &upload, Some(&hex(&token(50 + n)))).status, 201, "there is room for who has a token");
    }
    let upload = ([200; 16], contribution(&mut pair.device(), [200; 16]));
    let reply = put(&pair, 1, &upload, Some(&hex(&token(60))));
    assert_eq!((reply.problem(), &reply.json()["advice"]), (problem(503, "round-full"), &"retry".into()));
    pair.stop();
}

/// Round numbers are no part of a token: what was spent in one round is spent in the next.
#[test]
fn a_token_of_an_earlier_round_is_spent() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let (pair, issuer) = wanting(&folder, mode, 3);
        let token = |nonce| issuer.token("demo", &pair.pins(), nonce);
        for n in 1..=3 {
            let upload = ([n; 16], contribution(&mut pair.device(), [n; 16]));
            assert_eq!(put(&pair, 1, &upload, Some(&token(n))).count(), (201, n.into()));
        }
        // Closed, and the two after it begun: by then a round's ids are forgotten.
        for round in 2..=4 {
            pair.advance_round().expect("the goal is reached");
            assert_eq!(pair.round().number, round);
            let upload = ([10 + round as u8; 16], contribution(&mut pair.device(), [10 + round as u8; 16]));
            assert_eq!(put(&pair, round, &upload, Some(&token(1))).problem(), problem(403, "token-spent"));
            for n in 0..3 {
                let n = 20 + 3 * round as u8 + n;
                let upload = ([n; 16], contribution(&mut pair.device(), [n; 16]));
                assert_eq!(put(&pair, round, &upload, Some(&token(n))).status, 201);
            }
        }
        pair.stop();
    }
}
