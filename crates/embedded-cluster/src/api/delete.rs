//! Deleting one object or all that match.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::admission::{AdmissionRequest, Operation};
use super::{Call, media, read};
use crate::error::ApiError;
use crate::store::{DeleteOptions, Mode, Preconditions, Propagation, meta};

/// `DELETE` of one object.
pub(super) fn one(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let options = options(call, body)?;
    let resource = &call.kind.resource;
    let current = call.api.store.find(resource, call.namespace(), &call.info.name)?;
    admit(call, &current)?;
    let mode = options.mode;
    let last = call.api.store.delete(resource, call.namespace(), &call.info.name, options)?;
    let is_gone = mode == Mode::DryRun
        || call
            .api
            .store
            .get(resource, call.namespace(), &call.info.name)
            .is_none_or(|left| meta::uid(&left) != meta::uid(&last));
    // Pods are always answered with the object, so that the client sees how long it may take.
    if !is_gone || resource.to_string() == "pods" {
        return Ok(media::json(StatusCode::OK, &call.present(&last)));
    }
    let mut details = Map::new();
    details.insert("name".into(), call.info.name.clone().into());
    if !resource.group.is_empty() {
        details.insert("group".into(), resource.group.clone().into());
    }
    details.insert("kind".into(), resource.resource.clone().into());
    details.insert("uid".into(), meta::uid(&last).into());
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok(media::json(StatusCode::OK, &status))
}

/// `DELETE` of everything that matches the selectors.
pub(super) fn many(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let options = options(call, body)?;
    let selector = read::selector(call)?;
    let (mut items, version) = call.api.store.list(&call.kind.resource, call.namespace());
    items.retain(|object| selector.matches(object));
    let mut deleted: Vec<Arc<Value>> = Vec::with_capacity(items.len());
    for item in items {
        admit(call, &item)?;
        let namespace = call.kind.is_namespaced.then(|| meta::namespace(&item));
        match call.api.store.delete(&call.kind.resource, namespace, meta::name(&item), options.clone()) {
            Ok(last) => deleted.push(call.present(&last)),
            // It went with an owner that was deleted just before it.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    let items: Vec<&Value> = deleted.iter().map(|object| &**object).collect();
    let list = json!({
        "kind": call.kind.list_kind,
        "apiVersion": call.kind.api_version(&call.version.name),
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    });
    Ok(media::json(StatusCode::OK, &list))
}

fn admit(call: &Call<'_>, current: &Value) -> Result<(), ApiError> {
    for webhook in &call.api.admission {
        let mut object = current.clone();
        let mut request = AdmissionRequest {
            operation: Operation::Delete,
            kind: call.kind,
            subresource: "",
            object: &mut object,
            old: Some(current),
            user: call.user,
        };
        webhook.admit(&call.api.store, &mut request)?;
    }
    Ok(())
}

/// Options come in the body or in the query; the body wins.
fn options(call: &Call<'_>, body: &[u8]) -> Result<DeleteOptions, ApiError> {
    let sent = if body.is_empty() { json!({}) } else { media::decode(&call.parts.headers, body)? };
    let grace = match sent["gracePeriodSeconds"].as_i64() {
        Some(seconds) => Some(seconds),
        None => call.query.number("gracePeriodSeconds")?,
    };
    let orphan = sent["orphanDependents"].as_bool().unwrap_or_else(|| call.query.flag("orphanDependents"));
    let propagation = sent["propagationPolicy"].as_str().or_else(|| call.query.get("propagationPolicy"));
    let propagation = match propagation {
        None if orphan => Propagation::Orphan,
        None | Some("Background") => Propagation::Background,
        Some("Foreground") => Propagation::Foreground,
        Some("Orphan") => Propagation::Orphan,
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "invalid propagationPolicy {other:?}: must be Background, Foreground or Orphan"
            )));
        }
    };
    let mode = match sent["dryRun"].as_array().filter(|values| !values.is_empty()) {
        Some(values) if values.iter().all(|value| value == "All") => Mode::DryRun,
        Some(_) => return Err(ApiError::bad_request("invalid dry run value: only All is supported")),
        None => call.query.mode()?,
    };
    let text = |field: &str| sent["preconditions"][field].as_str().map(str::to_owned);
    let preconditions = Preconditions { uid: text("uid"), resource_version: text("resourceVersion") };
    Ok(DeleteOptions { grace_period_seconds: grace, propagation, preconditions, mode })
}
