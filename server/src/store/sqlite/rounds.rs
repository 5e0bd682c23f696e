//! Rounds.

use privet::{Result, Round};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    SqliteStore, failed,
    heads::{put_head, set_current},
    uploads::join_tail,
};
use crate::{
    Refusal,
    store::{RoundStore, Spent, State, StoredHead, StoredRound},
};

/// Rounds of the first schema have no configuration: all that is left of them is their number.
macro_rules! select_rounds {
    ($condition:literal) => {
        concat!(
            "SELECT id, body, signed, state, begun_s, sum FROM rounds WHERE configuration IS NOT NULL AND ",
            $condition
        )
    };
}

fn state_of(number: i64) -> Result<State> {
    [State::Draft, State::Open, State::Closing, State::Closed, State::Ended]
        .into_iter()
        .find(|&state| state as i64 == number)
        .ok_or_else(|| failed("a round is in a state that this build does not know"))
}

fn round_of(row: &SqliteRow) -> Result<StoredRound> {
    let body: Vec<u8> = row.try_get("body").map_err(failed)?;
    Ok(StoredRound {
        id: row.try_get("id").map_err(failed)?,
        round: Round::decode(&body)?,
        signed: row.try_get("signed").map_err(failed)?,
        state: state_of(row.try_get("state").map_err(failed)?)?,
        begun_s: row.try_get::<i64, _>("begun_s").map_err(failed)?.cast_unsigned(),
        sum: row.try_get("sum").map_err(failed)?,
    })
}

fn spent_of(row: &SqliteRow) -> Result<Spent> {
    Ok(Spent { closing: row.try_get("closing").map_err(failed)?, sum: row.try_get("sum").map_err(failed)? })
}

pub(super) async fn state(writing: &mut Transaction<'static, Sqlite>, id: i64) -> Result<State> {
    let select = sqlx::query("SELECT state FROM rounds WHERE id = ?").bind(id);
    let row = select.fetch_one(&mut **writing).await.map_err(failed)?;
    state_of(row.try_get(0).map_err(failed)?)
}

async fn change(writing: &mut Transaction<'static, Sqlite>, statement: &'static str, id: i64) -> Result<()> {
    sqlx::query(statement).bind(id).execute(&mut **writing).await.map_err(failed)?;
    Ok(())
}

/// What is deleted is overwritten: the store's connections are opened so.
const DELETE_SUMS: &str = "UPDATE batches SET sum = x'' WHERE round = ?";

impl RoundStore for SqliteStore {
    async fn begin(&self, round: &Round, now_s: u64) -> Result<StoredRound> {
        let mut writing = self.write().await?;
        let insert = "INSERT INTO rounds (task, number, configuration, body, state, begun_s) VALUES (?, ?, ?, ?, 0, ?) \
            ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert).bind(&round.task).bind(round.number).bind(round.hash().to_vec());
        let insert = insert.bind(round.encode()).bind(now_s.cast_signed());
        insert.execute(&mut *writing).await.map_err(failed)?;
        let select = sqlx::query(select_rounds!("configuration = ?")).bind(round.hash().to_vec());
        let row = select.fetch_optional(&mut *writing).await.map_err(failed)?;
        writing.commit().await.map_err(failed)?;
        row.as_ref().map_or(Err(Refusal::RoundConflict { number: round.number }.into()), round_of)
    }

    async fn withdraw_draft(&self, id: i64) -> Result<()> {
        let delete = sqlx::query("DELETE FROM rounds WHERE id = ? AND state = 0").bind(id);
        delete.execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn publish(&self, id: i64, signed: &[u8]) -> Result<()> {
        let update = "UPDATE rounds SET state = 1, signed = ? WHERE id = ? AND state = 0";
        sqlx::query(update).bind(signed).bind(id).execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn latest(&self, task: &str) -> Result<Option<StoredRound>> {
        let select = sqlx::query(select_rounds!("task = ? ORDER BY number DESC LIMIT 1")).bind(task);
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(round_of).transpose()
    }

    async fn round(&self, configuration: &[u8; 32]) -> Result<Option<StoredRound>> {
        let select = sqlx::query(select_rounds!("configuration = ?")).bind(&configuration[..]);
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(round_of).transpose()
    }

    async fn numbered(&self, task: &str, number: u32) -> Result<Option<StoredRound>> {
        let select = sqlx::query(select_rounds!("task = ? AND number = ?")).bind(task).bind(number);
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(round_of).transpose()
    }

    async fn unfinished(&self) -> Result<Vec<StoredRound>> {
        let select = sqlx::query(select_rounds!("state < 3 ORDER BY id"));
        select.fetch_all(&self.readers).await.map_err(failed)?.iter().map(round_of).collect()
    }

    async fn last_number(&self, task: &str) -> Result<u32> {
        let select = sqlx::query("SELECT coalesce(max(number), 0) FROM rounds WHERE task = ?").bind(task);
        select.fetch_one(&self.readers).await.map_err(failed)?.try_get(0).map_err(failed)
    }

    async fn close(&self, id: i64, least: u32) -> Result<()> {
        let mut writing = self.write().await?;
        change(&mut writing, "UPDATE rounds SET state = 2 WHERE id = ? AND state = 1", id).await?;
        join_tail(&mut writing, id, least).await?;
        change(&mut writing, "UPDATE batches SET state = 1 WHERE round = ? AND state = 0", id).await?;
        writing.commit().await.map_err(failed)
    }

    async fn end(&self, id: i64) -> Result<()> {
        let mut writing = self.write().await?;
        change(&mut writing, "UPDATE rounds SET state = 4 WHERE id = ? AND state <> 3", id).await?;
        if state(&mut writing, id).await? == State::Ended {
            change(&mut writing, "DELETE FROM batches WHERE round = ?", id).await?;
            change(&mut writing, "DELETE FROM uploads WHERE round = ?", id).await?;
        }
        writing.commit().await.map_err(failed)
    }

    async fn finish(&self, id: i64, sum: &[u8], head: &StoredHead) -> Result<()> {
        let mut writing = self.write().await?;
        let update = sqlx::query("UPDATE rounds SET state = 3, sum = ? WHERE id = ? AND state = 2").bind(sum).bind(id);
        if update.execute(&mut *writing).await.map_err(failed)?.rows_affected() == 0 {
            return Err(failed("a round that is not closing is not finished"));
        }
        change(&mut writing, DELETE_SUMS, id).await?;
        put_head(head).execute(&mut *writing).await.map_err(failed)?;
        if head.held.is_none() {
            set_current(&head.task, &head.hash).execute(&mut *writing).await.map_err(failed)?;
        }
        writing.commit().await.map_err(failed)
    }

    async fn spend(&self, id: i64, spent: &Spent) -> Result<Spent> {
        let mut writing = self.write().await?;
        let update = "UPDATE rounds SET closing = ?, sum = ?, state = CASE state WHEN 2 THEN 2 ELSE 3 END \
             WHERE id = ? AND closing IS NULL AND state <> 4";
        let update = sqlx::query(update).bind(&spent.closing).bind(&spent.sum).bind(id);
        if update.execute(&mut *writing).await.map_err(failed)?.rows_affected() == 1 {
            // What no batch has named by now, none ever does.
            change(&mut writing, "DELETE FROM uploads WHERE round = ? AND batch IS NULL", id).await?;
            change(&mut writing, DELETE_SUMS, id).await?;
        }
        let select = sqlx::query("SELECT closing, sum FROM rounds WHERE id = ? AND closing IS NOT NULL").bind(id);
        let row = select.fetch_one(&mut *writing).await.map_err(failed)?;
        writing.commit().await.map_err(failed)?;
        spent_of(&row)
    }

    async fn spent(&self, id: i64) -> Result<Option<Spent>> {
        let select = sqlx::query("SELECT closing, sum FROM rounds WHERE id = ? AND closing IS NOT NULL").bind(id);
        select.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(spent_of).transpose()
    }

    async fn spent_count(&self) -> Result<u64> {
        let select = sqlx::query("SELECT count(*) FROM rounds WHERE closing IS NOT NULL");
        let row = select.fetch_one(&self.readers).await.map_err(failed)?;
        Ok(row.try_get::<i64, _>(0).map_err(failed)?.cast_unsigned())
    }

    async fn forget_before(&self, task: &str, number: u32) -> Result<()> {
        let mut writing = self.write().await?;
        for statement in [
            "DELETE FROM uploads WHERE round IN (SELECT id FROM rounds WHERE task = ? AND number < ?)",
            "DELETE FROM batches WHERE round IN (SELECT id FROM rounds WHERE task = ? AND number < ?)",
        ] {
            sqlx::query(statement).bind(task).bind(number).execute(&mut *writing).await.map_err(failed)?;
        }
        writing.commit().await.map_err(failed)
    }
}
