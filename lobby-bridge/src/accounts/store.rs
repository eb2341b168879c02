//! The SQL statements (`docs/specifications/myth-metaserver.md`, section 23).

use std::time::Duration;

use sea_orm::{
    DbBackend, DbErr, ExprTrait as _, QueryResult, TryGetable,
    sea_query::{Expr, Order, Query, SelectStatement, SimpleExpr},
};

use super::{Account, DatabaseError, Hub, TOKEN_BYTES, database::Database};

const USER: &str = "user";
const HUB: &str = "remotehub";

/// The fields of an account's row that a login needs.
#[derive(Debug)]
pub(super) struct UserRow {
    pub(super) username: String,
    pub(super) password: Option<Vec<u8>>,
    pub(super) moderator: bool,
    pub(super) hidden: bool,
    pub(super) sort_order: i32,
    pub(super) token: Option<Vec<u8>>,
    /// By the database's clock; negative if the date is in the future.
    pub(super) token_age_seconds: Option<i64>,
}

impl From<UserRow> for Account {
    fn from(row: UserRow) -> Self {
        Self {
            username: row.username,
            moderator: row.moderator,
            hidden: row.hidden,
            sort_order: row.sort_order,
        }
    }
}

impl Database {
    /// Returns the row of exactly this name, byte for byte.
    pub(super) async fn user(&self, username: &str) -> Result<Option<UserRow>, DatabaseError> {
        let mut select = self.select_users();
        select.cond_where(self.named(username));
        self.one(&select).await?.map(user).transpose()
    }

    /// Whether an account has this name, in any case.
    pub(super) async fn is_taken(&self, username: &str) -> Result<bool, DatabaseError> {
        let lower_case = match self.backend() {
            DbBackend::Sqlite => "LOWER(CAST(username AS TEXT))",
            _ => "LOWER(CONVERT(username USING utf8mb4))",
        };
        let mut select = self.select_users();
        select
            .cond_where(Expr::cust(lower_case).eq(username.to_ascii_lowercase()))
            .limit(1);
        Ok(self.one(&select).await?.is_some())
    }

    /// Returns the row with this token.
    pub(super) async fn user_of_token(
        &self,
        token: &[u8; TOKEN_BYTES],
    ) -> Result<Option<UserRow>, DatabaseError> {
        let mut select = self.select_users();
        select.cond_where(Expr::column("meta_login_token").eq(token.to_vec()));
        self.one(&select).await?.map(user).transpose()
    }

    /// Returns all rows, by sort order and name.
    pub(super) async fn users(&self) -> Result<Vec<UserRow>, DatabaseError> {
        let mut select = self.select_users();
        select
            .order_by("sort_order", Order::Asc)
            .order_by("username", Order::Asc);
        let rows = self.all(&select).await?;
        rows.into_iter().map(user).collect()
    }

    /// Selects users. Existing columns may have any width and character set, so the database
    /// converts each to one type.
    fn select_users(&self) -> SelectStatement {
        let (bytes, number, age) = match self.backend() {
            DbBackend::Sqlite => (
                "BLOB",
                "INTEGER",
                "unixepoch('now') - unixepoch(meta_login_token_date)",
            ),
            _ => (
                "BINARY",
                "SIGNED",
                "TIMESTAMPDIFF(SECOND, meta_login_token_date, NOW())",
            ),
        };
        let mut select = Query::select();
        select.from(USER);
        for column in ["username", "password", "meta_login_token"] {
            select.expr_as(Expr::column(column).cast_as(bytes), column);
        }
        for column in ["moderator", "hide_in_room", "sort_order"] {
            select.expr_as(Expr::column(column).cast_as(number), column);
        }
        select.expr_as(Expr::cust(age), "token_age");
        select
    }

    /// The condition that the name is exactly this one. The first half uses the index, under any
    /// collation; the second compares the bytes.
    fn named(&self, username: &str) -> SimpleExpr {
        let bytes = match self.backend() {
            DbBackend::Sqlite => "BLOB",
            _ => "BINARY",
        };
        let same = Expr::column("username").cast_as(bytes);
        Expr::column("username")
            .eq(username)
            .and(same.eq(username.as_bytes().to_vec()))
    }

    /// Removes the token from the account. Returns false if it has another one now, or none.
    pub(super) async fn use_token(
        &self,
        username: &str,
        token: &[u8],
    ) -> Result<bool, DatabaseError> {
        let update = Query::update()
            .table(USER)
            .values(no_token())
            .cond_where(self.named(username))
            .and_where(Expr::column("meta_login_token").eq(token.to_vec()))
            .to_owned();
        Ok(self.execute(&update).await?.rows_affected() > 0)
    }

    /// Stores a token with the current time, unless the account's hash has changed.
    pub(super) async fn store_token(
        &self,
        username: &str,
        hash: &[u8],
        token: &[u8; TOKEN_BYTES],
    ) -> Result<bool, DatabaseError> {
        let update = Query::update()
            .table(USER)
            .value("meta_login_token", token.to_vec())
            .value("meta_login_token_date", self.time(Duration::ZERO))
            .cond_where(self.named(username))
            .and_where(Expr::column("password").eq(hash_text(hash)))
            .to_owned();
        Ok(self.execute(&update).await?.rows_affected() > 0)
    }

    /// Adds an account after all others.
    pub(super) async fn add_user(&self, username: &str, hash: &str) -> Result<(), DatabaseError> {
        let last = Query::select()
            .expr_as(
                Expr::cust(match self.backend() {
                    DbBackend::Sqlite => "CAST(COALESCE(MAX(sort_order), 0) AS INTEGER)",
                    _ => "CAST(COALESCE(MAX(sort_order), 0) AS SIGNED)",
                }),
                "last",
            )
            .from(USER)
            .to_owned();
        let last: i64 = match self.one(&last).await? {
            Some(row) => get(&row, "last")?,
            None => 0,
        };
        let insert = Query::insert()
            .into_table(USER)
            .columns([
                "sort_order",
                "username",
                "password",
                "moderator",
                "hide_in_room",
            ])
            .values_panic([
                (last + 1).into(),
                username.into(),
                hash.into(),
                false.into(),
                false.into(),
            ])
            .to_owned();
        self.execute(&insert).await.map(drop)
    }

    /// Changes the password, and removes a token. Returns false if there is no such account.
    pub(super) async fn set_password(
        &self,
        username: &str,
        hash: &str,
    ) -> Result<bool, DatabaseError> {
        let mut values = no_token().to_vec();
        values.push(("password", hash.into()));
        self.set(username, values).await
    }

    pub(super) async fn set_moderator(
        &self,
        username: &str,
        on: bool,
    ) -> Result<bool, DatabaseError> {
        self.set(username, vec![("moderator", on.into())]).await
    }

    pub(super) async fn set_hidden(&self, username: &str, on: bool) -> Result<bool, DatabaseError> {
        self.set(username, vec![("hide_in_room", on.into())]).await
    }

    async fn set(
        &self,
        username: &str,
        values: Vec<(&'static str, SimpleExpr)>,
    ) -> Result<bool, DatabaseError> {
        let update = Query::update()
            .table(USER)
            .values(values)
            .cond_where(self.named(username))
            .to_owned();
        Ok(self.execute(&update).await?.rows_affected() > 0)
    }

    pub(super) async fn remove_user(&self, username: &str) -> Result<bool, DatabaseError> {
        let delete = Query::delete()
            .from_table(USER)
            .cond_where(self.named(username))
            .to_owned();
        Ok(self.execute(&delete).await?.rows_affected() > 0)
    }

    /// Returns the hubs that `choose` selects, by id, each with its network version.
    pub(super) async fn hubs(
        &self,
        choose: Option<SimpleExpr>,
    ) -> Result<Vec<(Hub, String)>, DatabaseError> {
        let (bytes, number) = match self.backend() {
            DbBackend::Sqlite => ("BLOB", "INTEGER"),
            _ => ("BINARY", "SIGNED"),
        };
        let mut select = Query::select();
        select.from(HUB).order_by("id", Order::Asc);
        for column in ["id", "port"] {
            select.expr_as(Expr::column(column).cast_as(number), column);
        }
        for column in ["host", "network_version"] {
            select.expr_as(Expr::column(column).cast_as(bytes), column);
        }
        if let Some(choose) = choose {
            select.and_where(choose);
        }
        let mut hubs = Vec::new();
        for row in self.all(&select).await? {
            let (id, port): (i64, i64) = (get(&row, "id")?, get(&row, "port")?);
            let host = text(get(&row, "host")?);
            // Other values do not fit into a frame.
            let (Ok(id @ 1..), Ok(port @ 1..)) = (u16::try_from(id), u16::try_from(port)) else {
                tracing::warn!(id, port, host, "left a hub out: its id or port is invalid");
                continue;
            };
            hubs.push((Hub { id, host, port }, text(get(&row, "network_version")?)));
        }
        Ok(hubs)
    }

    pub(super) async fn add_hub(
        &self,
        host: &str,
        port: u16,
        network_version: &str,
    ) -> Result<(), DatabaseError> {
        let insert = Query::insert()
            .into_table(HUB)
            .columns(["host", "port", "network_version"])
            .values_panic([host.into(), i32::from(port).into(), network_version.into()])
            .to_owned();
        self.execute(&insert).await.map(drop)
    }

    pub(super) async fn remove_hub(&self, id: u16) -> Result<bool, DatabaseError> {
        let delete = Query::delete()
            .from_table(HUB)
            .and_where(Expr::column("id").eq(i32::from(id)))
            .to_owned();
        Ok(self.execute(&delete).await?.rows_affected() > 0)
    }
}

/// The condition for hubs of exactly this version.
pub(super) fn of_version(database: &Database, network_version: &str) -> SimpleExpr {
    let bytes = match database.backend() {
        DbBackend::Sqlite => "BLOB",
        _ => "BINARY",
    };
    Expr::column("network_version")
        .cast_as(bytes)
        .eq(network_version.as_bytes().to_vec())
}

/// The condition for the hub with this id.
pub(super) fn with_id(id: u16) -> SimpleExpr {
    Expr::column("id").eq(i32::from(id))
}

fn no_token() -> [(&'static str, SimpleExpr); 2] {
    [
        ("meta_login_token", no_bytes()),
        ("meta_login_token_date", Option::<String>::None.into()),
    ]
}

fn user(row: QueryResult) -> Result<UserRow, DatabaseError> {
    // Only a clear yes gives extra rights.
    let yes = |column| Ok(get::<Option<i64>>(&row, column)?.is_some_and(|it| it != 0));
    let sort_order = get::<Option<i64>>(&row, "sort_order")?.unwrap_or(0);
    Ok(UserRow {
        username: text(get(&row, "username")?),
        password: get(&row, "password")?,
        moderator: yes("moderator")?,
        hidden: yes("hide_in_room")?,
        sort_order: i32::try_from(sort_order).unwrap_or(i32::MAX),
        token: get(&row, "meta_login_token")?,
        token_age_seconds: get(&row, "token_age")?,
    })
}

fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T, DatabaseError> {
    row.try_get("", column)
        .map_err(|error: DbErr| DatabaseError::Failed(error))
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// Returns a hash as text. It is ASCII, or it would have been refused.
fn hash_text(hash: &[u8]) -> String {
    String::from_utf8_lossy(hash).into_owned()
}

pub(super) fn no_bytes() -> SimpleExpr {
    Option::<Vec<u8>>::None.into()
}
