//! A real server, and sockets that bind to an address before they connect.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

pub(crate) const HONEST: Ipv4Addr = Ipv4Addr::LOCALHOST;
pub(crate) const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 6, 6, 6);

/// How long somebody honest waits, on a machine that is busy with other tests, too. An attack lasts longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// `privet serve`; it does not outlive its test.
pub(crate) struct Served {
    pub(crate) child: Child,
    /// The port for devices.
    pub(crate) at: SocketAddr,
    /// Where the figures of each process are, a helper's first.
    pub(crate) operators: Vec<SocketAddr>,
    log: PathBuf,
    /// What it stores is gone with it.
    _folder: tempfile::TempDir,
}

impl Served {
    /// In `device` mode, with these words after `serve`.
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::with(&[&["--mode", "device"], words].concat(), "", &[])
    }

    /// With these words, this script of a shell before it, and this environment.
    pub(crate) fn with(words: &[&str], before: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, data) = (folder.path().join("log"), folder.path().join("data"));
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} exec \"$0\" serve \"$@\""), env!("CARGO_BIN_EXE_privet")]);
        command.args(["--leader-name", "the operator", "--listen", "127.0.0.1:0", "--data"]).arg(&data).args(words);
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(File::create(&log).expect("writable"));
        let mut child = command.spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (mut operators, mut at) = (Vec::new(), None);
        for line in lines.by_ref().map_while(Result::ok) {
            let address = |line: &str| line.split_once("http://")?.1.trim_end_matches("/metrics").parse().ok();
            if line.contains("figures") {
                operators.extend(address(&line));
            }
            if line.contains("listens on ") {
                at = address(&line);
                break;
            }
        }
        // Whoever writes into a closed pipe is killed for it.
        thread::spawn(move || lines.for_each(drop));
        let at = at.unwrap_or_else(|| panic!("it listens: {}", std::fs::read_to_string(&log).unwrap_or_default()));
        Self { child, at, operators, log, _folder: folder }
    }

    pub(crate) fn operator(&self) -> SocketAddr {
        *self.operators.last().expect("it says where its figures are")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("UTF-8")
    }

    pub(crate) async fn figures(&self) -> String {
        get(HONEST, self.operator(), "/metrics").await.body
    }

    /// The number of a figure; 0 if it is not there yet.
    pub(crate) async fn figure(&self, name: &str) -> u64 {
        let figures = self.figures().await;
        figures.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Files enough for thousands of sockets in this process.
pub(crate) fn many_files() {
    rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be read");
}

/// A connection from this address.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// Connections that have sent this much and say no more; those that the server hung up on are among them.
pub(crate) async fn silent(from: impl Iterator<Item = Ipv4Addr>, to: SocketAddr, sent: &str) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for from in from {
        if let Ok(Ok(mut stream)) = timeout(PATIENCE, connect(from, to)).await {
            drop(stream.write_all(sent.as_bytes()).await);
            held.push(stream);
        }
    }
    held
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The status and the code of a problem document.
    pub(crate) fn problem(&self) -> (u16, String) {
        let document: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        (self.status, document["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// What a request is answered that is written as it is; within patience, or not at all.
pub(crate) async fn asked(from: Ipv4Addr, to: SocketAddr, request: &[u8]) -> Option<Answer> {
    let answer = async {
        let mut stream = connect(from, to).await.ok()?;
        stream.write_all(request).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some(Answer { status: head.get(9..12)?.parse().ok()?, body: body.to_owned() })
    };
    timeout(PATIENCE, answer).await.ok().flatten()
}

/// A request with these lines of headers and this body.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if method == "GET" { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}{length}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) async fn get(from: Ipv4Addr, to: SocketAddr, path: &str) -> Answer {
    asked(from, to, &request("GET", path, "", b"")).await.unwrap_or_else(|| panic!("{path} is not answered"))
}

/// Waits for what has to come, for a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within a minute");
}

/// The open round and its head, with a device that sends to it.
pub(crate) struct Task {
    round: Vec<u8>,
    head: Vec<u8>,
    pins: privet::Pins,
    number: u32,
}

impl Task {
    pub(crate) fn fetch(at: SocketAddr) -> Self {
        let got = |path: &str| {
            let mut reply = ureq::get(format!("http://{at}{path}")).call().expect("it answers");
            reply.body_mut().read_to_vec().expect("a body")
        };
        let identity: serde_json::Value = serde_json::from_slice(&got("/v1/identity")).expect("JSON");
        let key = |name: &str| identity[name].as_str().and_then(privet::unhex);
        let pins = privet::Pins { leader: key("leader").expect("a key"), helper: key("helper") };
        let round = got("/v1/tasks/demo/round");
        let signed = privet::Signed::decode(&round).and_then(|signed| signed.verify_round(&pins)).expect("signed");
        let head = got(&format!("/v1/heads/{}", privet::hex(&signed.head)));
        Self { round, head, pins, number: signed.number }
    }

    /// A request with an upload under this id.
    pub(crate) fn upload(&self, id: [u8; 16]) -> Vec<u8> {
        let body = crate::device::upload(&self.round, &self.head, self.pins, id);
        let path = format!("/v1/tasks/demo/rounds/{}/uploads/{}", self.number, privet::hex(&id));
        request("PUT", &path, "", &body)
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
