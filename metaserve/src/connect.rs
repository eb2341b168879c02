//! From `HOST:PORT` to a connection, in one line.

use crate::{
    Role,
    socket::{self, SocketRuntime},
    tls::{Identity, Trust, TrustError, client_config},
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Connects to a daemon by name: resolves it anew at each attempt, tries its addresses in turn,
/// and uses one UDP socket for IPv4 and IPv6. Cheap to clone.
///
/// A convenience: `run` takes any [`quinn::Connection`] with the right ALPN identifier.
#[derive(Clone, Debug)]
pub struct Connector {
    daemon: Arc<str>,
    config: quinn::ClientConfig,
    endpoint: quinn::Endpoint,
}

/// No connection could be made. Trying again may help, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text is not `HOST:PORT`, with IPv6 addresses in brackets. Trying again does not help.
    #[error("{0:?} is not HOST:PORT, such as list.example.org:4433 or [2001:db8::1]:4433")]
    Name(Arc<str>),
    /// The trust or the identity cannot be used. Trying again does not help.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// No UDP socket could be opened.
    #[error("no UDP socket could be opened: {0}")]
    Socket(#[source] io::Error),
    /// The name has no address.
    #[error("the address of {0} was not found: {1}")]
    Resolve(Arc<str>, #[source] io::Error),
    /// None of its addresses answered as a daemon we trust; this is what the last one did that
    /// did anything.
    #[error("no connection to {address}: {problem}")]
    Connect {
        /// The address that this is about.
        address: SocketAddr,
        /// What happened there.
        #[source]
        problem: quinn::ConnectionError,
    },
}

/// After which the next address is tried: long enough for a handshake with two losses.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

impl Connector {
    /// Prepares connections to `daemon` (`HOST:PORT`) in the given role. Call it inside a tokio
    /// runtime: it opens a UDP socket.
    ///
    /// # Errors
    /// When the name, the trust or the identity is of no use, or no socket can be opened.
    pub fn new(
        role: Role,
        daemon: &str,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Self, ConnectError> {
        let daemon: Arc<str> = daemon.into();
        host(&daemon).ok_or_else(|| ConnectError::Name(daemon.clone()))?;
        let config = client_config(role, trust, identity)?;
        let endpoint = client_endpoint().map_err(ConnectError::Socket)?;
        Ok(Self {
            daemon,
            config,
            endpoint,
        })
    }

    /// The UDP socket, to close or rebind it.
    #[must_use]
    pub fn endpoint(&self) -> &quinn::Endpoint {
        &self.endpoint
    }

    /// Connects, trying each of the daemon's addresses once for at most 5 s.
    ///
    /// Cancel-safe: what was begun is given up.
    ///
    /// # Errors
    /// When no address was found, or none of them answered as a daemon we trust.
    pub async fn connect(&self) -> Result<quinn::Connection, ConnectError> {
        let name = || ConnectError::Name(self.daemon.clone());
        let host = host(&self.daemon).ok_or_else(name)?;
        let not_found = |error| ConnectError::Resolve(self.daemon.clone(), error);
        let addresses = tokio::net::lookup_host(&*self.daemon)
            .await
            .map_err(not_found)?;
        let mut failure = not_found(io::ErrorKind::NotFound.into());
        for address in addresses {
            // What can fail at once, after the checks of `new`, is an address of a family that
            // this machine does not have.
            let config = self.config.clone();
            let Ok(connecting) = self.endpoint.connect_with(config, address, host) else {
                continue;
            };
            let attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, connecting).await;
            let timed_out = Err(quinn::ConnectionError::TimedOut);
            match attempt.unwrap_or(timed_out) {
                Ok(connection) => return Ok(connection),
                // Silence explains less than what another address has said.
                Err(quinn::ConnectionError::TimedOut)
                    if matches!(failure, ConnectError::Connect { .. }) => {}
                Err(problem) => failure = ConnectError::Connect { address, problem },
            }
        }
        Err(failure)
    }
}

/// The host of `HOST:PORT`, without brackets.
fn host(daemon: &str) -> Option<&str> {
    let (host, port) = daemon.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    rustls::pki_types::ServerName::try_from(host)
        .ok()
        .map(|_| host)
}

/// A client's UDP socket: for IPv6 and IPv4 together, or IPv4 alone where there is no IPv6.
///
/// # Errors
/// When neither can be opened.
pub fn client_endpoint() -> io::Result<quinn::Endpoint> {
    let socket = socket::bind((Ipv6Addr::UNSPECIFIED, 0).into())
        .or_else(|_| socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()))?;
    let config = quinn::EndpointConfig::default();
    quinn::Endpoint::new(config, None, socket.into(), Arc::new(SocketRuntime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_nonsense() {
        let table = [
            ("list.example.org:4433", Some("list.example.org")),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("[::1]:4433", Some("::1")),
            ("list.example.org", None),
            ("list.example.org:port", None),
            ("two words:4433", None),
            (":4433", None),
        ];
        for (daemon, expected) in table {
            assert_eq!(host(daemon), expected, "{daemon}");
        }
    }
}
