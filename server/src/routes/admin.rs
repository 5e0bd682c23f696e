//! What an operator may do over HTTP, with a token.

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use privet::{hex, refusal, unhex};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Served,
    bodies::Bodies,
    client_address::{Rate, Who},
    rate::Buckets,
};
use crate::{Leader, Problem, Proposal, Refusal, Task, peer::Peer, store::Store, throttled::ThrottledWarning};

/// A task and its head in hexadecimal.
const LONGEST: usize = 2 << 20;

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

/// Who may administer, and how often another guess is listened to.
struct Guard {
    /// Hashes have one length, so comparing them says nothing about the token's.
    wanted: [u8; 32],
    guesses: Buckets,
    failed: ThrottledWarning,
}

impl Guard {
    /// Refuses a request without the token; and any request of an address that has guessed too often, so that its answer
    /// says nothing about the guess.
    fn admit(&self, who: u128, headers: &HeaderMap, now: Instant) -> privet::Result<()> {
        self.guesses.take(who, now)?;
        let sent: [u8; 32] = Sha256::digest(bearer(headers).unwrap_or_default()).into();
        if !bool::from(sent.ct_eq(&self.wanted)) {
            return Err(Refusal::NotAuthorised.into());
        }
        self.guesses.give_back(who);
        Ok(())
    }
}

/// What stands behind `Bearer`, in whatever case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let sent = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = sent.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// The routes under `/v1/admin`, for requests that carry this token.
pub(super) fn routes<S: Store, P: Peer>(token: &str, leader: Arc<Leader<S, P>>) -> Router<Arc<Leader<S, P>>> {
    let (wanted, guesses) = (Sha256::digest(token).into(), Buckets::of_guesses());
    let guard = Arc::new(Guard { wanted, guesses, failed: ThrottledWarning::default() });
    let bodies = Arc::new(Bodies::new(4, 4, 4 * LONGEST));
    let take = move |State(leader): Served<S, P>, headers: HeaderMap, body: Body| {
        let bodies = bodies.clone();
        async move {
            let body = bodies.whole(None, &headers, body, LONGEST).await?;
            serve(&leader, &body.bytes).await
        }
    };
    Router::new()
        .route("/v1/admin/tasks", get(tasks).post(take))
        .route("/v1/admin/tasks/{task}/heads", get(heads))
        .route("/v1/admin/tasks/{task}/heads/{hash}/promote", post(promote))
        .route("/v1/admin/tasks/{task}/rollback", post(rollback))
        .layer(from_fn(move |request: Request, next: Next| authorised(guard.clone(), leader.clone(), request, next)))
}

async fn authorised<S: Store, P: Peer>(
    guard: Arc<Guard>,
    leader: Arc<Leader<S, P>>,
    request: Request,
    next: Next,
) -> Response {
    let Who(who) = Who::of(&Rate::default(), &request);
    let now = Instant::now();
    // Those whom nobody can tell apart guess together.
    let Err(error) = guard.admit(who.unwrap_or_default(), request.headers(), now) else {
        return next.run(request).await;
    };
    leader.metrics().login_failed();
    if let Some(failed) = guard.failed.due(now) {
        tracing::warn!(failed, "requests under /v1/admin have another token, or none");
    }
    Problem(error).into_response()
}

async fn tasks<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<Json<Vec<Listed>>, Problem> {
    let listed = |name: String| {
        let terms = leader.terms(&name)?;
        Ok(Listed { hash: terms.hash(), terms })
    };
    let listed: privet::Result<Vec<Listed>> = leader.names().into_iter().map(listed).collect();
    Ok(Json(listed?))
}

async fn serve<S: Store, P: Peer>(leader: &Leader<S, P>, body: &[u8]) -> Result<StatusCode, Problem> {
    let proposal: Proposal = serde_json::from_slice(body).map_err(|_| refusal::Base::WireMalformed)?;
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

/// Whether a request says `?discard=true`: the uploads of an unfinished round may be lost by it. What says anything else is
/// not taken for either.
fn discards(uri: &Uri) -> privet::Result<bool> {
    match uri.query().unwrap_or_default() {
        "" | "discard=false" => Ok(false),
        "discard=true" => Ok(true),
        _ => Err(refusal::Base::WireMalformed.into()),
    }
}

async fn promote<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path((task, hash)): Path<(String, String)>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    leader.promote(&task, unhex(&hash).ok_or(Refusal::RouteUnknown)?, discards(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rollback<S: Store, P: Peer>(
    State(leader): Served<S, P>,
    Path(task): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    leader.rollback(&task, discards(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_has_no_case_and_a_token_has() {
        let of = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, sent.parse().expect("ASCII"));
            bearer(&headers).map(<[u8]>::to_owned)
        };
        for sent in ["Bearer a Token", "bearer a Token", "BEARER  a Token "] {
            assert_eq!(of(sent), Some(b"a Token".to_vec()), "{sent}");
        }
        for sent in ["", "Bearer", "Basic a Token", "Bearera Token"] {
            assert_eq!(of(sent), None, "{sent}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn uploads_are_discarded_by_that_word_alone() {
        let said =
            |query: &str| discards(&format!("/v1/admin/tasks/demo/rollback{query}").parse().expect("an address"));
        assert_eq!((said(""), said("?discard=false"), said("?discard=true")), (Ok(false), Ok(false), Ok(true)));
        for odd in ["?discard", "?discard=1", "?discard=TRUE", "?discarded=true", "?discard=false&discard=true"] {
            assert_eq!(said(odd), Err(refusal::Base::WireMalformed.into()), "{odd}");
        }
    }
}
