//! The tables: created in a new database, checked in an existing one.

use std::collections::HashMap;

use sea_orm::{
    DbBackend, ExprTrait as _,
    sea_query::{Expr, Func, Query},
};

use super::{DatabaseError, Logs, SchemaError, database::Database};

/// The kind of values that a column must be able to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Date,
}

use Kind::{Date, Number, Text};

type Table = (&'static str, &'static [(&'static str, Kind)]);

const USER: Table = (
    "user",
    &[
        ("sort_order", Number),
        ("username", Text),
        ("password", Text),
        ("moderator", Number),
        ("hide_in_room", Number),
        ("meta_login_token", Text),
        ("meta_login_token_date", Date),
    ],
);

const REMOTE_HUB: Table = (
    "remotehub",
    &[
        ("id", Number),
        ("host", Text),
        ("port", Number),
        ("network_version", Text),
    ],
);

const CHAT_LOG: Table = (
    "chatlog",
    &[
        ("event_date", Date),
        ("event_type", Text),
        ("user_id", Number),
        ("username", Text),
        ("chatname", Text),
        ("color_r", Number),
        ("color_g", Number),
        ("color_b", Number),
        ("target_user_id", Number),
        ("target_username", Text),
        ("target_chatname", Text),
        ("message", Text),
    ],
);

const EVENT_LOG: Table = (
    "eventlog",
    &[
        ("event_date", Date),
        ("event_type", Text),
        ("username", Text),
        ("user_id", Number),
        ("extradata", Text),
    ],
);

const LOGIN_DETAIL: Table = (
    "logindetail",
    &[
        ("event_date", Date),
        ("username", Text),
        ("user_id", Number),
        ("chatname", Text),
        ("color_r", Number),
        ("color_g", Number),
        ("color_b", Number),
        ("team_color_r", Number),
        ("team_color_g", Number),
        ("team_color_b", Number),
        ("build_date", Date),
        ("platform_type", Number),
    ],
);

/// The columns of a table, each with the database's name of its type in lower case.
type Found = HashMap<String, String>;

/// Creates all tables if none of them exists. Otherwise checks the needed tables, and changes
/// nothing.
pub(super) async fn prepare(database: &Database, logs: Logs) -> Result<(), SchemaError> {
    let tables = [
        (USER, None),
        (REMOTE_HUB, None),
        (CHAT_LOG, Some(("chat", logs.chat || logs.private_messages))),
        (EVENT_LOG, Some(("events", logs.events))),
        (LOGIN_DETAIL, Some(("login details", logs.login_details))),
    ];
    let mut found = Vec::new();
    for ((name, columns), log) in tables {
        found.push((name, columns, log, columns_of(database, name).await?));
    }
    if found.iter().all(|(.., found)| found.is_empty()) {
        let sql = match database.backend() {
            DbBackend::Sqlite => include_str!("sqlite.sql"),
            _ => include_str!("mariadb.sql"),
        };
        database.script(sql).await.map_err(SchemaError::Make)?;
        tracing::info!(database = database.name, "created the tables");
        return Ok(());
    }
    for (table, columns, log, found) in found {
        if log.is_some_and(|(_, written)| !written) {
            continue;
        }
        if found.is_empty() {
            let log = log.map(|(log, _)| log);
            return Err(SchemaError::NoTable { table, log });
        }
        check(table, columns, &found)?;
    }
    Ok(())
}

fn check(
    table: &'static str,
    columns: &[(&'static str, Kind)],
    found: &Found,
) -> Result<(), SchemaError> {
    for &(column, kind) in columns {
        let Some(is) = found.get(column) else {
            return Err(SchemaError::NoColumn { table, column });
        };
        if !kind.fits(is) {
            return Err(SchemaError::WrongType {
                table,
                column,
                is: is.clone(),
                needed: kind.name(),
            });
        }
    }
    Ok(())
}

async fn columns_of(database: &Database, table: &str) -> Result<Found, DatabaseError> {
    let statement = match database.backend() {
        // SQLite stores any value in any column, so types do not matter.
        DbBackend::Sqlite => Query::select()
            .expr_as(Expr::column("name"), "name")
            .expr_as(Expr::val(""), "type")
            .from_function(Func::cust("pragma_table_info").arg(table), "columns")
            .to_owned(),
        _ => Query::select()
            .expr_as(Func::lower(Expr::column("column_name")), "name")
            .expr_as(Func::lower(Expr::column("data_type")), "type")
            .from(("information_schema", "columns"))
            .and_where(Expr::cust("table_schema = DATABASE()"))
            .and_where(Expr::column("table_name").eq(table))
            .to_owned(),
    };
    let mut found = Found::new();
    for row in database.all(&statement).await? {
        let text = |column| {
            row.try_get::<Vec<u8>>("", column)
                .map_err(DatabaseError::Failed)
        };
        let readable = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        found.insert(readable(text("name")?), readable(text("type")?));
    }
    Ok(found)
}

impl Kind {
    fn fits(self, is: &str) -> bool {
        match self {
            _ if is.is_empty() => true,
            Number => is.ends_with("int") || matches!(is, "bit" | "decimal"),
            Text => ["char", "binary", "text", "blob"]
                .iter()
                .any(|it| is.ends_with(it)),
            Date => matches!(is, "datetime" | "timestamp"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Number => "a number",
            Text => "text or bytes",
            Date => "a datetime",
        }
    }
}
