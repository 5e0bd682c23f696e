//! Guesses at the operator's token.

use std::net::Ipv4Addr;

use crate::process::{Answer, HONEST, Served, asked, request};

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
