//! Two real processes that speak TLS, to each other and to a device.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use privet::{Pins, Signed, unhex};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Who runs which.
const NAMES: [&str; 4] = ["--leader-name", "Example Ltd", "--helper-name", "Another Ltd"];

const PROGRAM: &str = env!("CARGO_BIN_EXE_privet");

fn privet(words: &[&str]) -> Result<String, String> {
    let output = Command::new(PROGRAM).args(words).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8").trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

struct Process(Child);

impl Process {
    /// Starts a role, and gives the address that it prints.
    fn start(words: &[&str]) -> (Self, String) {
        let mut child = Command::new(PROGRAM).arg("serve").args(words).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let listens = |line: std::io::Result<String>| Some(line.ok()?.split_once("listens on ")?.1.to_owned());
        let address = lines.by_ref().find_map(listens).expect("it listens");
        // Whoever writes into a closed pipe is killed for it.
        thread::spawn(move || lines.for_each(drop));
        (Self(child), address)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A fresh certificate for this machine, and its key.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a plain name");
    let (certificate, key) = (folder.join(name).with_extension("crt"), folder.join(name).with_extension("key"));
    fs::write(&certificate, made.cert.pem()).expect("writable");
    fs::write(&key, made.signing_key.serialize_pem()).expect("writable");
    (certificate, key)
}

/// The body of an answer, over a connection that this authority vouches for.
async fn get(url: &str, path: &str, authority: &Path) -> std::io::Result<Vec<u8>> {
    let answer = get_any(url, path, authority).await?;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(body(answer))
}

fn body(mut answer: Vec<u8>) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a header");
    answer.split_off(end + 4)
}

/// An answer with its header, whatever it is.
async fn get_any(url: &str, path: &str, authority: &Path) -> std::io::Result<Vec<u8>> {
    let address = url.strip_prefix("https://").expect("it says what it speaks");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("one to trust");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("the provider has them");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test]
async fn a_round_opens_and_is_fetched_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (ours, theirs) = (path("leader"), path("helper"));
    let (leader_crt, leader_crt_key) = certificate(folder.path(), "leader");
    let (helper_crt, helper_crt_key) = certificate(folder.path(), "helper");
    let leader_key = privet(&["keys", "new", "--role", "leader", "--data", &ours]).expect("a key");
    let helper_key = privet(&["keys", "new", "--role", "helper", "--data", &theirs]).expect("a key");
    let listen = ["--listen", "127.0.0.1:0", "--leader-name", "Example Ltd", "--helper-name", "Another Ltd"];
    let words = ["--role", "helper", "--data", &theirs, "--leader-key", &leader_key];
    let tls = ["--tls-certificate", text(&helper_crt), "--tls-key", text(&helper_crt_key)];
    let (_helper, helper_url) = Process::start(&[&words[..], &listen, &tls].concat());
    assert!(helper_url.starts_with("https://"), "{helper_url}");

    let words = ["--role", "leader", "--data", &ours, "--helper", &helper_url, "--helper-key", &helper_key];
    let tls = ["--tls-certificate", text(&leader_crt), "--tls-key", text(&leader_crt_key)];
    let start =
        |authority: &Path| Process::start(&[&words[..], &listen, &tls, &["--helper-ca", text(authority)]].concat());
    // A helper that someone else vouches for is not talked to: it hears of no task.
    drop(start(&leader_crt));
    let proposed = || privet(&["tasks", "list", "--data", &theirs]).expect("there is a store");
    assert_eq!(proposed(), "");
    let (_leader, url) = start(&helper_crt);
    let hash = proposed().split_whitespace().next().expect("it was proposed").to_owned();
    privet(&["tasks", "admit", &hash, "--data", &theirs]).expect("it is there");

    let pins = Pins { leader: unhex(&leader_key).expect("32 bytes"), helper: unhex(&helper_key) };
    let mut signed = None;
    for _ in 0..200 {
        let identity = get(&url, "/v1/identity", &leader_crt).await.expect("it answers");
        assert!(String::from_utf8(identity).expect("JSON").contains(&leader_key));
        signed = open(&url, &leader_crt).await;
        if signed.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let signed = Signed::decode(&signed.expect("a round within 10 s")).expect("an envelope");
    assert_eq!(signed.verify_round(&pins).expect("signed by both").number, 1);

    assert!(get(&url, "/healthz", &helper_crt).await.is_err(), "another's certificate is not this server's");
    // Who speaks no TLS is hung up on, and who says nothing keeps nobody waiting.
    let address = url.strip_prefix("https://").expect("it says what it speaks");
    let mut plain = TcpStream::connect(address).await.expect("it listens");
    plain.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.expect("a socket");
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    let _silent = TcpStream::connect(address).await.expect("it listens");
    assert_eq!(get(&url, "/healthz", &leader_crt).await.expect("it answers"), b"ok\n");
}

/// The open round, if there is one.
async fn open(url: &str, authority: &Path) -> Option<Vec<u8>> {
    let round = get_any(url, "/v1/tasks/demo/round", authority).await.expect("it answers");
    round.starts_with(b"HTTP/1.1 200").then(|| body(round))
}

/// A leader that has no answer of its helper says which of three things has to be mended.
#[test]
fn a_helper_that_is_down_distrusted_or_of_another_scheme_is_three_sentences() {
    let folder = tempfile::tempdir().expect("a folder");
    let (crt, key) = certificate(folder.path(), "helper");
    let (other, _) = certificate(folder.path(), "other");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (ours, theirs, plain) = (path("leader"), path("helper"), path("plain"));
    let leader_key = privet(&["keys", "new", "--role", "leader", "--data", &ours]).expect("a key");
    let helper_key = privet(&["keys", "new", "--role", "helper", "--data", &theirs]).expect("a key");
    privet(&["keys", "new", "--role", "helper", "--data", &plain]).expect("a key");
    let helper = |data: &str, tls: &[&str]| {
        let words = ["--role", "helper", "--data", data, "--leader-key", &leader_key, "--listen", "127.0.0.1:0"];
        Process::start(&[&words[..], &NAMES, tls].concat())
    };
    let (_secure, https) = helper(&theirs, &["--tls-certificate", text(&crt), "--tls-key", text(&key)]);
    let (_plain, http) = helper(&plain, &[]);
    // Bound, and let go again: nothing listens there.
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("it is bound");
    let said = |url: &str, authority: Option<&Path>| {
        let log = folder.path().join("log");
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--role", "leader", "--data", &ours, "--listen", "127.0.0.1:0"]);
        command.args(["--helper", url, "--helper-key", &helper_key]).args(NAMES);
        command.args(authority.iter().flat_map(|authority| ["--helper-ca", text(authority)]));
        command.stdout(Stdio::null()).stderr(fs::File::create(&log).expect("writable"));
        let _leader = Process(command.spawn().expect("it runs"));
        for _ in 0..600 {
            let log = fs::read_to_string(&log).expect("UTF-8");
            if log.contains("the helper did not answer") {
                return log;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("nothing is said within 30 s: {}", fs::read_to_string(&log).expect("UTF-8"))
    };
    let (down, distrusted, scheme) =
        ("the helper is down", "the helper's certificate is not trusted", "the helper does not speak what the address");
    let [as_http, as_https] = [https.replace("https:", "http:"), http.replace("http:", "https:")];
    for (url, authority, wanted) in [
        (&*format!("http://{nobody}"), None, down),
        (&*https, Some(&*other), distrusted),
        (&*as_http, None, scheme),
        (&*as_https, Some(&*crt), scheme),
    ] {
        let log = said(url, authority);
        for sentence in [down, distrusted, scheme] {
            assert_eq!(log.contains(sentence), sentence == wanted, "{url}: {sentence}: {log}");
        }
    }
}

#[test]
fn files_that_are_no_certificate_or_do_not_fit_are_refused_before_serving() {
    let folder = tempfile::tempdir().expect("a folder");
    let (crt, key) = certificate(folder.path(), "one");
    let (other, _) = certificate(folder.path(), "other");
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").expect("writable");
    let check = |certificate: &Path, key: &Path| {
        let tls = ["--tls-certificate", text(certificate), "--tls-key", text(key)];
        privet(&[&["serve", "--check", "--leader-name", "a"], &tls[..]].concat())
    };
    assert!(check(&crt, &key).is_ok());
    assert!(check(&other, &key).expect_err("another's key").contains("do not fit"));
    assert!(check(&empty, &key).expect_err("nothing").contains("holds no certificate"));
    assert!(check(&crt, &crt).is_err());
    assert!(check(&folder.path().join("none.crt"), &key).expect_err("nothing").contains("none.crt"));
    let half = privet(&["serve", "--check", "--leader-name", "a", "--tls-key", text(&key)]).expect_err("half of it");
    assert!(half.contains("--tls-certificate and --tls-key have to be given together"), "{half}");
    let names = ["--leader-name", "a", "--helper-name", "b"];
    let words = [&["serve", "--check"], &names[..], &["--role", "leader", "--helper-key"]].concat();
    let leader = |url: &str, authority: &Path| {
        privet(&[&words[..], &[&"0".repeat(64), "--helper", url, "--helper-ca", text(authority)]].concat())
    };
    assert!(leader("https://helper.example", &crt).is_ok());
    assert!(leader("https://helper.example", &empty).expect_err("nothing").contains("holds no certificate"));
    assert!(leader("http://helper.example", &crt).expect_err("plain").contains("needs https"));
}

/// Whoever connects and says nothing is hung up on, as is whoever stops in the middle of a handshake.
#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (crt, key) = certificate(folder.path(), "leader");
    let data = folder.path().join("data");
    let words = ["--mode", "device", "--listen", "127.0.0.1:0", "--leader-name", "Example Ltd", "--data", text(&data)];
    let tls = ["--tls-certificate", text(&crt), "--tls-key", text(&key)];
    let (_leader, url) = Process::start(&[&words[..], &tls].concat());
    let address = url.strip_prefix("https://").expect("it speaks TLS");
    // The start of a record of TLS that announces 512 bytes.
    for begun in [&b""[..], &[22, 3, 1, 2, 0, 1]] {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(begun).await.expect("it reads");
        let mut said = Vec::new();
        let ended = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut said)).await;
        drop(ended.expect("there is a deadline"));
        assert!(said.is_empty() || said[0] == 21, "nothing, or an alert: {said:?}");
    }
    assert!(get_any(&url, "/healthz", &crt).await.expect("it answers").starts_with(b"HTTP/1.1 200"));
}
