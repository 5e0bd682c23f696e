//! An operator's way to a leader over HTTP.

use std::{path::Path, time::Duration};

use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;

use super::client::{HttpClient, client};

/// A leader asks its helper, and waits ten seconds for it, before it answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Every version that a task ever had, some 300 bytes each.
const LIMIT: usize = 16 << 20;

/// The routes under `/v1/admin` of a leader, with its operator's token.
pub struct Administrator {
    client: HttpClient,
    /// Without a slash at its end.
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Document {
    title: String,
}

impl Administrator {
    /// Of the leader whose operator's port is here; under `https` its certificate is of the authority in this file, or of one
    /// that the system trusts.
    pub fn new(url: &str, authority: Option<&Path>, token: String) -> Result<Self, String> {
        Ok(Self { client: client(url, authority)?, url: url.trim_end_matches('/').into(), token })
    }

    /// The body of an answer.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        self.ask(Method::GET, path).await
    }

    /// Does what a path says.
    pub async fn post(&self, path: &str) -> Result<(), String> {
        self.ask(Method::POST, path).await.map(drop)
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Vec<u8>, String> {
        let request = Request::builder().method(method).uri(format!("{}/v1/admin/{path}", self.url));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.body(Full::default()).map_err(|cause| format!("{}: {cause}", self.url))?;
        let silent = || format!("no answer from {}: is that the operator's port of a leader?", self.url);
        let asked = async {
            let (head, body) = self.client.request(request).await.ok()?.into_parts();
            Some((head.status, Limited::new(body, LIMIT).collect().await.ok()?.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(PATIENCE, asked).await.ok().flatten().ok_or_else(silent)?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        let problem: Option<Document> = serde_json::from_slice(&body).ok();
        Err(problem.map_or_else(|| format!("{status} from {}", self.url), |problem| problem.title))
    }
}
