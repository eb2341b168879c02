//! A small online world on metaserve.
//!
//! ```text
//!  browser, prompt ──▶ gateway ──▶ input log ──▶ zone ──▶ state, output log ──▶ gateway ──▶ browser
//!                        │                        │ claims zone/ID, starts on demand
//!                        ▼                        ▼
//!                     accounts (SQL) ◀── keeper ── log (Redis, or memory)
//! ```
#![forbid(unsafe_code)]

pub mod accounts;
mod addresses;
pub mod cli;
pub mod client;
mod clock;
pub mod command;
pub mod command_line;
pub mod content;
pub mod dev;
pub mod gateway;
pub mod http;
pub mod ids;
pub mod keeper;
pub mod log;
pub mod messages;
pub mod object;
pub mod page;
pub mod play;
pub mod roles;
pub mod scheduler;
mod scripts;
pub mod shared;
pub mod testing;
pub mod tickets;
pub mod up;
pub mod world;
pub mod zone;
pub mod zones;
