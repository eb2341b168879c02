//! The settings of all that is served over HTTP for lists of servers.

use std::{path::PathBuf, time::Duration};

use axum::http::{HeaderName, header::InvalidHeaderName};
use clap::Args;
use ipnet::IpNet;
use metaserve::{announce::ProxyPrefix, program::settings::within};

/// The settings of all that is served over HTTP for lists of servers.
#[derive(Args, Clone, Debug)]
pub struct WebSettings {
    /// A file with the certificate chain for the lists over HTTP, which makes them HTTPS, PEM or DER
    ///
    /// Game servers accept only a certificate of an authority that their system trusts. The file is
    /// read again when it changes. Without it, and without a reverse proxy, the lists are plain HTTP.
    #[arg(long, value_name = "FILE")]
    pub http_cert: Option<PathBuf>,

    /// The file with the key of that certificate
    #[arg(long, value_name = "FILE")]
    pub http_key: Option<PathBuf>,

    /// Trust the reverse proxies at this address or prefix: the client of a request from there is
    /// the last address in the header that --http-client-header names
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub http_trusted_proxy: Vec<ProxyPrefix>,

    /// The header in which trusted proxies state the address of the client
    #[arg(
        long,
        value_name = "NAME",
        default_value = "x-forwarded-for",
        value_parser = header_name
    )]
    pub http_client_header: HeaderName,

    /// The most HTTP connections at one time; as many more by trusted proxies
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().connections,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub http_connections: usize,

    /// The most HTTP connections from one address (an IPv6 /64 counts as one)
    ///
    /// When all connections are taken, the newest one of the addresses that have the most makes
    /// room for one from an address that has less than its share.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().each_host,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub http_per_address: usize,

    /// The most HTTP requests per second from one address (an IPv6 /64 counts as one)
    ///
    /// On average over 20 seconds. A server of `DDNet` makes four in 15 seconds, and one more per
    /// second while it changes.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().requests_per_second,
        value_parser = within(1..=1_000_000_u32)
    )]
    pub http_requests: u32,
}

impl WebSettings {
    /// Returns the settings of the listeners.
    #[must_use]
    pub fn sites(&self) -> Settings {
        Settings {
            certificate: self.http_cert.clone().zip(self.http_key.clone()),
            proxies: self.http_trusted_proxy.iter().map(|it| it.0).collect(),
            client_header: self.http_client_header.clone(),
            limits: Limits {
                connections: self.http_connections,
                each_host: self.http_per_address,
                requests_per_second: self.http_requests,
                ..Limits::default()
            },
        }
    }
}

fn header_name(text: &str) -> Result<HeaderName, InvalidHeaderName> {
    text.parse()
}

/// The settings of the listeners.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The files of the certificate chain and its key; `None` for plain HTTP.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The reverse proxies that are trusted.
    pub proxies: Vec<IpNet>,
    /// The header in which they state the address of the client.
    pub client_header: HeaderName,
    /// The limits of peers.
    pub limits: Limits,
}

impl Default for Settings {
    /// Plain HTTP, without proxies.
    fn default() -> Self {
        Self {
            certificate: None,
            proxies: Vec::new(),
            client_header: metaserve::announce::FORWARDED_FOR,
            limits: Limits::default(),
        }
    }
}

/// The limits of peers. A connection costs about 50 kB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections. Default: 1,024.
    pub connections: usize,
    /// The most connections from one address (IPv6: /64). Default: 128.
    pub each_host: usize,
    /// The most requests per second from one address (IPv6: /64), on average over 20 s. Default: 20
    /// (`docs/specifications/ddnet-register.md`, section 11).
    pub requests_per_second: u32,
    /// How long the TLS handshake and the head of a request may take, and how long a connection may
    /// be idle. Default: 20 s: servers of `DDNet` make a request each 15 s.
    pub head: Duration,
    /// How long an answer may be left unread. Default: 10 s.
    pub stall: Duration,
    /// How long a connection may last in total. Default: one hour.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            each_host: 128,
            requests_per_second: 20,
            head: Duration::from_secs(20),
            stall: Duration::from_secs(10),
            connection: Duration::from_secs(3_600),
        }
    }
}
