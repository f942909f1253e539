//! The repositories in SQLite: one file, write-ahead log, no server.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};

use super::{AccountRepository, AccountRow, RecordsError, SessionRepository, SessionRow};
use crate::access::Account;

#[derive(Clone, Debug)]
pub(super) struct Sqlite(pub(super) SqlitePool);

impl Sqlite {
    pub(super) async fn open(folder: &Path) -> Result<Self, RecordsError> {
        let path = folder.join("porthole.db");
        make_private(folder, &path)
            .map_err(|source| RecordsError::File { path: path.display().to_string(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5));
        Self::connect(options, SqlitePoolOptions::new().max_connections(4)).await
    }

    pub(super) async fn in_memory() -> Result<Self, RecordsError> {
        // Every connection to `:memory:` is a database of its own: one that never closes is the only one.
        let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        Self::connect(SqliteConnectOptions::from_str("sqlite::memory:")?, pool).await
    }

    async fn connect(options: SqliteConnectOptions, pool: SqlitePoolOptions) -> Result<Self, RecordsError> {
        let pool = pool.connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self(pool))
    }
}

/// The file holds password hashes and session ids: its owner alone reads it.
fn make_private(folder: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn account(row: &SqliteRow) -> Result<AccountRow, RecordsError> {
    let username: String = row.try_get("username")?;
    let groups: String = row.try_get("kubernetes_groups")?;
    let kubernetes_groups = serde_json::from_str(&groups)
        .map_err(|_| RecordsError::Inconsistent { table: "accounts", row: username.clone() })?;
    Ok(AccountRow {
        account: Account { username, kubernetes_user: row.try_get("kubernetes_user")?, kubernetes_groups },
        password_hash: row.try_get("password_hash")?,
    })
}

#[async_trait]
impl AccountRepository for Sqlite {
    async fn save(&self, row: &AccountRow) -> Result<(), RecordsError> {
        let groups = serde_json::Value::from(row.account.kubernetes_groups.clone()).to_string();
        sqlx::query(
            "insert into accounts (username, password_hash, kubernetes_user, kubernetes_groups) values (?, ?, ?, ?)
             on conflict (username) do update set password_hash = excluded.password_hash,
             kubernetes_user = excluded.kubernetes_user, kubernetes_groups = excluded.kubernetes_groups",
        )
        .bind(&row.account.username)
        .bind(&row.password_hash)
        .bind(&row.account.kubernetes_user)
        .bind(groups)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn find(&self, username: &str) -> Result<Option<AccountRow>, RecordsError> {
        let row =
            sqlx::query("select * from accounts where username = ?").bind(username).fetch_optional(&self.0).await?;
        row.as_ref().map(account).transpose()
    }

    async fn list(&self) -> Result<Vec<AccountRow>, RecordsError> {
        let rows = sqlx::query("select * from accounts order by username").fetch_all(&self.0).await?;
        rows.iter().map(account).collect()
    }

    async fn remove(&self, username: &str) -> Result<bool, RecordsError> {
        let done = sqlx::query("delete from accounts where username = ?").bind(username).execute(&self.0).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn ssh_keys(&self, username: &str) -> Result<String, RecordsError> {
        let query = sqlx::query_scalar("select ssh_keys from accounts where username = ?").bind(username);
        Ok(query.fetch_optional(&self.0).await?.unwrap_or_default())
    }

    async fn keep_ssh_keys(&self, username: &str, keys: &str) -> Result<(), RecordsError> {
        let query = sqlx::query("update accounts set ssh_keys = ? where username = ?").bind(keys).bind(username);
        query.execute(&self.0).await?;
        Ok(())
    }
}

#[async_trait]
impl SessionRepository for Sqlite {
    async fn create(&self, row: &SessionRow) -> Result<bool, RecordsError> {
        let done =
            sqlx::query("insert into sessions (id, data, expires_at) values (?, ?, ?) on conflict (id) do nothing")
                .bind(&row.id)
                .bind(&row.data)
                .bind(row.expires_at)
                .execute(&self.0)
                .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn save(&self, row: &SessionRow) -> Result<(), RecordsError> {
        sqlx::query(
            "insert into sessions (id, data, expires_at) values (?, ?, ?)
             on conflict (id) do update set data = excluded.data, expires_at = excluded.expires_at",
        )
        .bind(&row.id)
        .bind(&row.data)
        .bind(row.expires_at)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn load(&self, id: &str, now: i64) -> Result<Option<SessionRow>, RecordsError> {
        let row = sqlx::query("select * from sessions where id = ? and expires_at > ?")
            .bind(id)
            .bind(now)
            .fetch_optional(&self.0)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(SessionRow {
            id: row.try_get("id")?,
            data: row.try_get("data")?,
            expires_at: row.try_get("expires_at")?,
        }))
    }

    async fn delete(&self, id: &str) -> Result<(), RecordsError> {
        sqlx::query("delete from sessions where id = ?").bind(id).execute(&self.0).await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64) -> Result<Vec<String>, RecordsError> {
        let rows =
            sqlx::query("delete from sessions where expires_at <= ? returning id").bind(now).fetch_all(&self.0).await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::conformance;

    #[tokio::test]
    async fn sqlite_keeps_the_contract() {
        let database = Sqlite::in_memory().await.unwrap();
        conformance::accounts(&database).await;
        conformance::sessions(&database).await;
        conformance::uploads(&database).await;
        conformance::views(&database, &database).await;
    }

    #[tokio::test]
    async fn a_file_keeps_the_contract_is_private_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let database = Sqlite::open(&place).await.unwrap();
        conformance::accounts(&database).await;
        conformance::sessions(&database).await;
        let row = SessionRow { id: "kept".into(), data: "{}".into(), expires_at: 10 };
        SessionRepository::save(&database, &row).await.unwrap();
        database.0.close().await;
        let again = Sqlite::open(&place).await.unwrap();
        assert_eq!(again.load("kept", 1).await.unwrap(), Some(row));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(place.join("porthole.db")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
