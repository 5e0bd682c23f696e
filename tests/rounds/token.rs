//! Uploads that the application's backend has to allow.

use privet::{Batch, Forward, Identity, Mode, Upload, UploadId, hex};
use privet_server::{
    Ask, Verdict, sign_token,
    store::{Calendar, Tally},
};

use super::pair::{Pair, Reply, agent, contribution, problem};

fn put(pair: &Pair, id: UploadId, body: &[u8], token: Option<&str>) -> Reply {
    let address = format!("http://{}/v1/tasks/demo/rounds/1/uploads/{}", pair.address, hex(&id));
    let request = token.into_iter().fold(agent().put(address), |request, token| request.header("privet-token", token));
    Reply::from(request.send(body))
}

#[test]
fn a_token_lets_one_upload_in() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = Identity::from_seed(&[5; 32]);
        let pair = Pair::start(&folder, mode, |task| task.token_key = Some(hex(&backend.public())));
        let token = |token: [u8; 32], round| hex(&[&token[..], &sign_token(&backend, "demo", round, &token)].concat());
        let [one, two] = [1, 2].map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16])));
        assert_eq!(put(&pair, one.0, &one.1, None).problem(), problem(403, "token-refused"));
        let next = token([7; 32], 2);
        assert_eq!(put(&pair, one.0, &one.1, Some(&next)).problem(), problem(403, "token-refused"), "another round's");
        let first = token([7; 32], 1);
        assert_eq!(put(&pair, one.0, &one.1, Some(&first)).count(), (201, 1));
        assert_eq!(put(&pair, one.0, &one.1, Some(&first)).count(), (200, 1), "the same again is the same");
        assert_eq!(put(&pair, two.0, &two.1, Some(&first)).problem(), problem(403, "token-spent"));
        assert_eq!(put(&pair, two.0, &two.1, Some(&token([8; 32], 1))).count(), (201, 2));
        pair.stop();
    }
}

#[test]
fn for_a_spent_token_the_helper_holds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Identity::from_seed(&[5; 32]);
    let pair = Pair::start(&folder, Mode::Split, |task| task.token_key = Some(hex(&backend.public())));
    let held = |ids: &[u8]| {
        let (store, round) = (pair.helper.as_ref().expect("there is one").store(), pair.round().hash());
        let batch = Batch::new(round, 1, ids.iter().map(|&n| [n; 16]).collect());
        pair.runtime.block_on(async {
            let stored = store.round(&round).await.expect("it answers").expect("it is open");
            store.seeds(stored.id, &batch).await.expect("it answers").len()
        })
    };
    let token = hex(&[&[7; 32][..], &sign_token(&backend, "demo", 1, &[7; 32])].concat());
    let bodies = [1, 2, 3].map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16])));
    assert_eq!(put(&pair, bodies[0].0, &bodies[0].1, Some(&token)).count(), (201, 1));
    assert_eq!(held(&[1, 2, 3]), 1);
    for (id, body) in &bodies[1..] {
        assert_eq!(put(&pair, *id, body, Some(&token)).problem(), problem(403, "token-spent"));
        assert_eq!(put(&pair, *id, body, None).problem(), problem(403, "token-refused"));
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
    let backend = Identity::from_seed(&[5; 32]);
    let pair = Pair::start(&folder, Mode::Split, |task| {
        (task.goal, task.n_max) = (8, 8);
        task.token_key = Some(hex(&backend.public()));
    });
    let token = |token: u8| [&[token; 32][..], &sign_token(&backend, "demo", 1, &[token; 32])].concat();
    let many: Vec<(UploadId, u8, Vec<u8>)> =
        (0..TOKENS * EACH).map(|n| ([n + 1; 16], n % TOKENS, contribution(&mut pair.device(), [n + 1; 16]))).collect();
    let codes: Vec<String> = std::thread::scope(|scope| {
        let send = |(id, with, bytes): &(UploadId, u8, Vec<u8>)| {
            let reply = put(&pair, *id, bytes, Some(&hex(&token(*with))));
            if reply.status == 201 { "new".into() } else { reply.problem().1 }
        };
        let sent: Vec<_> = many.iter().map(|upload| scope.spawn(move || send(upload))).collect();
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
    let ids: Vec<UploadId> = many.iter().map(|(id, ..)| *id).collect();
    assert_eq!(rows(ids.clone()), usize::from(TOKENS), "no share came there without a place here");

    let forwarded = |place: usize, tokens: Vec<Vec<u8>>| {
        let sealed = Upload::decode(&many[place].2, &round).expect("our own bytes").shares()[1].clone();
        let forward = Forward::new(round.hash(), [(many[place].0, &sealed[..])]).expect("its size");
        let said = pair.runtime.block_on(helper.answer(Ask::Shares, &forward.with_tokens(tokens).encode()));
        Verdict::of(said.expect("the round is open")[0]).expect("a verdict")
    };
    let spare = codes.iter().position(|code| code == "token-spent").expect("there are some");
    assert_eq!(forwarded(spare, vec![]), Verdict::NoToken);
    assert_eq!(forwarded(spare, vec![[&[7; 32][..], &[0; 64]].concat()]), Verdict::NoToken);
    assert_eq!(forwarded(spare, vec![token(0)]), Verdict::Spent);
    assert_eq!(rows(ids), usize::from(TOKENS));

    for n in 0..TOKENS {
        let id = [100 + n; 16];
        let bytes = contribution(&mut pair.device(), id);
        assert_eq!(put(&pair, id, &bytes, Some(&hex(&token(50 + n)))).status, 201, "there is room for who has a token");
    }
    let id = [200; 16];
    let reply = put(&pair, id, &contribution(&mut pair.device(), id), Some(&hex(&token(60))));
    assert_eq!((reply.problem(), &reply.json()["advice"]), (problem(503, "round-full"), &"retry".into()));
    pair.stop();
}
