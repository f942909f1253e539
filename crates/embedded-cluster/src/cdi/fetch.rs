//! A small HTTP client: one connection a request, redirects, the trust of the system and of who asks.

use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How often an answer may point elsewhere.
const REDIRECTS: usize = 10;

/// Asks web servers.
pub(super) struct Client {
    headers: HeaderMap,
    tls: TlsConnector,
}

impl Client {
    /// A client that sends these headers and trusts these certificates (PEM) besides those of the system.
    pub(super) fn new(headers: HeaderMap, certificates: &[String], source: &Value) -> Result<Self, String> {
        if source["insecureSkipVerify"] == true {
            return Err("the embedded cluster always looks at certificates: name a certConfigMap instead".to_owned());
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for pem in certificates {
            roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { headers, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Asks for a file from an offset on. With a validator the server sends all of it if it is another file now.
    pub(super) async fn get(
        &self,
        url: &str,
        offset: u64,
        validator: Option<&str>,
    ) -> Result<Response<Incoming>, String> {
        let mut headers = HeaderMap::new();
        if offset > 0 {
            headers.insert(header::RANGE, value(&format!("bytes={offset}-"))?);
            if let Some(validator) = validator {
                headers.insert(header::IF_RANGE, value(validator)?);
            }
        }
        self.get_with(url, &headers).await
    }

    /// Asks with more headers.
    pub(super) async fn get_with(&self, url: &str, more: &HeaderMap) -> Result<Response<Incoming>, String> {
        let first: Uri = url.parse().map_err(|_| format!("{url:?} is not an address"))?;
        let mut uri = first.clone();
        for _ in 0..=REDIRECTS {
            // Secrets stay with the server that they are for.
            let is_first = uri.authority() == first.authority() && uri.scheme() == first.scheme();
            let response = self.ask(&uri, is_first, more).await?;
            let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            match target.filter(|_| response.status().is_redirection()) {
                Some(target) => {
                    uri = join(&uri, target).ok_or_else(|| format!("Get {url:?}: redirected to {target:?}"))?;
                }
                None => return Ok(response),
            }
        }
        Err(format!("HTTP request errored: Get {url:?}: stopped after {REDIRECTS} redirects"))
    }

    async fn ask(&self, uri: &Uri, with_own_headers: bool, more: &HeaderMap) -> Result<Response<Incoming>, String> {
        let errored = |why: String| format!("HTTP request errored: Get \"{uri}\": {why}");
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        if !is_tls && uri.scheme() != Some(&Scheme::HTTP) {
            return Err(errored(format!("unsupported protocol scheme {:?}", uri.scheme_str().unwrap_or_default())));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(|error| errored(dial(host, port, &error)))?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut request = Request::get(path).body(Empty::<Bytes>::new()).map_err(|error| errored(error.to_string()))?;
        let authority = uri.authority().map_or(host, http::uri::Authority::as_str);
        // What is before an @ is not part of the host's name.
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        request.headers_mut().insert(header::HOST, value(authority)?);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("porthole"));
        if with_own_headers {
            request.headers_mut().extend(self.headers.clone());
        }
        request.headers_mut().extend(more.clone());
        let response = if is_tls {
            let name = ServerName::try_from(host.to_owned()).map_err(|error| errored(error.to_string()))?;
            let stream = self.tls.connect(name, stream).await.map_err(|error| errored(format!("tls: {error}")))?;
            send(TokioIo::new(stream), request).await
        } else {
            send(TokioIo::new(stream), request).await
        };
        response.map_err(|error| errored(error.to_string()))
    }
}

async fn send<T>(stream: T, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // It ends with the response's body.
    tokio::spawn(connection);
    sender.send_request(request).await
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text).map_err(|_| format!("{text:?} cannot be sent as a header"))
}

/// What a failed connection is called elsewhere.
fn dial(host: &str, port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("dial tcp {host}:{port}: connect: connection refused"),
        std::io::ErrorKind::TimedOut => format!("dial tcp {host}:{port}: i/o timeout"),
        _ if error.raw_os_error().is_none() => format!("dial tcp: lookup {host}: no such host"),
        _ => format!("dial tcp {host}:{port}: {error}"),
    }
}

/// A redirect's target, which may leave out what stays the same.
fn join(from: &Uri, target: &str) -> Option<Uri> {
    if target.contains("://") {
        return target.parse().ok();
    }
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let path = if target.starts_with('/') {
        target.to_owned()
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{target}")
    };
    format!("{scheme}://{authority}{path}").parse().ok()
}

/// The code and words of an answer, as the server sent them.
pub(super) fn status_line(response: &Response<Incoming>) -> String {
    let code = response.status();
    let sent =
        response.extensions().get::<hyper::ext::ReasonPhrase>().map(|words| String::from_utf8_lossy(words.as_bytes()));
    let words = sent.unwrap_or_else(|| code.canonical_reason().unwrap_or_default().into());
    format!("{} {words}", code.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_may_leave_out_what_stays_the_same() {
        let from: Uri = "https://a.example/images/x.iso".parse().unwrap();
        let to = |target| join(&from, target).unwrap().to_string();
        assert_eq!(to("https://b.example/y"), "https://b.example/y");
        assert_eq!(to("/y?z"), "https://a.example/y?z");
        assert_eq!(to("y.iso"), "https://a.example/images/y.iso");
    }
}
