//! The settings of the service, and the limits of its peers.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::bans::Guard;

/// The settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Aleph One always uses port 443.
    pub listen: SocketAddr,
    /// The banned addresses.
    pub bans: Guard,
    /// The files of the certificate chain and its key, PEM or DER, which are read again when they
    /// change. Without them the service makes its own certificate.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The directory of its own certificate.
    pub state_dir: PathBuf,
    /// The host names that players' games have built in. Its own certificate covers these.
    pub hosts: Vec<String>,
    /// Whether everybody may make an account from within the game.
    pub sign_up: bool,
    /// The limits of its peers.
    pub limits: Limits,
}

/// The limits of peers. A connection costs about 50 kB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections. Default: 256.
    pub connections: usize,
    /// The most connections from one address (IPv6: /64). Default: 32.
    pub each_host: usize,
    /// How long the TLS handshake and the head of a request may take. Default: 10 s.
    pub handshake: Duration,
    /// How long a connection may last in total. Default: 60 s.
    pub connection: Duration,
    /// The longest body of a request. Default: 4 KiB.
    pub body_bytes: usize,
    /// How long a settings page can be used. Default: 10 minutes.
    pub page: Duration,
    /// The most settings pages that can be used at one time. Beyond it, the oldest is void.
    /// Default: 1,000.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            each_host: 32,
            handshake: Duration::from_secs(10),
            connection: Duration::from_secs(60),
            body_bytes: 4 * 1024,
            page: Duration::from_secs(600),
            pages: 1_000,
        }
    }
}
