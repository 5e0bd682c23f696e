//! Real devices against a real server, over HTTP on the loopback: what a round promises and what it refuses.

use std::net::SocketAddr;

use pollster::block_on;
use privet::{
    Aggregate, Backend, Device, Event, Item, Moment, Pins, Policy, Round, Schema, Signed, Terms, Upload, UploadId, hex,
};
use privet_server::{Keys, Store, Task, app};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};

const MIN_COHORT: u32 = 3;

struct Server {
    runtime: Runtime,
    address: SocketAddr,
    store: Store,
}

impl Server {
    fn start(folder: &TempDir) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let (address, store) = runtime.block_on(async {
            let store = Store::open(&folder.path().join("uploads.sqlite")).await.expect("a new file opens");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let keys = Keys::open(&folder.path().join("keys")).expect("a new file opens");
            let task = Task::demo(MIN_COHORT, &keys).expect("the demo's numbers fit");
            let app = app(task, store.clone(), None);
            tokio::spawn(async { axum::serve(listener, app).await });
            (address, store)
        });
        Self { runtime, address, store }
    }

    fn stop(self) {
        self.runtime.block_on(self.store.close());
    }

    fn get(&self, path: &str) -> Reply {
        let response = agent().get(format!("http://{}{path}", self.address)).call();
        Reply::from(response)
    }

    fn put(&self, path: &str, body: &[u8]) -> Reply {
        let response = agent().put(format!("http://{}{path}", self.address)).send(body);
        Reply::from(response)
    }

    fn upload(&self, id: UploadId, body: &[u8]) -> Reply {
        self.put(&format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(&id)), body)
    }

    fn pins(&self) -> Pins {
        let digits = self.get("/v1/identity").json()["leader"].as_str().expect("a key").to_owned();
        let digit = |place| u8::from_str_radix(&digits[place * 2..][..2], 16).expect("hexadecimal");
        Pins { leader: std::array::from_fn(digit), helper: None }
    }

    fn round(&self) -> Round {
        let signed = Signed::decode(&self.get("/v1/tasks/demo/round").bytes);
        signed.and_then(|signed| signed.verify_round(&self.pins())).expect("signed by the server's key")
    }

    fn device(&self) -> Device {
        let round = self.get("/v1/tasks/demo/round").bytes;
        let head = self.get(&format!("/v1/heads/{}", hex(&self.round().head))).bytes;
        let policy = Policy { min_cohort: MIN_COHORT, ..Policy::at_once() };
        let terms = Terms { task: "demo".into(), pins: self.pins(), policy };
        Device::new(terms, &round, &head, &[], Backend::Scalar).expect("the policy admits the demo")
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

struct Reply {
    status: u16,
    kind: String,
    bytes: Vec<u8>,
}

impl Reply {
    fn from(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.expect("the server answers");
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().expect("ASCII").to_owned());
        let status = response.status().as_u16();
        let bytes = response.body_mut().read_to_vec().expect("a body");
        Self { status, kind: kind.unwrap_or_default(), bytes }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("JSON")
    }

    /// The status and the code of a problem document.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.kind, "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], self.status);
        (self.status, document["code"].as_str().expect("a code").to_owned())
    }

    /// The status and the count that an upload is answered with.
    fn count(&self) -> (u16, u64) {
        (self.status, self.json()["count"].as_u64().expect("a count"))
    }
}

fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn event(kind: &str, axis: usize) -> Event {
    let kind = Schema::plain(16).kind(kind).expect("a plain kind");
    let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
    Event::new(kind, Item::plain(axis as u64, embedding), Moment::default())
}

/// Some items were seen, and one was chosen twice: what was known at the second choice makes a gradient.
fn visit(device: &mut Device) {
    (0..6).for_each(|axis| device.record(event("impression", axis)).expect("fits"));
    (0..2).for_each(|_| device.record(event("click", 2)).expect("fits"));
}

/// A device that was used contributes under this id.
fn contribution(device: &mut Device, id: UploadId) -> Vec<u8> {
    visit(device);
    device.reserve(&[], id, 0).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let gradient = block_on(device.gradient());
    device.release(&gradient).expect("reserved").bytes
}

#[test]
fn uploads_are_counted_once_each_and_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    for n in 1..=3 {
        let bytes = contribution(&mut server.device(), [n; 16]);
        assert_eq!(server.upload([n; 16], &bytes).count(), (201, n.into()));
        assert_eq!(server.upload([n; 16], &bytes).count(), (200, n.into()), "the same bytes again change nothing");
    }
    server.stop();
    let server = Server::start(&folder);
    let progress = server.get("/v1/tasks/demo/rounds/1/aggregate").json();
    assert_eq!(progress, serde_json::json!({ "round": 1, "count": 3, "min_cohort": 3 }));
    server.stop();
}

/// The sum equals the sum of what the devices sent, and lies where the true gradients and the noise put it: within 6
/// standard deviations in each of 287 entries, a false alarm in fewer than one run in a million.
#[test]
fn the_aggregate_is_the_sum_of_the_devices() {
    const DEVICES: u8 = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    let round = server.round();
    let mut truth = vec![0.0; round.dimension as usize];
    let mut plain = vec![0i64; round.dimension as usize];
    for n in 0..DEVICES {
        let mut device = server.device();
        let bytes = contribution(&mut device, [n; 16]);
        let mut twin = server.device();
        visit(&mut twin);
        let gradient = block_on(twin.gradient());
        truth.iter_mut().zip(gradient.values()).for_each(|(sum, &g)| *sum += f64::from(g) / f64::from(DEVICES));
        let share = Upload::decode(&bytes, &round).and_then(|upload| upload.read(&round)).expect("our own bytes");
        plain.iter_mut().zip(share.entries()).for_each(|(sum, &entry)| *sum += i64::from(entry.cast_signed()));
        server.upload([n; 16], &bytes);
    }
    let mut aggregate = Aggregate::new(&round);
    for body in server.runtime.block_on(server.store.bodies("demo", 1)).expect("the store answers") {
        let upload = Upload::decode(&body, &round).expect("checked on the way in");
        aggregate.add(upload.id(), &upload.read(&round).expect("in the clear")).expect("fits the round");
    }
    let mean = aggregate.mean(None).expect("40 of 3");
    for (mean, plain) in mean.iter().zip(plain) {
        assert_eq!(*mean, plain as f64 / (f64::from(DEVICES) * 65_536.0));
    }
    let deviation = 8.0 / f64::from(DEVICES).sqrt();
    for (mean, truth) in mean.iter().zip(&truth) {
        assert!((mean - truth).abs() < 6.0 * deviation, "{mean} {truth}");
    }
    assert!(truth.iter().any(|truth| truth.abs() > 1e-3), "the devices had something to say");
    server.stop();
}

#[test]
fn what_does_not_belong_is_refused_with_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    let bytes = contribution(&mut server.device(), [1; 16]);
    let id = hex(&[1; 16]);
    let put = |path: &str, body: &[u8]| server.put(path, body).problem();
    let fine = format!("/v1/tasks/demo/rounds/1/uploads/{id}");

    assert_eq!(put(&fine, &[]), problem(400, "wire-malformed"));
    assert_eq!(put(&fine, &[&bytes[..], &[0]].concat()), problem(413, "body-too-large"));
    assert_eq!(put(&fine, &bytes[..bytes.len() - 1]), problem(400, "wire-malformed"));
    assert_eq!(put(&fine, &vec![0; 5000]), problem(413, "body-too-large"));
    assert_eq!(
        put(&format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(&[2; 16])), &bytes),
        problem(400, "upload-id-mismatch")
    );
    assert_eq!(put(&format!("/v1/tasks/demo/rounds/2/uploads/{id}"), &bytes), problem(409, "round-closed"));
    assert_eq!(put(&format!("/v1/tasks/other/rounds/1/uploads/{id}"), &bytes), problem(404, "task-unknown"));
    assert_eq!(put("/v1/tasks/demo/round", &bytes), problem(405, "method-refused"));
    assert_eq!(put("/v2", &bytes), problem(404, "route-unknown"));
    assert_eq!(server.get("/v1/tasks/other/round").problem(), problem(404, "task-unknown"));
    assert_eq!(server.get("/v1/heads/00").problem(), problem(404, "route-unknown"));

    let mut other_configuration = bytes.clone();
    other_configuration[10] ^= 1;
    assert_eq!(put(&fine, &other_configuration), problem(409, "configuration-mismatch"));
    let other_version = [&bytes[..1], &[2], &bytes[2..]].concat();
    assert_eq!(put(&fine, &other_version), problem(400, "wire-version"));

    assert_eq!(server.upload([1; 16], &bytes).count(), (201, 1));
    let mut others = bytes;
    *others.last_mut().expect("not empty") ^= 1;
    assert_eq!(put(&fine, &others), problem(409, "upload-conflict"));
    assert_eq!(server.get("/v1/tasks/demo/rounds/1/aggregate").json()["count"], 1, "nothing refused was counted");
    server.stop();
}

#[test]
fn a_store_that_is_gone_is_a_problem_to_retry() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    let bytes = contribution(&mut server.device(), [1; 16]);
    server.runtime.block_on(server.store.close());
    let reply = server.upload([1; 16], &bytes);
    assert_eq!(reply.problem(), problem(503, "store-failed"));
    assert_eq!(reply.json()["advice"], "retry");
}
