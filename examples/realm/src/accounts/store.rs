//! Accounts and log-ins in SQL.

use super::{
    DatabaseError,
    database::{Database, get},
    email::Email,
};
use crate::ids::Name;
use ring::rand::{SecureRandom as _, SystemRandom};
use sea_orm::{
    ExprTrait as _, QueryResult,
    sea_query::{Expr, Order, Query},
};
use std::fmt;

/// The most log-ins of an account at a time; a further one ends the oldest.
const MAX_LOG_INS: u64 = 20;

/// For so many seconds a secret that was replaced gets the same answer again, which may have been
/// lost on its way.
const AGAIN: i64 = 60;

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: i64,
    /// As it was written.
    pub(super) name: Name,
    /// The hash, in PHC form.
    pub(super) password: String,
    pub(super) admin: bool,
    /// When it was made, in seconds since 1970.
    pub(super) created: i64,
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut account = formatter.debug_struct("Account");
        account.field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why there is no new account.
#[derive(Debug)]
pub(super) enum NotAdded {
    Name,
    Email,
    Database(DatabaseError),
}

impl From<DatabaseError> for NotAdded {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// The row of a log-in on one device.
#[derive(Clone)]
pub(super) struct LogIn {
    /// Which device.
    pub(super) family: String,
    /// The hash of the secret that it shows next.
    pub(super) hash: String,
    /// When it ends, in seconds since 1970.
    pub(super) expires: i64,
}

impl fmt::Debug for LogIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut log_in = formatter.debug_struct("LogIn");
        let log_in = log_in.field("expires", &self.expires);
        log_in.finish_non_exhaustive()
    }
}

impl Database {
    /// Adds an account.
    pub(super) async fn add_account(
        &self,
        name: &Name,
        email: Option<&Email>,
        password: &str,
        now: i64,
    ) -> Result<(), NotAdded> {
        let insert = Query::insert()
            .into_table("account")
            .columns([
                "id", "name", "folded", "email", "password", "admin", "created",
            ])
            .values_panic([
                new_id().into(),
                name.as_str().into(),
                name.folded().as_str().into(),
                email.map(|it| it.as_str().to_owned()).into(),
                password.into(),
                false.into(),
                now.into(),
            ])
            .to_owned();
        match self.execute(&insert).await {
            // The databases do not say in the same words which column it was.
            Err(error) if error.is_duplicate() => match self.account(name).await? {
                Some(_) => Err(NotAdded::Name),
                None => Err(NotAdded::Email),
            },
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    /// Which of the two is taken already, before the work of a hash.
    pub(super) async fn is_taken(
        &self,
        name: &Name,
        email: Option<&Email>,
    ) -> Result<(), NotAdded> {
        if self.account(name).await?.is_some() {
            return Err(NotAdded::Name);
        }
        let Some(email) = email else { return Ok(()) };
        let select = Query::select()
            .column("id")
            .from("account")
            .and_where(Expr::column("email").eq(email.as_str()))
            .to_owned();
        match self.one(&select).await? {
            Some(_) => Err(NotAdded::Email),
            None => Ok(()),
        }
    }

    /// The account of this name, in any case.
    pub(super) async fn account(&self, name: &Name) -> Result<Option<Account>, DatabaseError> {
        let folded = name.folded();
        self.account_where(Expr::column("folded").eq(folded.as_str()))
            .await
    }

    async fn account_where(&self, is: Expr) -> Result<Option<Account>, DatabaseError> {
        let select = Query::select()
            .columns(["id", "name", "password", "admin", "created"])
            .from("account")
            .and_where(is)
            .to_owned();
        self.one(&select).await?.as_ref().map(account).transpose()
    }

    /// Makes an account an administrator's, or not. False if there is none of this name.
    pub(super) async fn set_admin(&self, name: &Name, admin: bool) -> Result<bool, DatabaseError> {
        let update = Query::update()
            .table("account")
            .value("admin", admin)
            .and_where(Expr::column("folded").eq(name.folded().as_str()))
            .to_owned();
        Ok(self.execute(&update).await? > 0)
    }

    /// Replaces the password of an account, and ends its log-ins. False if there is none of this
    /// name.
    pub(super) async fn set_password(
        &self,
        name: &Name,
        hash: &str,
    ) -> Result<bool, DatabaseError> {
        let Some(account) = self.account(name).await? else {
            return Ok(false);
        };
        let update = Query::update()
            .table("account")
            .value("password", hash)
            .and_where(Expr::column("id").eq(account.id))
            .to_owned();
        self.execute(&update).await?;
        let log_ins = Query::delete()
            .from_table("refresh")
            .and_where(Expr::column("account").eq(account.id))
            .to_owned();
        self.execute(&log_ins).await?;
        Ok(true)
    }

    /// Stores a log-in, and forgets those that have ended, and the oldest ones beyond the limit.
    pub(super) async fn add_log_in(
        &self,
        account: &Account,
        log_in: &LogIn,
        now: i64,
    ) -> Result<(), DatabaseError> {
        let ended = Query::delete()
            .from_table("refresh")
            .and_where(Expr::column("account").eq(account.id))
            .and_where(Expr::column("expires").lte(now))
            .to_owned();
        self.execute(&ended).await?;
        let beyond = Query::select()
            .column("family")
            .from("refresh")
            .and_where(Expr::column("account").eq(account.id))
            .order_by("expires", Order::Desc)
            .order_by("family", Order::Asc)
            .offset(MAX_LOG_INS - 1)
            // MariaDB and SQLite know no offset without a limit.
            .limit(1_000)
            .to_owned();
        for row in self.all(&beyond).await? {
            self.end_log_in(&get::<String>(&row, "family")?).await?;
        }
        let insert = Query::insert()
            .into_table("refresh")
            .columns(["family", "hash", "account", "expires"])
            .values_panic([
                log_in.family.as_str().into(),
                log_in.hash.as_str().into(),
                account.id.into(),
                log_in.expires.into(),
            ])
            .to_owned();
        self.execute(&insert).await.map(drop)
    }

    /// Replaces the secret of a log-in that shows the current one, or the one that was replaced just
    /// now by the same next one, and returns its account. One that shows another secret has been
    /// copied: it ends.
    pub(super) async fn rotate(
        &self,
        shown: &str,
        next: &LogIn,
        now: i64,
    ) -> Result<Option<Account>, DatabaseError> {
        let update = Query::update()
            .table("refresh")
            .value("hash", next.hash.as_str())
            .value("expires", next.expires)
            .and_where(Expr::column("family").eq(next.family.as_str()))
            .and_where(Expr::column("hash").eq(shown))
            .and_where(Expr::column("expires").gt(now))
            .to_owned();
        if self.execute(&update).await? == 0 && !self.has_just_become(next).await? {
            if self.end_log_in(&next.family).await? {
                tracing::warn!("ended a log-in: its refresh token was used before, or has expired");
            }
            return Ok(None);
        }
        let owner = Query::select()
            .column("account")
            .from("refresh")
            .and_where(Expr::column("family").eq(next.family.as_str()))
            .to_owned();
        let Some(row) = self.one(&owner).await? else {
            return Ok(None);
        };
        let owner: i64 = get(&row, "account")?;
        self.account_where(Expr::column("id").eq(owner)).await
    }

    /// Whether a log-in has got this secret already, a moment ago.
    async fn has_just_become(&self, next: &LogIn) -> Result<bool, DatabaseError> {
        let select = Query::select()
            .column("family")
            .from("refresh")
            .and_where(Expr::column("family").eq(next.family.as_str()))
            .and_where(Expr::column("hash").eq(next.hash.as_str()))
            .and_where(Expr::column("expires").gte(next.expires - AGAIN))
            .to_owned();
        Ok(self.one(&select).await?.is_some())
    }

    /// Ends a log-in. False if there is none.
    pub(super) async fn end_log_in(&self, family: &str) -> Result<bool, DatabaseError> {
        let delete = Query::delete()
            .from_table("refresh")
            .and_where(Expr::column("family").eq(family))
            .to_owned();
        Ok(self.execute(&delete).await? > 0)
    }
}

fn account(row: &QueryResult) -> Result<Account, DatabaseError> {
    let name: String = get(row, "name")?;
    Ok(Account {
        id: get(row, "id")?,
        name: name.parse().map_err(|error| DatabaseError::Row {
            table: "account",
            why: format!("{name:?}: {error}"),
        })?,
        password: get(row, "password")?,
        admin: get(row, "admin")?,
        created: get(row, "created")?,
    })
}

/// The id of a new row: random, so that no database has to number rows.
pub(super) fn new_id() -> i64 {
    let id = i64::from_ne_bytes(random());
    id & i64::MAX
}

/// Random bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system provides random bytes");
    bytes
}
