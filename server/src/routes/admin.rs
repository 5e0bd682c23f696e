//! What an operator may do over HTTP, with a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use privet::{Error, hex, unhex};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Leader, Problem, Proposal, Task, peer::Peer, store::Store};

type Served<S, P> = State<Arc<Leader<S, P>>>;

/// A task as the operator sees it.
#[derive(Serialize)]
struct Listed {
    hash: String,
    terms: Task,
}

/// A version of a head, without its bytes.
#[derive(Serialize)]
struct Version {
    hash: String,
    round: u32,
    previous: String,
    count: u32,
    current: bool,
    /// On the public validation file.
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
}

/// The routes under `/v1/admin`, for requests that carry this token.
pub(super) fn routes<S: Store, P: Peer>(token: &str) -> Router<Arc<Leader<S, P>>> {
    // Hashes have one length, so comparing them says nothing about the token's.
    let wanted: [u8; 32] = Sha256::digest(format!("Bearer {token}")).into();
    Router::new()
        .route("/v1/admin/tasks", get(tasks).post(serve))
        .route("/v1/admin/tasks/{task}/heads", get(heads))
        .route("/v1/admin/tasks/{task}/heads/{hash}/promote", post(promote))
        .route("/v1/admin/tasks/{task}/rollback", post(rollback))
        .layer(from_fn(move |request: Request, next: Next| authorised(wanted, request, next)))
}

async fn authorised(wanted: [u8; 32], request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |sent| sent.as_bytes());
    let sent: [u8; 32] = Sha256::digest(sent).into();
    if bool::from(sent.ct_eq(&wanted)) {
        next.run(request).await
    } else {
        Problem(Error::NotAuthorised).into_response()
    }
}

async fn tasks<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<Json<Vec<Listed>>, Problem> {
    let listed = |name: String| {
        let terms = leader.terms(&name)?;
        Ok(Listed { hash: terms.hash(), terms })
    };
    let listed: privet::Result<Vec<Listed>> = leader.names().into_iter().map(listed).collect();
    Ok(Json(listed?))
}

async fn serve<S: Store, P: Peer>(State(leader): Served<S, P>, body: axum::body::Bytes) -> Result<StatusCode, Problem> {
    let proposal: Proposal = serde_json::from_slice(&body).map_err(|_| Error::WireMalformed)?;
    let (task, head) = proposal.read()?;
    leader.serve(task, &head).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn heads<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(task): Path<String>,
) -> Result<Json<Vec<Version>>, Problem> {
    let (versions, current) = leader.versions(&task).await?;
    let version = |head: crate::store::StoredHead| Version {
        hash: hex(&head.hash),
        round: head.round,
        previous: hex(&head.previous),
        count: head.count,
        current: head.hash == current,
        loss: leader.loss(&head).and_then(Result::ok),
        held: head.held,
    };
    Ok(Json(versions.into_iter().map(version).collect()))
}

async fn promote<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path((task, hash)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    leader.promote(&task, unhex(&hash).ok_or(Error::RouteUnknown)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rollback<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(task): Path<String>,
) -> Result<StatusCode, Problem> {
    leader.rollback(&task).await?;
    Ok(StatusCode::NO_CONTENT)
}
