//! The HTTP API, as Kubernetes defines it.
//!
//! ```text
//!   request ─► who? ─► acting as? ─► may they? ─┬─► discovery, version, health
//!              401      403           403       ├─► objects: read, write, delete, watch, log, reviews
//!                                               └─► subresources.kubevirt.io (a router of its own)
//! ```
//!
//! The first three steps are one layer around everything ([`gate`]). What passes carries [`RequestInfo`] and
//! [`crate::auth::UserInfo`] as extensions. Objects are served by kind-agnostic code that asks the [`crate::catalog`] what it
//! has to know; a new kind needs no new route.

pub mod admission;
mod delete;
mod discovery;
mod eviction;
mod gate;
mod log;
mod media;
mod openapi;
mod patch;
mod protobuf;
mod read;
mod request;
mod reviews;
mod scale;
mod selectors;
pub(crate) mod table;
mod token;
mod validate;
mod watch;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::auth::UserInfo;
use crate::auth::tokens::Tokens;
use crate::catalog::{Behaviour, Catalog, CurrentCatalog, Kind, Version};
use crate::containers::Containers;
use crate::containers::streams::{self, Want};
use crate::error::ApiError;
use crate::store::Store;

pub use request::{Query, RequestInfo};

/// Largest body that is read.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// What every handler needs.
pub struct Api {
    /// All objects.
    pub store: Arc<Store>,
    /// Whose token is whose.
    pub tokens: Arc<Tokens>,
    /// What `KubeVirt`'s webhooks would do.
    pub admission: Vec<Box<dyn admission::Admission>>,
    /// Where the node agents write the logs of containers.
    pub logs: PathBuf,
    /// The containers that run, for `exec` and `attach`.
    pub(crate) containers: Option<Arc<Containers>>,
    /// Cancelled when the server stops: streams end.
    pub stop: CancellationToken,
    catalog: CurrentCatalog,
}

impl Api {
    /// Puts the API together.
    pub fn new(
        store: Arc<Store>,
        tokens: Arc<Tokens>,
        admission: Vec<Box<dyn admission::Admission>>,
        logs: PathBuf,
        stop: CancellationToken,
    ) -> Self {
        Self { store, tokens, admission, logs, containers: None, stop, catalog: CurrentCatalog::default() }
    }

    /// The same, with containers to reach into.
    #[must_use]
    pub(crate) fn with_containers(mut self, containers: Arc<Containers>) -> Self {
        self.containers = Some(containers);
        self
    }

    /// The kinds served at this moment.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.get(&self.store)
    }
}

/// Everything that is served. `subresources` answers below `/apis/subresources.kubevirt.io/{version}`.
pub fn router(api: Arc<Api>, subresources: Option<Router>) -> Router {
    let paths = discovery::SUBRESOURCE_VERSIONS.map(|version| format!("/apis/{}/{version}", discovery::SUBRESOURCES));
    let mut router = Router::new();
    for path in &paths {
        router = router.route(path, axum::routing::get(discovery::subresource_list));
    }
    let mut router = router.fallback(serve).with_state(Arc::clone(&api));
    if let Some(subresources) = subresources {
        for path in &paths {
            router = router.nest(path, subresources.clone());
        }
    }
    router.layer(axum::middleware::from_fn_with_state(api, gate::pass))
}

async fn serve(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = match parts.extensions.get::<RequestInfo>().cloned() {
        Some(info) if info.is_resource => serve_resource(&api, &info, &parts, body).await,
        Some(_) => discovery::serve(&api, &parts),
        None => Err(ApiError::internal("the request did not pass the gate")),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

/// One request about objects, with everything that is known about it.
struct Call<'a> {
    api: &'a Arc<Api>,
    info: &'a RequestInfo,
    query: Query,
    parts: &'a Parts,
    user: &'a UserInfo,
    kind: &'a Arc<Kind>,
    version: &'a Version,
}

impl Call<'_> {
    /// The namespace to look into: none for kinds of the cluster, and none for all of them.
    fn namespace(&self) -> Option<&str> {
        self.info.namespace().filter(|_| self.kind.is_namespaced)
    }

    /// The object in the version that was asked for.
    fn present(&self, object: &Arc<Value>) -> Arc<Value> {
        in_version(object, self.kind, self.version)
    }
}

/// The object as this version shows it. Versions of a kind differ in their name only.
fn in_version(object: &Arc<Value>, kind: &Kind, version: &Version) -> Arc<Value> {
    if version.name == kind.storage_version {
        return Arc::clone(object);
    }
    let mut shown = Value::clone(object);
    shown["apiVersion"] = kind.api_version(&version.name).into();
    Arc::new(shown)
}

async fn serve_resource(api: &Arc<Api>, info: &RequestInfo, parts: &Parts, body: Body) -> Result<Response, ApiError> {
    let catalog = api.catalog();
    let kind = catalog.get(&info.group_resource()).ok_or_else(ApiError::unknown_path)?;
    let version = kind.version(&info.version).ok_or_else(ApiError::unknown_path)?;
    let user = parts.extensions.get::<UserInfo>().ok_or_else(ApiError::unauthorized)?;
    // A namespaced kind without a namespace can only be listed; a kind of the cluster has no place in a namespace.
    let is_of_namespace = kind.resource.group.is_empty() && kind.resource.resource == "namespaces";
    let is_misplaced = !kind.is_namespaced && !is_of_namespace && !info.namespace.is_empty();
    if is_misplaced || (kind.is_namespaced && info.namespace.is_empty() && info.verb != "list" && info.verb != "watch")
    {
        return Err(if info.verb == "create" { ApiError::method_not_allowed() } else { ApiError::unknown_path() });
    }
    let call = Call { api, info, query: Query::parse(&parts.uri), parts, user, kind, version };
    if let Behaviour::Review(review) = kind.behaviour {
        return match info.verb.as_str() {
            "create" if info.name.is_empty() => reviews::answer(&call, review, &read_body(body).await?),
            _ => Err(ApiError::method_not_allowed()),
        };
    }
    match info.subresource.as_str() {
        "" => serve_object(&call, body).await,
        "status" if version.has_status => serve_status(&call, body).await,
        "finalize" if is_of_namespace && info.verb == "update" => write::replace(&call, &read_body(body).await?),
        "log" if info.resource == "pods" && info.verb == "get" => log::stream(&call).await,
        "token" if info.resource == "serviceaccounts" && info.verb == "create" => {
            token::issue(&call, &read_body(body).await?)
        }
        "scale" if kind.subresources.iter().any(|one| one.name == "scale") => scale::serve(&call, body).await,
        "eviction" if info.resource == "pods" && info.verb == "create" => {
            eviction::evict(&call, &read_body(body).await?)
        }
        "exec" if info.resource == "pods" => connect(&call, Want::Exec).await,
        "attach" if info.resource == "pods" => connect(&call, Want::Attach).await,
        "log" | "token" | "eviction" => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::unknown_path()),
    }
}

/// A stream into a container.
async fn connect(call: &Call<'_>, want: Want) -> Result<Response, ApiError> {
    if !matches!(call.info.verb.as_str(), "get" | "create") {
        return Err(ApiError::method_not_allowed());
    }
    let pod = call.api.store.find(&call.kind.resource, call.namespace(), &call.info.name)?;
    let container = log::container(&pod, call.query.get("container"))?;
    let containers = call.api.containers.as_ref().ok_or_else(ApiError::method_not_allowed)?;
    streams::serve(containers, &pod, &container, call.parts, want).await
}

async fn serve_object(call: &Call<'_>, body: Body) -> Result<Response, ApiError> {
    match call.info.verb.as_str() {
        "get" => read::one(call),
        "list" => read::many(call),
        "watch" => watch::stream(call),
        "create" if call.info.name.is_empty() => write::create(call, &read_body(body).await?),
        "update" => write::replace(call, &read_body(body).await?),
        "patch" => write::patch(call, &read_body(body).await?),
        "delete" => delete::one(call, &read_body(body).await?),
        "deletecollection" if call.kind.verbs.contains(&"deletecollection") => {
            delete::many(call, &read_body(body).await?)
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn serve_status(call: &Call<'_>, body: Body) -> Result<Response, ApiError> {
    match call.info.verb.as_str() {
        "get" => read::one(call),
        "update" => write::replace(call, &read_body(body).await?),
        "patch" => write::patch(call, &read_body(body).await?),
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {BODY_LIMIT}");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message))
        }
        Err(error) => Err(ApiError::bad_request(format!("the body could not be read: {error}"))),
    }
}

/// Whether the method only reads.
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The machine's architecture, as Go names it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
