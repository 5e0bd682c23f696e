//! Bodies that do not come, or are too long; addresses that ask too often; one round by two names.

use std::{
    iter::repeat_n,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::process::{ATTACKER, HONEST, Served, Task, asked, connect, get, many_files, request, silent};

const PATH: &str = "/v1/tasks/demo/rounds/1/uploads/01010101010101010101010101010101";

/// A header, and one byte of the body that it announces.
fn one_byte() -> String {
    format!("PUT {PATH} HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\nx")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_take_no_place_from_an_upload() {
    many_files();
    // The limits of connections and of requests are tried elsewhere: these are 2,100 that came in, as many as 72 a second
    // make in half a minute.
    let server = Served::start(&["--connections-per-address", "0", "--rate", "0"]);
    let task = Task::fetch(server.at);
    let held = silent(repeat_n(ATTACKER, 2100), server.at, &one_byte()).await;
    assert_eq!(held.len(), 2100);
    let upload = asked(HONEST, server.at, &task.upload([1; 16])).await.expect("it answers");
    assert_eq!(upload.status, 201, "{}", upload.body);
    assert!(server.figure("privet_uploads_total{outcome=\"too-many-requests\"}").await >= 1900);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_begin_is_told_so() {
    let server = Served::start(&[]);
    let mut stream = connect(ATTACKER, server.at).await.expect("it listens");
    let head = format!("PUT {PATH} HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    let read = timeout(Duration::from_mins(1), stream.read_to_string(&mut answer)).await;
    read.expect("there is a deadline").expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"body-late\""), "{answer}");
    assert_eq!(server.figure("privet_uploads_total{outcome=\"body-late\"}").await, 1);
}

/// It is answered before all of it is sent, and its sender still reads why.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_413_and_its_sender_is_told() {
    let server = Served::start(&[]);
    for length in [40_000, 400_000] {
        let answer = asked(HONEST, server.at, &request("PUT", PATH, "", &vec![7; length])).await.expect("it answers");
        assert_eq!(answer.problem(), (413, "body-too-large".into()), "{length}");
    }
    // Without a length, in chunks.
    let chunks = format!("{:x}\r\n{}\r\n", 50_000, "y".repeat(50_000)).repeat(3);
    let head = format!("PUT {PATH} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    let answer = asked(HONEST, server.at, format!("{head}{chunks}0\r\n\r\n").as_bytes()).await.expect("it answers");
    assert_eq!(answer.problem(), (413, "body-too-large".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_round_has_one_name() {
    let server = Served::start(&[]);
    let task = Task::fetch(server.at);
    let upload = task.upload([1; 16]);
    let renamed = String::from_utf8_lossy(&upload[..60]).replace("/rounds/1/", "/rounds/0001/").into_bytes();
    let answer = asked(HONEST, server.at, &[&renamed, &upload[60..]].concat()).await.expect("it answers");
    assert_eq!(answer.problem(), (404, "route-unknown".into()));
    for number in ["0001", "+1", "%31"] {
        let answer = get(HONEST, server.at, &format!("/v1/tasks/demo/rounds/{number}/aggregate")).await;
        let wanted = if number == "%31" { 200 } else { 404 };
        assert_eq!(answer.status, wanted, "{number}: {}", answer.body);
    }
    assert_eq!(asked(HONEST, server.at, &upload).await.expect("it answers").status, 201);
}

/// The statuses of one request a line of these headers, over one connection.
async fn statuses(to: SocketAddr, headers: &[String]) -> Vec<u16> {
    let mut stream = connect(HONEST, to).await.expect("it listens");
    let mut statuses = Vec::new();
    for some in headers.chunks(500) {
        let ask = |header: &String| format!("GET /v1/identity HTTP/1.1\r\nhost: here\r\n{header}\r\n\r\n");
        let asked: String = some.iter().map(ask).collect();
        let (mut reader, mut writer) = stream.split();
        let (mut answers, wanted) = (Vec::new(), statuses.len() + some.len());
        let read = async {
            while statuses.len() < wanted {
                assert!(reader.read_buf(&mut answers).await.expect("it answers") > 0, "it hangs up");
                let text = String::from_utf8_lossy(&answers).into_owned();
                // The last line may not be whole yet.
                let Some((whole, rest)) = text.rsplit_once("\r\n") else { continue };
                let status = |line: &str| {
                    line.strip_prefix("HTTP/1.1 ")
                        .or_else(|| line.split_once("HTTP/1.1 ").map(|(_, rest)| rest))?
                        .get(..3)?
                        .parse::<u16>()
                        .ok()
                };
                statuses.extend(whole.lines().filter_map(status));
                answers = rest.as_bytes().to_vec();
            }
        };
        let (sent, ()) = tokio::join!(writer.write_all(asked.as_bytes()), read);
        sent.expect("it reads");
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_two_proxies_each_client_has_its_own_rate() {
    let words = ["--rate", "1", "--client-header", "x-forwarded-for", "--trusted-hops", "2"];
    let server = Served::start(&words);
    // What a client writes itself stands first; then the first proxy's word, and the second's.
    let of = |client: Ipv4Addr| format!("x-forwarded-for: 203.0.113.9, {client}\r\nx-forwarded-for: 10.0.0.2");
    let noisy = vec![of(Ipv4Addr::new(192, 0, 2, 1)); 500];
    assert!(statuses(server.at, &noisy).await.contains(&429));
    let quiet = vec![of(Ipv4Addr::new(192, 0, 2, 2)); 5];
    assert_eq!(statuses(server.at, &quiet).await, [200; 5], "another client of the same proxies");
}
