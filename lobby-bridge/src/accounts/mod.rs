//! Accounts, hubs and logs: everything that is stored in SQL.
//!
//! ```text
//!  connection ──name, password──▶ Accounts ─▶ metaserve::bounds::Attempts: too many?
//!                                          ─▶ store.rs: the row, read again each time
//!                                          ─▶ password.rs: bcrypt, on other threads than the network
//!  room ──rows──▶ log.rs: bounded queue ─▶ one writer ─▶ store.rs
//! ```
//!
//! Tables and columns are those of the Aleph One metaserver
//! (`docs/specifications/myth-metaserver.md`, section 23), in an SQLite file of our own or in an
//! existing MariaDB or MySQL database, which is used unchanged. All times in the database are those
//! of the database's clock, so that tokens of other programs mean the same here.

mod account;
mod admin;
mod database;
mod dates;
mod error;
mod keeper;
mod log;
mod log_rows;
mod names;
mod password;
mod rows;
mod schema;
mod service;
mod settings;
mod store;
mod token;

pub use account::{Account, Hub};
pub use admin::{Administration, AdministrationError, ListedAccount};
pub use database::sqlite_file;
pub use error::{DatabaseError, OpenError, Refusal, SchemaError, SignUpError};
pub use metaserve::bounds::AttemptLimits;
pub use names::{InvalidName, InvalidPassword, check_name, check_new_password};
pub use rows::{ChatKind, ChatRow, Color, EventRow, LogRow, LoginDetailRow, Target};
pub use service::Accounts;
pub use settings::{AccountSettings, Logs, Settings, default_database};
pub use token::TOKEN_BYTES;
