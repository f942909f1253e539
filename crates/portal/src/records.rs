//! The database.
use std::path::Path;

/// Why the database failed.
#[derive(Debug, thiserror::Error)]
#[error("database")]
pub struct RecordsError;

/// Accounts and sessions, kept in a file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {}
impl Records {
    /// Opens `porthole.db` in a folder and brings its tables up to date.
    pub async fn open(_folder: &Path) -> Result<Self, RecordsError> {
        Ok(Self {})
    }
    /// The sessions, for tower-sessions' layer.
    pub fn sessions(&self) -> SessionRecords {
        SessionRecords {}
    }
}

/// Sessions for tower-sessions. Deleting one ends its consoles.
#[derive(Clone, Debug)]
pub struct SessionRecords {}
#[async_trait::async_trait]
impl tower_sessions::SessionStore for SessionRecords {
    async fn save(&self, _: &tower_sessions::session::Record) -> tower_sessions::session_store::Result<()> {
        unimplemented!()
    }
    async fn load(
        &self,
        _: &tower_sessions::session::Id,
    ) -> tower_sessions::session_store::Result<Option<tower_sessions::session::Record>> {
        unimplemented!()
    }
    async fn delete(&self, _: &tower_sessions::session::Id) -> tower_sessions::session_store::Result<()> {
        unimplemented!()
    }
}
