//! The HTTP surface of a leader, as devices see it.

use std::{path::Path as FilePath, sync::Arc, time::Instant};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use privet::{Upload, hex, unhex};
use serde::Serialize;
use tower_http::cors::CorsLayer;

use crate::{
    Accepted, Leader, Problem, Progress, Refusal,
    peer::Peer,
    routes::{bodies::Bodies, client_address::Who, rate::Buckets},
    store::Store,
};

mod admin;
mod administrator;
mod bodies;
mod client;
mod client_address;
mod helper;
mod operator;
mod pages;
mod rate;
mod unanswered;

pub use administrator::Administrator;
pub use client::HttpPeer;
pub use client_address::Rate;
pub use helper::{helper_app, helper_operator_app};
pub use operator::leader_operator_app;

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
    /// How often one address may ask, if there is a limit, and what its address is.
    pub rate: Option<&'a Rate>,
}

/// Uploads that are answered at a time. More are told to come again.
const AT_A_TIME: usize = 2048;
/// Uploads of one address that have begun to come: many devices may share it, and each takes a moment.
const OF_ONE: usize = 128;
/// What is here of uploads, answered or not: 3,900 of the longest.
const MEMORY: usize = 64 << 20;

/// Everything that a leader serves devices. Addresses are limited where the router is served by [`crate::serve`].
pub fn leader_app<S: Store, P: Peer>(leader: Arc<Leader<S, P>>, extras: Extras) -> Router {
    let rate = extras.rate.cloned().unwrap_or_default();
    let buckets = (rate.per_s > 0).then(|| Arc::new(Buckets::of_requests(rate.per_s)));
    let limited = leader.clone();
    let limit = from_fn(move |mut request: Request, next: Next| {
        let who = Who::of(&rate, &request);
        request.extensions_mut().insert(who);
        // A router that is called without a connection has nobody to limit.
        let asked = who.0.zip(buckets.as_ref()).map_or(Ok(()), |(who, buckets)| buckets.take(who, Instant::now()));
        let limited = limited.clone();
        async move {
            let Err(error) = asked else { return next.run(request).await };
            limited.metrics().limited();
            Problem(error).into_response()
        }
    });
    let bodies = Arc::new(Bodies::new(OF_ONE, AT_A_TIME, MEMORY));
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
        .layer(Extension(bodies))
        .layer(limit)
        .layer(CorsLayer::very_permissive().allow_credentials(false))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/v1/openapi.json", get(openapi))
        .method_not_allowed_fallback(no_such_method)
        .with_state(leader);
    match extras.pages {
        Some(folder) => pages::around(api, folder),
        None => api.fallback(|| async { Problem(Refusal::RouteUnknown.into()) }),
    }
}

async fn no_such_method() -> Problem {
    Problem(Refusal::MethodRefused.into())
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
    let head = leader.head(unhex(&hash).ok_or(Refusal::RouteUnknown)?).await?;
    Ok(cbor(&asked, FOR_EVER, head.hash, head.body))
}

async fn manifest<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(hash): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let head = leader.head(unhex(&hash).ok_or(Refusal::RouteUnknown)?).await?;
    let manifest = head.manifest.ok_or(Refusal::RouteUnknown)?;
    Ok(cbor(&asked, FOR_EVER, privet::Head::hash(&manifest), manifest))
}

async fn upload<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Extension(bodies): Extension<Arc<Bodies>>,
    Extension(who): Extension<Who>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path((task, number, id)) = path.map_err(|_| Refusal::RouteUnknown)?;
    let number = canonical(&number)?;
    let accepted = async {
        let limit = leader.open(&task).map_or(Upload::LONGEST, |open| Upload::size(&open.round));
        let body = bodies.whole(who.0, &headers, body, limit).await?;
        let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
        leader.accept(&task, number, &id, &body.bytes, token).await
    };
    let accepted: privet::Result<Accepted> = accepted.await;
    leader.metrics().upload(match &accepted {
        Ok(accepted) if accepted.new => "new",
        Ok(_) => "known",
        Err(error) => error.code(),
    });
    let accepted = accepted?;
    let status = if accepted.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(accepted.progress)).into_response())
}

/// A round's number as it is written: in one way, so that one round has one address.
fn canonical(text: &str) -> privet::Result<u32> {
    let number = text.parse::<u32>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| Refusal::RouteUnknown.into())
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../openapi.json"))
}

async fn aggregate<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Progress>, Problem> {
    let Path((task, number)) = path.map_err(|_| Refusal::RouteUnknown)?;
    Ok(Json(leader.progress(&task, canonical(&number)?).await?))
}

async fn ready<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<&'static str, Problem> {
    if leader.store().ready().await { Ok("ready\n") } else { Err(Refusal::StoreFailed.into()) }
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
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way() {
        assert_eq!(canonical("7"), Ok(7));
        assert_eq!(canonical("4294967295"), Ok(u32::MAX));
        for other in ["0007", "+7", "07", "-7", "7.0", " 7", "", "4294967296", "٧"] {
            assert_eq!(canonical(other), Err(Refusal::RouteUnknown.into()), "{other}");
        }
    }
}
