//! TODO
#![forbid(unsafe_code)]

pub mod alpn;
pub mod backoff;
pub mod close;
pub mod connect;
#[cfg(feature = "registry")]
pub mod feed;
mod game;
mod limits;
pub mod pacing;
pub mod protocol;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "server-info")]
mod server_info;
pub mod stream;
pub mod tls;
pub mod transport;

pub use alpn::Role;
pub use backoff::Backoff;
pub use close::{Close, CloseCode};
pub use connect::{ConnectError, Connector};
pub use game::{Game, InvalidGame};
pub use limits::{InvalidLimits, Limits};
pub use pacing::Pacing;
#[cfg(feature = "server-info")]
pub use server_info::{Mod, ServerInfo};
pub use tls::{Fingerprint, Identity, Trust};
