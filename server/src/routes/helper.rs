//! The HTTP surface of a helper: signed requests of the one leader that it pins.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use privet::{Error, Result, hex, unhex};
use tokio::sync::Semaphore;

use super::whole;
use crate::{
    Helper, Problem,
    peer::{Ask, sign_answer, verify_request},
    store::Store,
};

/// The header that carries a signature in hexadecimal, both ways.
pub(super) const SIGNATURE: &str = "privet-signature";
/// A batch of 65,536 ids, or 10,922 shares.
const LIMIT: usize = 1 << 20;

/// Requests that are read at a time: a leader has a few under way, one for each of its tasks and one with shares.
pub(super) const AT_A_TIME: usize = 256;
pub(super) static READING: Semaphore = Semaphore::const_new(AT_A_TIME);

struct Served<S> {
    helper: Arc<Helper<S>>,
    /// The pinned key of the leader.
    leader: [u8; 32],
}

/// Everything that a helper serves.
pub fn helper_app<S: Store>(helper: Arc<Helper<S>>, leader: [u8; 32]) -> Router {
    Router::new()
        .route("/v1/peer/{ask}", post(answer))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(|| async { Problem(Error::MethodRefused) })
        .fallback(|| async { Problem(Error::RouteUnknown) })
        .with_state(Arc::new(Served { helper, leader }))
}

async fn ready<S: Store>(State(served): State<Arc<Served<S>>>) -> Result<&'static str, Problem> {
    if served.helper.store().ready().await { Ok("ready\n") } else { Err(Error::StoreFailed.into()) }
}

async fn answer<S: Store>(
    State(served): State<Arc<Served<S>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ask = Ask::ALL.into_iter().find(|ask| ask.name() == name).ok_or(Error::RouteUnknown)?;
    // Whoever it is: the body is read before its signature says.
    let _reading = READING.try_acquire().map_err(|_| Error::TooManyRequests { limit: AT_A_TIME })?;
    let body = whole(body, LIMIT, AT_A_TIME).await?;
    let identity = served.helper.identity();
    let signature = headers.get(SIGNATURE).and_then(|text| unhex(text.to_str().ok()?)).ok_or(Error::NotAuthorised)?;
    verify_request(&served.leader, ask, &identity.public(), &body, &signature)?;
    let (status, said) = match served.helper.answer(ask, &body).await {
        Ok(said) => (StatusCode::OK, said),
        Err(error) => {
            let problem = Problem(error);
            (problem.status(), problem.document().into_bytes())
        }
    };
    let signature = hex(&sign_answer(identity, ask, &body, status.as_u16(), &said));
    Ok((status, [(SIGNATURE, signature)], said).into_response())
}
