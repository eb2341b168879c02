//! What can go wrong with accounts and their database.

use std::{error::Error as _, path::PathBuf};

use super::{
    names::{InvalidName, InvalidPassword},
    password::Unchecked,
};

/// Why somebody is not let in. Players are told no more than that name or password are wrong;
/// the operator's log tells the cases apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The password is not that of the account.
    #[error("the password is wrong")]
    WrongPassword,
    /// The token is not the account's, too old, or used.
    #[error("the token is wrong, used or too old")]
    WrongToken,
    /// Too many failed attempts for this account or from this address, or more logins at one
    /// time than are checked: come again later.
    #[error("too many attempts")]
    TooManyAttempts,
    /// The account could not be read. Accounts are refused until it can.
    #[error("the database cannot be asked")]
    Database(#[from] DatabaseError),
    /// The account's row is of no use, such as a hash that is NULL or not bcrypt's.
    #[error("the account's record is of no use: {0}")]
    BadRecord(String),
}

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// It was not reached yet, or its tables are not those that are needed.
    #[error("the database is not available")]
    Unavailable,
    /// It did not answer in time.
    #[error("the database did not answer in time")]
    TooSlow,
    /// It refused a statement, or the connection broke.
    #[error("the database failed")]
    Failed(#[source] sea_orm::DbErr),
}

/// Why accounts cannot be opened at all. A database that cannot be reached now is none of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not an address of a database.
    #[error(
        "not a database: {0}; write `sqlite:PATH`, or `mysql://USER:PASSWORD@HOST/NAME` for \
         MariaDB and MySQL"
    )]
    Url(String),
    /// The SQLite file cannot be made or written.
    #[error("the database file {path} cannot be used")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The tables are not those that are needed.
    #[error("the database {database} cannot be used")]
    Schema {
        /// Which database.
        database: String,
        /// What is wrong with it.
        source: SchemaError,
    },
}

/// Why a database's tables cannot be used. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Some tables are there, and this one is not.
    #[error(
        "it has no table `{table}`{}: make it, or name another database",
        .log.map(|log| format!(" (for the log of {log}, which can be switched off)"))
            .unwrap_or_default()
    )]
    NoTable {
        /// Which table.
        table: &'static str,
        /// Which log it is for, if it is for one.
        log: Option<&'static str>,
    },
    /// A column is missing.
    #[error("its table `{table}` has no column `{column}`: add it, or name another database")]
    NoColumn {
        /// In which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// A column cannot hold what it is for.
    #[error("column `{column}` of its table `{table}` is {is}, and {needed} is needed")]
    WrongType {
        /// In which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Its type in the database.
        is: String,
        /// What it must be able to hold.
        needed: &'static str,
    },
    /// The database is empty, and its tables could not be made.
    #[error("it is empty, and the tables could not be made")]
    Make(#[source] DatabaseError),
    /// The database could not be asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignUpError {
    /// There is one of that name, perhaps in other letter case.
    #[error("the name is taken")]
    Taken,
    /// The name cannot be an account's.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The password cannot be used.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// It could not be made now.
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
    /// With what the database said.
    #[must_use]
    pub fn with_cause(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// Whether the database is there, and does not take this statement.
    pub(super) fn is_refusal(&self) -> bool {
        self.sqlx()
            .is_some_and(|it| matches!(it, sqlx::Error::Database(_)))
    }

    /// Whether something would be there twice that may be there once.
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
