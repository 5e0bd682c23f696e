//! `privet issuer`, as the application's backend meets it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use ureq::Agent;

const SECRET: &str = "the backend's secret, 32 characters or more";

struct Issuer {
    child: Child,
    url: String,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command.current_dir(folder).arg("issuer").args(arguments).env_remove("PRIVET_ISSUER_SECRET");
    command
}

fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

fn served(folder: &Path) -> Issuer {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--per-interval", "2", "--lifetime", "3"];
    let mut command = command(folder, &arguments);
    let mut child = command.env("PRIVET_ISSUER_SECRET", SECRET).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let line = lines.next().expect("a line").expect("UTF-8");
    let url = line.split_once("listens on ").expect("its address").1.to_owned();
    Issuer { child, url }
}

/// The status, and what came: signatures, or a problem's code.
fn asked(issuer: &Issuer, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("{}/v1/tokens", issuer.url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut reply = request.send(body).expect("it answers");
    let bytes = reply.body_mut().read_to_vec().expect("a body");
    let status = reply.status().as_u16();
    if status == 200 {
        return (status, bytes);
    }
    let problem: serde_json::Value = serde_json::from_slice(&bytes).expect("a problem document");
    (status, problem["code"].as_str().expect("a code").as_bytes().to_vec())
}

#[test]
fn an_issuer_signs_for_its_backend_and_counts_across_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let key = said(folder, &["key"]);
    assert_eq!(key.len(), r#"token_key = """#.len() + 512);
    assert_eq!(said(folder, &["key"]), key, "the same file is the same key");
    let bearer = format!("Bearer {SECRET}");
    let (right, account) = (("authorization", bearer.as_str()), ("privet-account", "7f3a"));
    let message = [1; 256];
    let issuer = served(folder);
    let (status, signed) = asked(&issuer, &[right, account], &message);
    assert_eq!((status, signed.len()), (200, 256));
    let refused = |status, code: &str| (status, code.as_bytes().to_vec());
    assert_eq!(asked(&issuer, &[account], &message), refused(401, "not-authorised"));
    assert_eq!(asked(&issuer, &[("authorization", "Bearer"), account], &message), refused(401, "not-authorised"));
    assert_eq!(asked(&issuer, &[("authorization", "Bearer x"), account], &message), refused(401, "not-authorised"));
    assert_eq!(asked(&issuer, &[right], &message), refused(400, "wire-malformed"), "for nobody");
    assert_eq!(asked(&issuer, &[right, account], &message[1..]), refused(400, "wire-malformed"));
    drop(issuer);
    let issuer = served(folder);
    let (status, again) = asked(&issuer, &[right, account], &[message, message].concat());
    assert_eq!((status, again), (200, signed), "one was left of two, and a signature is its message's");
    assert_eq!(asked(&issuer, &[right, account], &message), refused(403, "quota-spent"));
    let counted = said(folder, &["account", "7f3a"]);
    assert!(counted.starts_with("2 in all; 2 in the interval"), "{counted}");
}

#[test]
fn an_issuer_stores_counts_and_nothing_of_what_it_signs() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    said(folder, &["key"]);
    let issuer = served(folder);
    let bearer = format!("bearer {SECRET}");
    let message: [u8; 256] = std::array::from_fn(|place| (place * 7 + 1) as u8);
    let (status, signed) = asked(&issuer, &[("authorization", &bearer), ("privet-account", "7f3a")], &message);
    assert_eq!(status, 200);
    drop(issuer);
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.to_string_lossy().contains("issuer.sqlite") {
            let stored = std::fs::read(&path).expect("readable");
            let holds = |part: &[u8]| stored.windows(part.len()).any(|window| window == part);
            assert!(!holds(&message[..16]) && !holds(&signed[..16]), "{}", path.display());
            files += usize::from(holds(b"7f3a"));
        }
    }
    assert!(files > 0, "the account is in one of them, so they were searched where things are");
}

#[test]
fn an_issuer_without_a_key_or_a_secret_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |secret: &str, said: &str| {
        let output = command(folder.path(), &["serve"]).env("PRIVET_ISSUER_SECRET", secret).output().expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(said), "{message}");
    };
    refused("short", "the backend's secret has 5 characters and has to have 32 or more");
    refused(SECRET, "there is no key");
}
