//! What can go wrong, and how a person reads it.
use model::UiError;

/// Why the portal could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("unfinished")]
pub struct PortalError;
impl PortalError {
    /// The error as a person reads it.
    pub fn to_ui(&self) -> UiError {
        UiError::new(model::ErrorCode::Internal, "…")
    }
}
