//! Uploads, and their sums.

use std::collections::HashMap;

use privet::{Agreed, Batch, Result, Round, Share, UploadId};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteExecutor, Transaction, sqlite::SqliteRow};

use super::{SqliteStore, bytes, failed, rounds::state};
use crate::store::{Added, Addend, BatchState, Held, Room, State, StoredBatch, UploadStore};

/// Rows of one statement: SQLite takes 32,766 values, and longer statements are no faster.
const CHUNK: usize = 256;

fn push_ids(statement: &mut QueryBuilder<Sqlite>, ids: &[UploadId]) {
    push_blobs(statement, ids.iter().map(|id| &id[..]));
}

fn push_blobs<'a>(statement: &mut QueryBuilder<Sqlite>, blobs: impl Iterator<Item = &'a [u8]>) {
    statement.push("(");
    let mut list = statement.separated(", ");
    for blob in blobs {
        list.push_bind(blob.to_vec());
    }
    statement.push(")");
}

type Writing = Transaction<'static, Sqlite>;

/// The digests that are stored under these ids.
async fn stored(
    writing: &mut Writing,
    id: i64,
    of: impl Iterator<Item = UploadId>,
) -> Result<HashMap<UploadId, [u8; 32]>> {
    let of: Vec<UploadId> = of.collect();
    let mut found = HashMap::new();
    for chunk in of.chunks(CHUNK) {
        let mut select = QueryBuilder::<Sqlite>::new("SELECT id, digest FROM uploads WHERE round = ");
        select.push_bind(id).push(" AND id IN ");
        push_ids(&mut select, chunk);
        for row in select.build().fetch_all(&mut **writing).await.map_err(failed)? {
            let (id, digest) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            found.insert(bytes(id)?, bytes(digest)?);
        }
    }
    Ok(found)
}

/// What becomes of each upload, in order: known ones and repeats by their digests, new ones while there is room, and
/// while the round is open. An upload comes with whether its token is its own.
fn verdicts(
    mut stored: HashMap<UploadId, [u8; 32]>,
    uploads: impl Iterator<Item = (UploadId, [u8; 32], bool)>,
    open: bool,
    mut room: u32,
) -> Vec<Added> {
    let verdict = |(id, digest, owns): (_, _, bool)| match stored.get(&id) {
        Some(known) if *known == digest => Added::Known,
        Some(_) => Added::Conflict,
        None if !open => Added::Over,
        None if !owns => Added::Spent,
        None if room == 0 => Added::Full,
        None => {
            room -= 1;
            stored.insert(id, digest);
            Added::New
        }
    };
    uploads.map(verdict).collect()
}

/// An upload's id, the digest of its bytes, and its seed while it waits.
type NewRow<'a> = (&'a UploadId, &'a [u8; 32], Option<&'a [u8; 32]>);

async fn insert(writing: &mut Writing, id: i64, batch: Option<u32>, rows: &[NewRow<'_>]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO uploads (round, id, digest, batch, seed) ");
        insert.push_values(chunk, |mut row, (upload, digest, seed)| {
            row.push_bind(id).push_bind(&upload[..]).push_bind(&digest[..]).push_bind(batch);
            row.push_bind(seed.map(|seed| &seed[..]));
        });
        insert.build().execute(&mut **writing).await.map_err(failed)?;
    }
    Ok(())
}

/// The batch that is being filled, with its count and sum: the last one, or a new one after it.
async fn filling(writing: &mut Writing, id: i64, dimension: u32) -> Result<(u32, u32, Share)> {
    let select = "SELECT number, state, count, sum FROM batches WHERE round = ? ORDER BY number DESC LIMIT 1";
    let last = sqlx::query(select).bind(id).fetch_optional(&mut **writing).await.map_err(failed)?;
    let Some(last) = last else { return Ok((1, 0, Share::zero(dimension))) };
    let number: u32 = last.try_get(0).map_err(failed)?;
    if last.try_get::<i64, _>(1).map_err(failed)? != BatchState::Filling as i64 {
        return Ok((number + 1, 0, Share::zero(dimension)));
    }
    let sum: Vec<u8> = last.try_get(3).map_err(failed)?;
    Ok((number, last.try_get(2).map_err(failed)?, Share::from_bytes(&sum, dimension)?))
}

async fn count(on: impl SqliteExecutor<'_>, id: i64) -> Result<u32> {
    let select = sqlx::query("SELECT coalesce(sum(count), 0) FROM batches WHERE round = ?").bind(id);
    select.fetch_one(on).await.map_err(failed)?.try_get(0).map_err(failed)
}

/// Of each token whether it is its upload's of this round now, or was before: the first upload has it, and keeps it.
async fn reserve(writing: &mut Writing, id: i64, tokens: &[([u8; 32], UploadId)]) -> Result<Vec<bool>> {
    let mut owners: HashMap<[u8; 32], (i64, UploadId)> = HashMap::new();
    // Two statements for many tokens: one by one, statements take several times as long as what they do.
    for chunk in tokens.chunks(CHUNK) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO tokens (token, round, upload) ");
        insert.push_values(chunk, |mut row, (token, upload)| {
            row.push_bind(&token[..]).push_bind(id).push_bind(&upload[..]);
        });
        insert.push(" ON CONFLICT DO NOTHING").build().execute(&mut **writing).await.map_err(failed)?;
        let mut select = QueryBuilder::<Sqlite>::new("SELECT token, round, upload FROM tokens WHERE token IN ");
        push_blobs(&mut select, chunk.iter().map(|(token, _)| &token[..]));
        for row in select.build().fetch_all(&mut **writing).await.map_err(failed)? {
            let token = bytes(row.try_get(0).map_err(failed)?)?;
            let upload = bytes(row.try_get(2).map_err(failed)?)?;
            owners.insert(token, (row.try_get(1).map_err(failed)?, upload));
        }
    }
    Ok(tokens.iter().map(|(token, upload)| owners.get(token) == Some(&(id, *upload))).collect())
}

/// A batch that is being filled and has fewer than `least` uploads joins the one before, which is not agreed yet.
pub(super) async fn join_tail(writing: &mut Writing, id: i64, least: u32) -> Result<()> {
    let select = "SELECT number, state, count, sum FROM batches WHERE round = ? ORDER BY number DESC LIMIT 2";
    let rows = sqlx::query(select).bind(id).fetch_all(&mut **writing).await.map_err(failed)?;
    let [tail, before] = &rows[..] else { return Ok(()) };
    let state = |row: &SqliteRow| row.try_get::<i64, _>(1).map_err(failed);
    let count = |row: &SqliteRow| row.try_get::<u32, _>(2).map_err(failed);
    let joins = state(tail)? == BatchState::Filling as i64 && count(tail)? < least;
    if !joins || state(before)? != BatchState::Sealed as i64 {
        return Ok(());
    }
    let number = |row: &SqliteRow| row.try_get::<u32, _>(0).map_err(failed);
    let entries = |row: &SqliteRow| row.try_get::<Vec<u8>, _>(3).map_err(failed);
    let share = |entries: Vec<u8>| Share::from_bytes(&entries, (entries.len() / 4) as u32);
    let mut sum = share(entries(before)?)?;
    sum.add(&share(entries(tail)?)?);
    let update = sqlx::query("UPDATE batches SET count = ?, sum = ? WHERE round = ? AND number = ?");
    let update = update.bind(count(before)? + count(tail)?).bind(sum.to_bytes()).bind(id).bind(number(before)?);
    update.execute(&mut **writing).await.map_err(failed)?;
    let update = sqlx::query("UPDATE uploads SET batch = ? WHERE round = ? AND batch = ?");
    update.bind(number(before)?).bind(id).bind(number(tail)?).execute(&mut **writing).await.map_err(failed)?;
    let delete = sqlx::query("DELETE FROM batches WHERE round = ? AND number = ?").bind(id).bind(number(tail)?);
    delete.execute(&mut **writing).await.map_err(failed)?;
    Ok(())
}

fn batch_of(row: &SqliteRow) -> Result<StoredBatch> {
    let state: i64 = row.try_get(1).map_err(failed)?;
    let states = [BatchState::Filling, BatchState::Sealed, BatchState::Agreed];
    let digest: Option<Vec<u8>> = row.try_get(3).map_err(failed)?;
    Ok(StoredBatch {
        number: row.try_get(0).map_err(failed)?,
        state: states.into_iter().find(|&known| known as i64 == state).ok_or_else(|| failed("an unknown state"))?,
        count: row.try_get(2).map_err(failed)?,
        digest: digest.map(bytes).transpose()?,
    })
}

impl UploadStore for SqliteStore {
    async fn add(&self, id: i64, room: Room, addends: &[Addend]) -> Result<(Vec<Added>, u32)> {
        let mut writing = self.write().await?;
        let known = stored(&mut writing, id, addends.iter().map(|addend| addend.id)).await?;
        let before = count(&mut *writing, id).await?;
        let open = state(&mut writing, id).await? == State::Open;
        let left = room.round.saturating_sub(before);
        let verdicts = verdicts(known, addends.iter().map(|addend| (addend.id, addend.digest, true)), open, left);
        let new: Vec<&Addend> =
            addends.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Added::New).map(|(new, _)| new).collect();
        let Some(first) = new.first() else { return Ok((verdicts, before)) };
        let (number, batched, mut sum) = filling(&mut writing, id, first.share.entries().len() as u32).await?;
        new.iter().for_each(|addend| sum.add(&addend.share));
        let rows: Vec<_> = new.iter().map(|addend| (&addend.id, &addend.digest, None)).collect();
        insert(&mut writing, id, Some(number), &rows).await?;
        let batched = batched + new.len() as u32;
        let state = if batched < room.batch { BatchState::Filling } else { BatchState::Sealed };
        let update = "INSERT INTO batches (round, number, state, count, sum) VALUES (?, ?, ?, ?, ?) \
            ON CONFLICT DO UPDATE SET state = excluded.state, count = excluded.count, sum = excluded.sum";
        let update = sqlx::query(update).bind(id).bind(number).bind(state as i64).bind(batched).bind(sum.to_bytes());
        update.execute(&mut *writing).await.map_err(failed)?;
        writing.commit().await.map_err(failed)?;
        Ok((verdicts, before + new.len() as u32))
    }

    async fn hold(&self, id: i64, room: u32, shares: &[Held]) -> Result<Vec<Added>> {
        let mut writing = self.write().await?;
        let known = stored(&mut writing, id, shares.iter().map(|share| share.id)).await?;
        let waiting = sqlx::query("SELECT count(*) FROM uploads WHERE round = ? AND batch IS NULL").bind(id);
        let waiting: u32 = waiting.fetch_one(&mut *writing).await.map_err(failed)?.try_get(0).map_err(failed)?;
        let open = state(&mut writing, id).await? == State::Open;
        let left = room.saturating_sub(waiting);
        let wanted = |share: &Held| share.token.filter(|_| !known.contains_key(&share.id));
        let tokens: Vec<_> = shares.iter().filter_map(|share| Some((wanted(share)?, share.id))).collect();
        let mut owned = reserve(&mut writing, id, &tokens).await?.into_iter();
        let owns: Vec<bool> =
            shares.iter().map(|share| wanted(share).is_none() || owned.next().is_some_and(|owns| owns)).collect();
        let uploads = shares.iter().zip(owns).map(|(share, owns)| (share.id, share.digest, owns));
        let verdicts = verdicts(known, uploads, open, left);
        let new = shares.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Added::New);
        let rows: Vec<_> = new.map(|(share, _)| (&share.id, &share.digest, Some(&share.seed))).collect();
        insert(&mut writing, id, None, &rows).await?;
        writing.commit().await.map_err(failed)?;
        Ok(verdicts)
    }

    async fn known(&self, id: i64, upload: UploadId) -> Result<Option<[u8; 32]>> {
        let select =
            sqlx::query("SELECT digest FROM uploads WHERE round = ? AND id = ?").bind(id).bind(upload.to_vec());
        let row = select.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| bytes(row.try_get(0).map_err(failed)?)).transpose()
    }

    async fn reserve(&self, id: i64, tokens: &[([u8; 32], UploadId)]) -> Result<Vec<bool>> {
        let mut writing = self.write().await?;
        let owned = reserve(&mut writing, id, tokens).await?;
        writing.commit().await.map_err(failed)?;
        Ok(owned)
    }

    async fn seeds(&self, id: i64, of: &Batch) -> Result<Vec<(UploadId, [u8; 32])>> {
        let mut seeds = Vec::new();
        for chunk in of.ids().chunks(CHUNK) {
            let mut select =
                QueryBuilder::<Sqlite>::new("SELECT id, seed FROM uploads WHERE seed IS NOT NULL AND round = ");
            select.push_bind(id).push(" AND id IN ");
            push_ids(&mut select, chunk);
            for row in select.build().fetch_all(&self.readers).await.map_err(failed)? {
                let (upload, seed) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
                seeds.push((bytes(upload)?, bytes(seed)?));
            }
        }
        Ok(seeds)
    }

    async fn gather(&self, id: i64, batch: &Batch, sum: &Share) -> Result<bool> {
        let mut writing = self.write().await?;
        let mut taken = 0;
        for chunk in batch.ids().chunks(CHUNK) {
            let mut update = QueryBuilder::<Sqlite>::new("UPDATE uploads SET seed = NULL, batch = ");
            update.push_bind(batch.number).push(" WHERE batch IS NULL AND round = ").push_bind(id).push(" AND id IN ");
            push_ids(&mut update, chunk);
            taken += update.build().execute(&mut *writing).await.map_err(failed)?.rows_affected();
        }
        let insert = "INSERT INTO batches (round, number, state, count, digest, sum) VALUES (?, ?, 2, ?, ?, ?) \
            ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert).bind(id).bind(batch.number).bind(batch.ids().len() as i64);
        let insert = insert.bind(batch.digest().to_vec()).bind(sum.to_bytes());
        let new = insert.execute(&mut *writing).await.map_err(failed)?.rows_affected() == 1;
        let open = state(&mut writing, id).await? == State::Open;
        let whole = open && new && taken == batch.ids().len() as u64;
        if whole {
            writing.commit().await.map_err(failed)?;
        }
        Ok(whole)
    }

    async fn batches(&self, id: i64) -> Result<Vec<StoredBatch>> {
        let select = "SELECT number, state, count, digest FROM batches WHERE round = ? ORDER BY number";
        let rows = sqlx::query(select).bind(id).fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(batch_of).collect()
    }

    async fn ids(&self, id: i64, number: u32) -> Result<Vec<UploadId>> {
        let select = sqlx::query("SELECT id FROM uploads WHERE round = ? AND batch = ?").bind(id).bind(number);
        let rows = select.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(|row| bytes(row.try_get(0).map_err(failed)?)).collect()
    }

    async fn agree(&self, id: i64, agreed: Agreed) -> Result<()> {
        let update = "UPDATE batches SET state = 2, digest = ? WHERE round = ? AND number = ? AND state = 1";
        let update = sqlx::query(update).bind(agreed.digest.to_vec()).bind(id).bind(agreed.number);
        update.execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    async fn sum(&self, id: i64, round: &Round, numbers: &[u32]) -> Result<Share> {
        let mut sum = Share::zero(round.dimension);
        for &number in numbers {
            let select = sqlx::query("SELECT sum FROM batches WHERE round = ? AND number = ?").bind(id).bind(number);
            let row = select.fetch_one(&self.readers).await.map_err(failed)?;
            sum.add(&Share::from_bytes(&row.try_get::<Vec<u8>, _>(0).map_err(failed)?, round.dimension)?);
        }
        Ok(sum)
    }

    async fn count(&self, id: i64) -> Result<u32> {
        count(&self.readers, id).await
    }
}
