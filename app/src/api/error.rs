//! The error of every endpoint: a [`UiError`] that can travel through a server function.

use core::fmt;

use model::{ErrorCode, UiError};
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

/// What every endpoint answers.
pub type Answer<T> = Result<T, ApiError>;

/// A [`UiError`] in transit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiError(pub UiError);

impl ApiError {
    /// An error in the portal's own words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(UiError::new(code, message))
    }
}

impl From<UiError> for ApiError {
    fn from(error: UiError) -> Self {
        Self(error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::new(
                ErrorCode::Unavailable,
                "Porthole does not answer. Check your connection; this page tries again.",
            ),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::new(ErrorCode::Invalid, "Porthole did not understand the request. Reload the page and try again.")
            }
            // The browser's half and the server's half are of different versions, or a proxy answered.
            ServerFnErrorErr::Deserialization(_) | ServerFnErrorErr::UnsupportedRequestMethod(_) => Self::new(
                ErrorCode::Unavailable,
                "The answer was not one of this Porthole's. It may have been updated: reload the page.",
            ),
            _ => Self::new(ErrorCode::Internal, "Something went wrong inside Porthole."),
        }
    }
}
