//! The HTTP surface.

use std::{path::Path as FilePath, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    handler::HandlerWithoutStateExt,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use privet::{Error, Upload, hex};
use serde::Serialize;
use tower_http::{cors::CorsLayer, services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{Problem, Put, Store, Task};

/// Scripts and styles from here alone, and Wasm: what a page that handles a profile should be served under.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Served {
    task: Task,
    store: Store,
}

#[derive(Serialize)]
struct Progress {
    round: u32,
    count: usize,
    /// The sum is opened over at least this many.
    min_cohort: u32,
}

/// The key that applications pin, for whoever builds one.
#[derive(Serialize)]
struct Identity {
    leader: String,
}

/// Everything that is served; `pages` is a folder of static pages, if there is one.
pub fn app(task: Task, store: Store, pages: Option<&FilePath>) -> Router {
    // Any site may embed the package; nothing here reads a cookie.
    let api = Router::new()
        .route("/v1/tasks/{task}/round", get(round))
        .route("/v1/heads/{hash}", get(head))
        .route("/v1/tasks/{task}/rounds/{round}/uploads/{id}", put(upload))
        .route("/v1/tasks/{task}/rounds/{round}/aggregate", get(aggregate))
        .route("/v1/identity", get(identity))
        .layer(CorsLayer::very_permissive().allow_credentials(false))
        .route("/healthz", get(|| async { "ok\n" }))
        .method_not_allowed_fallback(|| async { Problem(Error::MethodRefused) })
        .with_state(Arc::new(Served { task, store }));
    let nowhere = || async { Problem(Error::RouteUnknown) };
    let Some(pages) = pages else { return api.fallback(nowhere) };
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    api.fallback_service(ServeDir::new(pages).fallback(nowhere.into_service()))
        .layer(fixed(HeaderName::from_static("content-security-policy"), PAGE_POLICY))
        .layer(fixed(HeaderName::from_static("x-content-type-options"), "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
}

async fn round(State(served): State<Arc<Served>>, Path(task): Path<String>) -> Result<Response, Problem> {
    Ok(cbor("no-cache", served.open(&task)?.signed.clone()))
}

async fn identity(State(served): State<Arc<Served>>) -> Json<Identity> {
    Json(Identity { leader: hex(&served.task.identity) })
}

async fn head(State(served): State<Arc<Served>>, Path(hash): Path<String>) -> Result<Response, Problem> {
    if hash != hex(&served.task.round.head) {
        return Err(Error::RouteUnknown.into());
    }
    Ok(cbor("public, max-age=31536000, immutable", served.task.head.clone()))
}

async fn upload(
    State(served): State<Arc<Served>>,
    Path((task, number, id)): Path<(String, u32, String)>,
    body: Body,
) -> Result<Response, Problem> {
    let round = &served.open(&task)?.round;
    served.check_round(number)?;
    let limit = Upload::size(round);
    let body = to_bytes(body, limit).await.map_err(|_| Error::BodyTooLarge { limit })?;
    let upload = Upload::decode(&body, round)?;
    if id != hex(&upload.id()) {
        return Err(Error::UploadIdMismatch.into());
    }
    let status = match served.store.put(&task, number, upload.id(), &body).await? {
        Put::New => StatusCode::CREATED,
        Put::Known => StatusCode::OK,
        Put::Conflict => return Err(Error::UploadConflict.into()),
    };
    Ok((status, Json(served.progress().await?)).into_response())
}

async fn aggregate(
    State(served): State<Arc<Served>>,
    Path((task, number)): Path<(String, u32)>,
) -> Result<Json<Progress>, Problem> {
    served.open(&task)?;
    served.check_round(number)?;
    Ok(Json(served.progress().await?))
}

impl Served {
    fn open(&self, task: &str) -> Result<&Task, Error> {
        if task == self.task.round.task { Ok(&self.task) } else { Err(Error::TaskUnknown) }
    }

    fn check_round(&self, sent: u32) -> Result<(), Error> {
        let open = self.task.round.number;
        if sent == open { Ok(()) } else { Err(Error::RoundClosed { sent, open }) }
    }

    async fn progress(&self) -> Result<Progress, Problem> {
        let round = &self.task.round;
        let count = self.store.count(&round.task, round.number).await?;
        Ok(Progress { round: round.number, count, min_cohort: round.min_cohort })
    }
}

fn cbor(cache: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/cbor"), (header::CACHE_CONTROL, cache)], bytes).into_response()
}
