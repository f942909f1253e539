//! `metrics.k8s.io`: read only, never stored.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, media, read};
use crate::error::ApiError;
use crate::metrics::find;
use crate::storage::troubles::{NO_METRICS, Troubles};

/// `GET` of one, or of all.
pub(super) fn serve(call: &Call<'_>) -> Result<Response, ApiError> {
    let metrics = call.api.metrics.as_ref().filter(|_| !Troubles::read(&call.api.store).is_on(NO_METRICS));
    let metrics = metrics.ok_or_else(ApiError::down)?;
    let is_of_nodes = call.kind.resource.resource == "nodes";
    let mut all = if is_of_nodes { metrics.nodes() } else { metrics.pods(call.namespace()) };
    match call.info.verb.as_str() {
        "get" => match find(&all, &call.info.name) {
            Some(one) => Ok(media::json(StatusCode::OK, one)),
            None if is_of_nodes => Err(ApiError::not_found(&call.kind.resource, &call.info.name)),
            None => {
                let name = format!("{}/{}", call.info.namespace, call.info.name);
                Err(ApiError::not_found(&call.kind.resource, &name))
            }
        },
        "list" => {
            let selector = read::selector(call)?;
            all.retain(|one: &Value| selector.matches(one));
            let list = json!({"kind": call.kind.list_kind, "apiVersion": "metrics.k8s.io/v1beta1",
                "metadata": {}, "items": all});
            Ok(media::json(StatusCode::OK, &list))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}
