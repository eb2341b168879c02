//! The shared parts of a metaserver: protocol, trust, and, for the daemon, the list itself.
//!
//! Games do not use this crate directly: a game server calls `metaserve_heartbeat::run`, a game
//! client `metaserve_client::run`, and both pass on the few types of this crate that they need.
//!
//! ```text
//! metaserve_heartbeat::run ───▶┐                       ┌──▶ metaserve_client::run
//!   (one QUIC connection each) │   daemon              │      (snapshot, then deltas)
//!                              ├─▶ Registry ──▶ Feed ──┘
//! relay: many servers, ───────▶┘   (truth)   (encoded once per tick)
//!   one connection
//! ```
//!
//! The concepts, in the order in which you meet them:
//!
//! * A [`Role`] is the kind of a peer of the daemon. Each role has its ALPN identifier, and its
//!   messages in [`protocol`].
//! * [`Trust`] says which daemon a game accepts, [`Identity`] is a peer's own certificate and key,
//!   and a [`Fingerprint`] is a certificate's short name. [`Connector`] makes connections with
//!   them.
//! * A [`Game`] is the namespace that servers are listed in.
//! * [`address`] is about addresses and their families, [`time`] about clocks and timers.
//! * A [`Close`] is why a connection ended: a [`CloseCode`] and a sentence. [`Ended`] adds every
//!   other way in which a connection to a daemon can end.
//! * [`Limits`] are the daemon's limits for its peers, [`transport`] has the QUIC settings, and
//!   [`socket`] is the UDP socket below QUIC.
//! * The `registry` holds every connected server; its `feed` sends clients what has changed,
//!   encoded once for all of them. [`Pacing`] and [`Backoff`] are the two timing rules that both
//!   ends share.
//! * `ServerInfo` is an optional convention for the content of a heartbeat; [`printable`] makes
//!   text from strangers safe for a terminal.
//! # Features
//! None is enabled by default, so that a game pays only for what it uses.
//!
//! | feature | buys | costs |
//! | --- | --- | --- |
//! | `system-roots` | `Trust::SystemRoots` | the platform's verifier |
//! | `identity` | `Identity::load_or_create` | rcgen |
//! | `zstd` | reading compressed lists | the zstd C library |
//! | `clap` | `DaemonArgs` | clap, and what `system-roots` costs |
//! | `serde` | fingerprints in configuration files | serde |
//! | `server-info` | `ServerInfo` | serde_json, and what `serde` costs |
//! | `announce` | `announce` | form_urlencoded, http, ipnet, percent-encoding, and what `server-info` costs |
//! | `bounds` | `bounds` | ipnet, parking_lot |
//! | `registry` | `registry` and `feed` | dashmap, and what `zstd` costs |
//! | `names` | `names` and its messages | what `bounds` costs |
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
#[cfg(feature = "announce")]
pub mod announce;
#[cfg(feature = "clap")]
mod arguments;
mod backoff;
#[cfg(feature = "bans")]
pub mod bans;
#[cfg(feature = "bounds")]
pub mod bounds;
pub mod connect;
#[cfg(feature = "registry")]
pub mod feed;
#[cfg(any(feature = "bans", feature = "identity", feature = "server"))]
pub mod files;
mod game;
pub mod lasting;
mod limits;
pub mod list;
#[cfg(feature = "names")]
pub mod names;
mod pacing;
mod printable;
#[cfg(feature = "program")]
pub mod program;
pub mod protocol;
#[cfg(feature = "registry")]
pub mod registry;
mod sentence;
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
pub use arguments::{ArgumentError, DaemonArgs, PublishArgs, PublishAt};
pub use backoff::Backoff;
pub use connect::{Connect, ConnectError, Connector, Way, client_endpoint};
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
pub use server_info::{InvalidInfo, Mod, Player, ServerInfo};
pub use tls::{Fingerprint, Identity, Trust};
