//! The leader's way to the helper over HTTP.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{body::Bytes, http::Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use privet::{Identity, hex, unhex};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

use super::{
    helper::{SIGNATURE, TIME},
    unanswered::{Telling, Unanswered},
};
use crate::{
    clock::Clock,
    listen::{certificates, provider},
    peer::{Ask, Peer, PeerError, sign_request, verify_answer},
};

/// A helper that takes longer is taken for gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// A kept connection is let go before the helper closes it (after ten seconds), so that no request meets its end.
const KEPT: Duration = Duration::from_secs(5);
/// No answer is longer: a sum of 4,096 entries has 16 KiB.
const LIMIT: usize = 1 << 20;

/// A helper at an address, known by its key.
pub struct HttpPeer {
    client: HttpClient,
    /// Without a slash at its end.
    url: String,
    helper: [u8; 32],
    identity: Arc<Identity>,
    silent: Telling,
    clock: Clock,
}

#[derive(Deserialize)]
struct Document {
    code: String,
}

/// What speaks HTTP to other processes.
pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client for this address. Under `https` the certificate there has to be of an authority in this file, or of one that
/// the system trusts.
pub(super) fn client(url: &str, authority: Option<&Path>) -> Result<HttpClient, String> {
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.map_err(|cause| cause.to_string())?;
    let config = match authority {
        Some(file) if url.starts_with("https://") => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|cause| format!("{}: {cause}", file.display()))?;
            }
            config.with_root_certificates(roots)
        }
        Some(_) => return Err(format!("{url} has no certificate: an authority for it needs https")),
        None if url.starts_with("https://") => {
            config.with_native_roots().map_err(|cause| format!("the system's certificates: {cause}"))?
        }
        None => config.with_root_certificates(RootCertStore::empty()),
    };
    let config = config.with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).build(connector))
}

impl HttpPeer {
    /// The helper of this key at this address; `identity` is the leader's, and the authority that of the certificate under
    /// `https`: those that the system trusts, unless told.
    pub fn new(url: &str, authority: Option<&Path>, helper: [u8; 32], identity: Arc<Identity>) -> Result<Self, String> {
        let client = client(url, authority)?;
        let (silent, clock) = (Telling::default(), Clock::default());
        Ok(Self { client, url: url.trim_end_matches('/').into(), helper, identity, silent, clock })
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The status of a signed answer, the helper's time where it says one, and the body.
    async fn sent(&self, ask: Ask, body: &[u8]) -> Option<(u16, Option<u64>, Bytes)> {
        let at_s = self.clock.now_s();
        let signature = hex(&sign_request(&self.identity, ask, &self.helper, at_s, body));
        let request = Request::post(format!("{}/v1/peer/{}", self.url, ask.name()));
        let request = request.header(SIGNATURE, signature).header(TIME, at_s);
        let request = request.body(Full::from(body.to_vec())).ok()?;
        let reply =
            self.client.request(request).await.map_err(|error| self.silent.tell(Unanswered::of(&error))).ok()?;
        let (head, reply) = reply.into_parts();
        let reply = Limited::new(reply, LIMIT).collect().await.ok()?.to_bytes();
        let status = head.status.as_u16();
        let Some(signature) = head.headers.get(SIGNATURE).and_then(|text| unhex(text.to_str().ok()?)) else {
            tracing::warn!(status, "the helper's answer is not signed: does it pin this leader's key?");
            return None;
        };
        // An answer that the helper has not signed is nobody's.
        if verify_answer(&self.helper, ask, at_s, body, status, &reply, &signature).is_err() {
            tracing::warn!("the answer is not signed by the pinned key of the helper");
            return None;
        }
        let theirs_s = head.headers.get(TIME).and_then(|text| text.to_str().ok()?.parse().ok());
        Some((status, theirs_s, reply))
    }
}

impl Peer for HttpPeer {
    async fn ask(&self, ask: Ask, body: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        let sent = tokio::time::timeout(PATIENCE, self.sent(ask, &body)).await;
        let sent = sent.inspect_err(|_| self.silent.tell(Unanswered::Slow));
        let (status, theirs_s, reply) = sent.ok().flatten().ok_or(PeerError::Unreachable)?;
        if status == 200 {
            return Ok(reply.to_vec());
        }
        let document: Document = serde_json::from_slice(&reply).map_err(|_| PeerError::Unreachable)?;
        if document.code == "clocks-differ" {
            // The code is signed; how far is for the operator to read.
            let by_s = theirs_s.map(|theirs_s: u64| self.clock.now_s().abs_diff(theirs_s));
            return Err(by_s.map_or(PeerError::Unreachable, PeerError::Clocks));
        }
        Err(PeerError::Said(document.code))
    }
}
