//! Uploads that the application's backend has to allow.

use privet::{Batch, Identity, Mode, UploadId, hex};
use privet_server::{
    sign_token,
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
