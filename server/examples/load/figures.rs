//! The measurements.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use privet::{Mode, Role, Share, Signed, TokenContext, Upload, UploadId, noise_sum};
use privet_server::{
    IssuerKey, Keys, SqliteStore, Store,
    store::{Addend, Room, RoundStore, UploadStore},
    verify_token,
};
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

use crate::{client::Connection, serve::DIMENSION, upload::Maker};

/// Connections that are kept busy: enough for group commits to fill.
const CONNECTIONS: usize = 64;

/// A server's process; it ends with its standard input.
struct Process {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Process {
    fn start(words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        let mut child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says its address");
        let (address, key) = line.trim().split_once(' ').expect("an address and a key");
        Self { child, address: address.parse().expect("an address"), key: key.to_owned() }
    }

    /// The memory that is the process's own, in bytes: pages of the store's file that the system keeps are not.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux says so");
        let line = status.lines().find(|line| line.starts_with("RssAnon")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// Bytes that the process has sent towards the disk.
    fn written(&self) -> f64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).expect("Linux says so");
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        line.and_then(|bytes| bytes.parse().ok()).expect("a number")
    }

    fn processor_s(&self) -> f64 {
        processor_s(self.child.id())
    }
}

/// Seconds of processor time that a process has had so far.
fn processor_s(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux says so");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms.
    (fields[11].parse::<f64>().expect("ticks") + fields[12].parse::<f64>().expect("ticks")) / 100.0
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// A leader, and a helper in `split` mode.
struct Servers {
    leader: Process,
    helper: Option<Process>,
    folder: tempfile::TempDir,
}

impl Servers {
    fn start(mode: Mode) -> Self {
        // Beside what is built, on a disk: `/tmp` may be memory, where nothing is ever durable.
        let exe = std::env::current_exe().expect("this program has a path");
        let folder = tempfile::tempdir_in(exe.parent().expect("a folder")).expect("a folder can be made");
        let path = folder.path().to_str().expect("UTF-8");
        if mode == Mode::Device {
            return Self { leader: Process::start(&["leader", "device", path, "-", "-"]), helper: None, folder };
        }
        let keys = Keys::open(&Path::new(path).join("leader.keys")).expect("a key file can be made");
        let helper = Process::start(&["helper", path, &privet::hex(&keys.identity.public())]);
        let address = format!("http://{}", helper.address);
        let leader = Process::start(&["leader", "split", path, &address, &helper.key]);
        Self { leader, helper: Some(helper), folder }
    }

    async fn maker(&self) -> Maker {
        let mut connection = Connection::open(self.leader.address).await;
        let identity = connection.get("/v1/identity").await;
        let identity: serde_json::Value = serde_json::from_slice(&identity).expect("JSON");
        let key = |name: &str| identity[name].as_str().and_then(privet::unhex);
        let pins = privet::Pins { leader: key("leader").expect("a key"), helper: key("helper") };
        let signed = Signed::decode(&connection.get("/v1/tasks/demo/round").await).expect("an envelope");
        Maker::new(signed.verify_round(&pins).expect("signed by both"))
    }

    fn processor_s(&self) -> [f64; 2] {
        [self.leader.processor_s(), self.helper.as_ref().map_or(0.0, Process::processor_s)]
    }

    fn written(&self) -> [f64; 2] {
        [self.leader.written(), self.helper.as_ref().map_or(0.0, Process::written)]
    }

    fn memory(&self) -> u64 {
        self.leader.memory() + self.helper.as_ref().map_or(0, Process::memory)
    }
}

type Uploads = Arc<Vec<(UploadId, Vec<u8>)>>;

fn uploads(maker: &mut Maker, count: usize) -> Uploads {
    Arc::new((0..count).map(|_| maker.upload()).collect())
}

/// Sends all of them as fast as they are taken; how many a second.
async fn flood(to: SocketAddr, uploads: Uploads) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (uploads, next) = (uploads.clone(), next.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(to).await;
                while let Some((id, body)) = uploads.get(next.fetch_add(1, Ordering::Relaxed)) {
                    assert_eq!(connection.put(*id, body).await, 201);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("every upload is taken");
    }
    uploads.len() as f64 / start.elapsed().as_secs_f64()
}

/// Sends them at this rate, whether or not answers come; the time under which 99 of 100 were answered, from the moment
/// at which each was due.
async fn trickle(to: SocketAddr, uploads: Uploads, rate: f64) -> f64 {
    let start = Instant::now();
    let took = Arc::new(Mutex::new(Vec::new()));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|lane| {
            let (uploads, took) = (uploads.clone(), took.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(to).await;
                for (place, (id, body)) in uploads.iter().enumerate().skip(lane).step_by(CONNECTIONS) {
                    let due = start + Duration::from_secs_f64(place as f64 / rate);
                    tokio::time::sleep_until(due.into()).await;
                    assert_eq!(connection.put(*id, body).await, 201);
                    took.lock().expect("nobody panics").push(due.elapsed());
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("every upload is taken");
    }
    let mut took = took.lock().expect("nobody panics").clone();
    took.sort_unstable();
    took[took.len() * 99 / 100].as_secs_f64() * 1000.0
}

/// How many vectors a second one core adds when they lie in memory: the bound that nothing reaches.
fn additions_per_s() -> f64 {
    let one = Share::from_bytes(&vec![3; 4 * DIMENSION as usize], DIMENSION).expect("2,048 entries");
    let shares = vec![one; 256];
    let mut sum = Share::zero(DIMENSION);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_millis(500) {
        shares.iter().for_each(|share| sum.add(share));
        count += shares.len();
    }
    assert!(sum.entries().iter().any(|&entry| entry != 0));
    count as f64 / start.elapsed().as_secs_f64()
}

/// Microseconds of one core for each part of an upload's way, measured apart.
fn parts(servers: &Servers, maker: &mut Maker, round: &privet::Round) {
    let keys = Keys::open(&servers.folder.path().join("leader.keys")).expect("the server's file");
    let helper = Keys::open(&servers.folder.path().join("helper.keys")).expect("the server's file");
    let all = uploads(maker, 500);
    let per = |what: &str, run: &mut dyn FnMut(&[u8])| {
        let start = Instant::now();
        all.iter().for_each(|(_, body)| run(body));
        let us = start.elapsed().as_secs_f64() * 1e6 / all.len() as f64;
        figure(&format!("us_{what}"), us, "us", all.len());
    };
    let decoded = |body: &[u8]| Upload::decode(body, round).expect("our own bytes");
    per("decode", &mut |body| drop(decoded(body)));
    per("hash", &mut |body| assert_ne!(privet::Head::hash(body), [0; 32]));
    per("decode_and_open_leader", &mut |body| {
        drop(decoded(body).open(round, Role::Leader, keys.newest()).expect("sealed to it"));
    });
    per("decode_and_open_helper", &mut |body| {
        drop(decoded(body).open(round, Role::Helper, helper.newest()).expect("sealed to it"));
    });
}

/// What a token costs an aggregator: its verification, and its reservation with 63 others. One core redeems so many a second.
async fn tokens(servers: &Servers, round: &privet::Round, count: usize) {
    let path = servers.folder.path().join("issuer.key");
    let key = IssuerKey::open(&path).expect("a key file can be made");
    let pair = ring::rsa::KeyPair::from_pkcs8(&fs::read(&path).expect("it is there")).expect("our own");
    let pins = privet::Pins { leader: [1; 32], helper: Some([2; 32]) };
    let round = privet::Round { token_key: Some(key.public()), ..round.clone() };
    let context = TokenContext::of(&round, &pins).expect("it wants tokens");
    let token = |n: u64| {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&n.to_le_bytes());
        let (message, mut signature) = (context.message(&nonce), [0; 256]);
        let random = ring::rand::SystemRandom::new();
        pair.sign(&ring::signature::RSA_PSS_SHA384, &random, &message, &mut signature).expect("it signs");
        [&message[..], &signature].concat()
    };
    let all: Vec<Vec<u8>> = (0..500).map(token).collect();
    let start = Instant::now();
    let verified = all.iter().filter(|token| verify_token(&round, &pins, token).is_ok()).count();
    assert_eq!(verified, all.len());
    let verify_us = start.elapsed().as_secs_f64() * 1e6 / all.len() as f64;
    figure("us_token_verify", verify_us, "us", all.len());

    let store = SqliteStore::open(&servers.folder.path().join("tokens.sqlite")).await.expect("a store can be made");
    let id = store.begin(&round, 0).await.expect("a free number").id;
    store.publish(id, b"signed").await.expect("it answers");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let (processor, start, mut done) = (processor_s(std::process::id()), Instant::now(), 0);
    while done < count {
        let mut reserved = vec![([0; 32], [0; 16]); CONNECTIONS];
        for (token, upload) in &mut reserved {
            random.fill_bytes(token);
            random.fill_bytes(upload);
        }
        assert!(store.reserve(id, &reserved).await.expect("it answers").iter().all(|&owns| owns));
        done += reserved.len();
    }
    let busy_us = (processor_s(std::process::id()) - processor) * 1e6 / done as f64;
    figure("us_token_reserve", start.elapsed().as_secs_f64() * 1e6 / done as f64, "us", done);
    figure("processor_us_token_reserve", busy_us, "us", done);
    figure("redemptions_per_s", 1e6 / (verify_us + busy_us), "1/s", done);
    store.shut().await;
}

/// Milliseconds that each aggregator spends on the noise of a sum, once a round, and how much of the time that the round's
/// uploads take at this rate.
fn noise(round: &privet::Round, rate: f64, count: usize) {
    const DRAWS: usize = 25;
    let mut took: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let start = Instant::now();
            assert!(noise_sum(Share::zero(DIMENSION), round).is_ok(), "the source is random");
            start.elapsed().as_secs_f64()
        })
        .collect();
    took.sort_unstable_by(f64::total_cmp);
    let median = took[DRAWS / 2];
    figure("noise_ms", median * 1e3, "ms", DRAWS);
    figure("noise_percent_of_uploads", 100.0 * median * rate / count as f64, "%", count);
}

/// Microseconds until uploads are on the disk: for each of as many as wait together, and for one alone.
async fn commits(servers: &Servers, round: &privet::Round, count: usize) {
    let store = SqliteStore::open(&servers.folder.path().join("commits.sqlite")).await.expect("a store can be made");
    let id = store.begin(round, 0).await.expect("a free number").id;
    store.publish(id, b"signed").await.expect("it answers");
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut addend = || {
        let (mut id, mut digest) = ([0; 16], [0; 32]);
        random.fill_bytes(&mut id);
        random.fill_bytes(&mut digest);
        Addend { id, digest, share: Share::zero(DIMENSION) }
    };
    let room = Room { round: round.n_max, batch: 1024 };
    for (what, together, count) in [("commit", CONNECTIONS, count), ("commit_alone", 1, count / 20)] {
        let (processor, start, mut done) = (processor_s(std::process::id()), Instant::now(), 0);
        while done < count {
            let addends: Vec<_> = (0..together).map(|_| addend()).collect();
            store.add(id, room, &addends).await.expect("it answers");
            done += together;
        }
        let waited = start.elapsed().as_secs_f64();
        let busy = processor_s(std::process::id()) - processor;
        figure(&format!("us_{what}"), waited * 1e6 / done as f64, "us", done);
        figure(&format!("processor_us_{what}"), busy * 1e6 / done as f64, "us", done);
    }
    store.shut().await;
}

fn figure(id: &str, value: f64, unit: &str, n: usize) {
    println!("{{\"id\":\"{id}\",\"value\":{value:.2},\"unit\":\"{unit}\",\"n\":{n}}}");
}

/// Prints a JSON line for each figure.
pub(crate) async fn measure(count: usize, growth: usize) {
    figure("additions_per_s", additions_per_s(), "1/s", 1);
    let mut worst = 0f64;
    for (mode, name) in [(Mode::Device, "device"), (Mode::Split, "split")] {
        let servers = Servers::start(mode);
        let mut maker = servers.maker().await;
        let to = servers.leader.address;
        flood(to, uploads(&mut maker, count / 4)).await;
        let batch = uploads(&mut maker, count);
        let before = (servers.processor_s(), servers.written());
        let rate = flood(to, batch).await;
        let after = (servers.processor_s(), servers.written());
        figure(&format!("uploads_per_s_{name}"), rate, "1/s", count);
        let roles = if mode == Mode::Split { &["leader", "helper"][..] } else { &["leader"] };
        for (place, role) in roles.iter().enumerate() {
            let per = |after: [f64; 2], before: [f64; 2]| (after[place] - before[place]) / count as f64;
            figure(&format!("processor_us_{name}_{role}"), per(after.0, before.0) * 1e6, "us", count);
            figure(&format!("written_bytes_{name}_{role}"), per(after.1, before.1), "bytes", count);
        }
        // As many as half the rate takes in ten seconds at most.
        let half = ((rate * 5.0) as usize).min(count);
        let p99 = trickle(to, uploads(&mut maker, half), rate / 2.0).await;
        figure(&format!("p99_ms_half_load_{name}"), p99, "ms", half);
        worst = worst.max(p99);
        if mode == Mode::Split {
            let round = maker.round().clone();
            parts(&servers, &mut maker, &round);
            noise(&round, rate, count);
            tokens(&servers, &round, count).await;
            commits(&servers, &round, count).await;
        }
    }
    figure("p99_ms_half_load", worst, "ms", 2);
    let servers = Servers::start(Mode::Split);
    let mut maker = servers.maker().await;
    flood(servers.leader.address, uploads(&mut maker, 5000)).await;
    let before = servers.memory();
    for _ in 0..growth / 5000 {
        flood(servers.leader.address, uploads(&mut maker, 5000)).await;
    }
    let grown = servers.memory() as f64 - before as f64;
    figure("rss_growth_mb", grown / 1e6, "MB", growth);
}
