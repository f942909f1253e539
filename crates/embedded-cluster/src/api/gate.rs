//! The layer that every request passes: who is it, whom do they act for, may they.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use super::request::RequestInfo;
use super::{Api, troubles};
use crate::auth::rbac::authorize;
use crate::auth::{UserInfo, impersonate};
use crate::error::ApiError;
use crate::resource::GroupResource;

/// Lets the request through with [`RequestInfo`] and [`UserInfo`] as extensions, or refuses it.
pub(super) async fn pass(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let info = RequestInfo::parse(request.method(), request.uri());
    let user = match admit(&api, &request, &info) {
        Ok(user) => user,
        Err(refusal) => return refusal.into_response(),
    };
    if let Err(refusal) = troubles::meet(&api, &user, &info).await {
        return refusal.into_response();
    }
    tracing::trace!(user = %user.name, verb = %info.verb, path = %info.path, "request");
    request.extensions_mut().insert(info);
    request.extensions_mut().insert(user);
    let mut response = next.run(request).await;
    let no_store = HeaderValue::from_static("no-cache, private");
    response.headers_mut().entry(HeaderName::from_static("cache-control")).or_insert(no_store);
    response
}

fn admit(api: &Api, request: &Request, info: &RequestInfo) -> Result<UserInfo, ApiError> {
    let sender = match api.tokens.identify(&api.store, request.headers()) {
        None => UserInfo::anonymous(),
        Some(Ok(user)) => user,
        Some(Err(_)) => return Err(ApiError::unauthorized()),
    };
    let user = impersonate::effective_user(&api.store, sender, request.headers())?;
    let wanted = info.attributes();
    if authorize(&api.store, &user, &wanted).allowed {
        return Ok(user);
    }
    let why = wanted.refusal(&user);
    Err(if info.is_resource {
        ApiError::forbidden(&GroupResource::new(&info.group, &info.resource), &info.name, &why)
    } else {
        ApiError::new(StatusCode::FORBIDDEN, "Forbidden", format!("forbidden: {why}"))
            .with_details(serde_json::json!({}))
    })
}
