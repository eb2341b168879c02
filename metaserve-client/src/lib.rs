//! For game clients: one call, and the game has the live list of servers.
//!
//! ```no_run
//! use futures::StreamExt;
//! use metaserve_client::{Connector, Role, Trust};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let fingerprint = "the 64 digits that the daemon prints when it starts".parse()?;
//!     let trust = Trust::Fingerprint(fingerprint);
//!     let daemon = Connector::new(Role::Client, "list.example.org:4433", &trust, None)?;
//!     let mut list = metaserve_client::run(daemon.connect().await?);
//!     while let Some(snapshot) = list.next().await {
//!         for server in snapshot?.servers() {
//!             println!("{} says {:?}", server.address, server.heartbeat);
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The concepts, in the order in which one meets them:
//!
//! * [`run`] follows the list over one connection. Connecting, and connecting again, is yours.
//! * A [`Snapshot`] is the whole list at one moment, immutable and cheap to clone. Its
//!   [`changes`](Snapshot::changes) say which rows of a view to add, redraw and remove.
//! * A [`Server`] has an [`id`](ServerId) that stays, the address to join by, and its heartbeat:
//!   bytes that only your game understands.
//! * [`Subscriber`] is `run` with options: one game, resuming an earlier list, bounds.
//! * [`maintain`] keeps following: it connects again, with backoff, and goes on where it was.
//! * [`List`] is the list alone, for programs that read the daemon's messages by themselves.
//! * [`Connector`] and [`Trust`] make connections from `HOST:PORT`. Any [`quinn::Connection`]
//!   with the ALPN identifier `metaserve-client/1` will do as well.
//!
//! # Features
//! Two are on by default: `system-roots` lets [`Trust`] use the operating system's certificates,
//! and `zstd` reads compressed lists, a half to a tenth of the bytes. `server-info` adds
//! `ServerInfo`, a convention for what a heartbeat says; it costs serde and serde_json.
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The example in the README is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod list;
mod maintain;
mod snapshot;
mod snapshots;
mod subscriber;

pub use list::List;
pub use maintain::{Maintain, Status};
pub use metaserve::{
    Backoff, Close, CloseCode, ConnectError, Connector, Ended as Error, Fingerprint, Game,
    InvalidGame, Retry, Role, Trust, protocol::extensions::Extensions, stream::FrameError,
};
#[cfg(feature = "server-info")]
pub use metaserve::{InvalidInfo, Mod, Player, ServerInfo};
pub use snapshot::{Changes, Server, ServerId, Snapshot};
pub use snapshots::Snapshots;
pub use subscriber::Subscriber;

use futures::Stream;

/// The live list of servers, as a stream of snapshots: the first item is the whole list.
///
/// Each further item is the list after one or more changes. A slow consumer gets the newest
/// state, never a growing backlog: what happened since its last poll is one item.
///
/// The first poll begins a tokio task that reads for the stream; call it inside a runtime.
/// Dropping the stream ends the task and lets go of the connection. To stop receiving, drop it.
///
/// Polling is cancel-safe: an item that was not returned comes with the next poll.
///
/// # Errors
/// The last item is an error: the connection was lost, or the daemon closed it, and the error
/// holds its reason in words. Snapshots that were returned before stay valid.
pub fn run(
    connection: quinn::Connection,
) -> impl Stream<Item = Result<Snapshot, Error>> + Unpin + Send {
    Subscriber::new(connection).run()
}

/// Follows the list through restarts of the daemon and failures of the network.
///
/// `connect` makes a new connection each time one is needed, however the game likes; a
/// [`Connector`] is the short way. Options follow, then [`run`](Maintain::run):
///
/// ```no_run
/// # fn example(connector: metaserve_client::Connector) -> metaserve_client::Snapshots {
/// metaserve_client::maintain(move || {
///     let connector = connector.clone();
///     async move { connector.connect().await }
/// })
/// .game("tag")
/// .run()
/// # }
/// ```
pub fn maintain<C>(connect: C) -> Maintain<C> {
    Maintain::new(connect)
}
