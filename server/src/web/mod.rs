//! Porthole over HTTP.
//!
//! A request passes, from the outside in: [`request_log`] (id, one line), [`headers`] (what the browser may do),
//! compression, a limit for its body, [`origin`] (did our page send it), [`session`] (who is it), then its route:
//!
//! | route | file |
//! |---|---|
//! | pages and server functions | [`pages`] |
//! | `POST /sign-in`, `POST /sign-out` | [`routes::sign_in`], [`routes::sign_out`] |
//! | `/events` | [`routes::events`] |
//! | `/console/{namespace}/{name}/{way}` | [`routes::console`] |
//! | `/pods/{namespace}/{name}/log`, `/workloads/{kind}/{namespace}/{name}/log` | [`routes::logs`] |
//! | `/machines/{namespace}/{name}/screen.png` | [`routes::screen`] |
//! | `/images/{namespace}/{name}/download` | [`routes::download`] |
//! | `/inventory.csv` | [`routes::export`] |
//! | `/uploads`, `/uploads/{id}`, `/uploads/{id}/chunks/{index}` | [`routes::uploads`] |
//! | `/healthz`, `/readyz`, `/metrics` | [`routes::health`], [`routes::metrics`] |
//! | everything else: a file, else the page that says so | [`site`], [`pages`] |
//!
//! To add a route: a file in `routes/`, its line in [`router`] and in this table, and its row in the
//! authorisation matrix (`tests/authorisation.rs`).

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post, put};
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use model::image::DownloadForm;
use portal::{Lifecycle, Portal};
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::limit::RequestBodyLimitLayer;

pub mod headers;
pub(crate) mod listener;
pub mod next_page;
pub mod origin;
pub mod pages;
pub mod problem;
pub mod request_log;
pub mod routes;
pub mod session;
pub mod site;

use origin::Origins;
use site::Site;

/// Forms and server functions are small.
const MAX_BODY: usize = 256 * 1024;
/// A part of an upload; the files themselves have no limit.
const MAX_CHUNK: usize = 1 << 20;

/// What the routes work with.
#[derive(Clone)]
pub struct WebState {
    /// What Porthole does.
    pub portal: Portal,
    /// Whose requests are ours.
    pub origins: Arc<Origins>,
    /// The end of the process.
    pub lifecycle: Lifecycle,
    /// Scripts and styles.
    pub site: Site,
    /// What has been counted.
    pub metrics: PrometheusHandle,
}

impl FromRef<WebState> for LeptosOptions {
    fn from_ref(state: &WebState) -> Self {
        state.site.options.clone()
    }
}

impl FromRef<WebState> for Portal {
    fn from_ref(state: &WebState) -> Self {
        state.portal.clone()
    }
}

impl FromRef<WebState> for Arc<Origins> {
    fn from_ref(state: &WebState) -> Self {
        state.origins.clone()
    }
}

/// Disks go as they are: whoever wants them packed asks for that. Logs go at once.
fn is_worth_packing() -> impl Predicate {
    let is_disk = |form: DownloadForm| NotForContentType::const_new(form.media_type());
    let is_log = NotForContentType::const_new(routes::logs::MEDIA_TYPE);
    DefaultPredicate::new().and(is_disk(DownloadForm::Raw)).and(is_disk(DownloadForm::Packed)).and(is_log)
}

/// All routes.
pub fn router(state: &WebState) -> Router {
    let identify = ServiceBuilder::new()
        .layer(session::layer(state))
        .layer(from_fn_with_state(state.portal.clone(), session::identify));
    let personal = Router::new()
        .merge(pages::router(state))
        .route("/sign-in", post(routes::sign_in::handle))
        .route("/sign-out", post(routes::sign_out::handle))
        .route("/events", get(routes::events::handle))
        .route("/console/{namespace}/{name}/{way}", any(routes::console::handle))
        .route("/pods/{namespace}/{name}/log", get(routes::logs::of_pod))
        .route("/workloads/{kind}/{namespace}/{name}/log", get(routes::logs::of_workload))
        .route("/machines/{namespace}/{name}/screen.png", get(routes::screen::handle))
        .route("/images/{namespace}/{name}/download", get(routes::download::handle))
        .route("/inventory.csv", get(routes::export::handle))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(identify.clone());
    let uploads = Router::new()
        .route("/uploads", get(routes::uploads::list).post(routes::uploads::begin))
        .route("/uploads/{id}", get(routes::uploads::state).delete(routes::uploads::cancel))
        .route("/uploads/{id}/chunks/{index}", put(routes::uploads::chunk))
        .layer(RequestBodyLimitLayer::new(MAX_CHUNK))
        .layer(identify.clone());
    let not_found = pages::not_found(state).layer(identify);
    Router::new()
        .route("/healthz", get(routes::health::alive))
        .route("/readyz", get(routes::health::ready))
        .route("/metrics", get(routes::metrics::handle))
        .merge(personal)
        .merge(uploads)
        .fallback_service(state.site.files(not_found.with_state(state.clone())))
        .layer(CatchPanicLayer::custom(problem::from_panic))
        .layer(from_fn_with_state(state.origins.clone(), origin::guard))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_worth_packing()))
        .layer(from_fn_with_state(state.origins.clone(), headers::secure))
        .layer(from_fn(request_log::log))
        .with_state(state.clone())
}
