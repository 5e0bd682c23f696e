//! What an operator is told, and devices are not.

use rlimit::{INFINITY, Resource, prlimit};

use crate::process::{HONEST, Served, Task, asked, eventually, get};

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_both_roles_are_on_ports_of_their_own() {
    let server = Served::with(&[], "", &[]);
    assert_eq!(server.operators.len(), 2, "a helper's and a leader's");
    assert!(server.operators.iter().all(|port| port.ip().is_loopback() && *port != server.at));
    assert_eq!(get(HONEST, server.at, "/metrics").await.problem(), (404, "route-unknown".into()));
    let task = Task::fetch(server.at);
    assert_eq!(asked(HONEST, server.at, &task.upload([1; 16])).await.expect("it answers").status, 201);
    let [helper, leader] = [0, 1].map(|place| server.operators[place]);
    let (helper, leader) = (get(HONEST, helper, "/metrics").await.body, get(HONEST, leader, "/metrics").await.body);
    for line in ["privet_uploads_total{outcome=\"new\"} 1", "privet_round_uploads{task=\"demo\"} 1"] {
        assert!(leader.lines().any(|printed| printed == line), "{line}\n{leader}");
    }
    eventually("everybody left", async || server.figures().await.contains("\nprivet_connections 0\n")).await;
    for line in [
        "privet_helper_shares_total{verdict=\"held\"} 1",
        "privet_helper_requests_total{ask=\"round\",outcome=\"ok\"} 1",
        "privet_helper_round{task=\"demo\"} 1",
    ] {
        assert!(helper.lines().any(|printed| printed == line), "{line}\n{helper}");
    }
    for path in ["/healthz", "/readyz"] {
        for port in server.operators.iter().chain([&server.at]) {
            assert_eq!(get(HONEST, *port, path).await.status, 200, "{path}");
        }
    }
}

/// No file may grow any more, as on a disk that is full; then they may again.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_write_is_not_ready_and_is_again_when_it_does() {
    // Its log would be a file that may not grow, too.
    let server = Served::with(&["--mode", "device"], "trap '' XFSZ; exec 2>/dev/null;", &[]);
    let task = Task::fetch(server.at);
    let pid = i32::try_from(server.child.id()).expect("a process");
    let limit = |bytes| prlimit(pid, Resource::FSIZE, Some((bytes, INFINITY)), None).expect("it is ours");
    let ready = async || get(HONEST, server.at, "/readyz").await.status;
    assert_eq!(ready().await, 200);
    limit(0);
    assert_eq!(asked(HONEST, server.at, &task.upload([1; 16])).await.expect("it answers").status, 503);
    eventually("it says that it is not ready", async || ready().await == 503).await;
    limit(INFINITY);
    eventually("it says that it is ready", async || ready().await == 200).await;
    let upload = asked(HONEST, server.at, &task.upload([1; 16])).await.expect("it answers");
    assert_eq!(upload.status, 201, "what it says is true: {}", upload.body);
}
