//! Reading: one object, or a list of them.
//!
//! A list is written straight from the shared objects in the store; nothing is copied but the bytes that go out.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::Call;
use super::media::{self, Shape};
use super::selectors::Selector;
use super::table::{Include, metadata_only, table};
use crate::error::ApiError;
use crate::store::meta;

/// `GET` of one object.
pub(super) fn one(call: &Call<'_>) -> Result<Response, ApiError> {
    let shape = media::shape(&call.parts.headers)?;
    let object = call.api.store.find(&call.kind.resource, call.namespace(), &call.info.name)?;
    let object = call.present(&object);
    Ok(media::json(StatusCode::OK, &shaped(call, shape, &object)))
}

/// One object in the shape asked for.
pub(super) fn shaped(call: &Call<'_>, shape: Shape, object: &Value) -> Value {
    match shape {
        Shape::Table => {
            let mut table = table(call.kind, call.version, [object], include(call), true);
            table["metadata"] = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table
        }
        Shape::Metadata => metadata_only(object),
        Shape::Object | Shape::Discovery(_) => object.clone(),
    }
}

pub(super) fn include(call: &Call<'_>) -> Include {
    Include::parse(call.query.get("includeObject"))
}

pub(super) fn selector(call: &Call<'_>) -> Result<Selector, ApiError> {
    Selector::parse(call.kind, call.query.get("labelSelector"), call.query.get("fieldSelector"))
}

/// A part of a long list.
struct Page {
    items: Vec<Arc<Value>>,
    version: String,
    next: Option<String>,
    remaining: usize,
}

/// `GET` of a list.
pub(super) fn many(call: &Call<'_>) -> Result<Response, ApiError> {
    let shape = media::shape(&call.parts.headers)?;
    let selector = selector(call)?;
    let (mut items, version) = call.api.store.list(&call.kind.resource, call.namespace());
    if let Some(wanted) = call.query.number::<u64>("resourceVersion")?
        && wanted > version
    {
        return Err(too_large(wanted, version));
    }
    if !selector.is_everything() {
        items.retain(|object| selector.matches(object));
    }
    let mut page = page(call, items, version)?;
    if call.version.name != call.kind.storage_version {
        page.items = page.items.iter().map(|object| call.present(object)).collect();
    }
    let mut metadata = json!({"resourceVersion": page.version});
    if let Some(next) = &page.next {
        metadata["continue"] = next.clone().into();
        if selector.is_everything() {
            metadata["remainingItemCount"] = page.remaining.into();
        }
    }
    Ok(match shape {
        Shape::Table => {
            let mut table = table(call.kind, call.version, page.items.iter().map(|item| &**item), include(call), true);
            table["metadata"] = metadata;
            media::json(StatusCode::OK, &table)
        }
        Shape::Metadata => {
            let items: Vec<Value> = page.items.iter().map(|object| metadata_only(object)).collect();
            let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items});
            media::json(StatusCode::OK, &list)
        }
        Shape::Object | Shape::Discovery(_) => list(call, &metadata, &page.items)?,
    })
}

fn list(call: &Call<'_>, metadata: &Value, items: &[Arc<Value>]) -> Result<Response, ApiError> {
    let api_version = Value::from(call.kind.api_version(&call.version.name));
    let kind = Value::from(call.kind.list_kind.clone());
    let mut body =
        format!("{{\"kind\":{kind},\"apiVersion\":{api_version},\"metadata\":{metadata},\"items\":[").into_bytes();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, &**item).map_err(ApiError::internal)?;
    }
    body.extend_from_slice(b"]}");
    Response::builder().header(CONTENT_TYPE, "application/json").body(Body::from(body)).map_err(ApiError::internal)
}

/// Cuts the list as `limit` and `continue` ask.
///
/// A token names the version of the first page and the last object that was sent. Later pages are read from the present
/// state: what changed in between is seen as it is now, while the version stays that of the first page, so that a watch from
/// there misses nothing.
fn page(call: &Call<'_>, mut items: Vec<Arc<Value>>, version: u64) -> Result<Page, ApiError> {
    let place = |object: &Value| (meta::namespace(object).to_owned(), meta::name(object).to_owned());
    let mut version = version.to_string();
    if let Some(token) = call.query.get("continue") {
        let (first, namespace, name) = read_token(token).ok_or_else(bad_token)?;
        version = first;
        let after = (namespace, name);
        items.retain(|object| place(object) > after);
    }
    let limit = call.query.number::<usize>("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let remaining = items.len().saturating_sub(limit);
    items.truncate(limit);
    let next = items.last().filter(|_| remaining > 0).map(|last| {
        let (namespace, name) = place(last);
        BASE64.encode(json!([version, namespace, name]).to_string())
    });
    Ok(Page { items, version, next, remaining })
}

fn read_token(token: &str) -> Option<(String, String, String)> {
    serde_json::from_slice(&BASE64.decode(token).ok()?).ok()
}

fn bad_token() -> ApiError {
    ApiError::bad_request("continue key is not valid: it does not come from this server")
}

/// The client has seen a version that does not exist (yet).
fn too_large(wanted: u64, present: u64) -> ApiError {
    let message = format!("Timeout: Too large resource version: {wanted}, current: {present}");
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
        .with_details(json!({"causes": [cause], "retryAfterSeconds": 1}))
}
