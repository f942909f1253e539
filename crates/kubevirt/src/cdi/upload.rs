//! `UploadTokenRequest`: asks for the token that one upload is sent with.

use serde::{Deserialize, Serialize};

use crate::meta::ObjectMeta;

/// Asks for a token; the answer to the POST, 200, holds it. It lives five minutes and is looked at when the upload
/// begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadTokenRequest {
    /// Namespace of the claim; the name means nothing.
    pub metadata: ObjectMeta,
    /// What it is for.
    pub spec: UploadTokenRequestSpec,
    /// The answer.
    pub status: UploadTokenRequestStatus,
}

/// `spec` of an UploadTokenRequest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadTokenRequestSpec {
    /// The claim that is uploaded to, which need not exist.
    pub pvc_name: String,
}

/// `status` of an UploadTokenRequest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadTokenRequestStatus {
    /// The token, a secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
}
