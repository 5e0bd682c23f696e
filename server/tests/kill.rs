//! Two real processes, as two operators start them, killed at random moments: no acknowledged upload is lost.

#![expect(clippy::print_stdout, reason = "a random test prints its seed")]

mod device;

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use device::upload;
use privet::{Batch, Pins, Round, Signed, UploadId, hex, unhex};
use privet_server::{
    SqliteStore, Store,
    store::{RoundStore, UploadStore},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const PROGRAM: &str = env!("CARGO_BIN_EXE_privet");

fn privet(words: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(words).output().expect("it runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

struct Process(Child);

impl Process {
    /// Starts a role, and gives the address that it listens on.
    fn start(words: &[&str]) -> (Self, SocketAddr) {
        let mut child = Command::new(PROGRAM).arg("serve").args(words).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let listens = |line: std::io::Result<String>| Some(line.ok()?.split_once("listens on http://")?.1.to_owned());
        let address = lines.by_ref().find_map(listens).expect("it listens");
        // Whoever writes into a closed pipe is killed for it.
        thread::spawn(move || lines.for_each(drop));
        (Self(child), address.parse().expect("an address"))
    }
}

impl Drop for Process {
    /// `kill -9`.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn get(address: SocketAddr, path: &str) -> Option<Vec<u8>> {
    let mut reply = ureq::get(format!("http://{address}{path}")).call().ok()?;
    reply.body_mut().read_to_vec().ok()
}

fn put(address: SocketAddr, id: &[u8; 16], body: &[u8]) -> Option<u16> {
    let path = format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(id));
    let reply = ureq::put(format!("http://{address}{path}")).send(body).ok()?;
    Some(reply.status().as_u16())
}

/// Those of these uploads that a store which nobody serves has lost: they are in no batch, and are not held for one.
async fn lost(store: &Path, round: &Round, ids: Vec<UploadId>) -> BTreeSet<UploadId> {
    let store = SqliteStore::open(store).await.expect("it opens");
    let stored = store.numbered("demo", 1).await.expect("it answers").expect("it was begun");
    let mut lost = BTreeSet::from_iter(ids.clone());
    for (id, _) in store.seeds(stored.id, &Batch::new(round.hash(), 1, ids)).await.expect("it answers") {
        lost.remove(&id);
    }
    for batch in store.batches(stored.id).await.expect("it answers") {
        for id in store.ids(stored.id, batch.number).await.expect("it answers") {
            lost.remove(&id);
        }
    }
    store.shut().await;
    lost
}

fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(done) = attempt() {
            return done;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} takes more than 10 s");
}

#[test]
fn no_acknowledged_upload_is_lost_when_processes_are_killed() {
    const KILLS: u32 = 50;
    let seed = RandomState::new().build_hasher().finish();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (ours, theirs) = (path("leader"), path("helper"));
    // The cohort is never complete, so the round stays open over all of it.
    let cohort = ["--min-cohort", "50000", "--rate", "0"];
    let leader_key = privet(&["keys", "new", "--role", "leader", "--data", &ours]);
    let helper_key = privet(&["keys", "new", "--role", "helper", "--data", &theirs]);
    let names = ["--leader-name", "Example Ltd", "--helper-name", "Another Ltd"];
    let (mut helper, helper_at) = Process::start(&[
        "--leader-name",
        "Example Ltd",
        "--helper-name",
        "Another Ltd",
        "--role",
        "helper",
        "--data",
        &theirs,
        "--listen",
        "127.0.0.1:0",
        "--leader-key",
        &leader_key,
    ]);
    let (helper_listens, helper_url) = (helper_at.to_string(), format!("http://{helper_at}"));
    let start_helper = || {
        let words = ["--role", "helper", "--data", &theirs, "--listen", &helper_listens, "--leader-key", &leader_key];
        Process::start(&[&words[..], &names].concat()).0
    };
    let start_leader = |listen: &str| {
        let words = ["--role", "leader", "--data", &ours, "--listen", listen, "--helper", &helper_url];
        Process::start(&[&words[..], &["--helper-key", &helper_key], &names, &cohort].concat())
    };
    let (mut leader, at) = start_leader("127.0.0.1:0");
    let listens = at.to_string();
    assert_eq!(get(at, "/v1/tasks/demo/round"), None, "the helper's operator has not admitted the task");
    let proposed = eventually("a proposal", || {
        let list = privet(&["tasks", "list", "--data", &theirs]);
        list.split_once(" proposed").map(|(hash, _)| hash.to_owned())
    });
    privet(&["tasks", "admit", &proposed, "--data", &theirs]);
    let round = eventually("a round", || get(at, "/v1/tasks/demo/round"));
    let key = |text: &str| unhex(text).expect("32 bytes");
    let pins = Pins { leader: key(&leader_key), helper: Some(key(&helper_key)) };
    let configuration = Signed::decode(&round).and_then(|signed| signed.verify_round(&pins)).expect("signed by both");
    let head = get(at, &format!("/v1/heads/{}", hex(&configuration.head))).expect("it is published");

    let mut acknowledged: Vec<([u8; 16], Vec<u8>)> = Vec::new();
    for kill in 0..KILLS {
        let until = Duration::from_millis(random.random_range(1..150));
        let victim = random.random_range(0..3);
        let uploads: Vec<_> = (0..40u8)
            .map(|n| {
                let id = [&[kill as u8, n], &[0; 14][..]].concat().try_into().expect("16 bytes");
                (id, upload(&round, &head, pins, id))
            })
            .collect();
        let taken = thread::scope(|scope| {
            let senders: Vec<_> = uploads
                .chunks(10)
                .map(|chunk| {
                    let taken = |(id, body): &&([u8; 16], Vec<u8>)| put(at, id, body).is_some();
                    scope.spawn(move || chunk.iter().filter(taken).cloned().collect::<Vec<_>>())
                })
                .collect();
            thread::sleep(until);
            if victim != 0 {
                drop(leader.0.kill());
            }
            if victim != 1 {
                drop(helper.0.kill());
            }
            senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect::<Vec<_>>()
        });
        acknowledged.extend(taken);
        if victim != 1 {
            drop(helper);
            helper = start_helper();
        }
        if victim != 0 {
            drop(leader);
            leader = start_leader(&listens).0;
        }
    }
    let count = eventually("an answer", || get(at, "/v1/tasks/demo/rounds/1/aggregate"));
    let count: serde_json::Value = serde_json::from_slice(&count).expect("JSON");
    assert!(count["count"].as_u64().expect("a count") >= acknowledged.len() as u64);
    // Before anything is sent again: that would bring the helper what it had lost.
    drop((leader, helper));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    for name in ["leader", "helper"] {
        let ids = acknowledged.iter().map(|(id, _)| *id).collect();
        let store = folder.path().join(name).join(name).with_extension("sqlite");
        assert_eq!(runtime.block_on(lost(&store, &configuration, ids)), BTreeSet::new(), "{name}");
    }
    let _both = (start_helper(), start_leader(&listens));
    for (id, body) in &acknowledged {
        assert_eq!(put(at, id, body), Some(200), "it is known: the same answer as before, and not counted again");
    }
    println!("{} acknowledged over {KILLS} kills", acknowledged.len());
    assert!(!acknowledged.is_empty());
}
