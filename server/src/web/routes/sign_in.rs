//! `POST /sign-in`: name and password in, session out.
//!
//! A plain form, so that it works before any script runs. What goes wrong leads back to the page, with the name
//! still in its field; a script that asks for JSON gets a status instead.

use std::net::SocketAddr;

use axum::Form;
use axum::extract::{ConnectInfo, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use portal::{Portal, SignInError};
use serde::Deserialize;
use tower_sessions::Session;

use crate::web::headers::wants_json;
use crate::web::next_page::{checked, sign_in_url};
use crate::web::problem::Problem;
use crate::web::session;

/// The form.
#[derive(Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Signs in.
pub async fn handle(
    State(portal): State<Portal>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let next = checked(&form.next).unwrap_or("/");
    match portal.sign_in(form.username.trim(), &form.password, from.ip()).await {
        Ok(account) => match session::begin(&session, &account.username).await {
            Ok(()) => {
                tracing::info!(account = account.username, from = %from.ip(), "signed in");
                Redirect::to(next).into_response()
            }
            Err(problem) => problem.into_response(),
        },
        Err(error) => refuse(&error, &form, &headers),
    }
}

fn refuse(error: &SignInError, form: &SignInForm, headers: &HeaderMap) -> Response {
    let (word, wait) = match error {
        SignInError::Wrong => ("wrong", None),
        SignInError::Throttled { retry_after } => ("throttled", Some(retry_after.as_secs().max(1))),
        SignInError::Records(source) => {
            tracing::error!(error = source as &dyn std::error::Error, "accounts cannot be read");
            ("unavailable", None)
        }
    };
    // The name is not logged: people type passwords into the wrong field.
    tracing::info!(reason = word, "sign-in refused");
    let mut response = if wants_json(headers) {
        Problem(error.to_ui()).into_response()
    } else {
        let next = checked(&form.next).unwrap_or_default();
        let username: String = form.username.trim().chars().take(100).collect();
        Redirect::to(&sign_in_url(&[("error", word), ("username", &username), ("next", next)])).into_response()
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
