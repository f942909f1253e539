//! How answers travel: the encoding of every endpoint, and its one error.

use core::fmt;

use leptos::serde_json;
use model::{ErrorCode, UiError};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Serialize};
use server_fn::codec::{Post, PostUrl};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};
use server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, Http};

/// How every endpoint is asked and answers: forms in, [`Text`] out.
pub type Wire = Http<PostUrl, Post<Text>>;

/// JSON, read as text.
///
/// Pages carry their data as JSON text too. With the same reader for both, the browser's half holds the code
/// that reads each type once instead of twice.
pub struct Text;

impl ContentType for Text {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Text {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Text {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_string(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Text {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let text = core::str::from_utf8(&bytes).map_err(Self::Error::custom)?;
        serde_json::from_str(text)
    }
}

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
    type Encoder = Text;

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
