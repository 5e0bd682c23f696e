//! Connections that take places and files, and say nothing.

use std::{iter::repeat_n, net::Ipv4Addr, process::Command, time::Duration};

use crate::process::{ATTACKER, HONEST, Served, Task, asked, connect, eventually, get, many_files, request, silent};

/// All but the end of a header.
const HALF: &str = "GET /healthz HTTP/1.1\r\nhost: here\r\n";
/// A process with as many files as most systems give one.
const FEW_FILES: &str = "ulimit -n 1024;";

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_headers_of_one_address_keep_nobody_waiting() {
    many_files();
    let server = Served::with(&["--mode", "device"], FEW_FILES, &[]);
    let held = silent(repeat_n(ATTACKER, 1100), server.at, HALF).await;
    let healthy = asked(HONEST, server.at, &request("GET", "/healthz", "", b"")).await;
    assert_eq!(healthy.map(|answer| answer.status), Some(200), "{} sockets hold it up", held.len());
    assert!(server.figure("privet_connections_refused_total{limit=\"address\"}").await >= 800);
    assert!(
        server.log().contains("connections are refused: there are too many at a time refused="),
        "{}",
        server.log()
    );
    assert!(!server.log().contains("127.6.6.6"), "nobody's address is logged");
    // And those that were let in do not stay.
    eventually("headers have a deadline", async || {
        server.figure("privet_connections_late_total{what=\"header\"}").await >= 256
    })
    .await;
    assert!(server.log().contains("connections are closed: they take too long"), "{}", server.log());
    eventually("their places are free again", async || server.figure("privet_connections ").await <= 1).await;
}

/// A hundred of each of eleven addresses: none has too many, and together they have all the files.
#[tokio::test(flavor = "multi_thread")]
async fn half_sent_headers_of_many_addresses_make_room_for_whoever_asks() {
    many_files();
    let server = Served::with(&["--mode", "device"], FEW_FILES, &[]);
    let many = (0..11).flat_map(|n| repeat_n(Ipv4Addr::new(127, 6, 7, n), 100));
    let held = silent(many, server.at, HALF).await;
    let healthy = asked(HONEST, server.at, &request("GET", "/healthz", "", b"")).await;
    assert_eq!(healthy.map(|answer| answer.status), Some(200), "{} sockets hold it up", held.len());
    let task = Task::fetch(server.at);
    let upload = asked(HONEST, server.at, &task.upload([1; 16])).await.expect("the store has its files");
    assert_eq!(upload.status, 201, "{}", upload.body);
}

/// Ten thousand sockets of forty addresses: as many places as there are, and the memory of no more.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_cost_the_memory_of_those_that_have_places() {
    many_files();
    let server = Served::start(&["--connections", "1000"]);
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("Linux says so");
        let line = status.lines().find(|line| line.starts_with("RssAnon")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    };
    let before = memory();
    let many = (0..40).flat_map(|n| repeat_n(Ipv4Addr::new(127, 6, 8, n), 250));
    let held = silent(many, server.at, HALF).await;
    let grown = memory().saturating_sub(before);
    assert!(grown <= 60, "{} sockets cost {grown} MiB", held.len());
    assert!(server.figure("privet_connections ").await <= 1064);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_header_does_not_keep_a_server_from_stopping() {
    let mut server = Served::start(&[]);
    let _half = silent(repeat_n(ATTACKER, 3), server.at, HALF).await;
    assert_eq!(get(HONEST, server.at, "/healthz").await.status, 200, "the others are accepted by then");
    assert!(Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().expect("it runs").success());
    let mut ended = None;
    // A header has ten seconds, and the whole of it has ten: twice both is for the machine.
    for _ in 0..400 {
        ended = server.child.try_wait().expect("it is a child");
        if ended.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ended.expect("it ends within 40 s").success(), "in order: {}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_one_address_may_have_are_hung_up_on() {
    let server = Served::start(&["--connections-per-address", "2"]);
    let _held = silent(repeat_n(ATTACKER, 2), server.at, HALF).await;
    eventually("both have places", async || server.figure("privet_connections ").await == 2).await;
    assert!(asked(ATTACKER, server.at, &request("GET", "/healthz", "", b"")).await.is_none());
    assert_eq!(get(HONEST, server.at, "/healthz").await.status, 200);
    assert!(connect(ATTACKER, server.at).await.is_ok(), "the system takes it, and the server lets go of it");
}
