//! The one HTTP stack towards the cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::Client;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use tower::ServiceBuilder;

use super::trouble::Trouble;

/// A client for the cluster. Cheap to clone; a new one replaces it when credentials change.
#[derive(Clone)]
pub(crate) struct Connection {
    pub client: Client,
    /// Counts connections, so that watches know when to start over.
    pub generation: u64,
    /// The certificates that the cluster's own one is signed by (DER); `None`: those that the system trusts.
    pub roots: Option<Arc<[Vec<u8>]>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Connection {
    /// Builds the stack; nothing is sent yet.
    pub(super) fn new(config: kube::Config, generation: u64) -> Result<Self, Trouble> {
        let roots = config.root_cert.clone().map(Arc::from);
        client(config)
            .map(|client| Self { client, generation, roots })
            .map_err(|error| Trouble::SetUp(super::trouble::chain(&error)))
    }
}

/// How long an unused connection is kept. Servers close theirs after ten seconds and more, and a request that meets
/// a connection at that moment is lost.
const IDLE: Duration = Duration::from_secs(8);

/// kube's own stack leaves Nagle's algorithm on, which holds each key press back for up to 40 ms. The rest is
/// the same: address, credentials, extra headers. HTTP/1.1 only, because upgrades need it.
fn client(config: kube::Config) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config)?.build());
    }
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(Duration::from_secs(30)));
    http.set_connect_timeout(config.connect_timeout);
    let https = config.rustls_https_connector_with_connector(http)?;
    let stack = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(stack);
    Ok(Client::new(service, config.default_namespace))
}
