//! The command as an operator meets it: settings, checks, copies, keys.

mod device;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use privet::{Head, Mode, Operator};
use privet_server::{
    Ask, Helper, Keys, Proposal, SqliteStore, Store, Task,
    store::{HeadStore, RoundStore, Spent, State, StoredTask},
};

fn privet(words: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command.args(words).envs(environment.iter().copied()).output().expect("it runs")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn settings_are_checked_without_serving() {
    assert!(said(&privet(&["serve", "--check", "--leader-name", "a"], &[])).ends_with(" demo\n"));
    let alone =
        refused(&privet(&["serve", "--check", "--role", "leader", "--leader-name", "a", "--helper-name", "b"], &[]));
    assert!(alone.contains("a split task needs --helper"), "{alone}");
    let keyless =
        refused(&privet(&["serve", "--check", "--role", "helper", "--leader-name", "a", "--helper-name", "b"], &[]));
    assert!(keyless.contains("--leader-key has to be the 64 hexadecimal digits"), "{keyless}");
    let cohort = refused(&privet(&["serve", "--check", "--leader-name", "a", "--min-cohort", "4000000"], &[]));
    assert!(cohort.contains("the reach of the sum is") && cohort.contains("under 2^31"), "{cohort}");
    let token = refused(&privet(&["serve", "--check", "--leader-name", "a"], &[("PRIVET_ADMIN_TOKEN", "short")]));
    assert!(token.contains("the admin token has 5 characters and has to have 32 or more"), "{token}");
    let header = refused(&privet(&["serve", "--check", "--leader-name", "a", "--client-header", "no header"], &[]));
    assert!(header.contains("--client-header no header"), "{header}");
    let checked = |words: &[&str]| {
        let words = [&["serve", "--check", "--leader-name", "a"], words].concat();
        refused(&privet(&words, &[]))
    };
    let hops = checked(&["--trusted-hops", "2"]);
    assert!(hops.contains("--trusted-hops counts the proxies that write --client-header"), "{hops}");
    let connections = checked(&["--connections", "4000000000"]);
    assert!(connections.contains("4000000000 connections do not fit: this process may open"), "{connections}");
    let pages = refused(&privet(&["serve", "--check", "--leader-name", "a", "--pages", "nowhere"], &[]));
    assert!(pages.contains("there is no folder nowhere"), "{pages}");
}

#[test]
fn a_file_yields_to_the_environment_and_that_to_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("privet.toml");
    fs::write(&file, "mode = \"device\"\nmin_cohort = 11\n").expect("writable");
    let hash = |mode, cohort| Task::demo(mode, cohort).expect("the demo's numbers fit").0.hash();
    let checked = |flags: &[&str], environment: &[(&str, &str)]| {
        let words = [&["serve", "--check", "--leader-name", "a", "--config", text(&file)], flags].concat();
        said(&privet(&words, environment)).split_whitespace().next().expect("a hash").to_owned()
    };
    assert_eq!(checked(&[], &[]), hash(Mode::Device, 11));
    let environment = [("PRIVET_MIN_COHORT", "12")];
    assert_eq!(checked(&[], &environment), hash(Mode::Device, 12));
    assert_eq!(checked(&["--min-cohort", "13"], &environment), hash(Mode::Device, 13));
    fs::write(&file, "min_cohrot = 11\n").expect("writable");
    let odd = refused(&privet(&["serve", "--check", "--leader-name", "a", "--config", text(&file)], &[]));
    assert!(odd.contains("unknown field `min_cohrot`"), "{odd}");
}

/// A helper over a folder, as `privet serve` runs it.
async fn helper(data: &Path) -> Helper<SqliteStore> {
    let store = SqliteStore::open(&data.join("helper.sqlite")).await.expect("it opens");
    Helper::new(store, Keys::open(&data.join("helper.keys")).expect("it is there"), "the helper")
}

fn lose_store(data: &Path) {
    for name in ["helper.sqlite", "helper.sqlite-wal", "helper.sqlite-shm"] {
        drop(fs::remove_file(data.join(name)));
    }
}

/// Rounds 1 and 2 are in the copy, the second of them open. After it the second gives a sum and a third begins. A leader
/// that lies then asks for all three again.
#[tokio::test]
async fn a_copy_that_is_put_back_reopens_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.sqlite"));
    said(&privet(&["keys", "new", "--role", "helper", "--data", text(&data)], &[]));
    let (task, head) = Task::demo(Mode::Split, 2).expect("the demo's numbers fit");
    let before = helper(&data).await;
    let sealing = Keys::open(&data.join("helper.keys")).expect("it is there").newest().public();
    let task_of = StoredTask { hash: task.hash(), name: task.name.clone(), text: task.text(), admitted: true };
    before.store().put_task(&task_of).await.expect("it answers");
    let proposal = Proposal { task: task.text(), head: privet::hex(&head) };
    before.answer(Ask::Task, &serde_json::to_vec(&proposal).expect("JSON")).await.expect("it is admitted");
    let deadline_s = privet_server::now_s() + 3600;
    let round = |number, sealing| {
        let (leader, helper) = (Operator::new("the leader", [1; 32]), Operator::new("the helper", sealing));
        task.round(number, Head::hash(&head), deadline_s, leader, Some(helper))
    };
    let spent = Spent { closing: vec![1], sum: vec![2] };
    let spend = async |number| {
        let stored = before.store().round(&round(number, sealing).hash()).await.expect("it answers");
        before.store().spend(stored.expect("it was begun").id, &spent).await.expect("it answers");
    };
    before.answer(Ask::Round, &round(1, sealing).encode()).await.expect("it is the task's");
    spend(1).await;
    before.answer(Ask::Round, &round(2, sealing).encode()).await.expect("it is the task's");
    said(&privet(&["backup", "--role", "helper", "--data", text(&data), text(&copy)], &[]));
    spend(2).await;
    before.answer(Ask::Round, &round(3, sealing).encode()).await.expect("it is the task's");
    spend(3).await;
    before.store().shut().await;

    let words = ["restore", "--role", "helper", "--data", text(&data), text(&copy)];
    for name in ["helper.sqlite", "helper.sqlite-wal", "helper.sqlite-shm"] {
        lose_store(&data);
        fs::write(data.join(name), b"what is left").expect("writable");
        let there = refused(&privet(&words, &[]));
        assert!(there.contains(&format!("{name} already: move it away first")), "{there}");
    }
    lose_store(&data);
    // A restore that was cut off has left these.
    fs::write(data.join("helper.restoring"), b"half of it").expect("writable");
    fs::write(data.join("helper.restoring-wal"), b"and its log").expect("writable");
    assert!(said(&privet(&words, &[])).contains("1 unfinished rounds ended without a sum; the sealing key is new"));
    let keys = Keys::open(&data.join("helper.keys")).expect("it is there");
    assert!(keys.sealing(&sealing).is_none(), "nothing that was sealed before is opened again");
    let after = helper(&data).await;
    assert_eq!(after.identity().public(), before.identity().public(), "applications pin it");
    let first = after.store().round(&round(1, sealing).hash()).await.expect("it answers").expect("it was begun");
    assert_eq!((first.state, after.store().spent(first.id).await), (State::Closed, Ok(Some(spent))));
    let second = after.store().round(&round(2, sealing).hash()).await.expect("it answers").expect("it was begun");
    assert_eq!((second.state, after.store().spent(second.id).await), (State::Ended, Ok(None)));
    let again = async |number, sealing| {
        let said = after.answer(Ask::Round, &round(number, sealing).encode()).await;
        said.map(drop).map_err(|error| error.code())
    };
    assert_eq!(again(2, sealing).await, Err("round-closed"));
    assert_eq!(again(3, sealing).await, Err("round-refused"), "it names a key that is gone");
    assert_eq!(again(3, keys.newest().public()).await, Ok(()), "which no upload was ever sealed to before");
    after.store().shut().await;
}

/// The order: no store without new keys, so a crash anywhere leaves nothing that could be served.
#[tokio::test]
async fn a_store_is_not_put_back_beside_keys_that_cannot_be_renewed() {
    for role in ["leader", "helper"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, copy) = (folder.path().join("data"), folder.path().join("copy.sqlite"));
        let store = SqliteStore::open(&copy).await.expect("a new file opens");
        store.shut().await;
        let words = ["restore", "--role", role, "--data", text(&data), text(&copy)];
        assert!(refused(&privet(&words, &[])).contains("there is no key file"));
        fs::create_dir(&data).expect("writable");
        let (keys, path) = (data.join(role).with_extension("keys"), data.join(role).with_extension("sqlite"));
        fs::write(&keys, [7; 63]).expect("writable");
        refused(&privet(&words, &[]));
        assert!(!path.exists(), "{role}");
        fs::write(&keys, [7; 64]).expect("writable");
        said(&privet(&words, &[]));
        assert!(path.exists());
        let public = privet::SealingKey::from_seed(&[7; 32]).public();
        assert!(Keys::open(&keys).expect("it is there").sealing(&public).is_none(), "{role}");
    }
}

#[tokio::test]
async fn what_is_admitted_is_withdrawn_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("helper.sqlite")).await.expect("a new file opens");
    let (task, _) = Task::demo(Mode::Split, 100).expect("the demo's numbers fit");
    let (hash, name, text_of) = (task.hash(), task.name.clone(), task.text());
    store.put_task(&StoredTask { hash: hash.clone(), name, text: text_of, admitted: false }).await.expect("it answers");
    let tasks = |words: &[&str]| privet(&[&["tasks"], words, &["--data", text(folder.path())]].concat(), &[]);
    let listed = || said(&tasks(&["list"]));
    for (verb, standing) in [("admit", "admitted"), ("withdraw", "proposed"), ("admit", "admitted")] {
        said(&tasks(&[verb, &hash]));
        assert!(listed().starts_with(&format!("{hash} {standing}\n")), "{verb}: {}", listed());
    }
    assert!(refused(&tasks(&["withdraw", "00"])).contains("the leader has proposed no task 00"));
    store.shut().await;
}

#[cfg(unix)]
#[test]
fn nobody_else_looks_into_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    said(&privet(&["keys", "new", "--role", "helper", "--data", text(&data)], &[]));
    assert_eq!(fs::metadata(&data).expect("it is there").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn an_old_sealing_key_is_kept_while_a_round_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let words = |verb| ["keys", verb, "--role", "leader", "--data", text(data)];
    let identity = said(&privet(&words("new"), &[]));
    assert_eq!(said(&privet(&words("new"), &[])), identity, "there is one");
    let path = data.join("leader.keys");
    let sealing = Keys::open(&path).expect("it is there").newest().public();
    let (task, head) = Task::demo(Mode::Device, 2).expect("the demo's numbers fit");
    let round = task.round(1, Head::hash(&head), 9, Operator::new("someone", sealing), None);
    let store = SqliteStore::open(&data.join("leader.sqlite")).await.expect("a new file opens");
    let id = store.begin(&round, 0).await.expect("a free number").id;
    assert_eq!(said(&privet(&words("rotate"), &[])), identity, "applications pin it");
    let keys = || Keys::open(&path).expect("it is there");
    assert!(keys().sealing(&sealing).is_some() && keys().newest().public() != sealing);
    store.end(id).await.expect("it answers");
    store.shut().await;
    said(&privet(&words("rotate"), &[]));
    assert!(keys().sealing(&sealing).is_none());
}

#[test]
fn a_plan_is_for_so_many_devices_a_tenth_and_ten_times_as_many() {
    let plan = said(&privet(&["plan", "--devices", "10000000"], &[]));
    let planned = |plan: &str, devices: &str| {
        let row = |role: &str| plan.lines().filter(|line| line.starts_with(&format!("| {devices} | {role} |"))).count();
        (row("leader"), row("helper"))
    };
    for devices in ["1000000", "10000000", "100000000"] {
        assert_eq!(planned(&plan, devices), (1, 1), "{plan}");
    }
    assert_eq!(said(&privet(&["plan"], &[])), plan, "unless told");
    assert!(include_str!("../../docs/scaling.md").contains(&plan), "as it is written down");
    let fewer = said(&privet(&["plan", "--devices", "5000"], &[]));
    assert_eq!((planned(&fewer, "500"), planned(&fewer, "50000")), ((1, 1), (1, 1)), "{fewer}");
}

#[test]
#[cfg(feature = "lab")]
fn an_audit_says_by_its_status_whether_a_claim_holds() {
    let few = ["audit", "device", "--epsilon", "4", "--trials", "200"];
    assert!(said(&privet(&few, &[])).contains("consistent with ε = 4.00"));
    let planted = [&few[..], &["--plant", "no-clip"]].concat();
    assert!(refused(&privet(&planted, &[])).ends_with("privet: the audit FAILS\n"));
    for (odd, says) in [
        (&["audit", "--trials", "3"][..], "privet: 3 trials prove nothing: at least 20 are wanted\n"),
        (&["audit", "--traffic", "none.har", "--log", "none.json"], "privet: none.json cannot be read"),
    ] {
        let refused = refused(&privet(odd, &[]));
        assert!(refused.contains(says) && refused.lines().count() == 1, "{refused}");
    }
}

/// A server's process; it does not outlive its test.
struct Running(Child);

impl Running {
    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it is gone");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// `privet serve`, until it says its address.
fn serving(data: &Path) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command
        .args(["serve", "--leader-name", "Example Ltd", "--listen", "127.0.0.1:0", "--data", text(data)])
        .stdout(Stdio::piped());
    let mut child = Running(command.spawn().expect("it runs"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("it is piped")).lines();
    let first = lines.next().expect("it speaks").expect("UTF-8");
    assert!(first.contains("the trust in two is nominal"), "{first}");
    let address = lines.find_map(|line| line.ok()?.split_once("listens on ").map(|(_, url)| url.to_owned()));
    (child, address.expect("it listens"))
}

/// `privet serve` with these words and this environment, until it says its address; what it logs goes there.
fn logging(data: &Path, words: &[&str], environment: &[(&str, &str)], log: Stdio) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command
        .args(["serve", "--leader-name", "Example Ltd", "--listen", "127.0.0.1:0", "--data", text(data)])
        .args(words);
    command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(log);
    let mut child = Running(command.spawn().expect("it runs"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("it is piped")).lines();
    let address = lines.find_map(|line| line.ok()?.split_once("listens on ").map(|(_, url)| url.to_owned()));
    (child, address.expect("it listens"))
}

#[test]
fn the_admin_token_is_of_a_file_or_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let tokens = ["a file's token, 32 characters or more", "the environment's, 32 characters or more"];
    fs::write(&file, format!("{}\n", tokens[0])).expect("writable");
    let environment = [("PRIVET_ADMIN_TOKEN", tokens[1])];
    // Bound, and let go again: nothing listens there.
    let operator = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let operator = operator.expect("a port is free").to_string();
    for (flags, counts) in [(&["--admin-token-file", text(&file)][..], 0), (&[], 1)] {
        let words = [&["--mode", "device"], flags].concat();
        let data = folder.path().join(counts.to_string());
        let words = [&words[..], &["--operator-listen", &operator]].concat();
        let (child, _) = logging(&data, &words, &environment, Stdio::null());
        let url = format!("http://{operator}");
        let asked = |token: &str| {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let request = agent.get(format!("{url}/v1/admin/tasks")).header("authorization", format!("Bearer {token}"));
            let mut reply = request.call().expect("it answers");
            (reply.status().as_u16(), reply.body_mut().read_to_string().expect("text"))
        };
        let (status, tasks) = asked(tokens[counts]);
        assert!(status == 200 && tasks.contains("\"name\":\"demo\""), "{status} {tasks}");
        assert_eq!(asked(tokens[1 - counts]).0, 401, "the file counts before the environment");
        child.kill();
    }
}

/// All that is ever logged, by all that is linked in, of a request that holds four things which nobody may log.
#[test]
fn logs_hold_no_bodies_ids_tokens_or_addresses() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let words = ["--mode", "device", "--client-header", "x-client"];
    let to = fs::File::create(&log).expect("writable");
    let (child, url) = logging(&folder.path().join("data"), &words, &[("RUST_LOG", "trace")], to.into());
    let path = format!("{url}/v1/tasks/demo/rounds/1/uploads/{}", "ab".repeat(16));
    let request = ureq::put(path).header("privet-token", "c0ffee").header("x-client", "192.0.2.77");
    let refused = request.send("a body that nobody logs").expect_err("it is no upload").to_string();
    assert!(refused.contains("400"), "{refused}");
    child.kill();
    let logged = fs::read_to_string(&log).expect("UTF-8");
    assert!(logged.contains("a round is open"), "it logs: {logged}");
    let open = logged.lines().find(|line| line.contains("anybody may upload to this task: it has no token_key"));
    assert!(open.is_some_and(|line| line.contains(" WARN ")), "as much as is logged unless told: {open:?}");
    for secret in ["abababab", "c0ffee", "192.0.2.77", "a body that", "612062"] {
        assert!(!logged.contains(secret), "{secret}");
    }
}

/// How bytes may look in a log: as text, escaped, in hexadecimal, in both base64s, and as a list.
fn looks(bytes: &[u8]) -> Vec<String> {
    let base64 = |last: &str| {
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last.chars()).collect();
        let digits = |bytes: &[u8; 3]| {
            let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
            [18, 12, 6, 0].map(|shift| alphabet[(bits >> shift) as usize % 64])
        };
        // Without what does not make four digits.
        let digits = bytes.as_chunks::<3>().0.iter().flat_map(digits);
        digits.collect::<String>()
    };
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let hex = privet::hex(bytes);
    let mut looks = vec![base64("+/"), base64("-_"), hex.to_uppercase(), hex, list.join(", "), list.join(",")];
    looks.push(bytes.escape_ascii().to_string());
    looks.extend(String::from_utf8(bytes.to_vec()));
    looks
}

/// Whatever both processes log of an upload that is taken and of one that the helper refuses.
#[test]
fn logs_of_both_roles_hold_nothing_of_an_upload() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    // The helper's process inherits where its leader's log goes, and how much of it.
    let to = fs::File::create(&log).expect("writable");
    let (child, url) = logging(&folder.path().join("data"), &[], &[("RUST_LOG", "trace")], to.into());
    let identity: serde_json::Value = serde_json::from_slice(&got(&format!("{url}/v1/identity"))).expect("JSON");
    let key = |name: &str| identity[name].as_str().and_then(privet::unhex).expect("a key");
    let pins = privet::Pins { leader: key("leader"), helper: Some(key("helper")) };
    let signed = got(&format!("{url}/v1/tasks/demo/round"));
    let round = privet::Signed::decode(&signed).and_then(|signed| signed.verify_round(&pins)).expect("signed by both");
    let head = got(&format!("{url}/v1/heads/{}", privet::hex(&round.head)));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut secrets = Vec::new();
    for (id, status) in [(*b"one that's taken", 201), (*b"and one that is ", 400)] {
        let mut body = device::upload(&signed, &head, pins, id);
        if status == 400 {
            *body.last_mut().expect("not empty") ^= 1;
        }
        let path = format!("{url}/v1/tasks/demo/rounds/1/uploads/{}", privet::hex(&id));
        assert_eq!(agent.put(path).send(&body[..]).expect("it answers").status(), status);
        let upload = privet::Upload::decode(&body, &round).expect("whole");
        secrets.push(id.to_vec());
        // After the configuration's hash, which is public, and the id; in pieces, each at the start of a base64 digit.
        for payload in [&body[72..], &upload.shares()[0], &upload.shares()[1]] {
            secrets.extend(payload.chunks_exact(24).map(|piece| piece[..12].to_vec()));
        }
    }
    child.kill();
    let logged = fs::read_to_string(&log).expect("UTF-8");
    assert!(logged.contains("a round is open"), "the leader logs");
    assert!(logged.contains("batch IS NULL"), "the helper logs, and as much as its store");
    for look in secrets.iter().flat_map(|secret| looks(secret)) {
        assert!(!logged.contains(&look), "{look}");
    }
}

fn got(url: &str) -> Vec<u8> {
    ureq::get(url).call().expect("it answers").body_mut().read_to_vec().expect("a body")
}

#[cfg(unix)]
#[test]
fn both_are_served_without_arguments_and_end_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let (child, url) = serving(folder.path());
    let identity: serde_json::Value = serde_json::from_slice(&got(&format!("{url}/v1/identity"))).expect("JSON");
    let key = |name: &str| identity[name].as_str().and_then(privet::unhex).expect("a key");
    let pins = privet::Pins { leader: key("leader"), helper: Some(key("helper")) };
    let signed = got(&format!("{url}/v1/tasks/demo/round"));
    let round = privet::Signed::decode(&signed).and_then(|signed| signed.verify_round(&pins)).expect("signed by both");
    assert_eq!((round.number, round.mode), (1, Mode::Split));
    for name in ["leader.keys", "helper.keys", "leader.sqlite", "helper.sqlite"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    // Killed, the helper ends with its leader's pipe; both come back to what they had.
    child.kill();
    let (mut child, url) = serving(folder.path());
    assert_eq!(got(&format!("{url}/v1/tasks/demo/round")), signed);
    assert!(Command::new("kill").args(["-TERM", &child.0.id().to_string()]).status().expect("it runs").success());
    assert!(child.0.wait().expect("it ends").success(), "asked to, it ends in order");
}
