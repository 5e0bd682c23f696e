//! A copy of a store, made while it is served.

use std::path::Path;

use privet::Result;
use sqlx::{
    AssertSqlSafe, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{SqliteStore, failed};
use crate::Refusal;

impl SqliteStore {
    /// A copy of what is stored now, into a file that is not there yet or empty. Without what only an open round needs, its
    /// sums and its shares: a round that is open in a copy ends without a sum when the copy is put back, and until
    /// noise is added to them they are nobody's to keep.
    pub async fn backup(&self, to: &Path) -> Result<()> {
        // One file, whose log is none: it is whole when this returns, or of no use.
        let options = SqliteConnectOptions::new().filename(to).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Memory);
        let mut copy = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::migrate!().run(&mut copy).await.map_err(failed)?;
        let from = self.path.to_str().ok_or(Refusal::StoreFailed)?;
        sqlx::query("ATTACH ? AS source").bind(from).execute(&mut copy).await.map_err(failed)?;
        // All in one transaction: of one moment.
        let mut writing = copy.begin().await.map_err(failed)?;
        let tables =
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlx%' ORDER BY rowid";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *writing).await.map_err(failed)?;
        for table in tables {
            let Some(which) = copied(&table) else { continue };
            let insert = format!("INSERT INTO main.{table} SELECT * FROM source.{table} WHERE {which}");
            sqlx::query(AssertSqlSafe(insert)).execute(&mut *writing).await.map_err(failed)?;
        }
        writing.commit().await.map_err(failed)?;
        copy.close().await.map_err(failed)
    }
}

/// Which rows of a table are copied; `None` for none.
fn copied(table: &str) -> Option<&'static str> {
    match table {
        // Sums to which no noise was added.
        "batches" => None,
        // A share waits here until its batch is agreed. Of rounds that are over, replays are known by their ids.
        "uploads" => Some("seed IS NULL AND round IN (SELECT id FROM source.rounds WHERE state > 2)"),
        _ => Some("true"),
    }
}
