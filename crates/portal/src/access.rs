//! People.
use model::{ErrorCode, UiError};
use std::time::Duration;

/// The session's id as the session store has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub String);

/// Whoever acts: an account with the identity that the cluster knows them by, in one session.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account's name.
    pub account: String,
    /// The user as Kubernetes knows them.
    pub user: String,
    /// Their groups there.
    pub groups: Vec<String>,
    /// The session in which they act; its end ends their consoles.
    pub session: SessionId,
}

/// A local account, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that signs in.
    pub username: String,
    /// The user as Kubernetes knows them.
    pub kubernetes_user: String,
    /// Their groups there.
    pub kubernetes_groups: Vec<String>,
}

/// An account to be made, with its password.
#[derive(Clone)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its password in plain text; only the hash is stored.
    pub password: String,
}

/// Why somebody could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong; which one is not told.
    #[error("wrong name or password")]
    Wrong,
    /// Too many guesses.
    #[error("too many attempts")]
    Throttled {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    /// The database does not answer.
    #[error("accounts cannot be read")]
    Records(#[from] crate::records::RecordsError),
}

impl SignInError {
    /// The error as a person reads it.
    pub fn to_ui(&self) -> UiError {
        UiError::new(ErrorCode::SignedOut, "…")
    }
}
