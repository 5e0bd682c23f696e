//! Uploads on disk: acknowledged only when they are there.

use std::path::Path;

use privet::UploadId;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// An embedded SQLite file.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored now.
    New,
    /// It was stored before, with the same bytes.
    Known,
    /// Other bytes were stored under its id before; these were not.
    Conflict,
}

impl Store {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged upload survives a power cut: its device has paid and will not send it again.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Stores an upload once; a repeat changes nothing.
    pub async fn put(&self, task: &str, round: u32, id: UploadId, body: &[u8]) -> Result<Put, sqlx::Error> {
        let insert = "INSERT INTO uploads (task, round, id, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let inserted = sqlx::query(insert).bind(task).bind(round).bind(&id[..]).bind(body).execute(&self.pool).await?;
        if inserted.rows_affected() == 1 {
            return Ok(Put::New);
        }
        let select = "SELECT body = ? FROM uploads WHERE task = ? AND round = ? AND id = ?";
        let same = sqlx::query(select).bind(body).bind(task).bind(round).bind(&id[..]).fetch_one(&self.pool).await?;
        Ok(if same.try_get(0)? { Put::Known } else { Put::Conflict })
    }

    /// How many uploads a round has.
    pub async fn count(&self, task: &str, round: u32) -> Result<usize, sqlx::Error> {
        let count = "SELECT count(*) FROM uploads WHERE task = ? AND round = ?";
        let row = sqlx::query(count).bind(task).bind(round).fetch_one(&self.pool).await?;
        Ok(usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
    }

    /// The bodies of a round, for its sum.
    pub async fn bodies(&self, task: &str, round: u32) -> Result<Vec<Vec<u8>>, sqlx::Error> {
        let select = "SELECT body FROM uploads WHERE task = ? AND round = ?";
        let rows = sqlx::query(select).bind(task).bind(round).fetch_all(&self.pool).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    /// Ends every connection, so that the file is whole.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
