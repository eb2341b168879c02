//! Errors of the database.

use std::{error::Error as _, path::PathBuf, time::Duration};
use thiserror::Error;

/// Why a query failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The database did not answer in time.
    #[error("the database did not answer within {}", humantime::format_duration(*.0))]
    TooSlow(Duration),
    /// The database refused a statement, or the connection was lost.
    #[error("the database failed")]
    Failed(#[from] sea_orm::DbErr),
    /// A row is not what this program has written.
    #[error("a row of the table {table} is unusable: {why}")]
    Row {
        /// The table.
        table: &'static str,
        /// A sentence.
        why: String,
    },
}

/// Why the database cannot be opened at all. One that cannot be reached is not one of these errors.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is not the URL of a database.
    #[error(
        "not a database: {0}; write --database sqlite:FILE, postgres://USER:PASSWORD@HOST/NAME or \
         mariadb://USER:PASSWORD@HOST/NAME"
    )]
    Url(String),
    /// The SQLite file cannot be made or written.
    #[error("cannot use the database file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The tables cannot be used.
    #[error("cannot use the database {database}")]
    Schema {
        /// The database.
        database: String,
        /// What is wrong with them.
        source: SchemaError,
    },
}

/// Why the tables of a database cannot be used. Nothing in it was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A later version of this program has made them.
    #[error(
        "its tables have version {found}, and this program knows versions up to {known}: start the \
         newer program that made them, or choose another database"
    )]
    Newer {
        /// The version of the tables.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// Another program has made them.
    #[error(
        "it has a table `{table}` that another program has made: choose another database, such as \
         an empty one"
    )]
    Foreign {
        /// The table.
        table: String,
    },
    /// The server lets nobody in with this name and password, knows no such database, or does not
    /// permit to make tables.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// It cannot be reached.
    #[error(transparent)]
    Database(DatabaseError),
}

impl DatabaseError {
    /// The message together with the database's own.
    #[must_use]
    pub fn with_cause(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// Whether the statement would have made a duplicate where none is allowed.
    pub(super) fn is_duplicate(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        error.is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether the database was reached and does not understand the statement.
    pub(super) fn is_statement(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        error.is_some_and(|it| match it.code().as_deref() {
            // SQLite has one code for all of them.
            Some("1") => true,
            // No such column, in PostgreSQL and MariaDB.
            code => matches!(code, Some("42703" | "42S22")),
        })
    }

    /// Whether a database server was reached and said no: asking again does not help. That of
    /// SQLite is none: its file may be locked or full now.
    pub(super) fn is_refusal(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        error.is_some_and(|it| {
            it.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_none() && !is_passing(it.code())
        })
    }

    fn sqlx(&self) -> Option<&sqlx::Error> {
        use sea_orm::{DbErr, RuntimeErr};
        match self {
            Self::Failed(
                DbErr::Conn(RuntimeErr::SqlxError(error))
                | DbErr::Exec(RuntimeErr::SqlxError(error))
                | DbErr::Query(RuntimeErr::SqlxError(error)),
            ) => Some(error),
            _ => None,
        }
    }
}

/// Whether this SQLSTATE says that the server has no room or is not up yet: classes 53 and 57 of
/// PostgreSQL, and 08, of which MariaDB has `too many connections`.
fn is_passing(code: Option<std::borrow::Cow<'_, str>>) -> bool {
    code.is_some_and(|code| ["08", "53", "57"].iter().any(|it| code.starts_with(it)))
}

impl From<DatabaseError> for SchemaError {
    fn from(error: DatabaseError) -> Self {
        match error.is_refusal() {
            true => Self::Refused(error.with_cause()),
            false => Self::Database(error),
        }
    }
}
