//! A leader, a helper where the task wants one, and devices, over HTTP on the loopback.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, http::HeaderName};
use privet::{Backend, Device, Mode, Pins, Policy, Round, Signed, Terms, UploadId, hex};
use privet_server::store::{HeadStore, StoredTask};
use privet_server::{
    Clock, Connections, Extras, Helper, HttpPeer, Keys, Leader, Rate, SqliteStore, Store, Task, helper_app, leader_app,
    leader_operator_app, serve,
};
pub(crate) use privet_testkit::browse;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};

/// The time of every test until it says another one.
pub(crate) const NOW_S: u64 = 1_800_000_000;

/// The admin token of every test.
pub(crate) const TOKEN: &str = "a token of 32 characters or more.";

/// The header that names the client to the server of every test, and how often a second one may ask.
pub(crate) const CLIENT: &str = "x-client";
const RATE: u32 = 1000;

pub(crate) struct Pair {
    pub(crate) runtime: Runtime,
    pub(crate) address: SocketAddr,
    /// Where figures are, and the administration.
    pub(crate) operator: SocketAddr,
    pub(crate) leader: Arc<Leader<SqliteStore, HttpPeer>>,
    pub(crate) helper: Option<Arc<Helper<SqliteStore>>>,
    pub(crate) task: Task,
    /// What the clocks say.
    pub(crate) leader_s: Arc<AtomicU64>,
    pub(crate) helper_s: Arc<AtomicU64>,
}

pub(crate) fn clock(now_s: &Arc<AtomicU64>) -> Clock {
    let now_s = now_s.clone();
    Clock::new(move || now_s.load(Ordering::Relaxed))
}

pub(crate) async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Where the leader is served, to devices and to its operator.
async fn served(leader: Arc<Leader<SqliteStore, HttpPeer>>) -> [SocketAddr; 2] {
    let rate = Rate { per_s: RATE, client_header: Some(HeaderName::from_static(CLIENT)), ..Rate::default() };
    let operator = leader_operator_app(leader.clone(), Some(TOKEN));
    let devices = leader_app(leader, Extras { rate: Some(&rate), ..Extras::default() });
    let mut addresses = Vec::new();
    for app in [devices, operator] {
        let (listener, address) = bound().await;
        tokio::spawn(serve(listener, None, Connections::default(), app, std::future::pending()));
        addresses.push(address);
    }
    addresses.try_into().expect("two of them")
}

impl Pair {
    /// Both over the stores and keys of a folder, with the demo's task after `edit`, and its first round open.
    pub(crate) fn start(folder: &TempDir, mode: Mode, edit: impl FnOnce(&mut Task)) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let (mut task, head) = Task::demo(mode, 3).expect("the demo's numbers fit");
        edit(&mut task);
        let [leader_s, helper_s] = [(); 2].map(|()| Arc::new(AtomicU64::new(NOW_S)));
        let (leader, helper, [address, operator]) = runtime.block_on(async {
            let store = async |name: &str| {
                let path = folder.path().join(name).with_extension("sqlite");
                SqliteStore::open_hasty(&path).await.expect("a new file opens")
            };
            let keys = |name: &str| {
                let path = folder.path().join(name).with_extension("keys");
                Keys::open(&path).expect("a new file opens")
            };
            let leader_keys = keys("leader");
            let helper = if mode == Mode::Split {
                let (store, keys) = (store("helper").await, keys("helper"));
                admit(&store, &task).await;
                let helper = Arc::new(Helper::new(store, keys, "the helper").with_clock(clock(&helper_s)));
                let (listener, address) = bound().await;
                let app = helper_app(helper.clone(), leader_keys.identity.public());
                tokio::spawn(async { axum::serve(listener, app).await });
                Some((helper, address))
            } else {
                None
            };
            let peer = helper.as_ref().map(|(helper, address)| {
                let key = helper.identity().public();
                let peer = HttpPeer::new(&format!("http://{address}"), None, key, leader_keys.identity.clone());
                (peer.expect("plain HTTP").with_clock(clock(&leader_s)), key)
            });
            let leader = Arc::new(Leader::new(store("leader").await, leader_keys, "the leader", peer));
            leader.serve(task.clone(), &head).await.expect("the task is whole");
            leader.advance_round("demo", NOW_S).await.expect("a round opens");
            let addresses = served(leader.clone()).await;
            (leader, helper.map(|(helper, _)| helper), addresses)
        });
        Self { runtime, address, operator, leader, helper, task, leader_s, helper_s }
    }

    /// The same with a leader that starts anew, and finds this where its helper was; it pins this key.
    pub(crate) fn led(self, folder: &TempDir, helper: Router, pinned: [u8; 32]) -> Self {
        let (leader, [address, operator]) = self.runtime.block_on(async {
            let first = self.leader.head(self.task.first_head().expect("64 digits")).await.expect("it is published");
            self.leader.store().shut().await;
            let (listener, address) = bound().await;
            tokio::spawn(async { axum::serve(listener, helper).await });
            let path = folder.path().join("leader");
            let keys = Keys::open(&path.with_extension("keys")).expect("it is there");
            let store = SqliteStore::open_hasty(&path.with_extension("sqlite")).await.expect("it opens");
            let peer = HttpPeer::new(&format!("http://{address}"), None, pinned, keys.identity.clone());
            let peer = Some((peer.expect("plain HTTP").with_clock(clock(&self.leader_s)), pinned));
            let leader = Arc::new(Leader::new(store, keys, "the leader", peer));
            leader.serve(self.task.clone(), &first.body).await.expect("the task is whole");
            let addresses = served(leader.clone()).await;
            (leader, addresses)
        });
        Self { address, operator, leader, ..self }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(async {
            self.leader.store().shut().await;
            if let Some(helper) = &self.helper {
                helper.store().shut().await;
            }
        });
    }

    pub(crate) fn advance_round(&self) -> privet::Result<()> {
        self.turn_at(NOW_S)
    }

    pub(crate) fn turn_at(&self, now_s: u64) -> privet::Result<()> {
        self.leader_s.store(now_s, Ordering::Relaxed);
        self.helper_s.store(now_s, Ordering::Relaxed);
        self.runtime.block_on(self.leader.advance_round("demo", now_s))
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        Reply::from(agent().get(format!("http://{}{path}", self.address)).call())
    }

    /// What an operator watches.
    pub(crate) fn figures(&self) -> String {
        let figures = Reply::from(agent().get(format!("http://{}/metrics", self.operator)).call());
        String::from_utf8(figures.bytes).expect("text")
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Reply {
        Reply::from(agent().put(format!("http://{}{path}", self.address)).send(body))
    }

    pub(crate) fn upload(&self, round: u32, id: UploadId, body: &[u8]) -> Reply {
        self.put(&format!("/v1/tasks/demo/rounds/{round}/uploads/{}", hex(&id)), body)
    }

    /// The keys as the server names them.
    pub(crate) fn pins(&self) -> Pins {
        let identity = self.get("/v1/identity").json();
        let key = |name: &str| identity[name].as_str().map(|digits| privet::unhex(digits).expect("32 bytes"));
        Pins { leader: key("leader").expect("there is a leader"), helper: key("helper") }
    }

    pub(crate) fn round(&self) -> Round {
        let signed = Signed::decode(&self.get("/v1/tasks/demo/round").bytes);
        signed.and_then(|signed| signed.verify_round(&self.pins())).expect("signed by the pinned keys")
    }

    /// A device in the open round.
    pub(crate) fn device(&self) -> Device {
        let round = self.get("/v1/tasks/demo/round").bytes;
        let head = self.get(&format!("/v1/heads/{}", hex(&self.round().head))).bytes;
        let policy = Policy { min_cohort: self.task.min_cohort, ..Policy::at_once() };
        let terms = Terms { task: "demo".into(), pins: self.pins(), policy };
        Device::new(terms, &round, &head, &[], Backend::Scalar).expect("the policy admits the demo")
    }
}

pub(crate) async fn admit(store: &SqliteStore, task: &Task) {
    let (hash, name, text) = (task.hash(), task.name.clone(), task.text());
    store.put_task(&StoredTask { hash, name, text, admitted: true }).await.expect("it answers");
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn from(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.expect("the server answers");
        let status = response.status().as_u16();
        let bytes = response.body_mut().read_to_vec().expect("a body");
        Self { status, headers: response.headers().clone(), bytes }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("JSON")
    }

    /// The status and the code of a problem document.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.status);
        let document = self.json();
        assert_eq!(document["status"], self.status);
        (self.status, document["code"].as_str().expect("a code").to_owned())
    }

    /// The status and the count that an upload is answered with.
    pub(crate) fn count(&self) -> (u16, u64) {
        (self.status, self.json()["count"].as_u64().unwrap_or_else(|| panic!("{}", self.json())))
    }
}

pub(crate) fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A device that has browsed contributes under this id.
pub(crate) fn contribution(device: &mut Device, id: UploadId) -> Vec<u8> {
    browse(device);
    privet_testkit::contribution(device, id)
}
