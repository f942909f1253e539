//! What the cluster answers when it refuses: an HTTP code and a `metav1.Status`.
//!
//! The texts are those of the real API server, because people read them and clients match on them. A new kind of refusal
//! gets a constructor here rather than a hand-made message at the place where it happens.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::resource::GroupResource;

/// A refusal, ready to be sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status, repeated as `code` in the body.
    pub code: u16,
    /// The machine-readable word of `metav1.Status`, for example `NotFound`. May be empty.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// `details` of the Status, an object or null.
    pub details: Value,
}

/// One field that is wrong, as listed under `details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// For example `FieldValueInvalid` or `FieldValueRequired`.
    pub reason: &'static str,
    /// The message, without the field's name.
    pub message: String,
    /// A path such as `spec.template.spec.domain`.
    pub field: String,
}

impl Cause {
    /// A field with an unusable value: `Invalid value: "x": why`.
    pub fn invalid(field: &str, value: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value:?}: {why}"),
            field: field.to_owned(),
        }
    }

    /// A field that has to be there.
    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", message, field: field.to_owned() }
    }

    /// A field that must not be set or changed now.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.to_owned() }
    }
}

impl ApiError {
    /// Any refusal, without details.
    pub fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.as_u16(), reason, message: message.into(), details: Value::Null }
    }

    /// The same refusal with `details` set.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    fn about(code: StatusCode, reason: &'static str, resource: &GroupResource, name: &str, message: String) -> Self {
        Self::new(code, reason, message).with_details(object_details(resource, name))
    }

    /// 404: no such object.
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        Self::about(StatusCode::NOT_FOUND, "NotFound", resource, name, message)
    }

    /// 404: no such path, group, version or kind.
    pub fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
            .with_details(json!({}))
    }

    /// 409: the name is taken.
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} already exists");
        Self::about(StatusCode::CONFLICT, "AlreadyExists", resource, name, message)
    }

    /// 409: `Operation cannot be fulfilled on <resource> "<name>": <why>`.
    pub fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::about(StatusCode::CONFLICT, "Conflict", resource, name, message)
    }

    /// 409: the writer has not seen the newest version.
    pub fn stale(resource: &GroupResource, name: &str) -> Self {
        const WHY: &str = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, WHY)
    }

    /// 422 with its causes. `kind` is the kind's name with its group, as in `Pod` or `VirtualMachine.kubevirt.io`.
    pub fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let lines: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let what = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let (short, group) = kind.split_once('.').unwrap_or((kind, ""));
        let mut details = Map::new();
        details.insert("name".into(), name.into());
        if !group.is_empty() {
            details.insert("group".into(), group.into());
        }
        details.insert("kind".into(), short.into());
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        details.insert("causes".into(), causes.into());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", format!("{kind} {name:?} is invalid: {what}"))
            .with_details(Value::Object(details))
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 401: who is this?
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 403: `<resource> "<name>" is forbidden: <why>`; the name is left out where it is empty.
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        let quoted = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let message = format!("{resource}{quoted} is forbidden: {why}");
        Self::about(StatusCode::FORBIDDEN, "Forbidden", resource, name, message)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message).with_details(json!({}))
    }

    /// 410: the version is older than the history that is kept.
    pub fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(StatusCode::GONE, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// 415: a body in a format that is not taken here.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// 500.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let message = message.to_string();
        let details = json!({"causes": [{"message": message}]});
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", format!("Internal error occurred: {message}"))
            .with_details(details)
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    /// Whether the object was not there.
    pub fn is_not_found(&self) -> bool {
        self.code == StatusCode::NOT_FOUND.as_u16()
    }

    /// Whether the name was taken.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// Whether somebody else wrote in between.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// The `metav1.Status` object.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status["code"] = self.code.into();
        status
    }
}

/// `details` that name an object.
fn object_details(resource: &GroupResource, name: &str) -> Value {
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !resource.group.is_empty() {
        details.insert("group".into(), resource.group.clone().into());
    }
    details.insert("kind".into(), resource.resource.clone().into());
    Value::Object(details)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, axum::Json(self.to_status())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_like_those_of_the_real_server() {
        let pods = GroupResource::new("", "pods");
        let machines = GroupResource::new("kubevirt.io", "virtualmachines");
        assert_eq!(ApiError::not_found(&pods, "a").message, "pods \"a\" not found");
        assert_eq!(ApiError::not_found(&machines, "a").message, "virtualmachines.kubevirt.io \"a\" not found");
        assert_eq!(
            ApiError::not_found(&machines, "a").to_status()["details"],
            json!({"name": "a", "group": "kubevirt.io", "kind": "virtualmachines"})
        );
        let wrong = ApiError::invalid("Pod", "A", &[Cause::invalid("metadata.name", "A", "no capitals")]);
        assert_eq!(wrong.message, "Pod \"A\" is invalid: metadata.name: Invalid value: \"A\": no capitals");
    }
}
