//! HTTPS to servers beside the cluster's API: CDI's upload proxy, KubeVirt's exports, Prometheus. Each brings its own certificates.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// What goes wrong at an end of a request, as a body's stream tells it.
pub(crate) type BodyError = std::io::Error;
/// What is sent.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// Makes each request on a connection of its own.
pub(crate) type HttpsClient = Client<hyper_rustls::HttpsConnector<HttpConnector>, Body>;

/// A client that trusts `roots` (in DER), or what the system trusts. The error says what is wrong with them.
pub(crate) fn client(roots: Option<Vec<Vec<u8>>>) -> Result<HttpsClient, String> {
    // Only what it says about trust is used; the address of a request is the request's own.
    let mut trust = kube::Config::new(http::Uri::from_static("https://localhost"));
    trust.root_cert = roots;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(Duration::from_secs(30)));
    http.set_connect_timeout(Some(Duration::from_secs(10)));
    let https = trust.rustls_https_connector_with_connector(http).map_err(|error| error.to_string())?;
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https))
}

/// The certificates of a PEM text, in DER.
pub(crate) fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|found| found.map(|certificate| certificate.to_vec()).map_err(|error| error.to_string()))
        .collect()
}
