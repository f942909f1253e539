//! Formats: what a client sends, and in what shape it wants the answer.

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::protobuf::{self, ProtobufError};
use crate::error::ApiError;

/// The shape of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The objects themselves.
    Object,
    /// Rows and columns for people: `as=Table`.
    Table,
    /// Only `metadata`: `as=PartialObjectMetadata`.
    Metadata,
    /// One document with all of discovery, in this version of its format.
    Discovery(DiscoveryVersion),
}

/// Versions of aggregated discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryVersion {
    /// `v2`.
    V2,
    /// `v2beta1`, which older clients ask for.
    V2Beta1,
}

impl DiscoveryVersion {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2Beta1 => "v2beta1",
        }
    }
}

/// The first shape in the `Accept` header that can be had.
pub fn shape(headers: &HeaderMap) -> Result<Shape, ApiError> {
    let accepted: Vec<&str> = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok()).collect();
    if accepted.is_empty() {
        return Ok(Shape::Object);
    }
    accepted.iter().flat_map(|list| list.split(',')).find_map(shape_of).ok_or_else(not_acceptable)
}

fn shape_of(entry: &str) -> Option<Shape> {
    let mut parts = entry.split(';').map(str::trim);
    let media = parts.next()?;
    if !matches!(media, "application/json" | "application/*" | "*/*" | "text/plain") {
        return None;
    }
    let (mut form, mut group, mut version) = ("", "", "");
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key {
            "as" => form = value,
            "g" => group = value,
            "v" => version = value,
            _ => {}
        }
    }
    match (form, group, version) {
        ("", ..) => Some(Shape::Object),
        ("Table", "meta.k8s.io", "v1" | "v1beta1") => Some(Shape::Table),
        ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => Some(Shape::Metadata),
        ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => Some(Shape::Discovery(DiscoveryVersion::V2)),
        ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1") => {
            Some(Shape::Discovery(DiscoveryVersion::V2Beta1))
        }
        _ => None,
    }
}

fn not_acceptable() -> ApiError {
    let message = "only the following media types are accepted: application/json";
    ApiError::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
}

/// The bare media type of a body: `application/json` where nothing is said.
pub fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim();
    if media.is_empty() { "application/json" } else { media }
}

fn unsupported() -> ApiError {
    ApiError::unsupported_media_type(&["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"])
}

/// Reads a body that may be JSON, YAML or, for some kinds, protobuf.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Value, ApiError> {
    match content_type(headers) {
        "application/json" => decode_json(body),
        "application/yaml" => decode_yaml(body),
        "application/vnd.kubernetes.protobuf" => match protobuf::decode(body) {
            Ok(object) => Ok(object),
            Err(ProtobufError::UnknownKind) => Err(unsupported()),
            Err(error @ ProtobufError::Malformed) => Err(ApiError::bad_request(error.to_string())),
        },
        _ => Err(unsupported()),
    }
}

/// Reads JSON.
pub fn decode_json(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}")))
}

/// Reads YAML; JSON is YAML too.
pub fn decode_yaml(body: &[u8]) -> Result<Value, ApiError> {
    serde_yaml_ng::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("error converting YAML to JSON: yaml: {error}")))
}

/// An answer in JSON.
pub fn json(code: StatusCode, body: &Value) -> Response {
    (code, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<Shape, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, text.parse().unwrap());
        shape(&headers)
    }

    #[test]
    fn the_first_shape_that_can_be_had_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accept(kubectl).unwrap(), Shape::Table);
        assert_eq!(accept("application/vnd.kubernetes.protobuf,application/json").unwrap(), Shape::Object);
        assert_eq!(accept("*/*").unwrap(), Shape::Object);
        assert_eq!(accept("application/vnd.kubernetes.protobuf").unwrap_err().code, 406);
        let discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(accept(discovery).unwrap(), Shape::Discovery(DiscoveryVersion::V2));
    }
}
