//! `POST /sign-out`: the session ends, and with it everything that is open in it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use crate::web::origin::Origins;
use crate::web::session;

/// Signs out.
pub async fn handle(State(origins): State<Arc<Origins>>, session: Session) -> Response {
    if let Err(problem) = session::end(&session).await {
        return problem.into_response();
    }
    let mut response = Redirect::to("/sign-in").into_response();
    if origins.is_https() {
        // A browser takes the removal of a `__Host-` cookie only with `Secure`, which the layer leaves out.
        let removal = format!("{}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax", session::cookie_name(true));
        if let Ok(removal) = HeaderValue::try_from(removal) {
            response.headers_mut().append(SET_COOKIE, removal);
        }
    }
    response
}
