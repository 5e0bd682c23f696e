//! The servers of a measurement: the same as `privet serve` runs, over a task with 2,048 entries.

use std::{path::Path, sync::Arc};

use privet::{Dense, Head, Mode, Schema, hex, unhex};
use privet_server::{
    Connections, Extras, Helper, HttpPeer, Keys, Leader, SqliteStore, Store, Task, helper_app, keep_advancing,
    leader_app, now_s, serve as serve_on,
    store::{HeadStore, StoredTask},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

pub(crate) const DIMENSION: u32 = 2048;

/// A task whose rounds do not close while it is measured, over a head of 2,048 parameters: 23 features, 81 units.
pub(crate) fn task(mode: Mode) -> (Task, Vec<u8>) {
    let (demo, _) = Task::demo(mode, 100).expect("the demo's numbers fit");
    let dense = |n: usize| Dense { name: format!("number {n}"), offset: 0.0, scale: 1.0 };
    let schema = Schema { dense: (0..8).map(dense).collect(), ..Schema::plain(16) };
    let head = Head::starting(schema, 81, 4.0).expect("a plain schema").encode();
    let (goal, n_max, grid_scale) = (1_000_000, 1_000_000, 1 << 10);
    (Task { head: hex(&Head::hash(&head)), dimension: DIMENSION, goal, n_max, grid_scale, ..demo }, head)
}

fn keys(folder: &Path, name: &str) -> Keys {
    Keys::open(&folder.join(name)).expect("a key file can be made")
}

async fn store(folder: &Path, name: &str) -> SqliteStore {
    SqliteStore::open(&folder.join(name)).await.expect("a store can be made")
}

pub(crate) async fn helper(folder: &str, leader: &str) {
    let folder = Path::new(folder);
    let store = store(folder, "helper.sqlite").await;
    let (task, _) = task(Mode::Split);
    let (hash, name, text) = (task.hash(), task.name.clone(), task.text());
    store.put_task(&StoredTask { hash, name, text, admitted: true }).await.expect("it answers");
    let keys = keys(folder, "helper.keys");
    let key = hex(&keys.identity.public());
    let app = helper_app(Arc::new(Helper::new(store.clone(), keys, "helper")), unhex(leader).expect("a key"));
    serve(app, &key).await;
    store.shut().await;
}

pub(crate) async fn leader(mode: Mode, folder: &str, helper: &str, key: &str) {
    let folder = Path::new(folder);
    let keys = keys(folder, "leader.keys");
    let peer =
        unhex(key).map(|key| (HttpPeer::new(helper, None, key, keys.identity.clone()).expect("plain HTTP"), key));
    let store = store(folder, "leader.sqlite").await;
    let leader = Arc::new(Leader::new(store.clone(), keys, "leader", peer));
    let (task, head) = task(mode);
    leader.serve(task, &head).await.expect("the task fits");
    leader.advance_round("demo", now_s()).await.expect("a round opens");
    tokio::spawn(keep_advancing(leader.clone()));
    serve(leader_app(leader, Extras::default()), "-").await;
    store.shut().await;
}

/// Prints the address and a key, and serves until the standard input ends.
async fn serve(app: axum::Router, key: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{} {key}", listener.local_addr().expect("it is bound"));
    let ended = async { drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await) };
    serve_on(listener, None, Connections::default(), app, ended).await.expect("it serves");
}
