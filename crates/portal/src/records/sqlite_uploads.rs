//! Uploads in SQLite.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::sqlite::Sqlite;
use super::{RecordsError, UploadRepository, UploadRow};

fn upload(row: &SqliteRow) -> Result<UploadRow, RecordsError> {
    Ok(UploadRow {
        id: row.try_get("id")?,
        account: row.try_get("account")?,
        request: row.try_get("request")?,
        volume_uid: row.try_get("volume_uid")?,
        heard_at: row.try_get("heard_at")?,
        is_sent: row.try_get("is_sent")?,
        ending: row.try_get("ending")?,
    })
}

#[async_trait]
impl UploadRepository for Sqlite {
    async fn save(&self, row: &UploadRow) -> Result<(), RecordsError> {
        sqlx::query(
            "insert into uploads (id, account, request, volume_uid, heard_at, is_sent, ending)
             values (?, ?, ?, ?, ?, ?, ?)
             on conflict (id) do update set volume_uid = excluded.volume_uid, heard_at = excluded.heard_at,
             is_sent = excluded.is_sent, ending = excluded.ending",
        )
        .bind(&row.id)
        .bind(&row.account)
        .bind(&row.request)
        .bind(&row.volume_uid)
        .bind(row.heard_at)
        .bind(row.is_sent)
        .bind(&row.ending)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn list(&self) -> Result<Vec<UploadRow>, RecordsError> {
        let rows = sqlx::query("select * from uploads order by id").fetch_all(&self.0).await?;
        rows.iter().map(upload).collect()
    }

    async fn remove(&self, id: &str) -> Result<(), RecordsError> {
        sqlx::query("delete from uploads where id = ?").bind(id).execute(&self.0).await?;
        Ok(())
    }
}
