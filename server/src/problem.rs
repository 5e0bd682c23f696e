//! Errors as the world sees them: problem documents (RFC 9457) with a stable code and advice.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use privet::{Error, refusal};
use serde::Serialize;

/// What a client does about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// The same request may succeed later.
    Retry,
    /// Fetch the open round and its head, and begin again.
    Refetch,
    /// The same request never succeeds.
    Stop,
}

use Advice::{Refetch, Retry, Stop};

use crate::Refusal;

/// Every code with the status and advice it has over HTTP. A device raises some of them itself, and uses the advice.
pub const PROBLEMS: &[(&str, StatusCode, Advice)] = &[
    ("event-kind-unknown", StatusCode::BAD_REQUEST, Stop),
    ("attribute-unknown", StatusCode::BAD_REQUEST, Stop),
    ("schema-refused", StatusCode::BAD_REQUEST, Stop),
    ("embedding-length", StatusCode::BAD_REQUEST, Stop),
    ("not-finite", StatusCode::BAD_REQUEST, Stop),
    ("dense-length", StatusCode::BAD_REQUEST, Stop),
    ("slate-too-long", StatusCode::BAD_REQUEST, Stop),
    ("candidate-refused", StatusCode::BAD_REQUEST, Stop),
    ("too-many-candidates", StatusCode::BAD_REQUEST, Stop),
    ("order-refused", StatusCode::BAD_REQUEST, Stop),
    ("state-damaged", StatusCode::BAD_REQUEST, Stop),
    ("state-version", StatusCode::BAD_REQUEST, Stop),
    ("head-refused", StatusCode::BAD_REQUEST, Refetch),
    ("head-stale", StatusCode::CONFLICT, Refetch),
    ("round-refused", StatusCode::BAD_REQUEST, Stop),
    ("round-over", StatusCode::CONFLICT, Refetch),
    ("round-contributed", StatusCode::CONFLICT, Retry),
    ("round-stale", StatusCode::CONFLICT, Refetch),
    ("policy-refused", StatusCode::FORBIDDEN, Stop),
    ("budget-exhausted", StatusCode::FORBIDDEN, Stop),
    ("alone-exhausted", StatusCode::FORBIDDEN, Stop),
    ("ledger-waiting", StatusCode::FORBIDDEN, Retry),
    ("too-soon", StatusCode::FORBIDDEN, Retry),
    ("upload-pending", StatusCode::CONFLICT, Retry),
    ("reservation-lost", StatusCode::CONFLICT, Stop),
    ("not-charged", StatusCode::FORBIDDEN, Stop),
    ("ledger-damaged", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("ledger-version", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("ledger-rolled-back", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("ledger-full", StatusCode::FORBIDDEN, Stop),
    ("random-source", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("noise-failed", StatusCode::INTERNAL_SERVER_ERROR, Retry),
    ("wire-version", StatusCode::BAD_REQUEST, Stop),
    ("wire-malformed", StatusCode::BAD_REQUEST, Stop),
    ("wire-length", StatusCode::BAD_REQUEST, Refetch),
    ("signature-missing", StatusCode::BAD_REQUEST, Stop),
    ("signature-wrong", StatusCode::BAD_REQUEST, Stop),
    ("key-not-pinned", StatusCode::BAD_REQUEST, Stop),
    ("configuration-mismatch", StatusCode::CONFLICT, Refetch),
    ("seal-broken", StatusCode::BAD_REQUEST, Stop),
    ("shares-mismatch", StatusCode::CONFLICT, Stop),
    ("task-unknown", StatusCode::NOT_FOUND, Stop),
    ("round-closed", StatusCode::CONFLICT, Refetch),
    ("round-unknown", StatusCode::NOT_FOUND, Refetch),
    ("round-full", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("upload-conflict", StatusCode::CONFLICT, Stop),
    ("upload-id-mismatch", StatusCode::BAD_REQUEST, Stop),
    ("entry-too-large", StatusCode::BAD_REQUEST, Stop),
    ("cohort-too-small", StatusCode::CONFLICT, Retry),
    ("task-not-admitted", StatusCode::FORBIDDEN, Stop),
    ("task-withdrawn", StatusCode::FORBIDDEN, Stop),
    ("round-conflict", StatusCode::CONFLICT, Stop),
    ("round-early", StatusCode::CONFLICT, Retry),
    ("batch-disagreed", StatusCode::CONFLICT, Stop),
    ("batch-too-small", StatusCode::CONFLICT, Stop),
    ("batch-spent", StatusCode::CONFLICT, Stop),
    ("uploads-at-stake", StatusCode::CONFLICT, Stop),
    ("helper-unreachable", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("helper-refused", StatusCode::BAD_GATEWAY, Stop),
    ("clocks-differ", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("round-pending", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("token-refused", StatusCode::FORBIDDEN, Stop),
    ("token-spent", StatusCode::FORBIDDEN, Stop),
    ("quota-spent", StatusCode::FORBIDDEN, Retry),
    ("token-missing", StatusCode::FORBIDDEN, Retry),
    ("not-authorised", StatusCode::UNAUTHORIZED, Stop),
    ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, Retry),
    ("rate-limited", StatusCode::TOO_MANY_REQUESTS, Retry),
    ("body-late", StatusCode::REQUEST_TIMEOUT, Retry),
    ("route-unknown", StatusCode::NOT_FOUND, Stop),
    ("method-refused", StatusCode::METHOD_NOT_ALLOWED, Stop),
    ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, Stop),
    ("store-failed", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("store-behind", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("server-unreachable", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("storage-unavailable", StatusCode::SERVICE_UNAVAILABLE, Retry),
    ("storage-evictable", StatusCode::INSUFFICIENT_STORAGE, Stop),
    ("module-altered", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("storage-full", StatusCode::INSUFFICIENT_STORAGE, Stop),
    ("consent-missing", StatusCode::FORBIDDEN, Stop),
    ("paused", StatusCode::CONFLICT, Retry),
    ("not-taking-part", StatusCode::FORBIDDEN, Stop),
    ("options-differ", StatusCode::CONFLICT, Stop),
    ("argument-refused", StatusCode::BAD_REQUEST, Stop),
    ("aborted", StatusCode::REQUEST_TIMEOUT, Retry),
    ("timed-out", StatusCode::REQUEST_TIMEOUT, Retry),
    ("worker-failed", StatusCode::INTERNAL_SERVER_ERROR, Stop),
    ("closed", StatusCode::GONE, Stop),
];

/// An error on its way out.
#[derive(Debug)]
pub struct Problem(pub Error);

#[derive(Serialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    code: &'static str,
    advice: Advice,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<refusal::Base> for Problem {
    fn from(refusal: refusal::Base) -> Self {
        Self(refusal.into())
    }
}

impl Problem {
    fn row(&self) -> (StatusCode, Advice) {
        let code = self.0.code();
        let row = PROBLEMS.iter().find(|(known, ..)| *known == code);
        row.map(|&(_, status, advice)| (status, advice)).expect("a test holds that every code has a row")
    }

    /// Its status over HTTP.
    pub fn status(&self) -> StatusCode {
        self.row().0
    }

    /// The document, in JSON.
    pub fn document(&self) -> String {
        let (code, (status, advice)) = (self.0.code(), self.row());
        let (kind, title) = (format!("urn:privet:{code}"), self.0.to_string());
        let document = Document { kind, title, status: status.as_u16(), code, advice };
        serde_json::to_string(&document).expect("strings and a number encode")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wait_s = match self.0.of() {
            Some(&Refusal::RateLimited { wait_s, .. }) => Some(wait_s),
            Some(Refusal::TooManyRequests { .. }) => Some(1),
            _ => None,
        };
        let wait = wait_s.map(|wait_s| [(header::RETRY_AFTER, wait_s.to_string())]);
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status(), headers, wait, self.document()).into_response()
    }
}
