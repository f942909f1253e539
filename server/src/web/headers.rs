//! Headers that every answer carries: what the browser may load, and what it may keep.
//!
//! Scripts run only from our own files, or with the request's nonce, which leptos puts on the inline scripts that
//! it writes. Nothing may frame the pages, and what belongs to a person is never stored.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use rand::Rng;

use super::origin::Origins;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// What Porthole's pages never need; full screen and the clipboard stay theirs.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
     magnetometer=(), microphone=(), midi=(), payment=(), usb=(), clipboard-read=(self), clipboard-write=(self), \
     fullscreen=(self)";

/// What inline scripts of this one answer have to carry.
#[derive(Clone, Debug)]
pub struct PageNonce(pub Arc<str>);

/// Makes the nonce, and adds what the answer does not say by itself.
pub async fn secure(State(origins): State<Arc<Origins>>, mut request: Request, next: Next) -> Response {
    let authority = origins.authority(request.headers());
    let nonce: Arc<str> = format!("{:032x}", rand::rng().random::<u128>()).into();
    request.extensions_mut().insert(PageNonce(nonce.clone()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy(&nonce, authority.as_deref()));
    let mut add = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    add(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    add(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    add(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
    add(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    add(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    if origins.is_https() {
        add(HeaderName::from_static("strict-transport-security"), HeaderValue::from_static("max-age=31536000"));
    }
    // Static files say for themselves how long they are good; everything else is for one person, once.
    add(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The content security policy of one answer.
fn policy(nonce: &str, authority: Option<&str>) -> HeaderValue {
    // Older Safari does not count a websocket of the same host as 'self'.
    let sockets = authority.map(|authority| format!(" ws://{authority} wss://{authority}")).unwrap_or_default();
    let text = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'{sockets}; \
         manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// Whether the sender reads pages rather than data: a browser that follows a link or sends a form.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}

/// Whether the sender names JSON and no pages.
pub fn wants_json(headers: &HeaderMap) -> bool {
    accepts(headers, "application/json") && !accepts_html(headers)
}

fn accepts(headers: &HeaderMap, what: &str) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_need_our_files_or_the_nonce() {
        let policy = policy("abc", Some("localhost:8080"));
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'nonce-abc';"), "{policy}");
        assert!(policy.contains("connect-src 'self' ws://localhost:8080 wss://localhost:8080;"), "{policy}");
        assert!(!policy.contains("unsafe-inline' ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
