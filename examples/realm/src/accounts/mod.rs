//! The accounts role: accounts and characters in SQL, log-in, and the keeper, which saves the world
//! behind the log.
//!
//! ```text
//!  browser ─▶ gateway ─/api/*─▶ http/ ─▶ attempts: too many?
//!                                    ─▶ password.rs: argon2id, few at a time
//!                                    ─▶ store.rs, characters.rs ─▶ database.rs ─▶ SQL
//!  zone host, gateway ─▶ client.rs ─▶ http/keeper.rs ─▶ saves.rs ─────┘
//!  log ─dirty─▶ saver.rs ─▶ saves.rs: a zone and all who are in it, in one transaction
//! ```
//!
//! One process has the role at a time, by the claim `role/accounts`. Others are its spares, and
//! answer 503.

mod admin;
mod characters;
pub mod client;
mod database;
mod email;
mod error;
mod http;
pub mod keys;
mod password;
mod role;
mod saver;
mod saves;
mod schema;
mod service;
mod settings;
mod store;

pub use admin::{admin, set_password};
pub use error::{DatabaseError, OpenError, SchemaError};
pub(crate) use role::START;
pub use service::Accounts;
pub use settings::{DatabaseUrl, Settings};

/// How long passwords are, in characters.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
