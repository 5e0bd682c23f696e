//! Tasks and heads.

use privet::Result;
use sqlx::{Row, Sqlite, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow};

use super::{SqliteStore, bytes, failed};
use crate::store::{HeadStore, StoredHead, StoredTask};

/// The statement that stores a head, for transactions that do more.
pub(super) fn put_head(head: &StoredHead) -> Query<'_, Sqlite, SqliteArguments> {
    let insert = "INSERT INTO heads (task, hash, round, previous, count, body, memory, manifest, held) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT DO UPDATE SET manifest = coalesce(excluded.manifest, manifest), held = excluded.held";
    sqlx::query(insert)
        .bind(&head.task)
        .bind(&head.hash[..])
        .bind(head.round)
        .bind(&head.previous[..])
        .bind(head.count)
        .bind(&head.body)
        .bind(&head.memory)
        .bind(&head.manifest)
        .bind(&head.held)
}

pub(super) fn set_current<'q>(task: &'q str, hash: &'q [u8; 32]) -> Query<'q, Sqlite, SqliteArguments> {
    let insert = "INSERT INTO current_heads (task, hash) VALUES (?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash";
    sqlx::query(insert).bind(task).bind(&hash[..])
}

fn head_of(row: &SqliteRow) -> Result<StoredHead> {
    Ok(StoredHead {
        task: row.try_get("task").map_err(failed)?,
        hash: bytes(row.try_get("hash").map_err(failed)?)?,
        round: row.try_get("round").map_err(failed)?,
        previous: bytes(row.try_get("previous").map_err(failed)?)?,
        count: row.try_get("count").map_err(failed)?,
        body: row.try_get("body").map_err(failed)?,
        memory: row.try_get("memory").map_err(failed)?,
        manifest: row.try_get("manifest").map_err(failed)?,
        held: row.try_get("held").map_err(failed)?,
    })
}

fn task_of(row: &SqliteRow) -> Result<StoredTask> {
    Ok(StoredTask {
        hash: row.try_get("hash").map_err(failed)?,
        name: row.try_get("name").map_err(failed)?,
        text: row.try_get("text").map_err(failed)?,
        admitted: row.try_get("admitted").map_err(failed)?,
    })
}

impl HeadStore for SqliteStore {
    async fn put_task(&self, task: &StoredTask) -> Result<()> {
        // A row that is replaced goes to the end: of two tasks of one name the one that was stored last counts.
        let replace = "INSERT OR REPLACE INTO tasks (hash, name, text, admitted) \
            VALUES (?1, ?2, ?3, max(?4, coalesce((SELECT admitted FROM tasks WHERE hash = ?1), 0)))";
        let replace = sqlx::query(replace).bind(&task.hash).bind(&task.name).bind(&task.text).bind(task.admitted);
        replace.execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn withdraw(&self, hash: &str) -> Result<()> {
        let update = sqlx::query("UPDATE tasks SET admitted = 0 WHERE hash = ?").bind(hash);
        update.execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<StoredTask>> {
        let select = sqlx::query("SELECT * FROM tasks ORDER BY rowid");
        select.fetch_all(&self.readers).await.map_err(failed)?.iter().map(task_of).collect()
    }

    async fn put_head(&self, head: &StoredHead) -> Result<()> {
        put_head(head).execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn head(&self, task: &str, hash: [u8; 32]) -> Result<Option<StoredHead>> {
        let select = sqlx::query("SELECT * FROM heads WHERE task = ? AND hash = ?").bind(task).bind(hash.to_vec());
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(head_of).transpose()
    }

    async fn published(&self, hash: [u8; 32]) -> Result<Option<StoredHead>> {
        let select = "SELECT * FROM heads WHERE hash = ? AND held IS NULL LIMIT 1";
        let select = sqlx::query(select).bind(hash.to_vec());
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(head_of).transpose()
    }

    async fn heads(&self, task: &str) -> Result<Vec<StoredHead>> {
        let select = sqlx::query("SELECT * FROM heads WHERE task = ? ORDER BY round, rowid").bind(task);
        select.fetch_all(&self.readers).await.map_err(failed)?.iter().map(head_of).collect()
    }

    async fn current(&self, task: &str) -> Result<Option<[u8; 32]>> {
        let select = sqlx::query("SELECT hash FROM current_heads WHERE task = ?").bind(task);
        let row = select.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| bytes(row.try_get(0).map_err(failed)?)).transpose()
    }

    async fn set_current(&self, task: &str, hash: [u8; 32]) -> Result<()> {
        set_current(task, &hash).execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }
}
