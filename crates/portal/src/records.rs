//! The database: accounts, sessions, saved views, and uploads under way.
//!
//! What the cluster knows is never stored here. The repositories are traits, so that PostgreSQL can come beside
//! SQLite; `conformance` is the suite that every implementation passes.
//!
//! # To add a repository
//!
//! 1. Write its trait here and its rows as plain structs.
//! 2. Add a migration `migrations/NNNN_what.sql`; one that was released never changes.
//! 3. Implement it in `sqlite`, and add its behaviour to `conformance`.

#[cfg(test)]
mod conformance;
mod sessions;
mod sqlite;
mod sqlite_uploads;
mod sqlite_views;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::access::Account;
use crate::clock::{Clock, SystemClock};
pub use sessions::SessionRecords;
pub(crate) use sessions::{LiveSessions, sweep};

/// Why the database failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The folder or the file cannot be made.
    #[error("the database file {path} cannot be made")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("the database cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A query failed.
    #[error("the database does not answer")]
    Query(#[from] sqlx::Error),
    /// A row holds what no version of the portal writes.
    #[error("the table {table} holds a broken row {row}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Its key.
        row: String,
    },
}

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountRow {
    pub account: Account,
    /// A PHC string.
    pub password_hash: String,
}

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub id: String,
    /// JSON.
    pub data: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// Accounts.
#[async_trait]
pub(crate) trait AccountRepository: std::fmt::Debug + Send + Sync {
    /// Stores an account; one of the same name is replaced, and keeps its SSH keys.
    async fn save(&self, row: &AccountRow) -> Result<(), RecordsError>;
    async fn find(&self, username: &str) -> Result<Option<AccountRow>, RecordsError>;
    /// All, by name.
    async fn list(&self) -> Result<Vec<AccountRow>, RecordsError>;
    /// Tells whether there was one.
    async fn remove(&self, username: &str) -> Result<bool, RecordsError>;
    /// The public keys that somebody used last, one a line; empty if there are none.
    async fn ssh_keys(&self, username: &str) -> Result<String, RecordsError>;
    /// Keeps the public keys that somebody used.
    async fn keep_ssh_keys(&self, username: &str, keys: &str) -> Result<(), RecordsError>;
}

/// Sessions.
#[async_trait]
pub(crate) trait SessionRepository: std::fmt::Debug + Send + Sync {
    /// Stores a new session; `false` if the id is taken.
    async fn create(&self, row: &SessionRow) -> Result<bool, RecordsError>;
    /// Stores a session, new or not.
    async fn save(&self, row: &SessionRow) -> Result<(), RecordsError>;
    /// A session that has not expired.
    async fn load(&self, id: &str, now: i64) -> Result<Option<SessionRow>, RecordsError>;
    async fn delete(&self, id: &str) -> Result<(), RecordsError>;
    /// Deletes what expired; tells the ids.
    async fn delete_expired(&self, now: i64) -> Result<Vec<String>, RecordsError>;
}

/// An upload that has not ended, as far as it needs to be known after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadRow {
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// JSON.
    pub request: String,
    /// The data volume's identity.
    pub volume_uid: String,
    /// When the last chunk came, in seconds since 1970.
    pub heard_at: i64,
    /// Whether every byte is with the cluster.
    pub is_sent: bool,
    /// Why it ended, while there is something left to clean up.
    pub ending: Option<String>,
}

/// Uploads.
#[async_trait]
pub(crate) trait UploadRepository: std::fmt::Debug + Send + Sync {
    /// Stores an upload; one of the same id is replaced.
    async fn save(&self, row: &UploadRow) -> Result<(), RecordsError>;
    /// All, by id.
    async fn list(&self) -> Result<Vec<UploadRow>, RecordsError>;
    async fn remove(&self, id: &str) -> Result<(), RecordsError>;
}

/// A view of a list as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewRow {
    pub name: String,
    /// The query of the list's address.
    pub address: String,
}

/// Views of lists that people keep, by account and tab.
#[async_trait]
pub(crate) trait ViewRepository: std::fmt::Debug + Send + Sync {
    /// All, by name.
    async fn list(&self, account: &str, tab: &str) -> Result<Vec<ViewRow>, RecordsError>;
    /// Stores a view; one of the same name is replaced.
    async fn save(&self, account: &str, tab: &str, row: &ViewRow) -> Result<(), RecordsError>;
    /// Tells whether there was one, and none with the next name.
    async fn rename(&self, account: &str, tab: &str, name: &str, next: &str) -> Result<bool, RecordsError>;
    /// Tells whether there was one.
    async fn remove(&self, account: &str, tab: &str, name: &str) -> Result<bool, RecordsError>;
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {
    accounts: Arc<dyn AccountRepository>,
    sessions: Arc<dyn SessionRepository>,
    uploads: Arc<dyn UploadRepository>,
    views: Arc<dyn ViewRepository>,
    live: LiveSessions,
    clock: Arc<dyn Clock>,
}

impl Records {
    /// Opens `porthole.db` in a folder, makes both if need be, and brings the tables up to date.
    pub async fn open(folder: &Path) -> Result<Self, RecordsError> {
        Ok(Self::new(sqlite::Sqlite::open(folder).await?))
    }

    /// A database that ends with the process, for tests and trials.
    pub async fn in_memory() -> Result<Self, RecordsError> {
        Ok(Self::new(sqlite::Sqlite::in_memory().await?))
    }

    fn new(database: sqlite::Sqlite) -> Self {
        Self {
            accounts: Arc::new(database.clone()),
            sessions: Arc::new(database.clone()),
            uploads: Arc::new(database.clone()),
            views: Arc::new(database),
            live: LiveSessions::default(),
            clock: SystemClock::shared(),
        }
    }

    /// The sessions, for tower-sessions' layer.
    pub fn sessions(&self) -> SessionRecords {
        SessionRecords::new(Arc::clone(&self.sessions), self.live.clone(), Arc::clone(&self.clock))
    }

    pub(crate) fn accounts(&self) -> &dyn AccountRepository {
        self.accounts.as_ref()
    }

    pub(crate) fn uploads(&self) -> &dyn UploadRepository {
        self.uploads.as_ref()
    }

    pub(crate) fn views(&self) -> &dyn ViewRepository {
        self.views.as_ref()
    }

    /// Sessions that somebody waits for the end of.
    pub(crate) const fn live_sessions(&self) -> &LiveSessions {
        &self.live
    }

    /// Whether a session still is.
    pub(crate) async fn has_session(&self, id: &str) -> Result<bool, RecordsError> {
        let now = crate::clock::seconds(self.clock.now());
        Ok(self.sessions.load(id, now).await?.is_some())
    }
}
