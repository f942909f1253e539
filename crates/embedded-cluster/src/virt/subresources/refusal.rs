//! Refusals in virt-api's words: singular names, and its spelling.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::error::ApiError;
use crate::resource::GroupResource;

fn machine_kind() -> GroupResource {
    GroupResource::new("kubevirt.io", "virtualmachine")
}

fn instance_kind() -> GroupResource {
    GroupResource::new("kubevirt.io", "virtualmachineinstance")
}

/// 404: no such machine.
pub fn no_machine(name: &str) -> ApiError {
    ApiError::not_found(&machine_kind(), name)
}

/// 404: no such instance.
pub fn no_instance(name: &str) -> ApiError {
    ApiError::not_found(&instance_kind(), name)
}

/// 409 about a machine.
pub fn machine_conflict(name: &str, why: &str) -> ApiError {
    ApiError::conflict(&machine_kind(), name, why)
}

/// 409 about an instance.
pub fn instance_conflict(name: &str, why: &str) -> ApiError {
    ApiError::conflict(&instance_kind(), name, why)
}

/// 500 as text: what virt-api answers where it only passes an error on.
pub fn plain_failure(message: impl Into<String>) -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain")];
    (StatusCode::INTERNAL_SERVER_ERROR, text, message.into()).into_response()
}
