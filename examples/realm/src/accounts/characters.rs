//! Characters in SQL.

use super::{
    DatabaseError,
    database::{Database, get},
    store::{Account, new_id},
};
use crate::{
    ids::{Name, ZoneId},
    keeper::Character,
    object::{Millis, Sheet},
};
use sea_orm::{
    ConnectionTrait as _, ExprTrait as _, QueryResult,
    sea_query::{Expr, Func, InsertStatement, Order, Query, SelectStatement},
};

/// The most characters of an account.
pub(super) const MAX: i64 = 8;

/// For how long a request that made a character may be sent again.
const AGAIN: Millis = 60_000;

/// Why there is no new character.
#[derive(Debug)]
pub(super) enum NotCreated {
    /// A character of the world has this name.
    Taken,
    /// One of this account has it.
    Own,
    /// The account has [`MAX`].
    TooMany,
    Database(DatabaseError),
}

impl From<DatabaseError> for NotCreated {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl Database {
    /// Adds a character that has not been anywhere. Its sheet begins with the present time as its
    /// revision: whatever the log, or a late keeper, still knows of an earlier character of this
    /// name is older, and does not come back.
    pub(super) async fn create(
        &self,
        account: &Account,
        name: &Name,
        zone: &ZoneId,
        now: Millis,
    ) -> Result<Character, NotCreated> {
        let sheet = Sheet {
            rev: now,
            ..Sheet::default()
        };
        let insert = Query::insert()
            .into_table("character")
            .columns([
                "id", "account", "name", "folded", "zone", "place", "sheet", "rev",
            ])
            .values_panic([
                new_id().into(),
                account.id.into(),
                name.as_str().into(),
                name.folded().as_str().into(),
                zone.to_string().into(),
                Option::<String>::None.into(),
                json(&sheet)?.into(),
                number(sheet.rev).into(),
            ])
            .to_owned();
        let refused = match self.insert(account, &insert).await {
            Ok(true) => {
                return Ok(Character {
                    name: name.clone(),
                    account: account.name.clone(),
                    zone: zone.clone(),
                    at: None,
                    sheet,
                });
            }
            Ok(false) => NotCreated::TooMany,
            Err(error) if error.is_duplicate() => NotCreated::Taken,
            Err(error) => return Err(error.into()),
        };
        // Whoever has just made it, and did not hear of it, asks again.
        let is_new = |it: &Character| {
            it.name == *name && it.at.is_none() && it.sheet.rev.saturating_add(AGAIN) >= now
        };
        match self.character(account, name).await? {
            Some(it) if is_new(&it) => Ok(it),
            Some(_) => Err(NotCreated::Own),
            None => Err(refused),
        }
    }

    /// Inserts a character unless the account has [`MAX`]; false if it has. Requests of one account
    /// count one after another: each has the account's row to itself.
    async fn insert(
        &self,
        account: &Account,
        insert: &InsertStatement,
    ) -> Result<bool, DatabaseError> {
        let hold = Query::update()
            .table("account")
            .value("admin", Expr::column("admin"))
            .and_where(Expr::column("id").eq(account.id))
            .to_owned();
        let count = Query::select()
            .expr_as(Func::count(Expr::column("id")), "count")
            .from("character")
            .and_where(Expr::column("account").eq(account.id))
            .to_owned();
        self.in_time(async {
            let transaction = self.begin().await?;
            transaction.execute(&hold).await?;
            let count = transaction.query_one(&count).await?;
            let count = count.map(|row| row.try_get::<i64>("", "count"));
            if count.transpose()?.unwrap_or(0) >= MAX {
                transaction.rollback().await?;
                return Ok(false);
            }
            transaction.execute(insert).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// All characters of an account, by name.
    pub(super) async fn characters(
        &self,
        account: &Account,
    ) -> Result<Vec<Character>, DatabaseError> {
        let select = select(account).order_by("folded", Order::Asc).to_owned();
        let rows = self.all(&select).await?;
        rows.iter().map(|row| character(row, account)).collect()
    }

    /// A character of this account.
    pub(super) async fn character(
        &self,
        account: &Account,
        name: &Name,
    ) -> Result<Option<Character>, DatabaseError> {
        let select = select(account)
            .and_where(Expr::column("folded").eq(name.folded().as_str()))
            .to_owned();
        let row = self.one(&select).await?;
        row.map(|row| character(&row, account)).transpose()
    }

    /// Deletes a character of this account. False if it has none of this name.
    pub(super) async fn delete(
        &self,
        account: &Account,
        name: &Name,
    ) -> Result<bool, DatabaseError> {
        let delete = Query::delete()
            .from_table("character")
            .and_where(Expr::column("account").eq(account.id))
            .and_where(Expr::column("folded").eq(name.folded().as_str()))
            .to_owned();
        Ok(self.execute(&delete).await? > 0)
    }
}

fn select(account: &Account) -> SelectStatement {
    Query::select()
        .columns(["name", "zone", "place", "sheet"])
        .from("character")
        .and_where(Expr::column("account").eq(account.id))
        .to_owned()
}

fn character(row: &QueryResult, account: &Account) -> Result<Character, DatabaseError> {
    let unusable = |why: String| DatabaseError::Row {
        table: "character",
        why,
    };
    let (name, zone): (String, String) = (get(row, "name")?, get(row, "zone")?);
    let (place, sheet): (Option<String>, String) = (get(row, "place")?, get(row, "sheet")?);
    let place = place.map(|place| serde_json::from_str(&place));
    Ok(Character {
        account: account.name.clone(),
        zone: zone
            .parse()
            .map_err(|error| unusable(format!("{name}: {error}")))?,
        at: place
            .transpose()
            .map_err(|error| unusable(format!("{name}: {error}")))?,
        sheet: serde_json::from_str(&sheet)
            .map_err(|error| unusable(format!("{name}: {error}")))?,
        name: name
            .parse()
            .map_err(|error| unusable(format!("{name:?}: {error}")))?,
    })
}

/// What is stored of a value.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| DatabaseError::Row {
        table: "character",
        why: error.to_string(),
    })
}

/// A revision as SQL has numbers.
pub(super) fn number(rev: u64) -> i64 {
    i64::try_from(rev).unwrap_or(i64::MAX)
}
