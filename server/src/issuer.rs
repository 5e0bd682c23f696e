//! A reference issuer of blind tokens: it signs so many for each account, and never learns which they are.
//!
//! It stands behind the application's backend, which knows who asks and says so by a name of its own making. What is
//! stored are counts: no blinded message, no signature, no time but the one at which an account's interval began.

use std::path::Path;

use privet::{Error, Result, refusal};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Refusal,
    files::{create_private, files_of, private_file},
};

mod http;
mod key;

pub use http::issuer_app;
pub use key::IssuerKey;

/// The length of a blinded message and of a signature.
pub(crate) const BLINDED: usize = 256;
/// As many are signed for one request.
pub(crate) const MOST: usize = 64;
/// A name is the backend's: printable, and short enough for a header.
const NAME_LENGTH: usize = 128;
/// Another process may count for the same account at the same moment, so often.
const TRIES: usize = 16;

/// How many tokens an account may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In one interval, which begins with the first token after the one before.
    pub per_interval: u32,
    /// How long that is.
    pub interval_s: u64,
    /// In all: as many contributions as the lifetime budget of a device allows.
    pub lifetime: u32,
}

/// What an account has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Issued {
    /// In all.
    pub lifetime: u32,
    /// In its interval.
    pub within: u32,
    /// When that began.
    pub since_s: u64,
}

impl Quota {
    /// How many of these may be had now, and what the account has had then.
    fn grant(&self, before: Issued, wanted: u32, now_s: u64) -> (u32, Issued) {
        // A clock that was set back makes an interval longer, and never a new one.
        let over = before.lifetime == 0 || now_s.saturating_sub(before.since_s) >= self.interval_s;
        let (within, since_s) = if over { (0, now_s) } else { (before.within, before.since_s) };
        let left = self.per_interval.saturating_sub(within).min(self.lifetime.saturating_sub(before.lifetime));
        let granted = wanted.min(left);
        (granted, Issued { lifetime: before.lifetime + granted, within: within + granted, since_s })
    }
}

/// The issuer: a key, a quota, and what each account has had.
pub struct Issuer {
    key: IssuerKey,
    quota: Quota,
    accounts: Accounts,
}

impl Issuer {
    /// An issuer that counts in this file, which is made if it is not there.
    pub async fn open(key: IssuerKey, quota: Quota, store: &Path) -> Result<Self> {
        Ok(Self { key, quota, accounts: Accounts::open(store, true).await? })
    }

    /// What it signs with.
    pub fn key(&self) -> &IssuerKey {
        &self.key
    }

    /// Signs these blinded messages for an account, one after the other: all, or the first of them where the quota allows
    /// no more. They are counted durably before one is signed, so that a crash costs tokens and never gives any.
    pub async fn issue(&self, account: &str, blinded: &[u8], now_s: u64) -> Result<Vec<u8>> {
        let (messages, []) = blinded.as_chunks::<BLINDED>() else { return Err(refusal::Base::WireMalformed.into()) };
        // Looked at before they are counted: what cannot be signed costs nothing.
        if messages.is_empty() || !named(account) || !messages.iter().all(|message| self.key.takes(message)) {
            return Err(refusal::Base::WireMalformed.into());
        }
        if messages.len() > MOST {
            return Err(refusal::Release::BodyTooLarge { limit: MOST * BLINDED }.into());
        }
        let granted = self.accounts.grant(account, &self.quota, messages.len() as u32, now_s).await?;
        if granted == 0 {
            let Quota { per_interval, lifetime, .. } = self.quota;
            return Err(Refusal::QuotaSpent { per_interval, lifetime }.into());
        }
        let signed = messages[..granted as usize].iter().map(|message| self.key.sign(message));
        let signed: Vec<[u8; BLINDED]> = tokio::task::block_in_place(|| signed.collect::<Result<_>>())?;
        Ok(signed.concat())
    }

    /// Ends every connection, so that what is stored is whole.
    pub async fn shut(&self) {
        self.accounts.0.close().await;
    }
}

/// What accounts have had.
pub struct Accounts(SqlitePool);

impl Accounts {
    /// Opens the file.
    pub async fn open(path: &Path, make: bool) -> Result<Self> {
        if make && !path.exists() {
            create_private(path).map_err(|cause| failed(cause.into()))?;
        }
        files_of(path).iter().try_for_each(|file| private_file(file)).map_err(|cause| failed(cause.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(make)
            .journal_mode(SqliteJournalMode::Wal)
            // Counted is counted, whatever happens to the power.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
        let make = "CREATE TABLE IF NOT EXISTS accounts (account TEXT PRIMARY KEY, lifetime INTEGER NOT NULL, \
            within INTEGER NOT NULL, since_s INTEGER NOT NULL) STRICT, WITHOUT ROWID";
        sqlx::query(make).execute(&pool).await.map_err(failed)?;
        Ok(Self(pool))
    }

    /// What this one has had, if anything.
    pub async fn of(&self, account: &str) -> Result<Option<Issued>> {
        let select = sqlx::query("SELECT lifetime, within, since_s FROM accounts WHERE account = ?").bind(account);
        let Some(row) = select.fetch_optional(&self.0).await.map_err(failed)? else { return Ok(None) };
        let number = |place| row.try_get::<i64, _>(place).map_err(failed);
        let (lifetime, within) = (number(0)? as u32, number(1)? as u32);
        Ok(Some(Issued { lifetime, within, since_s: number(2)? as u64 }))
    }

    /// Counts as many of these as the quota allows: each step is one statement that changes what was read, or nothing.
    async fn grant(&self, account: &str, quota: &Quota, wanted: u32, now_s: u64) -> Result<u32> {
        let insert =
            "INSERT INTO accounts (account, lifetime, within, since_s) VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING";
        sqlx::query(insert).bind(account).execute(&self.0).await.map_err(failed)?;
        for _ in 0..TRIES {
            let before = self.of(account).await?.ok_or(Refusal::StoreFailed)?;
            let (granted, after) = quota.grant(before, wanted, now_s);
            if granted == 0 {
                return Ok(0);
            }
            let update = "UPDATE accounts SET lifetime = ?, within = ?, since_s = ? \
                WHERE account = ? AND lifetime = ? AND within = ? AND since_s = ?";
            let update = sqlx::query(update).bind(after.lifetime).bind(after.within).bind(after.since_s as i64);
            let update = update.bind(account).bind(before.lifetime).bind(before.within).bind(before.since_s as i64);
            if update.execute(&self.0).await.map_err(failed)?.rows_affected() == 1 {
                return Ok(granted);
            }
        }
        Err(Refusal::StoreFailed.into())
    }
}

/// Whether a backend may call an account so.
fn named(account: &str) -> bool {
    (1..=NAME_LENGTH).contains(&account.len()) && account.bytes().all(|byte| byte.is_ascii_graphic())
}

fn failed(cause: sqlx::Error) -> Error {
    tracing::error!(%cause, "the accounts cannot be read or written");
    Refusal::StoreFailed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { per_interval: 3, interval_s: 100, lifetime: 5 };

    async fn issuer(folder: &Path) -> Issuer {
        let key = IssuerKey::open(&folder.join("issuer.key")).expect("it can be made");
        Issuer::open(key, QUOTA, &folder.join("issuer.sqlite")).await.expect("it can be opened")
    }

    const SPENT: Refusal = Refusal::QuotaSpent { per_interval: 3, lifetime: 5 };

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_has_its_quota_across_restarts_and_no_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let messages = vec![1; 2 * BLINDED];
        // Who asks, when, for how many, and how many there are: each by a process of its own.
        for (account, now_s, wanted, granted) in [
            ("a", 1000, 2, 2),
            ("a", 1050, 2, 1),
            ("a", 1099, 1, 0),
            ("b", 1099, 2, 2),
            ("a", 10, 1, 0),
            ("a", 1100, 1, 1),
            ("a", 1100, 2, 1),
            ("a", 9999, 1, 0),
        ] {
            let issuer = issuer(folder.path()).await;
            let signed = issuer.issue(account, &messages[..wanted * BLINDED], now_s).await;
            let count = signed.map(|signed| signed.len() / BLINDED);
            assert_eq!(count, if granted == 0 { Err(SPENT.into()) } else { Ok(granted) }, "{account} at {now_s}");
            issuer.shut().await;
        }
        let accounts = Accounts::open(&folder.path().join("issuer.sqlite"), false).await.expect("it is there");
        assert_eq!(accounts.of("a").await, Ok(Some(Issued { lifetime: 5, within: 2, since_s: 1100 })));
        assert_eq!(accounts.of("c").await, Ok(None));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_that_ask_at_once_have_no_more_than_one_after_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let issuer = std::sync::Arc::new(issuer(folder.path()).await);
        // A second one, as another process would be.
        let other = std::sync::Arc::new(self::issuer(folder.path()).await);
        let ask = |n: usize| {
            let issuer = if n.is_multiple_of(2) { issuer.clone() } else { other.clone() };
            tokio::spawn(async move { issuer.issue("a", &[1; BLINDED], 1000).await.is_ok() })
        };
        let asked: Vec<_> = (0..16).map(ask).collect();
        let mut had = 0;
        for asked in asked {
            had += usize::from(asked.await.expect("no panic"));
        }
        assert_eq!(had, 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_signed_costs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let issuer = issuer(folder.path()).await;
        let many = vec![1; (MOST + 1) * BLINDED];
        let name = "x".repeat(129);
        for (account, blinded, refused) in [
            ("a", &[][..], refusal::Base::WireMalformed.into()),
            ("a", &[1; 255], refusal::Base::WireMalformed.into()),
            ("a", &[0xff; 256], refusal::Base::WireMalformed.into()),
            ("a", &[0; 256], refusal::Base::WireMalformed.into()),
            ("a", &many, refusal::Release::BodyTooLarge { limit: MOST * BLINDED }.into()),
            ("", &[1; 256], refusal::Base::WireMalformed.into()),
            ("a b", &[1; 256], refusal::Base::WireMalformed.into()),
            (&name, &[1; 256], refusal::Base::WireMalformed.into()),
        ] {
            assert_eq!(issuer.issue(account, blinded, 1000).await, Err(refused));
        }
        assert_eq!(issuer.accounts.of("a").await, Ok(None));
    }
}
