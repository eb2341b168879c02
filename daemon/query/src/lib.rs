//! Asks game servers for their state, in the protocols of their own games.
//!
//! ```text
//!  Target ──▶ query() ──▶ exchange/: sockets ──▶ a Dialogue of each protocol, pure ──▶ Answer
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let target = "quake3://127.0.0.1:27960".parse()?;
//! let info = metaserve_query::query(&target).await?.info;
//! println!("{} plays {:?}", info.name, info.map);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod answer;
mod dialogue;
mod exchange;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
#[cfg(feature = "gamedig")]
mod library;
mod protocol;
mod reader;
mod target;
mod text;
mod unanswered;

pub mod luanti;
mod minecraft;
mod mumble;
pub mod quake;
pub mod teeworlds;
pub mod valve;

pub use answer::Answer;
pub use exchange::{PATIENCE, query, query_within, replay};
#[cfg(feature = "gamedig")]
pub use library::LibraryGame;
pub use protocol::Protocol;
pub use target::{InvalidTarget, Target};
pub use unanswered::Unanswered;
