//! Real devices against real servers, over HTTP on the loopback: what a round promises and what it refuses.

mod admin;
mod liar;
mod noise;
mod pair;
#[path = "../faults/residual.rs"]
mod residual;
mod signing;
mod stranger;
mod terms;
mod token;
mod whole;

use pair::{CLIENT, NOW_S, Pair, Reply, agent, browse, contribution, problem};
use pollster::block_on;
use privet::{Mode, Upload, hex};
use privet_server::{Ask, Extras, Keys, Rate, Refusal, Store, helper_app, leader_app, sign_request};

#[test]
fn uploads_are_counted_once_each_and_survive_a_restart() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::start(&folder, mode, |task| task.goal = 5);
        for n in 1..=3 {
            let bytes = contribution(&mut pair.device(), [n; 16]);
            assert_eq!(pair.upload(1, [n; 16], &bytes).count(), (201, n.into()));
            assert_eq!(pair.upload(1, [n; 16], &bytes).count(), (200, n.into()), "the same bytes again change nothing");
        }
        pair.stop();
        let pair = Pair::start(&folder, mode, |task| task.goal = 5);
        let progress = pair.get("/v1/tasks/demo/rounds/1/aggregate").json();
        assert_eq!(progress, serde_json::json!({ "round": 1, "count": 3, "min_cohort": 3 }));
        pair.stop();
    }
}

/// The mean equals that of what the devices sent, and lies where the true gradients and the noise put it: within 6
/// standard deviations in each of 18 entries, a false alarm in fewer than one run in ten million.
#[test]
fn the_mean_is_the_devices_and_moves_the_head_once() {
    const DEVICES: u8 = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |task| task.goal = DEVICES.into());
    let round = pair.round();
    let before = pair.runtime.block_on(pair.leader.head(round.head)).expect("it is published");
    let mut truth = vec![0.0; 18];
    let mut plain = vec![0i64; 18];
    for n in 0..DEVICES {
        let bytes = contribution(&mut pair.device(), [n; 16]);
        let mut twin = pair.device();
        browse(&mut twin);
        let gradient = block_on(twin.preview()).expect("a round").gradient;
        truth.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += f64::from(g) / f64::from(DEVICES));
        let share = Upload::decode(&bytes, &round).and_then(|upload| upload.read(&round)).expect("our own bytes");
        plain.iter_mut().zip(share.entries()).for_each(|(sum, &entry)| *sum += i64::from(entry.cast_signed()));
        pair.upload(1, [n; 16], &bytes);
    }
    pair.advance_round().expect("the goal is reached");
    let after = pair.runtime.block_on(pair.leader.head(pair.round().head)).expect("it is published");
    assert_ne!(before.hash, after.hash);
    let divisor = f64::from(DEVICES) * f64::from(round.grid_scale);
    let mean: Vec<f64> = plain.into_iter().map(|sum| sum as f64 / divisor).collect();
    let [before, after] = [before, after].map(|head| privet::Head::decode(&head.body).expect("a head"));
    for ((new, old), mean) in after.parameters().iter().zip(before.parameters()).zip(&mean) {
        assert_eq!(*new, (f64::from(*old) - mean) as f32);
    }
    let deviation = 8.0 / f64::from(DEVICES).sqrt();
    for (mean, truth) in mean.iter().zip(&truth) {
        assert!((mean - truth).abs() < 6.0 * deviation, "{mean} {truth}");
    }
    pair.stop();
}

#[test]
fn what_does_not_belong_is_refused_with_its_code() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::start(&folder, mode, |_| {});
        let bytes = contribution(&mut pair.device(), [1; 16]);
        let id = hex(&[1; 16]);
        let put = |path: &str, body: &[u8]| pair.put(path, body).problem();
        let fine = format!("/v1/tasks/demo/rounds/1/uploads/{id}");

        assert_eq!(put(&fine, &[]), problem(400, "wire-malformed"));
        assert_eq!(put(&fine, &[&bytes[..], &[0]].concat()), problem(413, "body-too-large"));
        assert_eq!(put(&fine, &bytes[..bytes.len() - 1]), problem(400, "wire-malformed"));
        assert_eq!(put(&fine, &vec![0; 50_000]), problem(413, "body-too-large"));
        let other = format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(&[2; 16]));
        assert_eq!(put(&other, &bytes), problem(400, "upload-id-mismatch"));
        assert_eq!(put("/v1/tasks/demo/rounds/1/uploads/0101", &bytes), problem(400, "upload-id-mismatch"));
        assert_eq!(put(&format!("/v1/tasks/demo/rounds/2/uploads/{id}"), &bytes), problem(404, "round-unknown"));
        assert_eq!(put(&format!("/v1/tasks/other/rounds/1/uploads/{id}"), &bytes), problem(404, "task-unknown"));
        for number in ["0x1", "-1", "4294967296", "one"] {
            let odd = format!("/v1/tasks/demo/rounds/{number}/uploads/{id}");
            assert_eq!(put(&odd, &bytes), problem(404, "route-unknown"), "a number that no round has");
        }
        assert_eq!(put("/v1/tasks/demo/round", &bytes), problem(405, "method-refused"));
        assert_eq!(put("/v2", &bytes), problem(404, "route-unknown"));
        assert_eq!(pair.get("/v1/tasks/other/round").problem(), problem(404, "task-unknown"));
        assert_eq!(pair.get("/v1/heads/00").problem(), problem(404, "route-unknown"));
        assert_eq!(pair.get(&format!("/v1/heads/{}", hex(&[9; 32]))).problem(), problem(404, "route-unknown"));

        let mut other_configuration = bytes.clone();
        other_configuration[10] ^= 1;
        assert_eq!(put(&fine, &other_configuration), problem(409, "configuration-mismatch"));
        let other_version = [&bytes[..1], &[1], &bytes[2..]].concat();
        assert_eq!(put(&fine, &other_version), problem(400, "wire-version"));

        // The last byte is the whole's in `device` mode, and the tag's of the helper's share in `split` mode.
        let mut others = bytes.clone();
        *others.last_mut().expect("not empty") ^= 1;
        if mode == Mode::Split {
            assert_eq!(put(&fine, &others), problem(400, "seal-broken"), "the helper says so");
            let mut ours = bytes.clone();
            ours[100] ^= 1;
            assert_eq!(put(&fine, &ours), problem(400, "seal-broken"), "the leader says so");
        }
        assert_eq!(pair.upload(1, [1; 16], &bytes).count(), (201, 1));
        let twice = contribution(&mut pair.device(), [1; 16]);
        assert_eq!(put(&fine, &twice), problem(409, "upload-conflict"));
        let count = pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"].clone();
        assert_eq!(count, 1, "nothing refused was counted");
        pair.stop();
    }
}

#[test]
fn a_store_that_is_gone_is_a_problem_to_retry() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let bytes = contribution(&mut pair.device(), [1; 16]);
    let helper = pair.helper.clone().expect("there is one");
    pair.runtime.block_on(helper.store().shut());
    let reply = pair.upload(1, [1; 16], &bytes);
    assert_eq!(reply.problem(), problem(503, "helper-unreachable"));
    assert_eq!(reply.json()["advice"], "retry");
    assert_eq!(pair.get("/readyz").status, 200, "the leader's own store answers");
    pair.runtime.block_on(pair.leader.store().shut());
    assert_eq!(pair.get("/readyz").problem(), problem(503, "store-failed"));
    let reply = pair.get("/v1/tasks/demo/rounds/1/aggregate");
    assert_eq!(reply.problem(), problem(503, "store-failed"));
}

#[test]
fn a_round_without_enough_devices_ends_at_its_deadline_without_a_sum() {
    for mode in [Mode::Device, Mode::Split] {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::start(&folder, mode, |_| {});
        let head = pair.round().head;
        let bytes = contribution(&mut pair.device(), [1; 16]);
        pair.upload(1, [1; 16], &bytes);
        pair.turn_at(NOW_S + pair.task.round_s - 1).expect("nothing is due");
        assert_eq!(pair.round().number, 1);
        pair.turn_at(NOW_S + pair.task.round_s).expect("the deadline has come");
        assert_eq!((pair.round().number, pair.round().head), (2, head), "the same head once more");
        assert_eq!(pair.upload(1, [1; 16], &bytes).problem(), problem(409, "round-closed"));
        let over = pair.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"].clone();
        assert_eq!(over, 0, "nothing of it is kept");
        pair.stop();
    }
}

#[test]
fn what_was_acknowledged_is_acknowledged_again_after_its_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let late = contribution(&mut pair.device(), [9; 16]);
    let uploads: Vec<_> = (1..=3).map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16]))).collect();
    uploads.iter().for_each(|(id, bytes)| assert_eq!(pair.upload(1, *id, bytes).status, 201));
    pair.advance_round().expect("the goal is reached");
    assert_eq!(pair.round().number, 2);
    assert_eq!(pair.upload(1, [1; 16], &uploads[0].1).count(), (200, 3));
    assert_eq!(pair.upload(1, [1; 16], &late).problem(), problem(409, "upload-conflict"));
    assert_eq!(pair.upload(1, [9; 16], &late).problem(), problem(409, "round-closed"));
    pair.stop();
}

#[test]
fn an_address_that_asks_too_often_is_told_when_to_come_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |_| {});
    // So slow a rate that no machine is too busy to ask oftener.
    let rate = Rate { per_s: 2, client_header: Some(CLIENT.parse().expect("a name")), ..Rate::default() };
    let app = leader_app(pair.leader.clone(), Extras { rate: Some(&rate), ..Extras::default() });
    let (listener, at) = pair.runtime.block_on(pair::bound());
    let connections = privet_server::Connections::default();
    pair.runtime.spawn(privet_server::serve(listener, None, connections, app, std::future::pending()));
    let address = format!("http://{at}/v1/identity");
    let page = "https://news.example";
    let asked = |client: &str| Reply::from(agent().get(&address).header(CLIENT, client).header("origin", page).call());
    // Ten seconds' worth at once, and a little more while it is used up.
    let limited = (0..1000).map(|_| asked("192.0.2.1")).find(|reply| reply.status != 200).expect("a limit");
    assert_eq!(limited.problem(), problem(429, "rate-limited"));
    assert_eq!((limited.header("retry-after"), &limited.json()["advice"]), ("1", &"retry".into()));
    assert_eq!(limited.header("access-control-allow-origin"), page, "it may read why");
    assert_eq!(asked("192.0.2.2").status, 200, "another address may ask");
    for open in ["/healthz", "/readyz"] {
        let address = format!("http://{at}{open}");
        assert_eq!(Reply::from(agent().get(address).header(CLIENT, "192.0.2.1").call()).status, 200);
    }
    let figures = pair.figures();
    assert!(figures.contains("privet_rate_limited_total 1\n"), "{figures}");
    pair.stop();
}

#[test]
fn any_site_may_ask_for_rounds_and_upload_and_none_may_administer() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let page = "https://news.example";
    let may = |path: &str, method: &str| {
        let request = agent().options(format!("http://{}{path}", pair.address)).header("origin", page);
        let request = request.header("access-control-request-method", method);
        Reply::from(request.header("access-control-request-headers", "content-type,privet-token").call())
    };
    let upload = may(&format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(&[1; 16])), "PUT");
    assert_eq!((upload.status, upload.header("access-control-allow-origin")), (200, page));
    assert_eq!(upload.header("access-control-allow-methods"), "PUT");
    assert_eq!(upload.header("access-control-allow-headers"), "content-type,privet-token");
    assert!(upload.headers.get("access-control-allow-credentials").is_none(), "no cookie is looked at");
    for path in ["/v1/admin/tasks", "/metrics", "/readyz"] {
        let request = agent().options(format!("http://{}{path}", pair.operator)).header("origin", page);
        let reply = Reply::from(request.header("access-control-request-method", "GET").call());
        assert_eq!(reply.header("access-control-allow-origin"), "", "{path}");
    }
    pair.stop();
}

/// What a request is answered when the server is asked to stop in the middle of it.
fn stopped_amid(pair: &Pair, app: axum::Router, request: &str, body: &[u8]) -> String {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        time::Duration,
    };
    let (listener, address) = pair.runtime.block_on(pair::bound());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving =
        pair.runtime.spawn(privet_server::serve(listener, None, privet_server::Connections::default(), app, async {
            drop(stopped.await);
        }));
    let mut half_sent = TcpStream::connect(address).expect("it listens");
    let head = format!("{request}\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len());
    half_sent.write_all(head.as_bytes()).expect("it reads");
    // Said when the body is asked for: the request is accepted by then.
    let mut said = *b"HTTP/1.1 100 Continue\r\n\r\n";
    half_sent.read_exact(&mut said).expect("it answers");
    assert_eq!(said, *b"HTTP/1.1 100 Continue\r\n\r\n");
    half_sent.write_all(&body[..9]).expect("it reads on");
    drop(stop);
    let shut = || {
        std::thread::sleep(Duration::from_millis(10));
        TcpStream::connect(address).is_err()
    };
    assert!((0..3000).any(|_| shut()), "it takes nothing new");
    assert!(!serving.is_finished(), "it waits for what it accepted");
    half_sent.write_all(&body[9..]).expect("it reads on");
    let mut answer = Vec::new();
    half_sent.read_to_end(&mut answer).expect("it answers");
    pair.runtime.block_on(serving).expect("no panic").expect("it ends in order");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_leader_that_is_asked_to_stop_finishes_what_it_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let app = leader_app(pair.leader.clone(), Extras::default());
    let bytes = contribution(&mut pair.device(), [1; 16]);
    let request = format!("PUT /v1/tasks/demo/rounds/1/uploads/{} HTTP/1.1", hex(&[1; 16]));
    let answer = stopped_amid(&pair, app, &request, &bytes);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    pair.stop();
}

#[test]
fn a_helper_that_is_asked_to_stop_finishes_what_it_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let (leader, helper) = (pair.leader.identity(), pair.helper.clone().expect("there is one"));
    let body = pair.round().encode();
    let signature = hex(&sign_request(leader, Ask::Round, &helper.identity().public(), NOW_S, &body));
    let request = format!("POST /v1/peer/round HTTP/1.1\r\nprivet-time: {NOW_S}\r\nprivet-signature: {signature}");
    let answer = stopped_amid(&pair, helper_app(helper, leader.public()), &request, &body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    pair.stop();
}

/// Both rotate between two starts. What was sealed before is taken and counted; what is sealed next is to the new keys.
#[test]
fn an_upload_that_is_sealed_to_an_old_key_counts_while_its_round_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let before = pair.round();
    let uploads: Vec<_> = (1..=3).map(|n| ([n; 16], contribution(&mut pair.device(), [n; 16]))).collect();
    assert_eq!(pair.upload(1, uploads[0].0, &uploads[0].1).count(), (201, 1));
    pair.stop();
    let old = [before.leader.sealing_key(), before.helper.as_ref().expect("there is one").sealing_key()];
    for (name, old) in ["leader.keys", "helper.keys"].into_iter().zip(old) {
        let keys = Keys::rotate(&folder.path().join(name), &[old]).expect("it is there");
        assert_ne!(keys.newest().public(), old);
    }
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    assert_eq!(pair.round(), before, "the round is still open, and names the old keys");
    for (n, (id, bytes)) in (2..).zip(&uploads[1..]) {
        assert_eq!(pair.upload(1, *id, bytes).count(), (201, n));
    }
    pair.advance_round().expect("the goal is reached");
    let (versions, current) = pair.runtime.block_on(pair.leader.versions("demo")).expect("it is served");
    assert_eq!((versions[1].hash, versions[1].count, versions[1].held.as_ref()), (current, 3, None));
    let after = pair.round();
    let new = [after.leader.sealing_key(), after.helper.expect("there is one").sealing_key()];
    assert!(after.number == 2 && new.iter().all(|key| !old.contains(key)));
    assert_eq!(pair.upload(2, [4; 16], &contribution(&mut pair.device(), [4; 16])).count(), (201, 1));
    pair.stop();
}

#[test]
fn a_full_round_takes_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| (task.goal, task.n_max) = (4, 4));
    for n in 1..=4 {
        let bytes = contribution(&mut pair.device(), [n; 16]);
        assert_eq!(pair.upload(1, [n; 16], &bytes).status, 201);
    }
    let bytes = contribution(&mut pair.device(), [5; 16]);
    let refused = pair.upload(1, [5; 16], &bytes);
    assert_eq!((refused.problem(), &refused.json()["advice"]), (problem(503, "round-full"), &"retry".into()));
    pair.stop();
}

#[test]
fn rounds_and_heads_are_cached_by_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let round = pair.get("/v1/tasks/demo/round");
    assert_eq!(round.header("cache-control"), "no-cache");
    assert_eq!(round.header("etag"), format!("\"{}\"", hex(&pair.round().hash())));
    let head = pair.get(&format!("/v1/heads/{}", hex(&pair.round().head)));
    assert_eq!(head.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(head.header("etag"), format!("\"{}\"", hex(&pair.round().head)));
    let address = format!("http://{}/v1/tasks/demo/round", pair.address);
    let known = ureq::get(address).header("if-none-match", round.header("etag")).call().expect("it answers");
    assert_eq!(known.status(), 304);
    pair.stop();
}

#[test]
fn an_operator_goes_back_to_an_older_head_and_on_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let first = pair.round().head;
    for n in 1..=3 {
        pair.upload(1, [n; 16], &contribution(&mut pair.device(), [n; 16]));
    }
    pair.advance_round().expect("the goal is reached");
    let second = pair.round().head;
    pair.runtime.block_on(pair.leader.rollback("demo", false)).expect("there is one before");
    assert_eq!(pair.get("/v1/tasks/demo/round").problem(), problem(503, "round-pending"));
    pair.advance_round().expect("the next round opens");
    assert_eq!((pair.round().number, pair.round().head), (3, first));
    pair.runtime.block_on(pair.leader.promote("demo", second, false)).expect("it is kept");
    pair.advance_round().expect("the next round opens");
    assert_eq!((pair.round().number, pair.round().head), (4, second));
    let none = pair.runtime.block_on(pair.leader.promote("demo", [9; 32], false));
    assert_eq!(none, Err(Refusal::RouteUnknown.into()));
    pair.stop();
}
