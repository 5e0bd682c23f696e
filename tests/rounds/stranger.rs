//! Whoever answers in the helper's place without its key is nobody: what is sent then is acknowledged to no device.

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use privet::{Identity, Mode, hex};
use privet_server::{Ask, Refusal, Verdict, helper_app, sign_answer};

use super::pair::{NOW_S, Pair, contribution, problem};

/// Says of every share that it is held, under this key if there is one.
fn yes(key: Option<[u8; 32]>) -> Router {
    let answer = async move |headers: HeaderMap, asked: Bytes| {
        let said = vec![Verdict::Held as u8];
        let at_s = headers["privet-time"].to_str().expect("digits").parse().expect("a time");
        let signature = key.map(|seed| sign_answer(&Identity::from_seed(&seed), Ask::Shares, at_s, &asked, 200, &said));
        (signature.map(|signature| [("privet-signature", hex(&signature))]), said)
    };
    Router::new().route("/v1/peer/shares", post(answer))
}

#[test]
fn an_answer_without_the_helpers_key_acknowledges_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let bytes = contribution(&mut pair.device(), [1; 16]);
    let helper = pair.helper.clone().expect("there is one");
    let (key, leader) = (helper.identity().public(), pair.leader.identity().public());
    let stranger = [9; 32];
    let pinned = Identity::from_seed(&stranger).public();
    let mut pair = pair;
    // The last: the helper itself, of another key than the leader pins.
    for (app, pinned) in [(yes(Some(stranger)), key), (yes(None), key), (helper_app(helper.clone(), leader), pinned)] {
        pair = pair.led(&folder, app, pinned);
        let reply = pair.upload(1, [1; 16], &bytes);
        assert_eq!((reply.problem(), &reply.json()["advice"]), (problem(503, "helper-unreachable"), &"retry".into()));
        assert_eq!(pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"], 0);
    }
    let next = pair.turn_at(NOW_S + pair.task.round_s);
    assert_eq!(next, Err(Refusal::HelperUnreachable.into()), "nor does a round begin with it");
    pair.stop();
}

/// What the test above is worth: the same way with the right key on both sides.
#[test]
fn the_pinned_helper_at_another_address_is_the_helper() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let bytes = contribution(&mut pair.device(), [1; 16]);
    let helper = pair.helper.clone().expect("there is one");
    let app = helper_app(helper.clone(), pair.leader.identity().public());
    let pair = pair.led(&folder, app, helper.identity().public());
    assert_eq!(pair.upload(1, [1; 16], &bytes).count(), (201, 1));
    pair.stop();
}
