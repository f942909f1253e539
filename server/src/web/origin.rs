//! Whether a request comes from Porthole's own pages.
//!
//! A browser sends the session's cookie with whatever asks for it, so a request that changes something, or that
//! opens a socket, has to show that one of our pages sent it (OWASP: cross-site request forgery; the same for
//! websockets, which no same-origin policy covers):
//!
//! 1. `Sec-Fetch-Site`, where the browser sends it, has to say `same-origin`; `none` is a person's own doing.
//! 2. `Origin`, where it is there, has to be ours, exactly: the configured public origin, else `http(s)://` with
//!    the request's own `Host`, and only if that host is one on which porthole listens. A foreign name that
//!    resolves to this machine is thereby refused too.
//! 3. No `Origin`: a socket is refused. Another request needs `Sec-Fetch-Site: same-origin`, except for signing
//!    in and out, which a script without a browser does as well and where a forger has no cookie to borrow.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{ErrorCode, UiError};

use super::problem::Problem;

/// A scheme, host and port, as browsers write it: lower case, no port where it is the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    is_https: bool,
    authority: String,
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAnOrigin)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(NotAnOrigin),
        };
        let authority: Authority = rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| NotAnOrigin)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NotAnOrigin);
        }
        Ok(Self { is_https, authority: without_default_port(&authority, is_https) })
    }
}

impl Origin {
    /// Whether cookies may be for encrypted connections only.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

fn without_default_port(authority: &Authority, is_https: bool) -> String {
    let default = if is_https { 443 } else { 80 };
    let host = authority.host().to_ascii_lowercase();
    match authority.port_u16() {
        Some(port) if port != default => format!("{host}:{port}"),
        _ => host,
    }
}

/// Which origins are ours.
#[derive(Clone, Debug)]
pub enum Origins {
    /// The one that was configured.
    Public(Origin),
    /// Those of the address on which porthole listens.
    Listening(SocketAddr),
}

/// How much a request has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `Origin` has to be there: websockets.
    Origin,
    /// `Origin`, or the browser's word that it is the same origin: everything that changes something.
    OriginOrFetchSite,
    /// Nothing, but nothing may speak against it: signing in and out.
    NoContradiction,
}

/// Why a request was refused, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// `Sec-Fetch-Site` says so.
    #[error("another site sent it")]
    FetchSite,
    /// `Origin` is not ours.
    #[error("its origin is not this portal's")]
    Origin,
    /// Nothing says where it comes from.
    #[error("it does not say which page sent it")]
    Unknown,
}

impl Origins {
    /// Whether the request's headers show what they have to.
    pub fn check(&self, headers: &HeaderMap, proof: Proof) -> Result<(), Foreign> {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
            return Err(Foreign::FetchSite);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if origin.to_str().is_ok_and(|origin| self.is_ours(origin, headers)) => Ok(()),
            (Some(_), _) => Err(Foreign::Origin),
            (None, _) => match proof {
                Proof::NoContradiction => Ok(()),
                Proof::OriginOrFetchSite if site == Some(b"same-origin") => Ok(()),
                Proof::OriginOrFetchSite | Proof::Origin => Err(Foreign::Unknown),
            },
        }
    }

    fn is_ours(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Ok(origin) = origin.parse::<Origin>() else { return false };
        match self {
            Self::Public(public) => origin == *public,
            Self::Listening(address) => own_host(headers).is_some_and(|host| {
                listens_as(*address, host.host()) && without_default_port(&host, origin.is_https) == origin.authority
            }),
        }
    }

    /// Whether cookies may be for encrypted connections only.
    pub fn is_https(&self) -> bool {
        matches!(self, Self::Public(origin) if origin.is_https())
    }

    /// Host and port as the browser sees them.
    pub fn authority(&self, headers: &HeaderMap) -> Option<String> {
        match self {
            Self::Public(origin) => Some(origin.authority().to_owned()),
            Self::Listening(_) => own_host(headers).map(|host| host.as_str().to_ascii_lowercase()),
        }
    }
}

fn own_host(headers: &HeaderMap) -> Option<Authority> {
    let host: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    (!host.as_str().contains('@')).then_some(host)
}

/// Whether a browser that typed this host can mean this address. Ports are left to the comparison with `Host`,
/// since a forwarded port differs from the one that is listened on.
fn listens_as(address: SocketAddr, host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.eq_ignore_ascii_case("localhost") {
        return address.ip().is_loopback() || address.ip().is_unspecified();
    }
    match host.parse::<IpAddr>() {
        Ok(ip) if address.ip().is_unspecified() => !ip.is_unspecified(),
        Ok(ip) => ip == address.ip() || (ip.is_loopback() && address.ip().is_loopback()),
        Err(_) => false,
    }
}

/// Refuses what another site sent, before anything looks at the session.
pub async fn guard(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let upgrades = request.headers().contains_key("upgrade");
    let proof = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD | &Method::OPTIONS, _) if !upgrades => return next.run(request).await,
        // The console answers for itself: first 401, then this check.
        (_, path) if path.starts_with("/console/") => return next.run(request).await,
        (_, "/sign-in" | "/sign-out") => Proof::NoContradiction,
        _ => Proof::OriginOrFetchSite,
    };
    match origins.check(request.headers(), proof) {
        Ok(()) => next.run(request).await,
        Err(foreign) => refusal(foreign, request.headers()),
    }
}

/// The answer to a request of another site.
pub fn refusal(foreign: Foreign, headers: &HeaderMap) -> Response {
    tracing::warn!(
        origin = ?headers.get(ORIGIN), host = ?headers.get(HOST), reason = %foreign,
        "refused a request of another site; if people reach porthole under another name, set --public-origin"
    );
    Problem(UiError::new(
        ErrorCode::Forbidden,
        format!("This request was refused: {foreign}. Open Porthole by its own address and try again."),
    ))
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn local() -> Origins {
        Origins::Listening("127.0.0.1:8080".parse().unwrap())
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        assert_eq!(
            "https://Porthole.example.org:443/".parse::<Origin>().unwrap().to_string(),
            "https://porthole.example.org"
        );
        assert_eq!("http://[::1]:8080".parse::<Origin>().unwrap().to_string(), "http://[::1]:8080");
        for wrong in ["null", "", "ftp://x", "https://", "https://a/b", "https://u@h", "porthole.example.org"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_origin_passes_and_every_other_is_refused() {
        let host = ("host", "127.0.0.1:8080");
        let check = |origin: &str| local().check(&headers(&[host, ("origin", origin)]), Proof::Origin);
        assert_eq!(check("http://127.0.0.1:8080"), Ok(()));
        for foreign in ["http://127.0.0.1:8081", "http://evil.example", "null", "http://127.0.0.1:8080.evil.example"] {
            assert_eq!(check(foreign), Err(Foreign::Origin), "{foreign}");
        }
    }

    #[test]
    fn a_foreign_name_for_this_machine_is_refused_although_host_and_origin_agree() {
        let rebound = headers(&[("host", "evil.example:8080"), ("origin", "http://evil.example:8080")]);
        assert_eq!(local().check(&rebound, Proof::Origin), Err(Foreign::Origin));
    }

    #[test]
    fn a_forwarded_port_passes() {
        let forwarded = headers(&[("host", "localhost:9000"), ("origin", "http://localhost:9000")]);
        assert_eq!(local().check(&forwarded, Proof::Origin), Ok(()));
    }

    #[test]
    fn behind_a_proxy_only_the_public_origin_counts() {
        let origins = Origins::Public("https://porthole.example.org".parse().unwrap());
        let check =
            |origin: &str| origins.check(&headers(&[("host", "10.0.0.1:8080"), ("origin", origin)]), Proof::Origin);
        assert_eq!(check("https://porthole.example.org"), Ok(()));
        assert_eq!(check("http://porthole.example.org"), Err(Foreign::Origin));
        assert_eq!(check("http://10.0.0.1:8080"), Err(Foreign::Origin));
    }

    #[test]
    fn the_browsers_word_decides_before_the_origin() {
        let contradiction = headers(&[
            ("host", "localhost:8080"),
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "cross-site"),
        ]);
        assert_eq!(local().check(&contradiction, Proof::NoContradiction), Err(Foreign::FetchSite));
    }

    #[test]
    fn without_origin_only_signing_in_and_out_needs_no_word() {
        let bare = headers(&[("host", "localhost:8080")]);
        assert_eq!(local().check(&bare, Proof::NoContradiction), Ok(()));
        assert_eq!(local().check(&bare, Proof::OriginOrFetchSite), Err(Foreign::Unknown));
        let told = headers(&[("host", "localhost:8080"), ("sec-fetch-site", "same-origin")]);
        assert_eq!(local().check(&told, Proof::OriginOrFetchSite), Ok(()));
        assert_eq!(local().check(&told, Proof::Origin), Err(Foreign::Unknown));
    }

    #[test]
    fn two_origins_are_none() {
        let mut twice = headers(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]);
        twice.append(ORIGIN, "http://evil.example".parse().unwrap());
        assert_eq!(local().check(&twice, Proof::Origin), Err(Foreign::Origin));
    }
}
