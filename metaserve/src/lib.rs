//! What every party of a metaserver shares: who speaks how, whom to trust, and, for the daemon,
//! the list itself.
//!
//! Games do not use this crate directly: a game server calls `metaserve_heartbeat::run`, a game
//! client `metaserve_client::run`, and both pass on the few types of this crate that they need.
//!
//! ```text
//!  game server ── metaserve_heartbeat::run ──▶┐                       ┌──▶ metaserve_client::run ── game client
//!    (one QUIC connection each)               │   daemon              │      (snapshot, then deltas)
//!                                             ├─▶ Registry ──▶ Feed ──┘
//!  relay ── many servers, one connection ────▶┘   (truth)   (encoded once per tick)
//! ```
//!
//! The concepts, in the order in which one meets them:
//!
//! * A [`Role`] is what a peer of the daemon is; each has its ALPN identifier, and its messages
//!   in [`protocol`].
//! * [`Trust`] says whom a game takes for the daemon, [`Identity`] who a peer is itself, and a
//!   [`Fingerprint`] is a certificate's short name. [`Connector`] makes connections of them.
//! * A [`Game`] is the namespace that servers are listed in.
//! * [`address`] is about addresses and their families, [`time`] what time it is.
//! * A [`Close`] is why a connection ended: a [`CloseCode`] and a sentence. [`Ended`] is that for
//!   whoever speaks with a daemon, with every other way to end.
//! * [`Limits`] are what the daemon holds its peers to, [`transport`] how QUIC is set up, and
//!   [`socket`] the UDP socket below it.
//! * The `registry` knows every connected server; its `feed` tells clients what has changed,
//!   encoded once for all of them. [`Pacing`] and [`Backoff`] are the two rules of time that both
//!   ends share.
//! * `ServerInfo` is an optional convention for what a heartbeat says; [`printable`] makes text of
//!   strangers safe for a terminal.
//!
//! # Features
//! None is on by default, so that a game pays only for what it uses.
//!
//! | feature | buys | costs |
//! | --- | --- | --- |
//! | `system-roots` | `Trust::SystemRoots` | the platform's verifier |
//! | `identity` | `Identity::load_or_create` | rcgen |
//! | `zstd` | reading compressed lists | the zstd C library |
//! | `clap` | `DaemonArgs` | clap, and what `system-roots` costs |
//! | `serde` | fingerprints in configuration files | serde |
//! | `server-info` | `ServerInfo` | serde_json, and what `serde` costs |
//! | `bounds` | `bounds` | ipnet, parking_lot |
//! | `registry` | `registry` and `feed` | dashmap, and what `zstd` costs |
//! | `bans` | `bans` | humantime, ipnet, tempfile |
//! | `program` | `program` | clap_complete, clap_mangen, humantime, sd-notify, toml, tracing-subscriber, and what `bounds` and `clap` cost |
//! | `server` | `tls::server`, `tls::certificate` and `tls::secret` | x509-parser, and what `identity` costs |
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The example in the README is compiled with the other examples.
#[cfg(all(doctest, feature = "registry"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod address;
#[cfg(feature = "clap")]
mod arguments;
mod backoff;
#[cfg(feature = "bans")]
pub mod bans;
#[cfg(feature = "bounds")]
pub mod bounds;
mod connect;
#[cfg(feature = "registry")]
pub mod feed;
#[cfg(any(feature = "bans", feature = "identity", feature = "server"))]
pub mod files;
mod game;
pub mod lasting;
mod limits;
pub mod list;
mod pacing;
mod printable;
#[cfg(feature = "program")]
pub mod program;
pub mod protocol;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "server-info")]
mod server_info;
pub mod socket;
pub mod stream;
pub mod text;
pub mod time;
pub mod tls;
pub mod transport;
mod unseen;

pub use address::Family;
#[cfg(feature = "clap")]
pub use arguments::{ArgumentError, DaemonArgs};
pub use backoff::Backoff;
pub use connect::{Connect, ConnectError, Connector, client_endpoint};
pub use game::{Game, InvalidGame};
pub use limits::{InvalidLimits, Limit, Limits};
pub use pacing::{Offered, Pacing};
pub use printable::{printable, printable_name};
pub use protocol::{
    close::{Close, CloseCode, Retry},
    ended::Ended,
    roles::Role,
};
#[cfg(feature = "server-info")]
pub use server_info::{Mod, ServerInfo};
pub use tls::{Fingerprint, Identity, Trust};
