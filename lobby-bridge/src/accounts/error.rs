//! Errors of accounts and their database.

use std::{error::Error as _, path::PathBuf};

use super::{
    names::{InvalidName, InvalidPassword},
    password::Unchecked,
};

/// Why a login is refused. Players are told only that name or password are wrong. The operator's
/// log has the exact reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The password does not belong to the account.
    #[error("the password is wrong")]
    WrongPassword,
    /// The token does not belong to the account, has expired, or was used.
    #[error("the token is wrong, used or expired")]
    WrongToken,
    /// There were too many failed attempts for this account or from this address, or too many
    /// logins at the same time. Try again later.
    #[error("too many attempts")]
    TooManyAttempts,
    /// The account could not be read. All accounts are refused until it can.
    #[error("the database cannot be queried")]
    Database(#[from] DatabaseError),
    /// The account's row is unusable, for example because its hash is NULL or not from bcrypt.
    #[error("the account's record is unusable: {0}")]
    BadRecord(String),
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The database was not reached yet, or its tables cannot be used.
    #[error("the database is not available")]
    Unavailable,
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    TooSlow,
    /// The database refused a statement, or the connection was lost.
    #[error("the database failed")]
    Failed(#[source] sea_orm::DbErr),
}

/// Why accounts cannot be opened at all. An unreachable database is not one of these errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is not the URL of a database.
    #[error(
        "not a database: {0}; write `sqlite:PATH`, or `mysql://USER:PASSWORD@HOST/NAME` for \
         MariaDB and MySQL"
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
        /// The fault in its tables.
        source: SchemaError,
    },
}

/// Why the tables of a database cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Some tables exist, but not this one.
    #[error(
        "it has no table `{table}`{}: create the table, or choose another database",
        .log.map(|log| format!(" (for the log of {log}, which can be switched off)"))
            .unwrap_or_default()
    )]
    NoTable {
        /// The table.
        table: &'static str,
        /// The log that it belongs to, if any.
        log: Option<&'static str>,
    },
    /// A column is missing.
    #[error(
        "its table `{table}` has no column `{column}`: add the column, or choose another database"
    )]
    NoColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The type of a column is unsuitable.
    #[error("column `{column}` of its table `{table}` has type {is}, but needs to hold {needed}")]
    WrongType {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Its type in the database.
        is: String,
        /// The values that it must be able to hold.
        needed: &'static str,
    },
    /// The database is empty, and the tables could not be made.
    #[error("it is empty, and its tables could not be created")]
    Make(#[source] DatabaseError),
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Why a player could not make an account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignUpError {
    /// An account has this name, perhaps in another case.
    #[error("the name is taken")]
    Taken,
    /// The name is not allowed for an account.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The password is not allowed.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// It is not possible now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<DatabaseError> for SignUpError {
    fn from(error: DatabaseError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Unchecked> for SignUpError {
    fn from(error: Unchecked) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Unchecked> for Refusal {
    fn from(unchecked: Unchecked) -> Self {
        match unchecked {
            Unchecked::Busy => Self::TooManyAttempts,
            Unchecked::BadHash(reason) => Self::BadRecord(reason),
        }
    }
}

impl DatabaseError {
    /// Returns the message together with the database's own.
    #[must_use]
    pub fn with_cause(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// Whether the database is reachable and refused the statement.
    pub(super) fn is_refusal(&self) -> bool {
        self.sqlx()
            .is_some_and(|it| matches!(it, sqlx::Error::Database(_)))
    }

    /// Whether the statement would have made a duplicate where none is allowed.
    pub(super) fn is_duplicate(&self) -> bool {
        let error = self.sqlx().and_then(sqlx::Error::as_database_error);
        error.is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    fn sqlx(&self) -> Option<&sqlx::Error> {
        use sea_orm::{DbErr, RuntimeErr};
        match self {
            Self::Failed(
                DbErr::Exec(RuntimeErr::SqlxError(error))
                | DbErr::Query(RuntimeErr::SqlxError(error)),
            ) => Some(error),
            _ => None,
        }
    }
}
