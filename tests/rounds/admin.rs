//! What an operator sees and does over HTTP.

use std::{collections::BTreeSet, net::SocketAddr};

use privet::{Head, Mode, hex};
use privet_server::{Proposal, Task, now_s};
use serde_json::Value;

use super::pair::{Pair, Reply, TOKEN, agent, contribution, problem};

pub(crate) fn asked(pair: &Pair, method: &str, path: &str, token: &str, body: &[u8]) -> Reply {
    asked_at(pair.operator, method, path, token, body)
}

fn asked_at(port: SocketAddr, method: &str, path: &str, token: &str, body: &[u8]) -> Reply {
    let address = format!("http://{port}{path}");
    let bearer = format!("Bearer {token}");
    Reply::from(match method {
        "get" => agent().get(address).header("authorization", bearer).call(),
        "put" => agent().put(address).header("authorization", bearer).send(body),
        _ => agent().post(address).header("authorization", bearer).send(body),
    })
}

#[test]
fn nobody_without_the_token_is_an_operator() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |_| {});
    let path = "/v1/admin/tasks";
    assert_eq!(pair.get(path).problem(), problem(404, "route-unknown"), "devices have another port");
    let nobody = Reply::from(agent().get(format!("http://{}{path}", pair.operator)).call());
    assert_eq!(nobody.problem(), problem(401, "not-authorised"));
    for wrong in ["", "a token of 32 characters or more", &format!("{TOKEN}.")] {
        assert_eq!(asked(&pair, "get", path, wrong, b"").problem(), problem(401, "not-authorised"));
    }
    let tasks = asked(&pair, "get", path, TOKEN, b"").json();
    assert_eq!(tasks[0]["hash"], pair.task.hash());
    assert_eq!(tasks[0]["terms"]["min_cohort"], 3);
    pair.stop();
}

#[test]
fn a_task_is_added_and_its_heads_are_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |_| {});
    let (task, head) = Task::demo(Mode::Device, 2).expect("the demo's numbers fit");
    let task = Task { name: "news".into(), ..task };
    let proposal = |task: &Task, head: &[u8]| {
        serde_json::to_vec(&Proposal { task: task.text(), head: hex(head) }).expect("plain data")
    };
    let post = |path: &str, body: &[u8]| asked(&pair, "post", path, TOKEN, body);
    let odd = Task { goal: 1, ..task.clone() };
    assert_eq!(post("/v1/admin/tasks", &proposal(&odd, &head)).problem(), problem(400, "round-refused"));
    let other = [&head[..], &[0]].concat();
    assert_eq!(post("/v1/admin/tasks", &proposal(&task, &other)).problem(), problem(409, "head-stale"));
    let short = Task { dimension: task.dimension - 1, ..task.clone() };
    assert_eq!(post("/v1/admin/tasks", &proposal(&short, &head)).problem(), problem(400, "wire-length"));
    assert_eq!(post("/v1/admin/tasks", b"{}").problem(), problem(400, "wire-malformed"));
    assert_eq!(post("/v1/admin/tasks", &proposal(&task, &head)).status, 204);
    pair.runtime.block_on(pair.leader.advance_round("news", super::pair::NOW_S)).expect("its first round opens");
    assert_eq!(pair.get("/v1/tasks/news/round").status, 200);

    for n in 1..=3 {
        pair.upload(1, [n; 16], &contribution(&mut pair.device(), [n; 16]));
    }
    pair.advance_round().expect("the goal is reached");
    let versions = asked(&pair, "get", "/v1/admin/tasks/demo/heads", TOKEN, b"").json();
    let first = versions[0]["hash"].as_str().expect("a hash").to_owned();
    assert_eq!((&versions[0]["current"], &versions[1]["current"]), (&Value::Bool(false), &Value::Bool(true)));
    assert_eq!((&versions[1]["count"], &versions[1]["previous"]), (&Value::from(3), &Value::from(first.clone())));
    assert_eq!(post("/v1/admin/tasks/demo/rollback", b"").status, 204);
    assert_eq!(post("/v1/admin/tasks/demo/rollback", b"").problem(), problem(404, "route-unknown"), "it is the first");
    pair.advance_round().expect("the next round opens");
    assert_eq!(hex(&pair.round().head), first);
    let second = versions[1]["hash"].as_str().expect("a hash");
    assert_eq!(post(&format!("/v1/admin/tasks/demo/heads/{second}/promote"), b"").status, 204);
    pair.advance_round().expect("the next round opens");
    assert_eq!(hex(&pair.round().head), second);
    assert_eq!(post("/v1/admin/tasks/none/rollback", b"").problem(), problem(404, "task-unknown"));

    // A round that holds something ends only if the operator says so, and is told what that costs.
    let number = pair.round().number;
    pair.upload(number, [7; 16], &contribution(&mut pair.device(), [7; 16]));
    let refused = post("/v1/admin/tasks/demo/rollback", b"");
    assert_eq!(refused.problem(), problem(409, "uploads-at-stake"));
    let said = format!(
        "round {number} holds 1 acknowledged uploads, which are lost by this: --discard (over HTTP, discard=true) says that they may be"
    );
    assert_eq!(refused.json()["title"], said);
    assert_eq!(pair.round().number, number, "nothing has changed");
    let back = format!("/v1/admin/tasks/demo/heads/{first}/promote");
    assert_eq!(post(&back, b"").problem(), problem(409, "uploads-at-stake"));
    assert_eq!(post(&format!("{back}?discard=true"), b"").status, 204);
    pair.advance_round().expect("the next round opens");
    assert_eq!(hex(&pair.round().head), first);
    pair.stop();
}

#[test]
fn figures_are_there_and_say_nothing_about_a_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| task.goal = 5);
    let bytes = contribution(&mut pair.device(), [0xab; 16]);
    pair.upload(1, [0xab; 16], &bytes);
    pair.upload(1, [0xab; 16], &bytes);
    pair.upload(9, [0xab; 16], &bytes);
    let text = pair.figures();
    for line in [
        "privet_uploads_total{outcome=\"new\"} 1",
        "privet_uploads_total{outcome=\"known\"} 1",
        "privet_uploads_total{outcome=\"round-unknown\"} 1",
        "privet_round{task=\"demo\"} 1",
        "privet_round_uploads{task=\"demo\"} 1",
        "privet_round_goal{task=\"demo\"} 5",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
    }
    assert!(!text.contains("abab"), "no id");
    pair.stop();
}

#[test]
fn figures_tell_of_a_round_that_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    for n in 1..=3 {
        assert_eq!(pair.upload(1, [n; 16], &contribution(&mut pair.device(), [n; 16])).status, 201);
    }
    let begun_s = now_s() - 100;
    pair.turn_at(begun_s).expect("the goal is reached");
    let before = now_s();
    let text = pair.figures();
    for line in [
        "privet_rounds_total{task=\"demo\",outcome=\"closed\"} 1",
        "privet_closing_seconds_count 1",
        "privet_store_seconds_count 3",
        "privet_head_round{task=\"demo\"} 1",
        "privet_round{task=\"demo\"} 2",
        "privet_round_uploads{task=\"demo\"} 0",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
    }
    let age = text.lines().find_map(|line| line.strip_prefix("privet_round_age_seconds{task=\"demo\"} "));
    let age: u64 = age.and_then(|age| age.parse().ok()).expect("a number");
    assert!((before - begun_s..=now_s() - begun_s).contains(&age), "{age}");
    pair.stop();
}

/// The paths of the sources and those of the documents are the same, and each answers as itself.
#[test]
fn each_document_describes_the_routes_of_its_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |_| {});
    let devices = [include_str!("../../server/src/routes.rs")];
    let operators =
        [include_str!("../../server/src/routes/operator.rs"), include_str!("../../server/src/routes/admin.rs")];
    for (port, sources) in [(pair.address, &devices[..]), (pair.operator, &operators)] {
        let document = Reply::from(agent().get(format!("http://{port}/v1/openapi.json")).call()).json();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for method in operations.as_object().expect("operations").keys() {
                documented.insert(format!("{method} {path}"));
                let head = Head::hash(b"none");
                let concrete = path.replace("{task}", "none").replace("{round}", "1").replace("{id}", &hex(&[1; 16]));
                let reply = asked_at(port, method, &concrete.replace("{hash}", &hex(&head)), TOKEN, b"");
                let refused = if reply.status < 400 { String::new() } else { reply.problem().1 };
                assert_ne!(refused, "method-refused", "{method} {path}");
                assert!(refused != "route-unknown" || path.contains("{hash}"), "{method} {path}");
            }
        }
        let mut served = BTreeSet::new();
        for line in sources.iter().flat_map(|source| source.lines()) {
            let Some((path, methods)) = line.trim().strip_prefix(".route(\"").and_then(|rest| rest.split_once("\", "))
            else {
                continue;
            };
            for method in ["get", "put", "post"].into_iter().filter(|method| methods.contains(&format!("{method}("))) {
                served.insert(format!("{method} {path}"));
            }
        }
        assert_eq!(documented, served);
    }
    pair.stop();
}
