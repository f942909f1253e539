//! The one error that reaches a page.
//!
//! A [`UiError`] says what happened in words meant for a person, which field of a form it concerns, and the
//! request that it belongs to. Causes, addresses and stack traces stay in the server's log under the same
//! request id.

use core::fmt;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What kind of failure it was; decides the HTTP status and the page's tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 401: nobody is signed in, or the session ended.
    SignedOut,
    /// 404: it does not exist, or this person may not know whether it does.
    NotFound,
    /// 403: this person sees the object but may not do this with it.
    Forbidden,
    /// 409: the action does not fit the state.
    Conflict,
    /// 422: the input is wrong; `fields` says where.
    Invalid,
    /// 429: too many attempts.
    TooMany,
    /// 501: the cluster does not offer this.
    Unsupported,
    /// 503: the cluster cannot be reached, or its caches are not filled yet.
    Unavailable,
    /// 500: a defect of Porthole.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::NotFound => 404,
            Self::Forbidden => 403,
            Self::Conflict => 409,
            Self::Invalid => 422,
            Self::TooMany => 429,
            Self::Unsupported => 501,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// An error as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UiError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// One or two sentences: what happened, and the way out if there is one.
    pub message: String,
    /// Field name to what is wrong with it; empty unless the input was wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The request's id, as the log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl UiError {
    /// An error without fields.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: BTreeMap::new(), request_id: None }
    }

    /// The answer for what does not exist and for what may not be seen: nobody can tell the two apart.
    pub fn not_found(kind: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {kind}, or your team has no access to it."))
    }
}

impl fmt::Display for UiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for UiError {}
