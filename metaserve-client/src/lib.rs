//! For game clients: one call, and the game has the live list of servers.
//!
//! ```no_run
//! use futures::StreamExt;
//! use metaserve_client::Connector;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), metaserve_client::Error> {
//!     let daemon = Connector::to("localhost:4433")
//!         .fingerprint("the 64 digits that the daemon prints when it starts");
//!     let mut list = metaserve_client::maintain(daemon)
//!         .game("my-game")
//!         .on_status(|status| println!("{status}"))
//!         .run();
//!     while let Some(snapshot) = list.next().await {
//!         for server in snapshot?.servers() {
//!             println!("{} says {:?}", server.address, server.heartbeat);
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! To try it, start a daemon on the same machine (`metaserve-daemon` without arguments): it makes a
//! certificate of its own, and prints the fingerprint to put above. The program prints
//! `live: connected to the daemon`, and then the list each time that it changes. If it cannot
//! connect, it says why.
//!
//! The concepts, in the order in which one meets them:
//!
//! * [`Connector`] connects to a daemon. It takes the daemon's name (`HOST:PORT`), and how to know
//!   that it is the right one: by a fingerprint, by a file with certificates, or by the operating
//!   system's certificates, which is the default.
//! * [`maintain`] follows the list: it connects again, with backoff, and goes on where it was. Its
//!   [`Status`] says how the connection stands.
//! * A [`Snapshot`] is the whole list at one moment, immutable and cheap to clone. Its
//!   [`changes`](Snapshot::changes) say which rows of a view to add, redraw and remove.
//! * A [`Server`] has an [`id`](ServerId) that stays, the address to join by, and its heartbeat:
//!   bytes that only your game understands.
//! * [`Error`] and [`ConnectError`] are sentences that say what to do next, however they are
//!   printed.
//! * [`run`] follows the list over one connection that you have made, any [`quinn::Connection`] with
//!   the ALPN identifier `metaserve-client/1`; [`Subscriber`] is `run` with options: one game,
//!   resuming an earlier list, bounds.
//! * [`List`] is the list alone, for programs that read the daemon's messages by themselves.
//!
//! # What is reported
//! A program that sets [`on_status`](Maintain::on_status) hears of everything. Without it, problems
//! are logged with `tracing`. In a program that has no `tracing` subscriber either, standard error
//! has a line for a problem that lasts 3 s, and one when it is over. A problem that cannot heal by
//! itself ends the stream with an error: [`Maintain::run`] says which problems those are.
//!
//! # Features
//! Two are on by default: `system-roots` lets [`Trust`] use the operating system's certificates,
//! and `zstd` reads compressed lists, a half to a tenth of the bytes. `server-info` adds
//! `ServerInfo`, a convention for what a heartbeat says; it costs serde and serde_json. `names` adds
//! the module of that name, which claims names, asks for their owners, and has absent ones started;
//! it costs ipnet and parking_lot.
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The example in the README is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod freshness;
mod list;
mod maintain;
#[cfg(feature = "names")]
pub mod names;
mod snapshot;
mod snapshots;
mod subscriber;

pub use freshness::Freshness;
pub use list::List;
pub use maintain::Maintain;
pub use metaserve::{
    Backoff, Close, CloseCode, Connect, ConnectError, Ended as Error, Fingerprint, Game,
    InvalidGame, Retry, Trust, Way, lasting::Status, protocol::extensions::Extensions,
    stream::FrameError,
};
#[cfg(feature = "server-info")]
pub use metaserve::{InvalidInfo, Mod, Player, ServerInfo};
pub use snapshot::{Changes, Server, ServerId, Snapshot};
pub use snapshots::Snapshots;
pub use subscriber::Subscriber;

use futures::Stream;

/// Connects to a daemon as a game client.
///
/// ```
/// use metaserve_client::Connector;
///
/// // A certificate from a public authority, as the operating system knows them:
/// let public = Connector::to("list.example.org:4433");
/// // A certificate from your own authority, or a copy of the daemon's:
/// let own = Connector::to("list.example.org:4433").ca_file("authority.pem");
/// // A daemon with a certificate of its own making:
/// let pinned = Connector::to("localhost:4433").fingerprint("ab".repeat(32));
/// ```
pub type Connector = metaserve::connect::ConnectorFor<metaserve::connect::role::Client>;

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
/// `connect` makes a new connection each time one is needed: a [`Connector`], or any closure that
/// returns a future of a connection. Options follow, then [`run`](Maintain::run):
///
/// ```no_run
/// use metaserve_client::{Connector, Status};
///
/// let daemon = Connector::to("list.example.org:4433");
/// let list = metaserve_client::maintain(daemon)
///     .game("tag")
///     .on_status(|status| match status {
///         Status::Live { .. } => println!("the list is live"),
///         Status::Waiting { error, .. } => println!("the list is old: {error}"),
///         _ => {}
///     })
///     .run();
/// ```
pub fn maintain<C>(connect: C) -> Maintain<C> {
    Maintain::new(connect)
}
