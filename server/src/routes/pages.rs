//! A folder of static pages: what is in it, and nothing that it only points to.

use std::path::{Component, Path, PathBuf};

use axum::{
    Router,
    extract::Request,
    handler::HandlerWithoutStateExt,
    http::{HeaderName, HeaderValue, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{Problem, Refusal};

/// Scripts and styles from here alone, and Wasm: what a page that handles a profile should be served under.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The one name with a dot at its beginning that is for everybody (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// `api`, and the pages of this folder wherever it serves nothing, all under the headers of a page.
pub(super) fn around(api: Router, folder: &Path) -> Router {
    let nowhere = || async { Problem(Refusal::RouteUnknown.into()) };
    let root = folder.to_owned();
    let pages = Router::new()
        .fallback_service(ServeDir::new(folder).fallback(nowhere.into_service()))
        .layer(from_fn(move |request, next| only_inside(root.clone(), request, next)));
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    api.fallback_service(pages)
        .layer(fixed(HeaderName::from_static("content-security-policy"), PAGE_POLICY))
        .layer(fixed(HeaderName::from_static("x-content-type-options"), "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
}

async fn only_inside(root: PathBuf, request: Request, next: Next) -> Response {
    if is_inside(&root, request.uri().path()).await {
        next.run(request).await
    } else {
        Problem(Refusal::RouteUnknown.into()).into_response()
    }
}

/// Whether a path names a file of the folder, or a folder whose index is: followed to its end, and hidden nowhere on the
/// way.
async fn is_inside(root: &Path, path: &str) -> bool {
    let Ok(path) = percent_decode_str(path).decode_utf8() else { return false };
    let asked = Path::new(path.trim_start_matches('/'));
    if is_hidden(asked) {
        return false;
    }
    let (Ok(root), Ok(found)) = (tokio::fs::canonicalize(root).await, tokio::fs::canonicalize(root.join(asked)).await)
    else {
        return false;
    };
    let index = tokio::fs::canonicalize(found.join("index.html")).await.ok();
    let is_ours = |file: &PathBuf| file.strip_prefix(&root).is_ok_and(|inside| !is_hidden(inside));
    is_ours(&found) && index.iter().all(is_ours)
}

/// Whether a part of it begins with a dot, or leads anywhere but down.
fn is_hidden(path: &Path) -> bool {
    path.components().enumerate().any(|(place, part)| match part {
        Component::Normal(name) => name.as_encoded_bytes().starts_with(b".") && (place > 0 || name != WELL_KNOWN),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_dot_is_hidden_but_for_one_name() {
        for shown in ["", "index.html", ".well-known/security.txt", "a/b.c/d"] {
            assert!(!is_hidden(Path::new(shown)), "{shown}");
        }
        for hidden in
            [".env", "a/.git/config", "a/.well-known/x", "../up", "a/../../up", "/etc/passwd", ".well-known/.env"]
        {
            assert!(is_hidden(Path::new(hidden)), "{hidden}");
        }
    }
}
