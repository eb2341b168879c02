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

    /// Whether a database server was reached and does not let this user do it: asking again does not
    /// help.
    pub(super) fn is_refusal(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        error.is_some_and(|it| it.code().is_some_and(|code| refuses(&code)))
    }

    /// Whether something is there that the statement would have made.
    pub(super) fn is_made_already(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        // A table, in PostgreSQL.
        self.is_duplicate() || error.is_some_and(|it| it.code().as_deref() == Some("42P07"))
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

/// Whether this SQLSTATE says that name or password are wrong, that there is no such database, or
/// that the user may not do it: in PostgreSQL 28, 3D000 and 42501, in MariaDB 28000 and 42000.
/// Everything else may pass: no room, not up yet, a deadlock, a lock that was waited for too long.
fn refuses(code: &str) -> bool {
    code.starts_with("28") || ["3D000", "42501", "42000"].contains(&code)
}

impl From<DatabaseError> for SchemaError {
    fn from(error: DatabaseError) -> Self {
        match error.is_refusal() {
            true => Self::Refused(error.with_cause()),
            false => Self::Database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_no_refusal() {
        for code in ["28P01", "28000", "3D000", "42501", "42000"] {
            assert!(refuses(code), "{code}");
        }
        for code in [
            "40001", "40P01", "55P03", "25006", "57P03", "23505", "42P07", "5",
        ] {
            assert!(!refuses(code), "{code}");
        }
    }
}
