//! A leader and a helper over files, a wire between them that fails when it is told to, and devices.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use privet::{
    AggregateShare, Backend, Closing, Device, Event, Head, Item, Mode, Moment, Policy, Role, Round, SealingKey, Share,
    Signed, Terms, Upload, UploadId, hex,
};
use privet_server::{
    Ask, Clock, Helper, Keys, Leader, Peer, PeerError, Refusal, SqliteStore, Task,
    store::{BatchState, HeadStore, RoundStore, State, StoredTask, UploadStore},
};
use privet_testkit::contribution;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::residual::assert_only_noise;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A device contributes to the open round, and its upload is sent.
    Train,
    /// An earlier upload is sent again.
    Replay(u8),
    /// The leader takes the step that is due.
    Advance,
    /// The next request to the helper does not arrive.
    DropRequest,
    /// It arrives, and the answer does not.
    DropReply,
    /// It arrives twice.
    Twice,
    /// It arrives twice, the second time before the first is answered.
    Overlap,
    /// It arrives at [`Step::Deliver`], after everyone has given it up.
    Delay,
    Deliver,
    /// Two uploads and a step of the round are on their way for this many microseconds; then the leader's process is gone, and starts.
    CrashLeader(u16),
    /// The helper's process is gone until [`Step::StartHelper`].
    CrashHelper,
    StartHelper,
    /// Both clocks jump by this many thirds of a round.
    Jump(i8),
    /// The leader's clock alone does, until the helper's is told, too.
    Drift(i8),
    /// Nothing can be written at the leader until [`Step::StoresBack`].
    LeaderStoreGone,
    HelperStoreGone,
    StoresBack,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    DropRequest,
    DropReply,
    Twice,
    Overlap,
    Delay,
}

/// What lies between the two.
#[derive(Default)]
struct Wire {
    helper: Mutex<Option<Arc<Helper<SqliteStore>>>>,
    faults: Mutex<VecDeque<Fault>>,
    late: Mutex<Vec<(Ask, Vec<u8>)>>,
    /// Every sum that the helper gave, by configuration: there must be one each.
    sums: Mutex<BTreeMap<[u8; 32], BTreeSet<Vec<u8>>>>,
    /// Every sum of its own that the leader said, likewise.
    named: Mutex<BTreeMap<[u8; 32], BTreeSet<Vec<u8>>>>,
    /// What the clocks say.
    leader_s: AtomicU64,
    helper_s: AtomicU64,
}

impl Wire {
    async fn deliver(&self, ask: Ask, body: &[u8]) -> Result<Vec<u8>, PeerError> {
        let helper = self.helper.lock().expect("no panic").clone().ok_or(PeerError::Unreachable)?;
        let said = helper.answer_at(self.leader_s.load(Ordering::Relaxed), ask, body).await;
        let said = said.map_err(|error| match error.of() {
            Some(&Refusal::ClocksDiffer { by_s }) => PeerError::Clocks(by_s),
            _ => PeerError::Said(error.code().into()),
        })?;
        if ask == Ask::Closing {
            let configuration = Closing::decode(body).expect("the leader writes them").configuration;
            self.sums.lock().expect("no panic").entry(configuration).or_default().insert(said.clone());
        }
        Ok(said)
    }
}

struct Way(Arc<Wire>);

impl Peer for Way {
    async fn ask(&self, ask: Ask, body: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        if ask == Ask::Head {
            let (configuration, rest) = body.split_first_chunk().expect("two hashes and a sum");
            let mut named = self.0.named.lock().expect("no panic");
            named.entry(*configuration).or_default().insert(rest[32..].to_vec());
        }
        let fault = self.0.faults.lock().expect("no panic").pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => self.0.deliver(ask, &body).await,
            Fault::DropRequest => Err(PeerError::Unreachable),
            Fault::DropReply => {
                drop(self.0.deliver(ask, &body).await);
                Err(PeerError::Unreachable)
            }
            Fault::Twice => {
                drop(self.0.deliver(ask, &body).await);
                self.0.deliver(ask, &body).await
            }
            Fault::Overlap => {
                let (_, said) = tokio::join!(self.0.deliver(ask, &body), self.0.deliver(ask, &body));
                said
            }
            Fault::Delay => {
                self.0.late.lock().expect("no panic").push((ask, body));
                Err(PeerError::Unreachable)
            }
        }
    }
}

/// An upload that was made, and whether it was acknowledged.
struct Made {
    round: u32,
    id: UploadId,
    bytes: Vec<u8>,
    acknowledged: bool,
}

pub(crate) struct World {
    folder: TempDir,
    wire: Arc<Wire>,
    runtime: Option<Runtime>,
    leader: Arc<Leader<SqliteStore, Way>>,
    task: Task,
    head: Vec<u8>,
    now_s: u64,
    made: Vec<Made>,
    /// What is in the sums of the rounds that closed.
    included: BTreeMap<u32, BTreeSet<UploadId>>,
    gone: Vec<SqliteConnection>,
}

const ROUND_S: u64 = 3000;
const NOW_S: u64 = 1_800_000_000;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (task, head) = Task::demo(Mode::Split, 2).expect("the demo's numbers fit");
        let task = Task { goal: 3, n_max: 6, round_s: ROUND_S, ..task };
        let wire = Arc::new(Wire::default());
        let runtime = runtime();
        start_helper(&runtime, &folder, &wire, Some(&task));
        let now_s = NOW_S;
        wire.leader_s.store(now_s, Ordering::Relaxed);
        wire.helper_s.store(now_s, Ordering::Relaxed);
        let leader = start_leader(&runtime, &folder, &wire, &task, &head);
        runtime.block_on(leader.advance_round("demo", now_s)).expect("nothing is in the way");
        let (made, included, gone) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { folder, wire, runtime: Some(runtime), leader, task, head, now_s, made, included, gone }
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("it runs between steps").block_on(future)
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Train => {
                if let Some(place) = self.train() {
                    self.send(place);
                }
            }
            Step::Replay(which) => {
                if !self.made.is_empty() {
                    self.send(usize::from(which) % self.made.len());
                }
            }
            Step::Advance => drop(self.advance_round()),
            Step::DropRequest => self.fault(Fault::DropRequest),
            Step::DropReply => self.fault(Fault::DropReply),
            Step::Twice => self.fault(Fault::Twice),
            Step::Overlap => self.fault(Fault::Overlap),
            Step::Delay => self.fault(Fault::Delay),
            Step::Deliver => self.deliver(),
            Step::CrashLeader(us) => self.crash_leader(us),
            Step::CrashHelper => *self.wire.helper.lock().expect("no panic") = None,
            Step::StartHelper => self.start_helper(),
            Step::Jump(thirds) => {
                self.drift(thirds);
                self.set_clocks();
            }
            Step::Drift(thirds) => self.drift(thirds),
            Step::LeaderStoreGone => self.store_gone("leader.sqlite"),
            Step::HelperStoreGone => self.store_gone("helper.sqlite"),
            Step::StoresBack => self.stores_back(),
        }
        self.verify();
    }

    fn drift(&mut self, thirds: i8) {
        self.now_s = self.now_s.saturating_add_signed(i64::from(thirds) * ROUND_S as i64 / 3);
        self.wire.leader_s.store(self.now_s, Ordering::Relaxed);
    }

    /// The helper's clock says what the leader's does.
    fn set_clocks(&self) {
        self.wire.leader_s.store(self.now_s, Ordering::Relaxed);
        self.wire.helper_s.store(self.now_s, Ordering::Relaxed);
    }

    fn fault(&self, fault: Fault) {
        self.wire.faults.lock().expect("no panic").push_back(fault);
    }

    /// The next requests go through.
    pub(crate) fn pass(&self, requests: usize) {
        (0..requests).for_each(|_| self.fault(Fault::None));
    }

    /// The rounds whose sums were opened.
    pub(crate) fn closed(&self) -> Vec<u32> {
        self.included.keys().copied().collect()
    }

    /// A device makes an upload to the open round, if there is one.
    fn train(&mut self) -> Option<usize> {
        let open = self.leader.open("demo").ok()?;
        let head = self.run(self.leader.head(open.round.head)).ok()?;
        let policy = Policy { min_cohort: 2, ..Policy::at_once() };
        let terms = Terms { task: "demo".into(), pins: self.leader.pins(), policy };
        let mut device = Device::new(terms, &open.signed, &head.body, &[], Backend::Scalar).expect("it is signed");
        let number = self.made.len() as u64;
        let embedding = (0..16).map(|axis| (number + axis) as f32 / 100.0).collect();
        device.record(Event::new(1, Item::plain(number, embedding), Moment::default())).expect("fits");
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let bytes = contribution(&mut device, id);
        self.made.push(Made { round: open.round.number, id, bytes, acknowledged: false });
        Some(self.made.len() - 1)
    }

    fn send(&mut self, place: usize) {
        let Made { round, id, bytes, .. } = &self.made[place];
        match self.run(self.leader.accept("demo", *round, &hex(id), bytes, None)) {
            Ok(_) => self.made[place].acknowledged = true,
            Err(error) => {
                let expected = [
                    "helper-unreachable",
                    "store-failed",
                    "round-closed",
                    "round-full",
                    "round-pending",
                    "clocks-differ",
                ];
                assert!(expected.contains(&error.code()), "{error}");
            }
        }
    }

    fn advance_round(&mut self) -> privet::Result<()> {
        let advanced = self.run(self.leader.advance_round("demo", self.now_s));
        self.verify();
        advanced
    }

    fn deliver(&self) {
        let late: Vec<_> = self.wire.late.lock().expect("no panic").drain(..).collect();
        late.into_iter().for_each(|(ask, body)| drop(self.run(self.wire.deliver(ask, &body))));
    }

    fn crash_leader(&mut self, us: u16) {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let places: Vec<usize> = (0..2).filter_map(|_| self.train()).collect();
        let runtime = self.runtime.take().expect("it runs between steps");
        for place in places {
            let Made { round, id, bytes, .. } = &self.made[place];
            let (round, id, bytes) = (*round, hex(id), bytes.clone());
            let (leader, acknowledged) = (self.leader.clone(), acknowledged.clone());
            runtime.spawn(async move {
                if leader.accept("demo", round, &id, &bytes, None).await.is_ok() {
                    acknowledged.lock().expect("no panic").push(place);
                }
            });
        }
        let (leader, now_s) = (self.leader.clone(), self.now_s);
        runtime.spawn(async move { leader.advance_round("demo", now_s).await });
        std::thread::sleep(Duration::from_micros(us.into()));
        runtime.shutdown_timeout(Duration::from_secs(5));
        for place in acknowledged.lock().expect("no panic").drain(..) {
            self.made[place].acknowledged = true;
        }
        // A process that starts over a store that cannot be written does not start: it is back first.
        self.stores_back();
        let runtime = self::runtime();
        let helper_was_up = self.wire.helper.lock().expect("no panic").is_some();
        if helper_was_up {
            // Its pool was of the runtime that is gone.
            start_helper(&runtime, &self.folder, &self.wire, None);
        }
        self.leader = start_leader(&runtime, &self.folder, &self.wire, &self.task, &self.head);
        self.runtime = Some(runtime);
    }

    fn start_helper(&mut self) {
        self.stores_back();
        start_helper(self.runtime.as_ref().expect("it runs"), &self.folder, &self.wire, None);
    }

    /// Another writer takes the file and does not give it back.
    fn store_gone(&mut self, name: &str) {
        if !self.gone.is_empty() {
            return;
        }
        let options = SqliteConnectOptions::new().filename(self.folder.path().join(name));
        let taken = self.run(async {
            let mut connection = SqliteConnection::connect_with(&options).await.expect("the file is there");
            sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.map(|_| connection)
        });
        // It may be busy with what a crash left; then nothing is taken.
        self.gone.extend(taken);
    }

    fn stores_back(&mut self) {
        for connection in self.gone.drain(..) {
            let close = async { drop(connection.close().await) };
            // Between two processes there is none of the leader's.
            self.runtime.as_ref().unwrap_or(&runtime()).block_on(close);
        }
    }

    /// Compares every round that was closed since with a plain recomputation.
    fn verify(&mut self) {
        let store = self.leader.store().clone();
        let last = self.run(store.last_number("demo")).expect("reading needs no writer");
        for number in 1..=last {
            let stored = self.run(store.numbered("demo", number)).expect("it reads").expect("it was begun");
            if stored.state != State::Closed || self.included.contains_key(&number) {
                continue;
            }
            let batches = self.run(store.batches(stored.id)).expect("it reads");
            let agreed = batches.iter().filter(|batch| batch.state == BatchState::Agreed);
            let ids: Vec<UploadId> =
                agreed.flat_map(|batch| self.run(store.ids(stored.id, batch.number)).expect("it reads")).collect();
            let included: BTreeSet<UploadId> = ids.iter().copied().collect();
            assert_eq!(included.len(), ids.len(), "no upload is in two batches");
            self.recompute(&stored.round, &included);
            self.included.insert(number, included);
        }
    }

    fn recompute(&self, round: &Round, included: &BTreeSet<UploadId>) {
        let sums = [(Role::Leader, "leader.keys"), (Role::Helper, "helper.keys")].map(|(role, name)| {
            let seeds = std::fs::read(self.folder.path().join(name)).expect("a key file");
            let key = SealingKey::from_seed(&seeds[32..].try_into().expect("32 bytes"));
            let mut sum = Share::zero(round.dimension);
            for id in included {
                let made = self.made.iter().find(|made| made.id == *id).expect("a device made it");
                assert_eq!(made.round, round.number);
                let upload = Upload::decode(&made.bytes, round).expect("our own bytes");
                sum.add(&upload.open(round, role, &key).expect("sealed to it"));
            }
            sum
        });
        let given = self.wire.sums.lock().expect("no panic").get(&round.hash()).cloned().unwrap_or_default();
        assert_eq!(given.len(), 1, "the helper gives one sum, and draws its noise once");
        let theirs = given.first().expect("one of one");
        let ours =
            self.run(self.leader.store().numbered("demo", round.number)).expect("it reads").expect("it was begun");
        let noised = [&ours.sum.expect("it is closed"), theirs]
            .map(|bytes| AggregateShare::decode(bytes, round.dimension).expect("our own bytes"));
        for (noised, sum) in noised.iter().zip(&sums) {
            assert_only_noise(noised, sum, round);
        }
        let mean = noised[0].mean(Some(&noised[1]), round).expect("at least the least cohort");
        let heads = self.run(self.leader.store().heads("demo")).expect("it reads");
        let before = heads.iter().find(|head| head.hash == round.head).expect("heads are kept");
        let after = heads.iter().find(|head| head.round == round.number).expect("a closed round has a head");
        let old = Head::decode(&before.body).expect("a head");
        let moved = old.parameters().iter().zip(&mean).map(|(&w, g)| (f64::from(w) - g) as f32).collect();
        assert_eq!(after.body, old.with_parameters(moved).expect("as many").encode(), "round {}", round.number);
        if after.held.is_none() {
            let manifest = Signed::decode(after.manifest.as_ref().expect("it is published")).expect("an envelope");
            manifest.verify_manifest(&self.leader.pins(), Mode::Split).expect("signed by both");
        }
    }

    /// Nothing is in the way any more: the rounds advance, and every promise is checked.
    pub(crate) fn end(&mut self) {
        self.wire.faults.lock().expect("no panic").clear();
        self.start_helper();
        self.deliver();
        for _ in 0..4 {
            self.now_s = self.now_s.max(NOW_S) + 3 * ROUND_S;
            self.set_clocks();
            // A draft that the helper refuses takes another step to be given up.
            let advanced = self.advance_round().or_else(|_| self.advance_round()).or_else(|_| self.advance_round());
            assert_eq!(advanced, Ok(()), "rounds advance again");
        }
        for number in self.made.iter().map(|made| made.round).collect::<BTreeSet<_>>() {
            let acknowledged: BTreeSet<UploadId> =
                self.made.iter().filter(|made| made.round == number && made.acknowledged).map(|made| made.id).collect();
            match self.included.get(&number) {
                Some(included) => {
                    assert!(acknowledged.is_subset(included), "round {number}: {acknowledged:?} {included:?}");
                }
                None => assert!(acknowledged.len() < 2, "round {number} ended over {} uploads", acknowledged.len()),
            }
        }
        for sums in [&self.wire.sums, &self.wire.named] {
            for sums in sums.lock().expect("no panic").values() {
                assert_eq!(sums.len(), 1, "each aggregator draws its noise once a round");
            }
        }
    }
}

fn keys(folder: &TempDir, name: &str) -> Keys {
    Keys::open(&folder.path().join(name)).expect("a key file")
}

async fn store(folder: &TempDir, name: &str) -> SqliteStore {
    let path = folder.path().join(name);
    for _ in 0..20 {
        if let Ok(store) = SqliteStore::open_hasty(&path).await {
            return store;
        }
        // What the process before it had begun is being rolled back.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} does not open");
}

fn start_helper(runtime: &Runtime, folder: &TempDir, wire: &Arc<Wire>, task: Option<&Task>) {
    let helper = runtime.block_on(async {
        let store = store(folder, "helper.sqlite").await;
        if let Some(task) = task {
            let (hash, name, text) = (task.hash(), task.name.clone(), task.text());
            store.put_task(&StoredTask { hash, name, text, admitted: true }).await.expect("it answers");
        }
        let clock = wire.clone();
        let clock = Clock::new(move || clock.helper_s.load(Ordering::Relaxed));
        Helper::new(store, keys(folder, "helper.keys"), "the helper").with_clock(clock)
    });
    *wire.helper.lock().expect("no panic") = Some(Arc::new(helper));
}

fn start_leader(
    runtime: &Runtime,
    folder: &TempDir,
    wire: &Arc<Wire>,
    task: &Task,
    head: &[u8],
) -> Arc<Leader<SqliteStore, Way>> {
    runtime.block_on(async {
        let store = store(folder, "leader.sqlite").await;
        let key = keys(folder, "helper.keys").identity.public();
        let leader = Leader::new(store, keys(folder, "leader.keys"), "the leader", Some((Way(wire.clone()), key)));
        let leader = leader.with_batches_of(2);
        leader.serve(task.clone(), head).await.expect("the task is whole");
        Arc::new(leader)
    })
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.gone.clear();
            runtime.shutdown_background();
        }
    }
}
