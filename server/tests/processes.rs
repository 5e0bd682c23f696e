//! What befalls a process and its files: a full disk, a lost key, a second process, a reader that leaves.

mod device;

use std::{
    fs, io,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use privet::{Mode, Pins, Share, hex, unhex};
use privet_server::{
    Ask, Helper, Keys, Leader, Peer, PeerError, Proposal, SqliteStore, Store, Task,
    store::{Addend, HeadStore, Held, Room, RoundStore, StoredTask, UploadStore},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_privet");

fn privet(words: &[&str]) -> Output {
    Command::new(PROGRAM).args(words).stdin(Stdio::null()).output().expect("it runs")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A server's process; it does not outlive its test.
struct Running(Child);

impl Drop for Running {
    /// `kill -9`.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts a server, and waits for its address.
fn started(command: &mut Command) -> (Running, String) {
    let mut child = Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it runs"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("it is piped")).lines();
    let listens = |line: io::Result<String>| line.ok()?.split_once("listens on ").map(|(_, url)| url.to_owned());
    let address = lines.find_map(listens).expect("it listens");
    (child, address)
}

/// A leader that needs no helper.
fn alone(data: &Path) -> Vec<&str> {
    let named = ["serve", "--leader-name", "Example Ltd", "--mode", "device"];
    [&named[..], &["--listen", "127.0.0.1:0", "--data", text(data), "--rate", "0"]].concat()
}

fn served(data: &Path) -> (Running, String) {
    started(Command::new(PROGRAM).args(alone(data)))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn got(url: &str) -> (u16, Vec<u8>) {
    let mut reply = agent().get(url).call().expect("it answers");
    (reply.status().as_u16(), reply.body_mut().read_to_vec().expect("a body"))
}

fn eventually(what: &str, mut attempt: impl FnMut() -> bool) {
    for _ in 0..200 {
        if attempt() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what}: not within 10 s");
}

/// The disk of a running process is full when it may write no file past its first bytes: nobody has to be root for it.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_was_full_is_written_again_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    // The signal of that limit would end the process; an error of `write`, as a full disk gives it, is left.
    let shell = ["-c", "trap '' XFSZ; exec \"$@\"", "sh", PROGRAM];
    let (child, url) = started(Command::new("sh").args(shell).args(alone(folder.path())));
    let room = |bytes: &str| {
        let (pid, limit) = (child.0.id().to_string(), format!("--fsize={bytes}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().expect("it runs").success());
    };
    let identity: serde_json::Value = serde_json::from_slice(&got(&format!("{url}/v1/identity")).1).expect("JSON");
    let pins = Pins { leader: identity["leader"].as_str().and_then(unhex).expect("a key"), helper: None };
    let round = got(&format!("{url}/v1/tasks/demo/round")).1;
    let signed = privet::Signed::decode(&round).and_then(|signed| signed.verify_round(&pins)).expect("it is signed");
    let head = got(&format!("{url}/v1/heads/{}", hex(&signed.head))).1;
    let bodies = [1, 2, 3].map(|n| device::upload(&round, &head, pins, [n; 16]));
    let put = |n: u8| {
        let path = format!("{url}/v1/tasks/demo/rounds/1/uploads/{}", hex(&[n; 16]));
        agent().put(path).send(&bodies[usize::from(n) - 1][..]).expect("it answers").status().as_u16()
    };
    let ready = || got(&format!("{url}/readyz")).0;
    assert_eq!((put(1), ready()), (201, 200));
    room("1");
    assert_eq!((put(2), put(2)), (503, 503));
    eventually("it says that it cannot write", || ready() == 503);
    assert_eq!(got(&format!("{url}/healthz")).0, 200, "it lives");
    room("unlimited");
    eventually("an upload is taken again", || put(2) == 201);
    eventually("it says so", || ready() == 200);
    assert_eq!((put(1), put(2), put(3)), (200, 200, 201), "nothing was lost, nothing counted twice");
}

#[test]
fn a_lost_key_file_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (child, url) = served(data);
    let identity = || got(&format!("{url}/v1/identity")).1;
    let first = identity();
    drop(child);
    let (keys, kept) = (data.join("leader.keys"), data.join("kept.keys"));
    fs::rename(&keys, &kept).expect("writable");
    let new = ["keys", "new", "--role", "leader", "--data", text(data)];
    for words in [alone(data), new.to_vec()] {
        let lost = refused(&privet(&words));
        for part in ["leader.keys", "is missing", "leader.sqlite", "--new-identity"] {
            assert!(lost.contains(part), "{part}: {lost}");
        }
        assert!(!keys.exists());
    }
    fs::rename(&kept, &keys).expect("writable");
    let (child, url) = served(data);
    assert_eq!(got(&format!("{url}/v1/identity")).1, first, "the key is back, and with it what applications pin");
    drop(child);
    fs::remove_file(&keys).expect("writable");
    let (_child, url) = started(Command::new(PROGRAM).args(alone(data)).arg("--new-identity"));
    assert_ne!(got(&format!("{url}/v1/identity")).1, first);
    // What was open was sealed to the key that is gone, and signed with it.
    let round = got(&format!("{url}/v1/tasks/demo/round")).1;
    let identity: serde_json::Value = serde_json::from_slice(&got(&format!("{url}/v1/identity")).1).expect("JSON");
    let pins = Pins { leader: identity["leader"].as_str().and_then(unhex).expect("a key"), helper: None };
    let round = privet::Signed::decode(&round).and_then(|signed| signed.verify_round(&pins)).expect("of the new key");
    assert_eq!(round.number, 2);
}

/// Where one operator runs both, what the helper's lost key had signed is not published any longer.
#[test]
fn a_new_identity_of_a_helper_ends_what_its_leader_has_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let words = ["serve", "--leader-name", "Example Ltd", "--listen", "127.0.0.1:0", "--data", text(data)];
    let (child, _) = started(Command::new(PROGRAM).args(words));
    drop(child);
    fs::remove_file(data.join("helper.keys")).expect("it is there");
    let (_child, url) = started(Command::new(PROGRAM).args(words).arg("--new-identity"));
    let identity: serde_json::Value = serde_json::from_slice(&got(&format!("{url}/v1/identity")).1).expect("JSON");
    let key = |role: &str| identity[role].as_str().and_then(unhex).expect("a key");
    let pins = Pins { leader: key("leader"), helper: Some(key("helper")) };
    let round = got(&format!("{url}/v1/tasks/demo/round")).1;
    let round = privet::Signed::decode(&round).and_then(|signed| signed.verify_round(&pins)).expect("of the new key");
    assert_eq!(round.number, 2);
}

/// Devices are told who runs what: no name that nobody chose, and none of one operator in two places that are two's.
#[test]
fn an_operator_has_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let zeros = "0".repeat(64);
    let serve = |words: &[&str]| privet(&[&["serve", "--data", text(data)], words].concat());
    let helper = ["--role", "helper", "--leader-key", &zeros];
    let leader = ["--role", "leader", "--helper", "http://127.0.0.1:1", "--helper-key", &zeros];
    let ours = ["--leader-name", "Example Ltd"];
    let theirs = ["--helper-name", "Another Ltd"];
    for (words, part) in [
        (vec![], "say who runs the leader, such as --leader-name"),
        (leader.to_vec(), "say who runs the leader, such as --leader-name"),
        ([&leader[..], &ours].concat(), "say who runs the helper, such as --helper-name"),
        ([&helper[..], &theirs].concat(), "say who runs the leader, such as --leader-name"),
        ([&helper[..], &ours].concat(), "say who runs the helper, such as --helper-name"),
        ([&helper[..], &ours, &["--helper-name", "Example Ltd"]].concat(), "both operators are named Example Ltd"),
        ([&ours[..], &theirs].concat(), "one operator runs both here"),
        (vec!["--leader-name", ""], "say who runs the leader, such as --leader-name"),
    ] {
        for words in [words.clone(), [&words[..], &["--check"]].concat()] {
            let unnamed = refused(&serve(&words));
            assert!(unnamed.contains(part), "{words:?}: {unnamed}");
        }
    }
    assert!(!data.join("leader.sqlite").exists() && !data.join("helper.sqlite").exists(), "nothing was begun");
    for words in [[&helper[..], &ours, &theirs].concat(), [&leader[..], &ours, &theirs].concat(), ours.to_vec()] {
        said(&serve(&[&words[..], &["--check"]].concat()));
    }
}

/// A leader that goes by another name than its helper was told has no round signed, and so has a helper.
#[tokio::test]
async fn a_name_is_what_both_were_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async |name: &str| {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path.with_extension("sqlite")).await.expect("a new file opens");
        (store, Keys::open(&path.with_extension("keys")).expect("a new file opens"))
    };
    let (task, head) = Task::demo(Mode::Split, 2).expect("the demo's numbers fit");
    let (store, keys) = open("helper").await;
    let sealing = keys.newest().public();
    let stored = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
    store.put_task(&stored).await.expect("it answers");
    let helper = Arc::new(Helper::new(store, keys, "Another Ltd").of_leader("Example Ltd"));
    let proposal = Proposal { task: task.text(), head: hex(&head) };
    helper.answer(Ask::Task, &serde_json::to_vec(&proposal).expect("JSON")).await.expect("it is admitted");
    let signed = async |leader: &str| {
        let leader = privet::Operator::new(leader, [1; 32]);
        let deadline_s = privet_server::now_s() + 100;
        let named = privet::Operator::new("Another Ltd", sealing);
        let round = task.round(1, privet::Head::hash(&head), deadline_s, leader, Some(named));
        helper.answer(Ask::Round, &round.encode()).await.map(drop).map_err(|error| error.to_string())
    };
    let refused = signed("Somebody Else").await.expect_err("another name");
    assert!(refused.contains("the leader's name is Somebody Else and has to be Example Ltd"), "{refused}");
    assert_eq!(signed("Example Ltd").await, Ok(()));

    let (store, keys) = open("leader").await;
    let peer = Direct(helper.clone());
    let leader = Leader::new(store, keys, "Example Ltd", Some((peer, helper.identity().public())));
    let leader = leader.with_helper_named(Some("A Third Ltd"));
    leader.serve(task.clone(), &head).await.expect("the task is whole");
    let refused = leader.advance_round("demo", privet_server::now_s()).await.expect_err("another name").to_string();
    assert!(refused.contains("the helper's name is Another Ltd and has to be A Third Ltd"), "{refused}");
}

/// A helper in the same process.
struct Direct(Arc<Helper<SqliteStore>>);

impl Peer for Direct {
    async fn ask(&self, ask: Ask, body: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        self.0.answer(ask, &body).await.map_err(|error| PeerError::Said(error.code().to_owned()))
    }
}

#[test]
fn a_store_has_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (child, _) = served(&data);
    let rotate = ["keys", "rotate", "--role", "leader", "--data", text(&data)];
    let copy = folder.path().join("copy.sqlite");
    let backup = ["backup", "--role", "leader", "--data", text(&data), text(&copy)];
    for words in [alone(&data), rotate.to_vec()] {
        let held = refused(&privet(&words));
        let pid = format!("process {}", child.0.id());
        for part in ["leader.sqlite", "is in use", &pid, "serve", "since 20"] {
            assert!(held.contains(part), "{part}: {held}");
        }
    }
    said(&privet(&backup));
    // Killed: what it held is free.
    drop(child);
    said(&privet(&rotate));
    let (_child, _) = served(&data);
}

#[cfg(unix)]
#[test]
fn what_is_stored_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    let modes = || {
        let files = fs::read_dir(&data).expect("a folder").map(|file| file.expect("a file").path());
        let mut modes: Vec<_> = files.map(|file| (file.file_name().expect("a name").to_owned(), mode(&file))).collect();
        modes.sort();
        modes
    };
    let (child, _) = served(&data);
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> = modes().into_iter().map(|(name, mode)| (name.into_string().expect("UTF-8"), mode)).collect();
    for name in ["leader.keys", "leader.sqlite", "leader.sqlite-wal", "leader.sqlite-shm"] {
        assert!(names.contains(&(name.to_owned(), 0o600)), "{name}: {names:?}");
    }
    assert!(names.iter().all(|(_, mode)| *mode == 0o600), "{names:?}");
    drop(child);
    // As an older version left them, or a copy by hand.
    let wide = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    modes().iter().for_each(|(name, _)| wide(&data.join(name), 0o644));
    wide(&data, 0o755);
    let log = folder.path().join("log");
    let to = fs::File::create(&log).expect("writable");
    let (child, _) = started(Command::new(PROGRAM).args(alone(&data)).stderr(to));
    assert_eq!(mode(&data), 0o700);
    assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());
    let logged = fs::read_to_string(&log).expect("UTF-8");
    for part in ["leader.keys", "leader.sqlite", "644", "600", "755", "700"] {
        assert!(logged.contains(part), "{part}: {logged}");
    }
    drop(child);
    // A folder of others' things keeps its mode.
    fs::write(data.join("another's"), b"file").expect("writable");
    wide(&data, 0o755);
    let (child, _) = served(&data);
    assert_eq!((mode(&data), mode(&data.join("leader.sqlite"))), (0o755, 0o600));
    drop(child);
    let copy = folder.path().join("copy.sqlite");
    said(&privet(&["backup", "--role", "leader", "--data", text(&data), text(&copy)]));
    assert_eq!(mode(&copy), 0o600);
}

/// As `privet … | head`: whoever reads has gone before the first line.
#[tokio::test]
async fn a_reader_that_leaves_ends_a_command_quietly() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let store = SqliteStore::open(&data.join("helper.sqlite")).await.expect("a new file opens");
    let (task, head) = Task::demo(Mode::Split, 100).expect("the demo's numbers fit");
    let hash = task.hash();
    let stored = StoredTask { hash: hash.clone(), name: task.name.clone(), text: task.text(), admitted: false };
    store.put_task(&stored).await.expect("it answers");
    let (file, copy, tensors) = (data.join("a.head"), data.join("copy.sqlite"), data.join("a.safetensors"));
    fs::write(&file, head).expect("writable");
    Keys::open(&data.join("helper.keys")).expect("a new file opens");
    let at = ["--data", text(data)];
    let helper = [&at[..], &["--role", "helper"]].concat();
    let unheard = |words: &[&str]| {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(PROGRAM).args(words).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && complaint.is_empty(), "{words:?}: {complaint}");
    };
    unheard(&[&["tasks", "list"], &at[..]].concat());
    unheard(&[&["tasks", "admit", &hash], &at[..]].concat());
    assert!(store.tasks().await.expect("it answers")[0].admitted, "what it was asked is done all the same");
    unheard(&[&["tasks", "withdraw", &hash], &at[..]].concat());
    assert!(!store.tasks().await.expect("it answers")[0].admitted);
    store.shut().await;
    unheard(&[&["keys", "new"], &helper[..]].concat());
    unheard(&[&["keys", "rotate"], &helper[..]].concat());
    unheard(&[&["backup", text(&copy)], &helper[..]].concat());
    fs::remove_file(data.join("helper.sqlite")).expect("it is there");
    unheard(&[&["restore", text(&copy)], &helper[..]].concat());
    unheard(&["head", "inspect", text(&file)]);
    unheard(&["head", "inspect", "--json", text(&file)]);
    unheard(&["head", "export", text(&file), text(&tensors)]);
    unheard(&["head", "import", text(&tensors), text(&file)]);
    unheard(&["plan"]);
    unheard(&["serve", "--help"]);
    unheard(&["serve", "--check", "--mode", "device", "--leader-name", "Example Ltd"]);
}

/// Neither a share nor a sum to which no noise was added is in a copy: whoever is given one reads what was published.
#[tokio::test]
async fn a_copy_holds_neither_seeds_nor_sums() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (leader, helper) = (privet::Operator::new("a", [1; 32]), privet::Operator::new("b", [2; 32]));
    let (task, head) = Task::demo(Mode::Split, 2).expect("the demo's numbers fit");
    let round = task.round(1, privet::Head::hash(&head), 9, leader, Some(helper));
    let (seed, summed) = (*b"a seed that nobody may ever find", *b"a share that's summed in a batch");
    let share = Share::from_seed(&summed, &round.hash(), &[2; 16], round.dimension as usize);
    let bytes = share.to_bytes();
    let found = |path: &Path| {
        let file = fs::read(path).expect("it is there");
        let log = fs::read(path.with_extension("sqlite-wal")).unwrap_or_default();
        let file = [file, log].concat();
        let has = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
        (has(&seed), has(&bytes[..32]))
    };
    let (path, copy) = (data.join("helper.sqlite"), data.join("copy.sqlite"));
    let store = SqliteStore::open(&path).await.expect("a new file opens");
    let stored = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
    store.put_task(&stored).await.expect("it answers");
    let id = store.begin(&round, 0).await.expect("a free number").id;
    store.publish(id, b"signed").await.expect("it answers");
    store.hold(id, 9, &[Held { id: [1; 16], digest: [1; 32], seed, token: None }]).await.expect("it answers");
    let addend = Addend { id: [2; 16], digest: [2; 32], share };
    store.add(id, Room { round: 9, batch: 9 }, &[addend]).await.expect("it answers");
    assert_eq!(found(&path), (true, true), "the store has both");
    said(&privet(&["backup", "--role", "helper", "--data", text(data), text(&copy)]));
    assert_eq!(found(&copy), (false, false), "the copy has neither");
    assert!(!data.join("copy.sqlite-wal").exists(), "one file");
    store.shut().await;
    let copy = SqliteStore::open(&copy).await.expect("it is a store");
    assert_eq!(copy.tasks().await, Ok(vec![stored]));
    assert_eq!(copy.unfinished().await.map(|rounds| rounds.len()), Ok(1), "the round is known, so that it ends");
}
