//! Saved views in SQLite.

use async_trait::async_trait;
use sqlx::Row as _;

use super::sqlite::Sqlite;
use super::{RecordsError, ViewRepository, ViewRow};

#[async_trait]
impl ViewRepository for Sqlite {
    async fn list(&self, account: &str, tab: &str) -> Result<Vec<ViewRow>, RecordsError> {
        let rows = sqlx::query("select name, address from views where account = ? and tab = ? order by name")
            .bind(account)
            .bind(tab)
            .fetch_all(&self.0)
            .await?;
        rows.iter().map(|row| Ok(ViewRow { name: row.try_get("name")?, address: row.try_get("address")? })).collect()
    }

    async fn save(&self, account: &str, tab: &str, row: &ViewRow) -> Result<(), RecordsError> {
        sqlx::query(
            "insert into views (account, tab, name, address) values (?, ?, ?, ?)
             on conflict (account, tab, name) do update set address = excluded.address",
        )
        .bind(account)
        .bind(tab)
        .bind(&row.name)
        .bind(&row.address)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn rename(&self, account: &str, tab: &str, name: &str, next: &str) -> Result<bool, RecordsError> {
        let done = sqlx::query("update or ignore views set name = ? where account = ? and tab = ? and name = ?")
            .bind(next)
            .bind(account)
            .bind(tab)
            .bind(name)
            .execute(&self.0)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn remove(&self, account: &str, tab: &str, name: &str) -> Result<bool, RecordsError> {
        let done = sqlx::query("delete from views where account = ? and tab = ? and name = ?")
            .bind(account)
            .bind(tab)
            .bind(name)
            .execute(&self.0)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
