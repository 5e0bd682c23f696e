//! The HTTP surface of an issuer: one client, the application's backend, which carries a secret.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use privet::{hex, refusal};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{BLINDED, Issuer, MOST};
use crate::{Problem, Refusal, now_s};

/// The header in which the backend says for whom it asks.
const ACCOUNT: &str = "privet-account";

struct Served {
    issuer: Issuer,
    /// Hashes have one length, so comparing them says nothing about the secret's.
    secret: [u8; 32],
}

#[derive(Serialize)]
struct Key {
    token_key: String,
}

/// Everything that an issuer serves, to whoever has this secret.
pub fn issuer_app(issuer: Issuer, secret: &str) -> Router {
    let secret = Sha256::digest(secret).into();
    Router::new()
        .route("/v1/tokens", post(tokens))
        .route("/v1/token-key", get(key))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(MOST * BLINDED))
        .method_not_allowed_fallback(|| async { Problem(Refusal::MethodRefused.into()) })
        .fallback(|| async { Problem(Refusal::RouteUnknown.into()) })
        .with_state(Arc::new(Served { issuer, secret }))
}

async fn tokens(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = said(header::AUTHORIZATION.as_str()).and_then(|said| said.split_once(' '));
    let secret = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, secret)| secret);
    let sent: [u8; 32] = Sha256::digest(secret).into();
    if !bool::from(sent.ct_eq(&served.secret)) {
        return Err(Refusal::NotAuthorised.into());
    }
    let account = said(ACCOUNT).ok_or(refusal::Base::WireMalformed)?;
    let signed = served.issuer.issue(account, &body, now_s()).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], signed).into_response())
}

async fn key(State(served): State<Arc<Served>>) -> Json<Key> {
    Json(Key { token_key: hex(&served.issuer.key().public()) })
}
