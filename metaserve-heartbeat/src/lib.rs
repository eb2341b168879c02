//! For game servers: one call, and the server is on the list.
//!
//! A heartbeat is whatever your game's clients shall know of the server: any bytes, in any
//! encoding, up to 8 KiB. Yield a new one whenever something has changed.
//!
//! ```no_run
//! use metaserve_heartbeat::{Connector, Role, Trust};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let fingerprint = "the 64 digits that the daemon prints when it starts".parse()?;
//!     let trust = Trust::Fingerprint(fingerprint);
//!     let daemon = Connector::new(Role::Heartbeat, "list.example.org:4433", &trust, None)?;
//!     let players = futures::stream::pending::<Vec<u8>>(); // your game's own stream
//!     metaserve_heartbeat::run(daemon.connect().await?, players).await?;
//!     Ok(())
//! }
//! ```
//!
//! The concepts, in the order in which one meets them:
//!
//! * [`run`] publishes over one connection. Connecting, and connecting again, is yours.
//! * [`Publisher`] is `run` with options: the game, the port that players join by, notices.
//! * [`maintain`] stays on the list: it connects again, with backoff, and restates the newest
//!   heartbeat.
//! * [`Identity`] is a certificate of the server's own, so that a quick restart replaces its old
//!   entry, and nobody else can. With it, [`maintain`] lists the server under its IPv4 and its IPv6
//!   address.
//! * [`relay()`] lists many servers on behalf of others.
//! * [`Connector`] and [`Trust`] make connections from `HOST:PORT`. Any [`quinn::Connection`]
//!   with the ALPN identifier `metaserve-heartbeat/1` will do as well.
//!
//! Only what differs from the last heartbeat is sent, and of several within the daemon's minimal
//! interval (1 s by default) only the newest. That the server lives is shown by QUIC's
//! keep-alive, which the connection's own transport settings must have on
//! ([`metaserve::transport::client`] has).
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
    Backoff, Close, CloseCode, Connect, ConnectError, Connector, Ended as Error, Family,
    Fingerprint, Game, Identity, InvalidGame, Retry, Role, Trust,
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
/// # async fn example(connector: metaserve_heartbeat::Connector) -> Result<(), metaserve_heartbeat::Error> {
/// # let heartbeats = futures::stream::pending::<Vec<u8>>();
/// metaserve_heartbeat::maintain(&connector).game("tag").port(7777).run(heartbeats).await
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
/// The daemon's operator has to trust the relay's [`Identity`] (`--trust-relay`), and connections
/// are made in the role [`Role::Relay`]. Options follow, then [`run`](Relay::run):
///
/// ```no_run
/// use metaserve_heartbeat::{Change, Connector, Identity, Listing, Role, Trust};
/// use tokio::sync::mpsc;
///
/// # #[cfg(feature = "identity")]
/// # async fn example(trust: Trust) -> Result<(), Box<dyn std::error::Error>> {
/// let identity = Identity::load_or_create("relay-identity".as_ref(), &[])?;
/// println!("--trust-relay {}", identity.fingerprint());
/// let daemon = "list.example.org:4433";
/// let connector = Connector::new(Role::Relay, daemon, &trust, Some(&identity))?;
///
/// let (change, mut changes) = mpsc::channel(16);
/// let changes = futures::stream::poll_fn(move |context| changes.poll_recv(context));
/// tokio::spawn(async move { metaserve_heartbeat::relay(&connector).run(changes).await });
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
        fn check(connection: quinn::Connection, connector: Connector) {
            let heartbeats = futures::stream::pending::<Vec<u8>>;
            assert_send(run(connection, heartbeats()));
            let other = connector.clone();
            assert_send(async move { maintain(|| other.connect()).run(heartbeats()).await });
            let relaying = connector.clone();
            assert_send(async move { maintain(&connector).run(heartbeats()).await });
            let changes = futures::stream::pending::<Change>();
            assert_send(async move { relay(&relaying).run(changes).await });
        }
        let _ = check;
    }
}
