//! Who may log in, which hubs there are, and the logs: everything that is kept in SQL.
//!
//! ```text
//!  connection ──name, password──▶ Accounts ─▶ attempts.rs: too many?
//!                                          ─▶ store.rs: the row, read anew each time
//!                                          ─▶ password.rs: bcrypt, beside the network threads
//!  room ──rows──▶ log.rs: bounded queue ─▶ one writer ─▶ store.rs
//! ```
//!
//! Tables and columns are those of the Aleph One metaserver (section 23 of its specification),
//! in an SQLite file of our own or in an existing MariaDB or MySQL database, which is used as
//! it is. All times in the database are read from the database's clock, so that tokens stored
//! by other programs beside us mean the same.

mod options;
mod rows;

pub use options::{AccountOptions, AttemptLimits, Logs};
pub use rows::{ChatKind, ChatRow, Color, EventRow, LogRow, LoginDetailRow, Target};

use std::{net::IpAddr, sync::Arc, time::Duration};

/// Characters and bytes of a token (section 9).
pub const TOKEN_BYTES: usize = 16;

/// An account, as its row was at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name, byte for byte as it is stored.
    pub username: String,
    /// Whether moderator commands are allowed.
    pub moderator: bool,
    /// Whether the player is hidden in rooms.
    pub hidden: bool,
    /// The user's "sort id", which has no visible effect.
    pub sort_order: i32,
}

/// A game relay that the operator has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Its number on the wire, never 0.
    pub id: u16,
    /// A name or an IPv4 address.
    pub host: String,
    /// Its TCP and UDP port.
    pub port: u16,
}

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
    #[error("not a database: {0}; write sqlite:PATH or mysql://USER:PASSWORD@HOST/NAME")]
    Url(String),
}

/// The accounts, hubs and logs of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner;

impl Accounts {
    /// Opens `sqlite:PATH` (made when new), `mysql://...` or `mariadb://...`. An existing
    /// schema is used unchanged. A database that cannot be reached is tried again for ever.
    ///
    /// # Errors
    /// The URL is none, or the database's tables are not those that are needed.
    pub async fn open(url: &str, options: AccountOptions) -> Result<Self, OpenError> {
        let _ = (url, options);
        let inner = Arc::new(Inner);
        Ok(Self { inner })
    }

    /// Whether `username` has this password. `from` is counted if not. Dropping the future is
    /// safe; the attempt counts then.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn check_password(
        &self,
        username: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Account, Refusal> {
        let _ = (username, password, from, &self.inner);
        Err(DatabaseError::Unavailable.into())
    }

    /// Whether `username` was given this token less than 60 s ago. It is used up then.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn check_token(
        &self,
        username: &str,
        token: &[u8; TOKEN_BYTES],
        from: IpAddr,
    ) -> Result<Account, Refusal> {
        let _ = (username, token, from);
        Err(DatabaseError::Unavailable.into())
    }

    /// Checks the password and stores a new token in place of any old one.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn issue_token(
        &self,
        username: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<[u8; TOKEN_BYTES], Refusal> {
        let _ = (username, password, from);
        Err(DatabaseError::Unavailable.into())
    }

    /// The hubs of exactly this network version, by id.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn hubs(&self, network_version: &str) -> Result<Vec<Hub>, DatabaseError> {
        let _ = network_version;
        Err(DatabaseError::Unavailable)
    }

    /// The hub with this id, if there is one.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn hub(&self, id: u16) -> Result<Option<Hub>, DatabaseError> {
        let _ = id;
        Err(DatabaseError::Unavailable)
    }

    /// Queues a row for the log tables, dated now. Never waits: when the queue is full the row
    /// is dropped and counted. Rows of kinds that are switched off are ignored.
    pub fn log(&self, row: LogRow) {
        let _ = row;
    }

    /// Waits until what was logged is written or `within` is over.
    pub async fn flush(&self, within: Duration) {
        let _ = within;
    }
}
