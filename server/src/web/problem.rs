//! An error as an HTTP answer: the status of its code and the [`UiError`] as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{ErrorCode, UiError};

/// An error on its way to a browser or a script.
#[derive(Clone, Debug)]
pub struct Problem(pub UiError);

impl Problem {
    /// Nobody is signed in.
    pub fn signed_out() -> Self {
        Self(UiError::new(ErrorCode::SignedOut, "Sign in first: nobody is signed in, or your session ended."))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}

impl From<portal::PortalError> for Problem {
    fn from(error: portal::PortalError) -> Self {
        let told = error.to_ui();
        if told.code == ErrorCode::Internal {
            tracing::error!(error = &error as &dyn std::error::Error, "request failed");
        }
        Self(told)
    }
}

/// The answer where a handler broke. The panic's own text is in the log; it never reaches a browser.
#[expect(clippy::needless_pass_by_value, reason = "the layer passes it so")]
pub fn from_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("no text"), "a request broke");
    Problem(UiError::new(ErrorCode::Internal, "Porthole made a mistake. Its log says more, under this request's id."))
        .into_response()
}
