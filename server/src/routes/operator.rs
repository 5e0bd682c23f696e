//! What an operator's port serves: metrics, and of a leader its administration. Devices do not come here.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Served, admin, no_such_method, ready};
use crate::{Leader, Problem, Refusal, now_s, peer::Peer, store::Store};

/// What an operator of a leader is served, on a port of its own. Without a token there is no administration.
pub fn leader_operator_app<S: Store, P: Peer>(leader: Arc<Leader<S, P>>, admin_token: Option<&str>) -> Router {
    let admin = admin_token.map_or_else(Router::new, |token| admin::routes(token, leader.clone()));
    Router::new()
        .merge(admin)
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/v1/openapi.json", get(openapi))
        .method_not_allowed_fallback(no_such_method)
        .fallback(|| async { Problem(Refusal::RouteUnknown.into()) })
        .with_state(leader)
}

async fn metrics<S: Store, P: Peer>(State(leader): Served<S, P>) -> Result<Response, Problem> {
    Ok(open_metrics(leader.metrics_text(now_s()).await?))
}

/// Metrics as Prometheus reads them.
pub(super) fn open_metrics(text: String) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../operator.openapi.json"))
}
