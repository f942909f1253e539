//! The four ways to change an object without sending it whole.

pub mod apply;
mod strategic;

use http::StatusCode;
use serde_json::{Value, json};

use crate::catalog::Kind;
use crate::error::ApiError;

/// A patch, decoded.
#[derive(Debug, Clone)]
pub enum Patch {
    /// RFC 6902.
    Json(json_patch::Patch),
    /// RFC 7396.
    Merge(Value),
    /// Merge by the keys of lists; built-in kinds only.
    Strategic(Value),
    /// Server-side apply: the wish of one manager.
    Apply(Value),
}

impl Patch {
    /// Reads a patch of the media type for a kind.
    pub fn decode(kind: &Kind, media: &str, body: &[u8]) -> Result<Self, ApiError> {
        match media {
            "application/json-patch+json" => serde_json::from_slice(body)
                .map(Self::Json)
                .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}"))),
            "application/merge-patch+json" => super::media::decode_json(body).map(Self::Merge),
            "application/strategic-merge-patch+json" if !kind.is_custom => {
                super::media::decode_json(body).map(Self::Strategic)
            }
            "application/apply-patch+yaml" | "application/apply-patch+json" => {
                super::media::decode_yaml(body).map(Self::Apply)
            }
            _ => Err(unsupported(kind)),
        }
    }

    /// The object after the patch. Apply needs to know who applies: see [`apply`].
    pub fn on(&self, current: &Value) -> Result<Value, ApiError> {
        let mut object = current.clone();
        match self {
            Self::Json(patch) => json_patch::patch(&mut object, patch).map_err(|error| rejected(&error))?,
            Self::Merge(patch) | Self::Apply(patch) => json_patch::merge(&mut object, patch),
            Self::Strategic(patch) => strategic::merge(&mut object, patch)?,
        }
        Ok(object)
    }
}

/// The real server does not say which operation failed.
fn rejected(error: &json_patch::PatchError) -> ApiError {
    tracing::debug!(%error, "a JSON patch does not fit");
    let message = "the server rejected our request due to an error in our request";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({}))
}

fn unsupported(kind: &Kind) -> ApiError {
    let (json, merge, strategic, apply) = (
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    );
    if kind.is_custom {
        ApiError::unsupported_media_type(&[json, merge, apply])
    } else {
        ApiError::unsupported_media_type(&[json, merge, strategic, apply])
    }
}
