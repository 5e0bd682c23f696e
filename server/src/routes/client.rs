//! The leader's way to the helper over HTTP.

use std::{sync::Arc, time::Duration};

use axum::{body::Bytes, http::Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use privet::{Identity, hex, unhex};
use serde::Deserialize;

use super::helper::SIGNATURE;
use crate::peer::{Ask, Peer, Refusal, sign_request, verify_answer};

/// A helper that takes longer is taken for gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer is longer: a sum of 4,096 entries has 16 KiB.
const LIMIT: usize = 1 << 20;

/// A helper at an address, known by its key.
pub struct HttpPeer {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Without a slash at its end.
    url: String,
    helper: [u8; 32],
    identity: Arc<Identity>,
}

#[derive(Deserialize)]
struct Document {
    code: String,
}

impl HttpPeer {
    /// The helper of this key at this address; `identity` is the leader's.
    pub fn new(url: &str, helper: [u8; 32], identity: Arc<Identity>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url: url.trim_end_matches('/').into(), helper, identity }
    }

    async fn sent(&self, ask: Ask, body: &[u8]) -> Option<(u16, Bytes)> {
        let signature = hex(&sign_request(&self.identity, ask, &self.helper, body));
        let request = Request::post(format!("{}/v1/peer/{}", self.url, ask.name())).header(SIGNATURE, signature);
        let request = request.body(Full::from(body.to_vec())).ok()?;
        let reply = self.client.request(request).await.ok()?;
        let (head, reply) = reply.into_parts();
        let reply = Limited::new(reply, LIMIT).collect().await.ok()?.to_bytes();
        let status = head.status.as_u16();
        let Some(signature) = head.headers.get(SIGNATURE).and_then(|text| unhex(text.to_str().ok()?)) else {
            tracing::warn!(status, "the helper's answer is not signed: does it pin this leader's key?");
            return None;
        };
        // An answer that the helper has not signed is nobody's.
        if verify_answer(&self.helper, ask, body, status, &reply, &signature).is_err() {
            tracing::warn!("the answer is not signed by the pinned key of the helper");
            return None;
        }
        Some((status, reply))
    }
}

impl Peer for HttpPeer {
    async fn ask(&self, ask: Ask, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let sent = tokio::time::timeout(PATIENCE, self.sent(ask, &body)).await;
        let (status, reply) = sent.ok().flatten().ok_or(Refusal::Unreachable)?;
        if status == 200 {
            return Ok(reply.to_vec());
        }
        let document: Document = serde_json::from_slice(&reply).map_err(|_| Refusal::Unreachable)?;
        Err(Refusal::Said(document.code))
    }
}
