//! For game servers: one call, and the server is on the list.
//!
//! A heartbeat is what your game's clients need to know about the server: any bytes, in any
//! encoding, up to 8 KiB. Yield a new one whenever something has changed.
//!
//! ```no_run
//! use metaserve_heartbeat::Connector;
//! use std::time::Duration;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), metaserve_heartbeat::Error> {
//!     let daemon = Connector::to("localhost:4433")
//!         .fingerprint("the 64 digits that the daemon prints when it starts");
//!     // Your game's own stream: here the number of players grows every two seconds.
//!     let heartbeats = futures::stream::unfold(0, async |players| {
//!         tokio::time::sleep(Duration::from_secs(2)).await;
//!         Some((format!("{players} players"), players + 1))
//!     });
//!     metaserve_heartbeat::maintain(daemon)
//!         .game("my-game")
//!         .port(7777)
//!         .on_status(|status| println!("{status}"))
//!         .run(heartbeats)
//!         .await
//! }
//! ```
//!
//! To try it, start a daemon on the same machine (`metaserve-daemon` without arguments): it makes a
//! certificate of its own, and prints the fingerprint to put above. The program prints
//! `live: connected to the daemon`, and `metaserve-daemon list` shows the server. If it cannot
//! connect, it says why.
//!
//! The concepts, in the order in which one meets them:
//!
//! * [`Connector`] connects to a daemon. It takes the daemon's name (`HOST:PORT`), and how to know
//!   that it is the right one: by a fingerprint, by a file with certificates, or by the operating
//!   system's certificates, which is the default. [`to_one_of`](Connector::to_one_of) takes several
//!   daemons of one list, [`to_every`](Connector::to_every) several lists.
//! * [`maintain`] stays on the list: it connects again, with backoff, and restates the newest
//!   heartbeat. Its [`Status`] says how the connection stands.
//! * A [`Notice`] is what the daemon has to say: why a server is not listed, or soon will not be.
//! * [`Error`] and [`ConnectError`] are sentences that say what to do next, however they are
//!   printed.
//! * [`Identity`] is a certificate of the server's own, so that a quick restart replaces its old
//!   entry, and nobody else can. With it, [`maintain`] lists the server under its IPv4 and its IPv6
//!   address.
//! * [`run`] publishes over one connection that you have made, any [`quinn::Connection`] with the
//!   ALPN identifier `metaserve-heartbeat/1`; [`Publisher`] is `run` with options: the game, the
//!   port that players join by, notices.
//! * [`relay()`] lists many servers on behalf of others, by a [`RelayConnector`].
//!
//! Only what differs from the last heartbeat is sent, and of several within the daemon's minimal
//! interval (1 s by default) only the newest. That the server lives is shown by QUIC's
//! keep-alive, which the connection's own transport settings must have on
//! ([`metaserve::transport::client`] has).
//!
//! # What is reported
//! A program that sets [`on_status`](Maintain::on_status) and [`on_notice`](Maintain::on_notice)
//! hears of everything. Without them, problems and notices are logged with `tracing`. In a program
//! that has no `tracing` subscriber either, standard error has a line for a problem that lasts 3 s,
//! one when it is over, and one for a notice. A problem that cannot heal by itself ends `run` with
//! an error: [`Maintain::run`] says which problems those are.
//!
//! # Features
//! Two are on by default: `system-roots` lets [`Trust`] use the operating system's certificates,
//! and `identity` makes and keeps certificates for [`Identity`]. `server-info` adds `ServerInfo`, a
//! convention for what a heartbeat says; it costs serde and serde_json.
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The example in the README is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod maintain;
mod notices;
mod publisher;
mod relay;
mod speak;

pub use maintain::Maintain;
pub use metaserve::{
    Backoff, Close, CloseCode, Connect, ConnectError, Ended as Error, Family, Fingerprint, Game,
    Identity, InvalidGame, Retry, Trust, Way,
    lasting::Status,
    protocol::{
        heartbeat::NoticeKind,
        session::{Change, Listing, Notice},
    },
    stream::FrameError,
};
#[cfg(feature = "server-info")]
pub use metaserve::{InvalidInfo, Mod, Player, ServerInfo};
pub use publisher::Publisher;
pub use relay::Relay;

use futures::Stream;

/// Connects to a daemon as a game server.
///
/// ```
/// use metaserve_heartbeat::Connector;
///
/// // A certificate from a public authority, as the operating system knows them:
/// let public = Connector::to("list.example.org:4433");
/// // A certificate from your own authority, or a copy of the daemon's:
/// let own = Connector::to("list.example.org:4433").ca_file("authority.pem");
/// // A daemon with a certificate of its own making:
/// let pinned = Connector::to("localhost:4433").fingerprint("ab".repeat(32));
/// # #[cfg(feature = "identity")]
/// // Several daemons: one of them, or every one.
/// let cluster = Connector::to_one_of(["a.example.org:4433", "b.example.org:4433"]);
/// let both = Connector::to_every(["list.example.org:4433", "games.example.net:4433"]);
/// // A server that keeps its place in the list through restarts, under its IPv4 and IPv6 address:
/// let known = pinned.identity_in("my-server");
/// ```
pub type Connector = metaserve::connect::ConnectorFor<metaserve::connect::role::Heartbeat>;

/// Connects to a daemon as a [`relay`](relay()), which needs an identity that the daemon's operator
/// trusts.
pub type RelayConnector = metaserve::connect::ConnectorFor<metaserve::connect::role::Relay>;

/// Sends each item of `heartbeats` to the daemon at the other end of `connection`.
///
/// The server is listed from its first heartbeat until this future ends. `Ok(())` when the
/// stream of heartbeats ends: the daemon has then been told, and the server is off the list.
/// A heartbeat may have at most as many bytes as the daemon accepts (8 KiB by default).
///
/// Backpressure: the stream is polled all the time, and only its newest item is kept; one that
/// is always ready keeps a processor busy. An item that is longer than the daemon has said to
/// accept is left out with a notice, and the one before it stays listed.
///
/// Not cancel-safe in the sense of resuming: dropping the future drops its connection, which
/// takes the server off the list.
///
/// # Errors
/// When the connection is lost, or the daemon closes it: the error holds its reason in words.
pub async fn run<S, T>(connection: quinn::Connection, heartbeats: S) -> Result<(), Error>
where
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    Publisher::new(connection).run(heartbeats).await
}

/// Stays on the list through restarts of the daemon and failures of the network.
///
/// `connect` makes a new connection each time one is needed: a [`Connector`], or any closure that
/// returns a future of a connection. Options follow, then [`run`](Maintain::run):
///
/// ```no_run
/// # async fn example() -> Result<(), metaserve_heartbeat::Error> {
/// use metaserve_heartbeat::{Connector, Status};
///
/// let heartbeats = futures::stream::pending::<Vec<u8>>(); // your game's own stream
/// metaserve_heartbeat::maintain(Connector::to("list.example.org:4433"))
///     .game("tag")
///     .port(7777)
///     .on_status(|status| match status {
///         Status::Live { .. } => println!("connected"),
///         Status::Waiting { error, .. } => println!("not on the list: {error}"),
///         _ => {}
///     })
///     .on_notice(|notice| println!("the daemon says: {}", notice.text))
///     .run(heartbeats)
///     .await
/// # }
/// ```
///
/// A [`Connector`] with an [`Identity`] connects over IPv4 and IPv6 at once where both are
/// available, and the server is listed with both addresses.
pub fn maintain<C>(connect: C) -> Maintain<C> {
    Maintain::new(connect)
}

/// Lists many servers on behalf of others, over one connection after the other: for a host that
/// runs many, or a bridge to servers that do not speak the protocol.
///
/// The daemon's operator has to trust the relay's [`Identity`] (`--trust-relay`). Options follow,
/// then [`run`](Relay::run):
///
/// ```no_run
/// use metaserve_heartbeat::{Change, Identity, Listing, RelayConnector};
/// use tokio::sync::mpsc;
///
/// # #[cfg(feature = "identity")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let identity = Identity::load_or_create("relay-identity".as_ref(), &[])?;
/// println!("--trust-relay {}", identity.fingerprint());
/// let connector = RelayConnector::to("list.example.org:4433").identity(identity);
///
/// let (change, mut changes) = mpsc::channel(16);
/// let changes = futures::stream::poll_fn(move |context| changes.poll_recv(context));
/// tokio::spawn(async move { metaserve_heartbeat::relay(connector).run(changes).await });
///
/// let room = Listing {
///     key: 1, // your own number for it
///     game: "tag".parse()?,
///     address: "192.0.2.1:7777".parse()?,
///     heartbeat: "capture the flag".into(),
/// };
/// change.send(Change::List(room)).await?;
/// change.send(Change::Unlist(1)).await?; // the room has closed
/// # Ok(())
/// # }
/// ```
pub fn relay<C>(connect: C) -> Relay<C> {
    Relay::new(connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Games spawn these futures onto runtimes with several threads.
    #[test]
    fn futures_may_move_between_threads() {
        fn assert_send(_: impl Send) {}
        fn check(connection: quinn::Connection, connector: Connector, relaying: RelayConnector) {
            let heartbeats = futures::stream::pending::<Vec<u8>>;
            assert_send(run(connection, heartbeats()));
            let other = connector.clone();
            assert_send(async move { maintain(|| other.connect()).run(heartbeats()).await });
            let other = connector.clone();
            assert_send(async move { maintain(&other).run(heartbeats()).await });
            assert_send(maintain(connector).run(heartbeats()));
            let changes = futures::stream::pending::<Change>();
            assert_send(relay(relaying).run(changes));
        }
        let _ = check;
    }
}
