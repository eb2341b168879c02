//! What the service does, and what peers may take.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::bans::Guard;

/// What the service does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens. Aleph One asks port 443.
    pub listen: SocketAddr,
    /// Who may not come in.
    pub bans: Guard,
    /// Files with the certificate chain and its key, PEM or DER, which are read again when they
    /// change. Without them the service makes a certificate of its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where its own certificate is kept.
    pub state_dir: PathBuf,
    /// The host names that players' games have built in: its own certificate is for these.
    pub hosts: Vec<String>,
    /// Whether anybody may make an account from within the game.
    pub sign_up: bool,
    /// What peers may take.
    pub limits: Limits,
}

/// What peers may take. A connection costs about 50 kB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections. Default: 256.
    pub connections: usize,
    /// Of them, the most from one address (IPv6: /64). Default: 32.
    pub each_host: usize,
    /// How long the TLS handshake and the head of a request may take. Default: 10 s.
    pub handshake: Duration,
    /// How long a connection may last, whatever it does. Default: 60 s.
    pub connection: Duration,
    /// The longest body of a request. Default: 4 KiB.
    pub body_bytes: usize,
    /// How long a settings page can be used. Default: 10 minutes.
    pub page: Duration,
    /// The most settings pages that can be used at one time; then the oldest is void. Default:
    /// 1,000.
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
