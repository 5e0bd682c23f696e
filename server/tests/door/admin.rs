//! An operator's command, and guesses at the operator's token.

use std::{net::Ipv4Addr, process::Command};

use crate::process::{Answer, HONEST, Served, Task, asked, eventually, get, request};

const TOKEN: &str = "a token of 32 characters or more.";

fn served() -> Served {
    Served::with(&["--mode", "device"], "", &[("PRIVET_ADMIN_TOKEN", TOKEN)])
}

async fn with(server: &Served, from: Ipv4Addr, authorization: &str) -> Answer {
    let header = format!("authorization: {authorization}\r\n");
    let request = request("GET", "/v1/admin/tasks", &header, b"");
    asked(from, server.operator(), &request).await.expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_slowed_counted_and_logged() {
    let server = served();
    let guesser = Ipv4Addr::new(127, 6, 6, 6);
    let mut listened_to = 0;
    for guess in 0..1068 {
        let answer = with(&server, guesser, &format!("Bearer {guess:033}")).await;
        match answer.status {
            401 => listened_to += 1,
            status => assert_eq!((status, answer.problem().1.as_str()), (429, "rate-limited")),
        }
    }
    // Ten at once, and one every ten seconds for as long as this machine takes over all of them.
    assert!((10..60).contains(&listened_to), "{listened_to} of 1,068 were listened to");
    let right = with(&server, guesser, &format!("Bearer {TOKEN}")).await;
    assert_eq!(right.status, 429, "an answer would say which guess was right");
    assert_eq!(with(&server, HONEST, &format!("Bearer {TOKEN}")).await.status, 200, "nobody else waits");
    assert!(server.figure("privet_logins_failed_total").await >= 1068);
    assert!(server.log().contains("requests under /v1/admin have another token, or none"), "{}", server.log());
    assert!(!server.log().contains("127.6.6.6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_may_be_written_in_any_case() {
    let server = served();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        for _ in 0..20 {
            assert_eq!(with(&server, HONEST, &format!("{scheme} {TOKEN}")).await.status, 200, "{scheme}");
        }
    }
    for wrong in [format!("Basic {TOKEN}"), format!("bearer {}", TOKEN.to_uppercase())] {
        assert_eq!(with(&server, HONEST, &wrong).await.status, 401, "{wrong}");
    }
}

/// What `privet admin` prints, or what it says instead.
fn admin(server: &Served, token: &str, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command.args(["admin", "--operator", &format!("http://{}", server.operator())]).args(words);
    let output = command.env("PRIVET_ADMIN_TOKEN", token).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_chosen_and_what_that_costs_is_said_first() {
    let words = ["--mode", "device", "--min-cohort", "2"];
    let server = Served::with(&words, "", &[("PRIVET_ADMIN_TOKEN", TOKEN)]);
    let upload = async |n: u8| {
        let task = Task::fetch(server.at);
        assert_eq!(asked(HONEST, server.at, &task.upload([n; 16])).await.expect("it answers").status, 201);
    };
    let heads = || admin(&server, TOKEN, &["heads", "demo"]).expect("it lists them");
    let hash = |line: &str| line.split(' ').next().expect("a hash").to_owned();
    let first = heads();
    assert!(first.ends_with(" round 0, 0 uploads, current\n") && first.lines().count() == 1, "{first}");
    upload(1).await;
    upload(2).await;
    eventually("a head of two uploads", async || heads().contains(" round 1, 2 uploads, current\n")).await;
    let first = hash(&first);
    eventually("the second round", async || {
        get(HONEST, server.at, "/v1/tasks/demo/rounds/2/aggregate").await.status == 200
    })
    .await;
    upload(3).await;
    for words in [&["rollback", "demo"][..], &["promote", "demo", &first]] {
        let said = admin(&server, TOKEN, words).expect_err("a round is open over another head");
        let cost = "privet: round 2 holds 1 acknowledged uploads, which are lost by this: --discard (over HTTP, discard=true) \
                    says that they may be\n";
        assert_eq!(said, cost);
    }
    assert!(heads().contains(" round 1, 2 uploads, current\n"), "nothing has changed");
    let said = admin(&server, TOKEN, &["rollback", "demo", "--discard"]);
    assert_eq!(said.as_deref(), Ok("the next round of demo starts from the head before\n"));
    assert!(heads().starts_with(&format!("{first} round 0, 0 uploads, current\n")), "{}", heads());
    let second = hash(heads().lines().nth(1).expect("it stays"));
    let said = admin(&server, TOKEN, &["promote", "demo", &second, "--discard"]);
    assert_eq!(said, Ok(format!("the next round of demo starts from {second}\n")));

    let wrong = admin(&server, &TOKEN.to_uppercase(), &["heads", "demo"]).expect_err("another token");
    assert_eq!(wrong, "privet: this request is not authorised\n");
    let none = admin(&server, TOKEN, &["heads", "other"]).expect_err("another task");
    assert_eq!(none, "privet: no such task is served here\n");
    let short = admin(&server, "short", &["heads", "demo"]).expect_err("no token of an operator");
    assert_eq!(short, "privet: the admin token has 5 characters and has to have 32 or more\n");
}
