//! What a request on the server carries, and the few things that only the server can do to a response.
//!
//! A server function runs in two ways: called by the browser over HTTP, or called directly while the server
//! renders a page. Both find the same context here. Statuses differ: an endpoint's error is the response's
//! status, while a page decides by its main content alone (see [`set_status`]), so that a panel that fails
//! does not turn a good page into an error.

use http::header::{ACCEPT, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use model::{ErrorCode, UiError};
use portal::{Actor, Portal, PortalError};

use crate::api::ApiError;

/// The id of the request, as the log and the `x-request-id` header have it. The server puts it into the
/// request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Everything that a server function needs of its request.
pub struct RequestCx {
    /// What Porthole does.
    pub portal: Portal,
    /// Who asks.
    pub actor: Actor,
    request_id: Option<String>,
}

/// Who asks, and what they ask. Refuses with 401 if nobody is signed in.
pub fn request_cx() -> Result<RequestCx, ApiError> {
    let parts = use_context::<Parts>();
    let request_id =
        parts.as_ref().and_then(|parts| parts.extensions.get::<RequestId>()).map(|RequestId(id)| id.clone());
    let Some(portal) = use_context::<Portal>() else {
        tracing::error!("a server function ran without a portal in its context");
        return Err(refusal(UiError::new(ErrorCode::Internal, "Something went wrong inside Porthole."), request_id));
    };
    match parts.and_then(|mut parts| parts.extensions.remove::<Actor>()) {
        Some(actor) => Ok(RequestCx { portal, actor, request_id }),
        None => Err(refusal(UiError::new(ErrorCode::SignedOut, "Your session ended. Sign in again."), request_id)),
    }
}

impl RequestCx {
    /// The error as the person reads it; sets the response's status and logs the cause once.
    pub fn fail(&self, error: &PortalError) -> ApiError {
        let ui = error.to_ui();
        if matches!(ui.code, ErrorCode::Internal | ErrorCode::Unavailable) {
            let causes = causes(error);
            tracing::warn!(request.id = self.request_id.as_deref(), error = causes, "a request failed");
        }
        refusal(ui, self.request_id.clone())
    }

    /// The answer for input that means nothing.
    pub fn invalid(&self, message: &str) -> ApiError {
        refusal(UiError::new(ErrorCode::Invalid, message), self.request_id.clone())
    }

    /// The answer for a name that cannot exist.
    pub fn not_found(&self, kind: &str) -> ApiError {
        refusal(UiError::not_found(kind), self.request_id.clone())
    }
}

fn causes(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn refusal(mut error: UiError, request_id: Option<String>) -> ApiError {
    if is_endpoint_call() {
        set_status(error.code.http_status());
    }
    error.request_id = error.request_id.or(request_id);
    ApiError(error)
}

impl ApiError {
    /// Adds a sentence for those whose browser sent a plain form: they are led back to a page without what they typed.
    #[must_use]
    pub fn for_plain_form(mut self, sentence: &str) -> Self {
        if !is_endpoint_call() {
            self.0.message = format!("{} {sentence}", self.0.message);
        }
        self
    }
}

/// Whether the browser called an endpoint from a script. A plain form gets a redirect back to its page
/// instead, which a status would break; a page that renders decides by itself.
fn is_endpoint_call() -> bool {
    use_context::<Parts>().is_some_and(|parts| {
        let accepts_page = parts
            .headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("text/html"));
        parts.method != Method::GET && !accepts_page
    })
}

/// Leads a plain form on to another page. A script decides by itself where to go.
pub fn lead_on(path: &str) {
    if !is_endpoint_call() {
        leptos_axum::redirect(path);
    }
}

/// Sets the status of the response that is being made.
pub fn set_status(code: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(code)) {
        response.set_status(status);
    }
}

/// The theme that this browser asked to remember.
pub fn remembered_theme() -> Option<&'static str> {
    let parts = use_context::<Parts>()?;
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|cookie| match cookie.trim() {
        "theme=dark" => Some("dark"),
        "theme=light" => Some("light"),
        _ => None,
    })
}

/// Sends the cookie that remembers the theme.
pub fn remember_theme(theme: &str) {
    let cookie = match theme {
        "dark" => "theme=dark; Path=/; Max-Age=31536000; SameSite=Lax",
        "light" => "theme=light; Path=/; Max-Age=31536000; SameSite=Lax",
        _ => "theme=; Path=/; Max-Age=0; SameSite=Lax",
    };
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(SET_COOKIE, HeaderValue::from_static(cookie));
    }
}
