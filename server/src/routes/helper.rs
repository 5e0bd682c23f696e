//! The HTTP surface of a helper: signed requests of the one leader that it pins.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{Extensions, HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use privet::{Result, hex, unhex};

use super::{bodies::Bodies, operator::open_metrics};
use crate::{
    Helper, Problem, Refusal,
    listen::{Client, group},
    metrics::HelperGauges,
    peer::{Ask, sign_answer, verify_request},
    store::Store,
};

/// The header that carries a signature in hexadecimal, both ways.
pub(super) const SIGNATURE: &str = "privet-signature";
/// The header that carries the time of the sender's clock, in seconds of Unix time, both ways.
pub(super) const TIME: &str = "privet-time";
/// A batch of 65,536 ids, or 10,922 shares.
const LIMIT: usize = 1 << 20;

/// Requests that are answered at a time: a leader has a few under way, one for each of its tasks and one with shares.
const AT_A_TIME: usize = 256;
/// Of one address that have begun to come.
const OF_ONE: usize = 32;
/// What is here of them.
const MEMORY: usize = 128 << 20;

struct Served<S> {
    helper: Arc<Helper<S>>,
    /// The pinned key of the leader.
    leader: [u8; 32],
    bodies: Bodies,
}

/// Everything that a helper serves.
pub fn helper_app<S: Store>(helper: Arc<Helper<S>>, leader: [u8; 32]) -> Router {
    helper.serve_leader(leader);
    Router::new()
        .route("/v1/peer/{ask}", post(answer))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(async |State(served): State<Arc<Served<S>>>| ready(&served.helper).await))
        .method_not_allowed_fallback(|| async { Problem(Refusal::MethodRefused.into()) })
        .fallback(|| async { Problem(Refusal::RouteUnknown.into()) })
        .with_state(Arc::new(Served { helper, leader, bodies: Bodies::new(OF_ONE, AT_A_TIME, MEMORY) }))
}

/// What an operator of a helper is served, on a port of its own.
pub fn helper_operator_app<S: Store>(helper: Arc<Helper<S>>) -> Router {
    let of = helper.clone();
    let metrics = get(async move || Ok::<_, Problem>(open_metrics(of.metrics().text(&gauges(of.store()).await?))));
    Router::new()
        .route("/metrics", metrics)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(async move || ready(&helper).await))
        .method_not_allowed_fallback(|| async { Problem(Refusal::MethodRefused.into()) })
        .fallback(|| async { Problem(Refusal::RouteUnknown.into()) })
}

async fn gauges<S: Store>(store: &S) -> Result<Vec<(String, HelperGauges)>> {
    let mut tasks = Vec::new();
    for task in store.tasks().await?.into_iter().filter(|task| task.admitted) {
        let newest = store.latest(&task.name).await?;
        let agreed = if let Some(newest) = &newest { store.count(newest.id).await? } else { 0 };
        tasks.push((task.name, HelperGauges { round: newest.map_or(0, |newest| newest.round.number), agreed }));
    }
    Ok(tasks)
}

async fn ready<S: Store>(helper: &Helper<S>) -> Result<&'static str, Problem> {
    if helper.store().ready().await { Ok("ready\n") } else { Err(Refusal::StoreFailed.into()) }
}

async fn answer<S: Store>(
    State(served): State<Arc<Served<S>>>,
    Path(name): Path<String>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ask = Ask::ALL.into_iter().find(|ask| ask.name() == name).ok_or(Refusal::RouteUnknown)?;
    // Whoever it is: the body is read before its signature says.
    let who = extensions.get::<ConnectInfo<Client>>().map(|info| group(info.0.0.ip()));
    let answered = async {
        let body = served.bodies.whole(who, &headers, body, LIMIT).await?;
        respond(&served, ask, &headers, &body.bytes).await
    };
    let answered: Result<Response> = answered.await;
    if let Err(error) = &answered {
        served.helper.metrics().asked(None, error.code());
    }
    Ok(answered?)
}

async fn respond<S: Store>(served: &Served<S>, ask: Ask, headers: &HeaderMap, body: &[u8]) -> Result<Response> {
    let identity = served.helper.identity();
    let signature = headers.get(SIGNATURE).and_then(|text| unhex(text.to_str().ok()?)).ok_or(Refusal::NotAuthorised)?;
    let at_s = headers.get(TIME).and_then(|text| text.to_str().ok()?.parse().ok()).ok_or(Refusal::NotAuthorised)?;
    verify_request(&served.leader, ask, &identity.public(), at_s, body, &signature)?;
    let answer = served.helper.answer_at(at_s, ask, body).await;
    served.helper.metrics().answered(ask, &answer);
    let (status, said) = match answer {
        Ok(said) => (StatusCode::OK, said),
        Err(error) => {
            let problem = Problem(error);
            (problem.status(), problem.document().into_bytes())
        }
    };
    let signature = hex(&sign_answer(identity, ask, at_s, body, status.as_u16(), &said));
    let now_s = served.helper.clock().now_s().to_string();
    Ok((status, [(SIGNATURE, signature), (TIME, now_s)], said).into_response())
}
