//! An embedded SQLite file: the default store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use privet::{Error, Result};
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::Store;
use crate::{
    Refusal,
    files::{create_private, files_of, private_file},
};

mod copy;
mod heads;
mod rounds;
mod uploads;

/// Readers see the last commit while the one writer works.
const READERS: u32 = 3;

/// Pages of the write-ahead log after which a commit moves them itself, should nobody else have done it.
const LONGEST_LOG: &str = "50000";

/// How long what a test of writing found is told again: whoever asks without end writes once a second.
const TESTED: Duration = Duration::from_secs(1);

/// A SQLite file with one writer.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    /// When writing was tested last, and whether it succeeded.
    tested: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, SqliteSynchronous::Full, Duration::from_secs(10)).await
    }

    /// The same without waiting for the disk, nor long for another writer: for tests, in which no power is cut.
    pub async fn open_hasty(path: &Path) -> Result<Self> {
        Self::open_with(path, SqliteSynchronous::Off, Duration::from_millis(50)).await
    }

    async fn open_with(path: &Path, synchronous: SqliteSynchronous, patience: Duration) -> Result<Self> {
        if !path.exists() {
            // SQLite gives its logs the mode of their file.
            create_private(path).map_err(failed)?;
        }
        files_of(path).iter().try_for_each(|file| private_file(file)).map_err(failed)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged upload survives a power cut: its device has paid and will not send it again.
            .synchronous(synchronous)
            .busy_timeout(patience)
            // Beside the commits, not in one of them: see `keep_short`.
            .pragma("wal_autocheckpoint", LONGEST_LOG)
            // What is deleted is written over: a share leaves nothing behind in the file.
            .pragma("secure_delete", "ON");
        let writer = SqlitePoolOptions::new().max_connections(1);
        let writer = writer.after_release(|connection, _| Box::pin(is_free(connection)));
        let writer = writer.connect_with(options.clone()).await.map_err(failed)?;
        sqlx::migrate!().run(&writer).await.map_err(failed)?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await.map_err(failed)?;
        tokio::spawn(keep_short(readers.clone()));
        Ok(Self { path: path.into(), writer, readers, tested: Arc::default() })
    }

    /// A transaction that writes from its first statement on, so that it never has to give up a read.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
    }
}

/// Whether a connection that is given back may be lent again. A full disk ends a transaction within SQLite; the rollback
/// that `sqlx` sends after it fails, for there is none, and `sqlx` counts the connection as in a transaction for ever
/// and begins no other. Such a connection is closed, and another one opened.
async fn is_free(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // The rollback of a transaction that was dropped may be under way: an answer comes after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Moves what is committed from the write-ahead log into the file, until the store is shut. Within a commit it would make
/// one upload in some dozens wait for all the pages of the others.
async fn keep_short(store: SqlitePool) {
    let mut said = false;
    while !store.is_closed() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // The first takes long and hinders nobody; the second is left with little, and empties the log: what was deleted
        // does not stay in it.
        for checkpoint in ["PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            match sqlx::query(checkpoint).execute(&store).await {
                Ok(_) => said = false,
                // Once: a disk may be full for long.
                Err(cause) if !said && !store.is_closed() => {
                    tracing::warn!(%cause, "the write-ahead log stays as it is");
                    said = true;
                }
                Err(_) => {}
            }
        }
    }
}

impl Store for SqliteStore {
    async fn ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.readers).await.is_ok() && self.test_write().await
    }

    async fn test_write(&self) -> bool {
        let mut tested = self.tested.lock().await;
        if let Some((at, found)) = *tested
            && at.elapsed() < TESTED
            && !self.writer.is_closed()
        {
            return found;
        }
        // A number in the file's header that nobody reads: its page is written whatever it was before.
        let found = sqlx::query("PRAGMA user_version = 1").execute(&self.writer).await.map_err(failed).is_ok();
        *tested = Some((Instant::now(), found));
        found
    }

    async fn shut(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The cause is for the operator; whoever asked learns that the store failed.
fn failed(cause: impl std::fmt::Display) -> Error {
    tracing::error!(%cause, "the store failed");
    Refusal::StoreFailed.into()
}

fn bytes<const LENGTH: usize>(column: Vec<u8>) -> Result<[u8; LENGTH]> {
    column.try_into().map_err(|_| failed("a column has another length than the schema says"))
}

#[cfg(test)]
mod tests {
    use privet::{Batch, Round, Share};
    use sqlx::Connection;

    use super::*;
    use crate::store::{Addend, HeadStore, Held, Room, RoundStore, Spent, State, StoredHead, UploadStore, suite};

    async fn fresh() -> (tempfile::TempDir, SqliteStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("store.sqlite")).await.expect("a new file opens");
        (folder, store)
    }

    #[tokio::test]
    async fn it_is_a_store() {
        suite::run(fresh).await;
    }

    #[tokio::test]
    async fn it_is_all_there_after_a_restart() {
        let (folder, store) = fresh().await;
        let before = suite::filled(&store).await;
        store.shut().await;
        let again = SqliteStore::open(&folder.path().join("store.sqlite")).await.expect("the file is there");
        assert_eq!(suite::contents(&again).await, before);
    }

    #[tokio::test]
    async fn a_backup_holds_what_was_published_and_what_is_spent_stays_spent() {
        let (folder, store) = fresh().await;
        suite::filled(&store).await;
        let copy = folder.path().join("copy.sqlite");
        store.backup(&copy).await.expect("there is room");
        let copy = SqliteStore::open(&copy).await.expect("it is a store");
        assert_eq!(copy.tasks().await, store.tasks().await);
        assert_eq!(
            (copy.heads("demo").await, copy.current("demo").await),
            (store.heads("demo").await, Ok(Some([1; 32])))
        );
        for number in [1, 2] {
            let of = async |store: &SqliteStore| store.numbered("demo", number).await.expect("it answers");
            let (copied, stored) = (of(&copy).await, of(&store).await.expect("it was begun"));
            assert_eq!(copied.as_ref(), Some(&stored));
            assert_eq!(copy.spent(stored.id).await, store.spent(stored.id).await);
            assert_eq!(copy.batches(stored.id).await, Ok(vec![]));
            // Of a round that is over, a replay is known.
            assert_eq!(copy.known(stored.id, [3; 16]).await, Ok((number == 2).then_some([3; 32])));
        }
        assert!(store.spent(2).await.is_ok_and(|spent| spent.is_some()) && store.count(1).await == Ok(5));
    }

    /// The file may not become longer, as if the disk were full.
    #[tokio::test]
    async fn a_store_writes_again_when_there_is_room_again() {
        let (_folder, store) = fresh().await;
        let id = store.begin(&suite::round(1), 0).await.expect("a free number").id;
        store.publish(id, b"signed").await.expect("it answers");
        store.close(id, 1).await.expect("it answers");
        let pages = async |most: u32| {
            let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {most}"));
            sqlx::query(limit).execute(&store.writer).await.expect("it answers");
        };
        let long = StoredHead { body: vec![1; 100_000], ..suite::head(1, None) };
        pages(1).await;
        assert_eq!(store.finish(id, b"sum", &long).await, Err(Refusal::StoreFailed.into()));
        pages(u32::MAX).await;
        assert_eq!(store.finish(id, b"sum", &long).await, Ok(()));
        assert!(store.ready().await);
    }

    /// A file with the schema that the first of the migrations make.
    async fn schema_of(path: &Path, migrations: usize) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut old = SqliteConnection::connect_with(&options).await.expect("a new file opens");
        let first: Vec<_> = sqlx::migrate!().iter().take(migrations).cloned().collect();
        let migrations = sqlx::migrate::Migrator { migrations: first.into(), ..sqlx::migrate!() };
        migrations.run(&mut old).await.expect("a schema of its time");
        old
    }

    /// The schema of the first version, filled as it was.
    #[tokio::test]
    async fn the_first_schema_is_brought_up_to_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("old.sqlite");
        let mut old = schema_of(&path, 1).await;
        for id in [[1u8; 16], [2; 16]] {
            let insert = "INSERT INTO uploads (task, round, id, body) VALUES ('demo', 1, ?, x'00')";
            sqlx::query(insert).bind(&id[..]).execute(&mut old).await.expect("a row of the first schema");
        }
        old.close().await.expect("nothing is open");

        let store = SqliteStore::open(&path).await.expect("it is brought up to date");
        assert_eq!(store.last_number("demo").await, Ok(1), "the number stays taken");
        assert_eq!(store.latest("demo").await, Ok(None), "and has no configuration to go on with");
        let round = suite::round(1);
        assert_eq!(store.begin(&round, 0).await, Err(Refusal::RoundConflict { number: 1 }.into()));
        let next = store.begin(&Round { number: 2, ..round }, 0).await.expect("the next number is free");
        assert_eq!(next.state, State::Draft);
    }

    /// Whichever is the newest: a store that holds one of everything, as far as the schema before has a place for it.
    #[tokio::test]
    async fn the_schema_before_this_one_is_brought_up_to_date() {
        let (folder, store) = fresh().await;
        let before = suite::filled(&store).await;
        store.shut().await;
        let filled = folder.path().join("store.sqlite");

        let path = folder.path().join("old.sqlite");
        let mut old = schema_of(&path, sqlx::migrate!().iter().count() - 1).await;
        let attach = sqlx::query("ATTACH ? AS filled").bind(filled.to_str().expect("UTF-8"));
        attach.execute(&mut old).await.expect("it is a store");
        let tables =
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlx%' ORDER BY rowid";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut old).await.expect("it answers");
        assert!(tables.len() >= 6, "{tables:?}");
        for table in tables {
            let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table);
            let columns: Vec<String> = columns.fetch_all(&mut old).await.expect("it answers");
            let columns = columns.join(", ");
            let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM filled.{table}");
            let copied = sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut old).await.expect("as it was");
            assert!(copied.rows_affected() > 0, "nothing fills {table}");
        }
        old.close().await.expect("nothing is open");

        let store = SqliteStore::open(&path).await.expect("it is brought up to date");
        assert_eq!(suite::contents(&store).await, before);
    }

    /// How many of a store's files hold these bytes: the file itself, or its logs.
    fn holding(folder: &tempfile::TempDir, bytes: &[u8]) -> usize {
        let files = std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").path());
        let holds =
            |file: &PathBuf| std::fs::read(file).is_ok_and(|all| all.windows(bytes.len()).any(|part| part == bytes));
        files.filter(holds).count()
    }

    async fn is_nowhere_soon(folder: &tempfile::TempDir, bytes: &[u8]) {
        for _ in 0..100 {
            if holding(folder, bytes) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it is there after 10 s");
    }

    /// Two processes, as far as SQLite can tell.
    #[tokio::test]
    async fn two_writers_over_one_file_fill_the_same_batches() {
        let (folder, one) = fresh().await;
        let other = SqliteStore::open(&folder.path().join("store.sqlite")).await.expect("the file is there");
        let round = suite::round(1);
        let id = one.begin(&round, 0).await.expect("a free number").id;
        one.publish(id, b"signed").await.expect("it answers");
        let add = async |store: &SqliteStore, names: std::ops::Range<u8>| {
            for n in names {
                let share = Share::from_bytes(&[n, 0, 0, 0, 1, 0, 0, 0], 2).expect("two entries");
                let addend = Addend { id: [n; 16], digest: [n; 32], share };
                store.add(id, Room { round: 20, batch: 3 }, &[addend]).await.expect("it waits for its turn");
            }
        };
        tokio::join!(add(&one, 1..8), add(&other, 8..13));
        let batches = one.batches(id).await.expect("it answers");
        assert_eq!(batches.iter().map(|batch| batch.count).collect::<Vec<_>>(), [3; 4]);
        let sum = Share::from_bytes(&[78, 0, 0, 0, 12, 0, 0, 0], 2);
        assert_eq!(other.sum(id, &round, &[1, 2, 3, 4]).await, sum);
    }

    /// Neither in the file nor in its log.
    #[tokio::test]
    async fn a_share_that_is_deleted_is_nowhere_any_more() {
        let (folder, store) = fresh().await;
        let seed = *b"a seed that nobody may ever find";
        let round = suite::round(1);
        let id = store.begin(&round, 0).await.expect("a free number").id;
        store.publish(id, b"signed").await.expect("it answers");
        store.hold(id, 9, &[Held { id: [1; 16], digest: [1; 32], seed, token: None }]).await.expect("it answers");
        assert!(holding(&folder, &seed) > 0);
        let batch = Batch::new(round.hash(), 1, vec![[1; 16]]);
        assert_eq!(store.gather(id, &batch, &Share::zero(2)).await, Ok(true));
        is_nowhere_soon(&folder, &seed).await;
    }

    /// Of a helper's batch and of a leader's.
    #[tokio::test]
    async fn a_sum_without_noise_is_nowhere_any_more_when_the_noised_one_is_given() {
        let (folder, store) = fresh().await;
        let secret = b"a sum that has no noise in it yet!!!";
        let sum = Share::from_bytes(secret, 9).expect("nine entries");
        for (number, leads) in [(1, false), (2, true)] {
            let round = suite::round(number);
            let id = store.begin(&round, 0).await.expect("a free number").id;
            store.publish(id, b"signed").await.expect("it answers");
            if leads {
                let addend = Addend { id: [1; 16], digest: [1; 32], share: sum.clone() };
                store.add(id, Room { round: 9, batch: 9 }, &[addend]).await.expect("it answers");
                store.close(id, 1).await.expect("it answers");
            } else {
                let held = Held { id: [1; 16], digest: [1; 32], seed: [1; 32], token: None };
                store.hold(id, 9, &[held]).await.expect("it answers");
                let batch = Batch::new(round.hash(), 1, vec![[1; 16]]);
                assert_eq!(store.gather(id, &batch, &sum).await, Ok(true));
            }
            assert!(holding(&folder, secret) > 0);
            store.spend(id, &Spent { closing: vec![1], sum: vec![2] }).await.expect("it answers");
            is_nowhere_soon(&folder, secret).await;
        }
    }

    #[tokio::test]
    async fn a_store_that_is_shut_says_so() {
        let (_folder, store) = fresh().await;
        assert!(store.ready().await);
        store.shut().await;
        assert!(!store.ready().await);
        assert_eq!(store.last_number("demo").await, Err(Refusal::StoreFailed.into()));
    }
}
