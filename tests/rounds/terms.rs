//! Terms that change while rounds are open, and heads that the helper will not sign.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use privet::{Head, Mode, hex};
use privet_server::{
    Ask, Clock, Helper, Keys, Leader, Optimiser, Peer, PeerError, Refusal, SqliteStore, Store, Task, Validation,
    store::{HeadStore, RoundStore, State, StoredHead},
};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::pair::{NOW_S, Pair, admit, contribution, problem};

fn uploads(pair: &Pair, round: u32, count: u8) {
    for n in 1..=count {
        let id = [n; 16];
        assert_eq!(pair.upload(round, id, &contribution(&mut pair.device(), id)).status, 201);
    }
}

fn first_head(pair: &Pair) -> Vec<u8> {
    let hash = pair.task.first_head().expect("64 digits");
    pair.runtime.block_on(pair.leader.head(hash)).expect("it is published").body
}

fn serve(pair: &Pair, task: &Task) {
    pair.runtime.block_on(pair.leader.serve(task.clone(), &first_head(pair))).expect("the task is whole");
}

fn parameters(pair: &Pair, hash: [u8; 32]) -> Vec<f32> {
    let body = pair.runtime.block_on(pair.leader.head(hash)).expect("it is published").body;
    Head::decode(&body).expect("a head").parameters().to_vec()
}

#[test]
fn an_open_round_keeps_its_own_cohort_when_the_goal_is_lowered() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |task| (task.min_cohort, task.goal) = (3, 5));
    uploads(&pair, 1, 2);
    serve(&pair, &Task { min_cohort: 1, goal: 1, ..pair.task.clone() });
    pair.advance_round().expect("nothing is due");
    assert_eq!(pair.round().number, 1, "two of three");
    let bytes = contribution(&mut pair.device(), [9; 16]);
    assert_eq!(pair.upload(1, [9; 16], &bytes).count(), (201, 3));
    let goal = pair.figures();
    assert!(goal.contains("privet_round_goal{task=\"demo\"} 3\n"), "{goal}");
    pair.advance_round().expect("the goal is reached");
    assert_eq!((pair.round().number, pair.round().min_cohort), (2, 1));
    pair.stop();
}

#[test]
fn another_optimiser_counts_when_it_is_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let (task, helper) = (pair.task.clone(), pair.helper.clone().expect("there is one"));
    uploads(&pair, 1, 3);
    pair.advance_round().expect("the goal is reached");
    let second = pair.round();
    let half = Task { optimiser: Optimiser::Sgd { rate: 0.5, momentum: 0.0 }, ..task };
    serve(&pair, &half);
    uploads(&pair, 2, 3);
    assert_eq!(pair.advance_round(), Err(Refusal::TaskNotAdmitted.into()), "the sum is given, and the head waits");
    pair.runtime.block_on(admit(helper.store(), &half));
    pair.advance_round().expect("nothing is in the way any more");
    let third = pair.round();
    assert_eq!(third.number, 3);
    let (versions, current) = pair.runtime.block_on(pair.leader.versions("demo")).expect("it is served");
    assert_eq!((versions.len(), current), (3, third.head));
    assert!(versions.iter().all(|version| version.held.is_none()));

    // Both sums are in the stores: the head is where half of the mean leads, and not the whole.
    let dimension = second.dimension;
    let sum = |store: &SqliteStore| {
        let stored = pair.runtime.block_on(store.numbered("demo", 2)).expect("it answers").expect("it was begun");
        privet::AggregateShare::decode(&stored.sum.expect("it is closed"), dimension).expect("our own bytes")
    };
    let mean = sum(pair.leader.store()).mean(Some(&sum(helper.store())), &second).expect("three of three");
    let (before, after) = (parameters(&pair, second.head), parameters(&pair, third.head));
    for ((old, new), g) in before.iter().zip(after).zip(mean) {
        assert_eq!(new, (f64::from(*old) - 0.5 * g) as f32);
    }
    pair.stop();
}

#[test]
fn a_head_that_the_helper_will_not_sign_is_held_back_and_rounds_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let first = pair.round().head;
    let helper = pair.helper.clone().expect("there is one");
    // As if it had signed another one for this round before.
    let other = StoredHead {
        hash: [9; 32],
        task: "demo".into(),
        round: 1,
        previous: first,
        count: 3,
        body: vec![9],
        memory: Vec::new(),
        manifest: None,
        held: None,
    };
    pair.runtime.block_on(helper.store().put_head(&other)).expect("it answers");
    uploads(&pair, 1, 3);
    pair.advance_round().expect("the round closes all the same");
    assert_eq!((pair.round().number, pair.round().head), (2, first), "from the head before");
    let (versions, _) = pair.runtime.block_on(pair.leader.versions("demo")).expect("it is served");
    assert_eq!(versions[1].held.as_deref(), Some("the helper refused: round-conflict"));
    let figures = pair.figures();
    assert!(figures.contains("privet_rounds_total{task=\"demo\",outcome=\"held\"} 1\n"), "{figures}");
    let promoted = pair.runtime.block_on(pair.leader.promote("demo", versions[1].hash, false));
    assert_eq!(promoted, Err(Refusal::HelperRefused { code: "round-conflict".into() }.into()));
    pair.stop();
}

/// Devices that lie about their gradients: one by more than anybody's noise, who is refused at the door, and three by as
/// much as noise may make, whom nobody can tell from it one at a time.
#[test]
fn a_head_whose_mean_is_longer_than_it_can_be_is_held_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Device, |_| {});
    let (first, dimension) = (pair.round().head, pair.round().dimension as usize);
    let lie = |n: u8, entry: u32| {
        let mut lie = contribution(&mut pair.device(), [n; 16]);
        let start = lie.len() - 4 * dimension;
        lie[start..][..4].copy_from_slice(&entry.to_le_bytes());
        pair.upload(1, [n; 16], &lie)
    };
    // S and 12 deviations of 8 S.
    let most = 97 * pair.task.grid_scale;
    for entry in [most + 1, 1 << 28, (most + 1).wrapping_neg()] {
        assert_eq!(lie(1, entry).problem(), problem(400, "entry-too-large"), "{entry}");
    }
    (1..=3).for_each(|n| assert_eq!(lie(n, most).count(), (201, n.into())));
    pair.advance_round().expect("the round closes all the same");
    assert_eq!((pair.round().number, pair.round().head), (2, first), "from the head before");
    let versions = super::admin::asked(&pair, "get", "/v1/admin/tasks/demo/heads", super::pair::TOKEN, b"").json();
    assert_eq!((&versions[1]["round"], &versions[1]["current"]), (&1.into(), &false.into()));
    let held = versions[1]["held"].as_str().expect("a reason");
    let norm =
        held.strip_prefix("the norm of the mean is ").and_then(|rest| rest.split_once("; clipped contributions"));
    let norm: f64 = norm.and_then(|(norm, _)| norm.parse().ok()).unwrap_or_else(|| panic!("{held}"));
    assert!(norm > 97.0, "{held}");
    let hash = versions[1]["hash"].as_str().expect("a hash");
    for path in [format!("/v1/heads/{hash}"), format!("/v1/heads/{hash}/manifest")] {
        assert_eq!(pair.get(&path).problem(), problem(404, "route-unknown"), "nobody is given it");
    }
    let figures = pair.figures();
    assert!(figures.contains("privet_rounds_total{task=\"demo\",outcome=\"held\"} 1\n"), "{figures}");
    assert!(figures.contains("privet_alarms_total{task=\"demo\",what=\"head-held\"} 1\n"), "{figures}");
    pair.stop();
}

/// Terms that the helper's operator withdrew while a round was open, and admitted others: what the round holds waits for
/// the leader's operator, and rounds go on by the other terms when it is given up.
#[test]
fn a_round_by_withdrawn_terms_is_given_up_when_others_are_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |_| {});
    let (task, helper, head) = (pair.task.clone(), pair.helper.clone().expect("there is one"), pair.round().head);
    uploads(&pair, 1, 3);
    let wider = Task { n_max: task.n_max + 1, ..task.clone() };
    pair.runtime.block_on(helper.store().withdraw(&task.hash())).expect("it answers");
    serve(&pair, &wider);
    pair.runtime.block_on(admit(helper.store(), &wider));
    assert_eq!(pair.advance_round(), Err(Refusal::TaskWithdrawn.into()));
    let discard = |discard| pair.runtime.block_on(pair.leader.promote("demo", head, discard));
    assert_eq!(discard(false), Err(Refusal::UploadsAtStake { round: 1, uploads: 3 }.into()));
    assert_eq!(discard(true), Ok(()));
    pair.advance_round().expect("rounds go on");
    assert_eq!((pair.round().number, pair.round().n_max), (2, wider.n_max));
    pair.stop();
}

/// A helper in the same process that waits with the answer to a closing.
struct Slow {
    helper: Arc<Helper<SqliteStore>>,
    waits: AtomicBool,
    reached: Notify,
    go: Notify,
}

struct Way(Arc<Slow>);

impl Peer for Way {
    async fn ask(&self, ask: Ask, body: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        if ask == Ask::Closing && self.0.waits.swap(false, Ordering::Relaxed) {
            self.0.reached.notify_one();
            self.0.go.notified().await;
        }
        self.0.helper.answer(ask, &body).await.map_err(|error| PeerError::Said(error.code().into()))
    }
}

async fn over(folder: &TempDir, name: &str) -> (SqliteStore, Keys) {
    let path = folder.path().join(name);
    let store = SqliteStore::open_hasty(&path.with_extension("sqlite")).await.expect("a new file opens");
    (store, Keys::open(&path.with_extension("keys")).expect("a new file opens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_change_in_mid_turn_wait_for_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (task, head) = Task::demo(Mode::Split, 3).expect("the demo's numbers fit");
    let changed = Task { goal: 4, ..task.clone() };
    let (store, keys) = over(&folder, "helper").await;
    for task in [&task, &changed] {
        admit(&store, task).await;
    }
    let helper = Arc::new(Helper::new(store, keys, "the helper").with_clock(Clock::new(|| NOW_S)));
    let slow = Slow { helper: helper.clone(), waits: true.into(), reached: Notify::new(), go: Notify::new() };
    let slow = Arc::new(slow);
    let (store, keys) = over(&folder, "leader").await;
    let pinned = Some((Way(slow.clone()), helper.identity().public()));
    let leader = Arc::new(Leader::new(store, keys, "the leader", pinned));
    leader.serve(task, &head).await.expect("the task is whole");
    leader.advance_round("demo", NOW_S).await.expect("a round opens");
    let open = leader.open("demo").expect("it is open");
    for n in 1..=3 {
        let policy = privet::Policy { min_cohort: 3, ..privet::Policy::at_once() };
        let terms = privet::Terms { task: "demo".into(), pins: leader.pins(), policy };
        let device = privet::Device::new(terms, &open.signed, &head, &[], privet::Backend::Scalar);
        let bytes = contribution(&mut device.expect("the policy admits it"), [n; 16]);
        leader.accept("demo", 1, &hex(&[n; 16]), &bytes, None).await.expect("the round is open");
    }

    let advancing = tokio::spawn({
        let leader = leader.clone();
        async move { leader.advance_round("demo", NOW_S).await }
    });
    slow.reached.notified().await;
    let serving = tokio::spawn({
        let leader = leader.clone();
        async move { leader.serve(changed, &head).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!serving.is_finished(), "it waits");
    assert_eq!(leader.terms("demo").expect("it is served").goal, 3);
    slow.go.notify_one();
    advancing.await.expect("no panic").expect("nothing is in the way");
    serving.await.expect("no panic").expect("nothing is in the way");
    assert_eq!(leader.terms("demo").expect("it is served").goal, 4);
    assert_eq!(leader.open("demo").expect("the next round is open").round.number, 2);
    let first = leader.store().numbered("demo", 1).await.expect("it answers").expect("it was begun");
    assert_eq!(first.state, State::Closed);
    leader.store().shut().await;
    helper.store().shut().await;
}

/// Two people of the same past who choose the opposite of each other: whatever a head prefers, half of them do not, so
/// that a head loses the more the surer it is of anything.
fn public_events() -> String {
    let item = |axis: usize| {
        let embedding: Vec<f32> = (0..16).map(|i| if i == axis { 1.0 } else { 0.1 }).collect();
        serde_json::json!({ "id": axis.to_string(), "embedding": embedding })
    };
    let chose = |person: &str, chosen: usize, beside: &[usize]| {
        let beside: Vec<_> = beside.iter().map(|&axis| item(axis)).collect();
        let event = serde_json::json!({ "person": person, "kind": "click", "item": item(chosen), "beside": beside });
        format!("{event}\n")
    };
    [chose("a", 1, &[]), chose("b", 1, &[]), chose("a", 1, &[2]), chose("b", 2, &[1])].concat()
}

/// The same round twice, with a tolerance that the new head keeps to and with one that it does not.
#[test]
fn a_head_that_is_worse_on_the_public_file_is_held_back() {
    for (tolerance, held) in [(1e30, false), (0.0, true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::start(&folder, Mode::Device, |task| {
            // Steps so large that noise makes the head sure of anything, but once in thousands of runs.
            task.optimiser = Optimiser::Sgd { rate: 1000.0, momentum: 0.0 };
        });
        let first = pair.round().head;
        let head = Head::decode(&first_head(&pair)).expect("a head");
        let validation = Validation::read(&public_events(), &head, tolerance).expect("the schema describes it");
        pair.leader.try_heads_on("demo", Some(validation));
        uploads(&pair, 1, 3);
        pair.advance_round().expect("the goal is reached");
        let versions = super::admin::asked(&pair, "get", "/v1/admin/tasks/demo/heads", super::pair::TOKEN, b"").json();
        let loss = |version: usize| versions[version]["loss"].as_f64().expect("a number");
        let (before, after) = (loss(0), loss(1));
        assert!(after > before, "{before} {after}");
        assert_eq!(pair.round().head == first, held);
        assert_eq!(versions[1]["current"], !held);
        let why = versions[1]["held"].as_str().unwrap_or_default().to_owned();
        let said = format!("is {after:.6}; {before:.6} of the head before and 0 more are tolerated");
        assert_eq!(why.contains(&said), held, "{why}");
        pair.stop();
    }
}
