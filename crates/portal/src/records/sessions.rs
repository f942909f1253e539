//! Sessions as tower-sessions wants them, and their end as consoles want it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::{Records, SessionRepository, SessionRow};
use crate::access::SessionId;
use crate::clock::{Clock, seconds};

/// Between two looks for expired sessions.
const SWEEP: Duration = Duration::from_mins(1);

/// Sessions that have a console or a stream of hints open. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveSessions(Arc<Mutex<HashMap<String, CancellationToken>>>);

impl LiveSessions {
    /// A token that is cancelled when the session ends.
    pub(crate) fn end_of(&self, session: &SessionId) -> CancellationToken {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.entry(session.0.clone()).or_default().clone()
    }

    fn ended(&self, id: &str) {
        if let Some(token) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            token.cancel();
        }
    }
}

/// Deletes expired sessions for ever; their consoles end with them.
pub(crate) async fn sweep(records: Records) {
    loop {
        match records.sessions.delete_expired(seconds(records.clock.now())).await {
            Ok(ids) => ids.iter().for_each(|id| records.live.ended(id)),
            Err(error) => tracing::warn!(%error, "expired sessions could not be deleted"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Sessions for tower-sessions' layer. Deleting one ends its consoles and streams.
#[derive(Clone, Debug)]
pub struct SessionRecords {
    repository: Arc<dyn SessionRepository>,
    live: LiveSessions,
    clock: Arc<dyn Clock>,
}

impl SessionRecords {
    pub(super) fn new(repository: Arc<dyn SessionRepository>, live: LiveSessions, clock: Arc<dyn Clock>) -> Self {
        Self { repository, live, clock }
    }
}

fn row(record: &Record) -> Result<SessionRow> {
    let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
    Ok(SessionRow { id: record.id.to_string(), data, expires_at: record.expiry_date.unix_timestamp() })
}

fn backend(error: &super::RecordsError) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for SessionRecords {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.repository.create(&row(record)?).await.map_err(|error| backend(&error))? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.repository.save(&row(record)?).await.map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = seconds(self.clock.now());
        let Some(row) = self.repository.load(&id.to_string(), now).await.map_err(|error| backend(&error))? else {
            return Ok(None);
        };
        let decode = |error: &dyn std::fmt::Display| Error::Decode(error.to_string());
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_str(&row.data).map_err(|error| decode(&error))?,
            expiry_date: OffsetDateTime::from_unix_timestamp(row.expires_at).map_err(|error| decode(&error))?,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let id = id.to_string();
        self.repository.delete(&id).await.map_err(|error| backend(&error))?;
        self.live.ended(&id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            id: Id::default(),
            data: HashMap::from([("account".to_owned(), "ana".into())]),
            expiry_date: OffsetDateTime::from_unix_timestamp(4_000_000_000).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_session_comes_back_as_it_was_and_its_end_is_told() {
        let records = Records::in_memory().await.unwrap();
        let store = records.sessions();
        let mut record = record();
        store.create(&mut record).await.unwrap();
        assert_eq!(store.load(&record.id).await.unwrap(), Some(record.clone()));
        assert!(records.has_session(&record.id.to_string()).await.unwrap());

        let end = records.live_sessions().end_of(&SessionId(record.id.to_string()));
        store.delete(&record.id).await.unwrap();
        assert!(end.is_cancelled());
        assert_eq!(store.load(&record.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_taken_id_is_replaced_instead_of_shared() {
        let store = Records::in_memory().await.unwrap().sessions();
        let mut first = record();
        store.create(&mut first).await.unwrap();
        let mut second = Record { id: first.id, ..record() };
        store.create(&mut second).await.unwrap();
        assert_ne!(first.id, second.id);
    }
}
