//! `OpenAPI`, as much as clients need to decide how to talk to the server.
//!
//! kubectl looks up whether a kind's PATCH knows `fieldValidation` and `dryRun`, and `kubectl explain` reads schemas. So each
//! version's document lists its paths with those parameters, and the schemas that definitions came with. There are no
//! schemas of built-in kinds.

use axum::response::{IntoResponse, Response};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{Api, media};
use crate::catalog::{Catalog, Kind};
use crate::error::ApiError;

const PROTOBUF: &str = "application/com.github.proto-openapi";

/// Everything below `/openapi`.
pub(super) fn serve(api: &Api, headers: &HeaderMap, path: &[&str]) -> Result<Response, ApiError> {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.starts_with(PROTOBUF) && !accepted.contains("json") {
        let message = "only the following media types are accepted: application/json";
        return Ok((StatusCode::NOT_ACCEPTABLE, message).into_response());
    }
    let catalog = api.catalog();
    let document = match path {
        ["v2"] => json!({"swagger": "2.0", "info": info(), "paths": {}, "definitions": {}}),
        ["v3"] => index(&catalog),
        ["v3", "api", "v1"] => document(&catalog, "", "v1"),
        ["v3", "apis", group, version] => document(&catalog, group, version),
        _ => return Err(ApiError::unknown_path()),
    };
    Ok(media::json(StatusCode::OK, &document))
}

fn info() -> Value {
    json!({"title": "Porthole embedded cluster", "version": env!("CARGO_PKG_VERSION")})
}

fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    let entry = |path: &str| json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
    paths.insert("api/v1".into(), entry("api/v1"));
    for (group, versions) in catalog.groups() {
        for version in versions {
            let path = format!("apis/{group}/{version}");
            paths.insert(path.clone(), entry(&path));
        }
    }
    json!({"paths": paths})
}

fn document(catalog: &Catalog, group: &str, version: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for (kind, served) in catalog.in_version(group, version) {
        let prefix = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let place = if kind.is_namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{prefix}{place}/{}", kind.resource.resource);
        let writes = |verb| (kind.verbs.contains(&verb)).then(|| operation(kind, version, verb));
        paths.insert(collection.clone(), operations(&[("post", writes("create"))]));
        let one = [("patch", writes("patch")), ("put", writes("update")), ("delete", writes("delete"))];
        paths.insert(format!("{collection}/{{name}}"), operations(&one));
        if served.schema.is_object() {
            let mut schema = served.schema.clone();
            schema["x-kubernetes-group-version-kind"] = json!([gvk(kind, version)]);
            schemas.insert(format!("{}.{version}.{}", reversed(group), kind.kind), schema);
        }
    }
    json!({"openapi": "3.0.0", "info": info(), "paths": paths, "components": {"schemas": schemas}})
}

fn operations(all: &[(&str, Option<Value>)]) -> Value {
    let known = all.iter().filter_map(|(method, operation)| Some(((*method).to_owned(), operation.clone()?)));
    Value::Object(known.collect())
}

fn operation(kind: &Kind, version: &str, verb: &str) -> Value {
    let names: &[&str] = if verb == "delete" { &["dryRun"] } else { &["dryRun", "fieldManager", "fieldValidation"] };
    let parameter =
        |name: &&str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    json!({
        "operationId": format!("{verb}{}", kind.kind),
        "parameters": names.iter().map(parameter).collect::<Vec<_>>(),
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": gvk(kind, version),
    })
}

fn gvk(kind: &Kind, version: &str) -> Value {
    json!({"group": kind.resource.group, "version": version, "kind": kind.kind})
}

fn reversed(group: &str) -> String {
    group.split('.').rev().collect::<Vec<_>>().join(".")
}
