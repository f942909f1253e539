//! Writing: create, replace and patch.
//!
//! Every change of an existing object is worked out on a copy without holding the store's lock (admission may need to read
//! other objects) and then written against the version that it was worked out from. If somebody else was faster, it is
//! worked out again, unless the client itself named the version.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::admission::{self, AdmissionRequest, Operation};
use super::patch::{Patch, apply};
use super::{Call, media, read, validate};
use crate::error::{ApiError, Cause};
use crate::resource::GroupResource;
use crate::store::meta;

/// How often a change is worked out again because somebody else was faster.
const ATTEMPTS: usize = 8;
/// Who applies, where nobody says.
const UNKNOWN_MANAGER: &str = "unknown";

/// `POST`.
pub(super) fn create(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let mut object = media::decode(&call.parts.headers, body)?;
    validate::place(&mut object, call.kind, call.version, call.info)?;
    store_new(call, object)
}

/// `PUT`, of an object or of its status.
pub(super) fn replace(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let mut object = media::decode(&call.parts.headers, body)?;
    validate::place(&mut object, call.kind, call.version, call.info)?;
    let version = meta::text(&object, "resourceVersion").to_owned();
    if version.is_empty() && call.kind.is_custom {
        let cause = Cause::invalid("metadata.resourceVersion", "", "must be specified for an update");
        let cause = Cause { message: cause.message.replace("\"\"", "0x0"), ..cause };
        return Err(ApiError::invalid(&call.kind.qualified(), &call.info.name, &[cause]));
    }
    change(call, |current| {
        if !version.is_empty() && version != meta::text(current, "resourceVersion") {
            return Err(ApiError::stale(&call.kind.resource, &call.info.name));
        }
        Ok(object.clone())
    })
}

/// `PATCH`, of an object or of its status.
pub(super) fn patch(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let patch = Patch::decode(call.kind, media::content_type(&call.parts.headers), body)?;
    if let Patch::Apply(wish) = &patch {
        return apply(call, wish.clone());
    }
    change(call, |current| {
        let mut object = patch.on(current)?;
        let version = meta::text(&object, "resourceVersion");
        if !version.is_empty() && version != meta::text(current, "resourceVersion") {
            return Err(ApiError::stale(&call.kind.resource, &call.info.name));
        }
        validate::place(&mut object, call.kind, call.version, call.info)?;
        Ok(object)
    })
}

fn apply(call: &Call<'_>, mut wish: Value) -> Result<Response, ApiError> {
    let name = call.query.get("fieldManager").unwrap_or(UNKNOWN_MANAGER);
    let manager = apply::Manager { name, force: call.query.flag("force") };
    if !meta::text(&wish, "managedFields").is_empty() || wish["metadata"]["managedFields"].is_array() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    validate::place(&mut wish, call.kind, call.version, call.info)?;
    let exists = call.api.store.get(&call.kind.resource, call.namespace(), &call.info.name).is_some();
    if !exists && call.info.subresource.is_empty() {
        let object = apply::apply(call.kind, &json!({}), &wish, manager)?;
        return match store_new(call, object) {
            // Somebody made it in between: apply to that.
            Err(error) if error.is_already_exists() => apply(call, wish),
            other => other,
        };
    }
    change(call, |current| apply::apply(call.kind, current, &wish, manager))
}

fn store_new(call: &Call<'_>, mut object: Value) -> Result<Response, ApiError> {
    let mode = call.query.mode()?;
    if call.kind.is_namespaced {
        call.api.store.find(&GroupResource::core("namespaces"), None, &call.info.namespace)?;
    }
    if call.version.has_status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    validate::name(&object, call.kind)?;
    meta::edit(&mut object).remove("uid");
    admit(call, Operation::Create, &mut object, None)?;
    object["apiVersion"] = call.kind.api_version(&call.kind.storage_version).into();
    let stored = call.api.store.create_with(&call.kind.resource, object, mode)?;
    answer(call, StatusCode::CREATED, &call.present(&stored))
}

fn change(call: &Call<'_>, work_out: impl Fn(&Value) -> Result<Value, ApiError>) -> Result<Response, ApiError> {
    let stored = change_stored(call, work_out)?;
    answer(call, StatusCode::OK, &call.present(&stored))
}

/// Changes the object as it is worked out from its present state.
pub(super) fn change_stored(
    call: &Call<'_>,
    work_out: impl Fn(&Value) -> Result<Value, ApiError>,
) -> Result<Arc<Value>, ApiError> {
    let mode = call.query.mode()?;
    let resource = &call.kind.resource;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let current = call.api.store.find(resource, call.namespace(), &call.info.name)?;
        let wanted = work_out(&call.present(&current))?;
        let mut object = keep_other_half(call, &current, wanted);
        admit(call, Operation::Update, &mut object, Some(&current))?;
        object["apiVersion"] = call.kind.api_version(&call.kind.storage_version).into();
        meta::edit(&mut object)
            .insert("resourceVersion".into(), meta::text(&current, "resourceVersion").to_owned().into());
        match call.api.store.update_with(resource, object, mode) {
            Err(refusal) if refusal.is_conflict() && attempt < ATTEMPTS => {}
            outcome => return outcome,
        }
    }
}

/// Where `status` has a path of its own, each path writes its half only.
fn keep_other_half(call: &Call<'_>, current: &Value, mut wanted: Value) -> Value {
    if !call.version.has_status {
        return wanted;
    }
    let (mut object, half) = if call.info.subresource == "status" {
        let mut object = current.clone();
        if !call.kind.is_custom {
            object["metadata"] = wanted["metadata"].take();
        }
        (object, wanted["status"].take())
    } else {
        (wanted, current["status"].clone())
    };
    match half {
        Value::Null => drop(object.as_object_mut().and_then(|fields| fields.remove("status"))),
        status => object["status"] = status,
    }
    object
}

fn admit(call: &Call<'_>, operation: Operation, object: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut request = AdmissionRequest {
        operation,
        kind: call.kind,
        subresource: &call.info.subresource,
        object,
        old,
        user: call.user,
    };
    admission::builtin(&call.api.store, &mut request)?;
    for webhook in &call.api.admission {
        webhook.admit(&call.api.store, &mut request)?;
    }
    Ok(())
}

fn answer(call: &Call<'_>, code: StatusCode, object: &Value) -> Result<Response, ApiError> {
    let shape = media::shape(&call.parts.headers)?;
    Ok(media::json(code, &read::shaped(call, shape, object)))
}
