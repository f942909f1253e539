//! The pages and their server functions, rendered by leptos.
//!
//! Whoever is not signed in is led to the sign-in page and back; a server function answers 401 instead, unless a
//! plain form called it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::nonce::Nonce;
use leptos::prelude::{AnyView, IntoAny, provide_context, use_context};
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list, render_app_async_with_context};
use model::UiError;
use portal::Actor;

use super::WebState;
use super::headers::{PageNonce, accepts_html};
use super::next_page::{checked, referring_page, sign_in_url};
use super::origin::Origins;
use super::problem::Problem;
use super::site::Site;

/// What works without a session, because it is for whoever reads the sign-in page.
const PUBLIC: [&str; 2] = ["/sign-in", "/api/theme"];

/// The routes of all pages.
///
/// They are found out once, before the first page is served: leptos walks through the whole app for it and keeps every
/// resource of the process from loading meanwhile, even one of a page that is just being rendered. That page would
/// never be answered.
pub fn routes() -> Vec<AxumRouteListing> {
    static ROUTES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(app::App));
    ROUTES.clone()
}

/// Routes of all pages and server functions.
pub fn router(state: &WebState) -> Router<WebState> {
    let document = document(state);
    Router::new()
        .leptos_routes_with_context(state, routes(), context(state), document)
        .route_layer(from_fn_with_state(state.origins.clone(), require_sign_in))
}

/// The page for addresses that lead nowhere.
pub fn not_found(state: &WebState) -> Router<WebState> {
    let document = document(state);
    let render = render_app_async_with_context(context(state), document);
    Router::new().fallback(move |request: Request| {
        let render = render.clone();
        async move {
            let is_signed_in = request.extensions().get::<Actor>().is_some();
            let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
                && !request.uri().path().starts_with("/api/")
                && (is_signed_in || accepts_html(request.headers()));
            match (is_page, is_signed_in) {
                (false, _) => return Problem(UiError::not_found("address")).into_response(),
                (true, false) => return sign_in_first(&request),
                (true, true) => {}
            }
            let mut response = render(request).await;
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
    })
}

/// The document around every page.
fn document(state: &WebState) -> impl Fn() -> AnyView + Clone + Send + Sync + use<> {
    let Site { options, parts, .. } = state.site.clone();
    move || app::shell(options.clone(), &parts).into_any()
}

/// What pages find in leptos' context beside the request's parts.
fn context(state: &WebState) -> impl Fn() + Clone + Send + Sync + use<> {
    let portal = state.portal.clone();
    move || {
        provide_context(portal.clone());
        // In place of leptos' own, so that one value is in the scripts and in the answer's policy.
        if let Some(PageNonce(nonce)) = use_context::<Parts>().and_then(|mut parts| parts.extensions.remove()) {
            provide_context(Nonce::from_value(nonce));
        }
    }
}

async fn require_sign_in(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let is_signed_in = request.extensions().get::<Actor>().is_some();
    let path = request.uri().path();
    match (is_signed_in, path) {
        (true, "/sign-in") => Redirect::to(&asked_for(&request).unwrap_or_else(|| "/".to_owned())).into_response(),
        (true, _) => next.run(request).await,
        (false, path) if PUBLIC.contains(&path) => next.run(request).await,
        (false, path) if path.starts_with("/api/") => {
            if *request.method() == Method::POST && accepts_html(request.headers()) {
                let page = referring_page(request.headers(), &origins).unwrap_or_default();
                Redirect::to(&sign_in_url(&[("next", &page)])).into_response()
            } else {
                Problem::signed_out().into_response()
            }
        }
        (false, _) => sign_in_first(&request),
    }
}

/// To the sign-in page and back.
fn sign_in_first(request: &Request) -> Response {
    let asked = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    Redirect::to(&sign_in_url(&[("next", checked(asked).unwrap_or_default())])).into_response()
}

fn asked_for(request: &Request) -> Option<String> {
    let query = request.uri().query()?;
    let (_, next) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next")?;
    checked(&next).map(str::to_owned)
}
