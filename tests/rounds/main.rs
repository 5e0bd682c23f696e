//! Real devices against a real server, over HTTP on the loopback: what a round promises and what it refuses.

use std::net::SocketAddr;

use pollster::block_on;
use privet::{Aggregate, Backend, Device, Event, EventKind, Head, Policy, Round, Upload, UploadId, hex};
use privet_server::{Store, Task, app};
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
            let task = Task::demo(MIN_COHORT).expect("the demo's numbers fit");
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

    fn device(&self) -> Device {
        let round = self.get("/v1/tasks/demo/round").bytes;
        let hash = Round::decode(&round).expect("a round").head;
        let head = self.get(&format!("/v1/heads/{}", hex(&hash))).bytes;
        let policy = Policy { min_cohort: MIN_COHORT, ..Policy::default() };
        Device::new(&head, &round, &[], policy, Backend::Scalar).expect("the policy admits the demo")
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

fn event(kind: EventKind, axis: usize) -> Event {
    let embedding = (0..16).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
    Event::new(kind, embedding).expect("16 finite numbers are an event")
}

/// A device that has seen some items and chosen one contributes under this id.
fn contribution(device: &mut Device, id: UploadId) -> Vec<u8> {
    (0..6).for_each(|axis| device.record(&event(EventKind::Impression, axis)).expect("fits"));
    device.record(&event(EventKind::Click, 2)).expect("fits");
    device.reserve(&[]).expect("a full budget");
    let gradient = block_on(device.gradient());
    device.release(&gradient, id).expect("reserved").bytes
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
/// standard deviations in each of 18 entries, a false alarm in fewer than one run in ten million.
#[test]
fn the_aggregate_is_the_sum_of_the_devices_and_moves_the_head_once() {
    const DEVICES: u8 = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    let mut truth = vec![0.0; 18];
    let mut plain = vec![0i64; 18];
    for n in 0..DEVICES {
        let mut device = server.device();
        let bytes = contribution(&mut device, [n; 16]);
        let mut twin = server.device();
        (0..6).for_each(|axis| twin.record(&event(EventKind::Impression, axis)).expect("fits"));
        twin.record(&event(EventKind::Click, 2)).expect("fits");
        let gradient = block_on(twin.gradient());
        truth.iter_mut().zip(gradient.values()).for_each(|(sum, &g)| *sum += f64::from(g) / f64::from(DEVICES));
        let upload = Upload::decode(&bytes, 18).expect("our own bytes");
        plain.iter_mut().zip(upload.grid()).for_each(|(sum, &entry)| *sum += i64::from(entry));
        server.upload([n; 16], &bytes);
    }
    let round = Round::decode(&server.get("/v1/tasks/demo/round").bytes).expect("a round");
    let mut aggregate = Aggregate::new(&round);
    for body in server.runtime.block_on(server.store.bodies("demo", 1)).expect("the store answers") {
        aggregate.add(&Upload::decode(&body, 18).expect("checked on the way in")).expect("fits the round");
    }
    let mean = aggregate.mean().expect("40 of 3");
    for (mean, plain) in mean.iter().zip(plain) {
        assert_eq!(*mean, plain as f64 / (f64::from(DEVICES) * 65_536.0));
    }
    let deviation = 8.0 / f64::from(DEVICES).sqrt();
    for (mean, truth) in mean.iter().zip(&truth) {
        assert!((mean - truth).abs() < 6.0 * deviation, "{mean} {truth}");
    }
    let head = Head::starting(16, 4.0).expect("16 is a length");
    let improved = head.improved_by(&mean, 0.1).expect("40 of 3");
    for ((new, old), mean) in improved.parameters().iter().zip(head.parameters()).zip(mean) {
        assert_eq!(*new, (f64::from(*old) - 0.1 * mean) as f32);
    }
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
    assert_eq!(put(&fine, &[&bytes[..], &[0]].concat()), problem(400, "wire-malformed"));
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

    let later_round = [&bytes[..2], &[2], &bytes[3..]].concat();
    assert_eq!(put(&fine, &later_round), problem(409, "round-closed"), "the body's round counts too");
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
