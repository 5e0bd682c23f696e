//! The HTTP surface of a leader.

use std::{
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path, Request, State, rejection::PathRejection},
    handler::HandlerWithoutStateExt,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use privet::{Error, Upload, hex, unhex};
use serde::Serialize;
use tokio::sync::Semaphore;
use tower_http::{cors::CorsLayer, services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{Accepted, Leader, Problem, Progress, now_s, peer::Peer, routes::rate::Limiter, store::Store};

mod admin;
mod client;
mod helper;
mod rate;

pub use client::HttpPeer;
pub use helper::helper_app;
pub use rate::Rate;

/// Scripts and styles from here alone, and Wasm: what a page that handles a profile should be served under.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The header that carries a token and its signature in hexadecimal.
const TOKEN: &str = "privet-token";
/// A head or a manifest is named by a hash: it never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The keys that applications pin, for whoever builds one.
#[derive(Serialize)]
struct Identity {
    leader: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    helper: Option<String>,
}

type Served<S, P> = State<Arc<Leader<S, P>>>;

/// What a leader serves besides its rounds.
#[derive(Debug, Default, Clone, Copy)]
pub struct Extras<'a> {
    /// A folder of static pages.
    pub pages: Option<&'a FilePath>,
    /// The token of requests under `/v1/admin`; without one there are none.
    pub admin_token: Option<&'a str>,
    /// How often one address may ask, if there is a limit.
    pub rate: Option<&'a Rate>,
}

/// Uploads that are read at a time. More are told to come again, before their bodies are read.
const AT_A_TIME: usize = 2048;
static READING: Semaphore = Semaphore::const_new(AT_A_TIME);
/// A body that takes longer is not waited for.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Everything that a leader serves. Addresses are limited where the router is served by [`crate::serve`].
pub fn leader_app<S: Store, P: Peer>(leader: Arc<Leader<S, P>>, extras: Extras) -> Router {
    let admin = extras.admin_token.map_or_else(Router::new, admin::routes);
    let limiter = extras.rate.map(|rate| Arc::new(Limiter::new(rate.clone())));
    let limited = leader.clone();
    let limit = from_fn(move |request: Request, next: Next| {
        let refused = limiter.as_ref().and_then(|limiter| limiter.admit(&request, Instant::now()).err());
        let limited = limited.clone();
        async move {
            let Some(error) = refused else { return next.run(request).await };
            limited.metrics().limited();
            Problem(error).into_response()
        }
    });
    // Any site may embed the package; nothing here reads a cookie.
    let api = Router::new()
        .route("/v1/tasks/{task}/round", get(round))
        .route("/v1/heads/{hash}", get(head))
        .route("/v1/heads/{hash}/manifest", get(manifest))
        .route("/v1/tasks/{task}/rounds/{round}/uploads/{id}", put(upload))
        .route("/v1/tasks/{task}/rounds/{round}/aggregate", get(aggregate))
        .route("/v1/identity", get(identity))
        // Under the layers: a preflight, too, has a method that no route has.
        .method_not_allowed_fallback(no_such_method)
        .layer(limit.clone())
        .layer(CorsLayer::very_permissive().allow_credentials(false))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/openapi.json", get(openapi))
        .merge(admin.layer(limit))
        .method_not_allowed_fallback(no_such_method)
        .with_state(leader);
    let nowhere = || async { Problem(Error::RouteUnknown) };
    let Some(pages) = extras.pages else { return api.fallback(nowhere) };
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    api.fallback_service(ServeDir::new(pages).fallback(nowhere.into_service()))
        .layer(fixed(HeaderName::from_static("content-security-policy"), PAGE_POLICY))
        .layer(fixed(HeaderName::from_static("x-content-type-options"), "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
}

async fn no_such_method() -> Problem {
    Problem(Error::MethodRefused)
}

async fn round<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(task): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let open = leader.open(&task)?;
    Ok(cbor(&asked, "no-cache", open.round.hash(), open.signed.clone()))
}

async fn identity<S: Store, P: Peer>(State(leader): Served<S, P>) -> Json<Identity> {
    let pins = leader.pins();
    Json(Identity { leader: hex(&pins.leader), helper: pins.helper.map(|key| hex(&key)) })
}

async fn head<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(hash): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let head = leader.head(unhex(&hash).ok_or(Error::RouteUnknown)?).await?;
    Ok(cbor(&asked, FOR_EVER, head.hash, head.body))
}

async fn manifest<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(hash): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let head = leader.head(unhex(&hash).ok_or(Error::RouteUnknown)?).await?;
    let manifest = head.manifest.ok_or(Error::RouteUnknown)?;
    Ok(cbor(&asked, FOR_EVER, privet::Head::hash(&manifest), manifest))
}

async fn upload<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    path: Result<Path<(String, u32, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path((task, number, id)) = path.map_err(|_| Error::RouteUnknown)?;
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
    let accepted = accept(&leader, &task, number, &id, body, token).await;
    leader.metrics().upload(match &accepted {
        Ok(accepted) if accepted.new => "new",
        Ok(_) => "known",
        Err(error) => error.code(),
    });
    let accepted = accepted?;
    let status = if accepted.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(accepted.progress)).into_response())
}

async fn accept<S: Store, P: Peer>(
    leader: &Leader<S, P>,
    task: &str,
    number: u32,
    id: &str,
    body: Body,
    token: Option<&str>,
) -> privet::Result<Accepted> {
    let _reading = READING.try_acquire().map_err(|_| Error::TooManyRequests { limit: AT_A_TIME })?;
    let limit = leader.open(task).map_or(Upload::LONGEST, |open| Upload::size(&open.round));
    let body = whole(body, limit, AT_A_TIME).await?;
    leader.accept(task, number, id, &body, token).await
}

/// A body of at most this many bytes. Whoever sends it slowly gives up a place among so many, and comes again.
async fn whole(body: Body, limit: usize, at_a_time: usize) -> privet::Result<Bytes> {
    let read = tokio::time::timeout(READ_WITHIN, to_bytes(body, limit)).await;
    read.map_err(|_| Error::TooManyRequests { limit: at_a_time })?.map_err(|_| Error::BodyTooLarge { limit })
}

async fn metrics<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<Response, Problem> {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], leader.figures(now_s()).await?).into_response())
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../openapi.json"))
}

async fn aggregate<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    path: Result<Path<(String, u32)>, PathRejection>,
) -> Result<Json<Progress>, Problem> {
    let Path((task, number)) = path.map_err(|_| Error::RouteUnknown)?;
    Ok(Json(leader.progress(&task, number).await?))
}

async fn ready<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<&'static str, Problem> {
    if leader.store().ready().await { Ok("ready\n") } else { Err(Error::StoreFailed.into()) }
}

/// CBOR under the hash of what it is as its tag; nothing but the tag to who has it already.
fn cbor(asked: &HeaderMap, cache: &'static str, hash: [u8; 32], bytes: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", hex(&hash));
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let headers = [(header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/cbor")], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::channel::Channel;
    use ureq::http::Request;

    use super::*;
    use crate::{Helper, Keys, SqliteStore};

    async fn over(folder: &FilePath, name: &str) -> (SqliteStore, Keys) {
        let path = folder.join(name);
        let store = SqliteStore::open_hasty(&path.with_extension("sqlite")).await.expect("a new file opens");
        (store, Keys::open(&path.with_extension("keys")).expect("a new file opens"))
    }

    async fn served(app: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    /// The status, how long to wait, and the document.
    async fn asked(method: &'static str, url: String) -> (u16, String, serde_json::Value) {
        let ask = move || {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let request = Request::builder().method(method).uri(url).body(&b"a body"[..]).expect("a plain request");
            let mut reply = agent.run(request).expect("it answers");
            let wait = reply.headers().get("retry-after").map_or("", |wait| wait.to_str().expect("ASCII")).to_owned();
            let document = reply.body_mut().read_to_vec().expect("a body");
            (reply.status().as_u16(), wait, serde_json::from_slice(&document).expect("JSON"))
        };
        tokio::task::spawn_blocking(ask).await.expect("no panic")
    }

    /// Every place is taken, and then none: both roles, over HTTP.
    #[tokio::test(flavor = "multi_thread")]
    async fn requests_over_the_limit_are_told_to_come_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, keys) = over(folder.path(), "leader").await;
        let leader = Arc::new(Leader::<_, HttpPeer>::new(store, keys, "the leader", None));
        let upload = served(leader_app(leader.clone(), Extras::default())).await + "/v1/tasks/demo/rounds/1/uploads/00";
        let (store, keys) = over(folder.path(), "helper").await;
        let helper = Arc::new(Helper::new(store, keys, "the helper"));
        let ask = served(helper_app(helper.clone(), [0; 32])).await + "/v1/peer/round";
        for (method, url, places, count, limit, free) in [
            ("PUT", upload, &READING, AT_A_TIME, 2048, "upload-id-mismatch"),
            ("POST", ask, &helper::READING, helper::AT_A_TIME, 256, "not-authorised"),
        ] {
            let all = places.try_acquire_many(count as u32).expect("nobody else asks");
            let (status, wait, document) = asked(method, url.clone()).await;
            assert_eq!((status, wait.as_str(), &document["code"]), (429, "1", &"too-many-requests".into()));
            assert_eq!(document["advice"], "retry");
            let title = document["title"].as_str().expect("text");
            assert!(count == limit && title.contains(&limit.to_string()), "{title}");
            drop(all);
            assert_eq!(asked(method, url).await.2["code"], free);
        }
        let figures = leader.figures(now_s()).await.expect("it answers");
        assert!(figures.contains("privet_uploads_total{outcome=\"too-many-requests\"} 1\n"), "{figures}");
        leader.store().shut().await;
        helper.store().shut().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let start = tokio::time::Instant::now();
        let (_nothing_is_sent, silent) = Channel::<Bytes>::new(1);
        let read = whole(Body::new(silent), 9, 2048).await;
        assert_eq!(read, Err(Error::TooManyRequests { limit: 2048 }));
        assert_eq!(start.elapsed().as_secs(), 30);
        let sent = |bytes: &'static str| whole(Body::from(bytes), 9, 2048);
        assert_eq!(sent("nine byte").await, Ok(Bytes::from("nine byte")));
        assert_eq!(sent("ten bytes!").await, Err(Error::BodyTooLarge { limit: 9 }));
    }
}
