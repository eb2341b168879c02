//! From `HOST:PORT` to a connection, in one line.

use super::{
    Connect,
    error::ConnectError,
    name::host,
    race::{self, Failures, STAGGER},
};
use crate::{
    Role,
    address::Family,
    socket::{self, SocketRuntime},
    tls::{Identity, Trust, client_config},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Connects to a daemon by name: resolves the name at each attempt, lets its addresses race, and uses
/// one UDP socket for IPv4 and IPv6. Cheap to clone.
///
/// The general form of a [`ConnectorFor`](super::ConnectorFor) one role, ready to connect: for
/// programs that choose the role while they run.
#[derive(Clone, Debug)]
pub struct Connector {
    daemon: Arc<str>,
    role: Role,
    config: quinn::ClientConfig,
    endpoint: quinn::Endpoint,
    has_identity: bool,
}

/// The time after which an address is given up: long enough for a handshake with two losses.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

impl Connector {
    /// Prepares connections to `daemon` (`HOST:PORT`) in the given role. Call it inside a tokio
    /// runtime: it opens a UDP socket.
    ///
    /// # Errors
    /// When the name, the trust or the identity cannot be used, or no socket can be opened.
    pub fn new(
        role: Role,
        daemon: &str,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Self, ConnectError> {
        let daemon: Arc<str> = daemon.into();
        host(&daemon).ok_or_else(|| ConnectError::Name(daemon.clone()))?;
        let config = client_config(role, trust, identity)?;
        let endpoint = client_endpoint().map_err(|error| ConnectError::Socket(error.into()))?;
        Ok(Self {
            daemon,
            role,
            config,
            endpoint,
            has_identity: identity.is_some(),
        })
    }

    /// The UDP socket, to close or rebind it.
    #[must_use]
    pub fn endpoint(&self) -> &quinn::Endpoint {
        &self.endpoint
    }

    /// Connects to the first of the daemon's addresses that answers. While one is silent, the next
    /// is tried after 250 ms beside it (RFC 8305), each for at most 5 s; families take turns, and
    /// within a family the order is random.
    ///
    /// Cancel-safe: attempts are abandoned.
    ///
    /// # Errors
    /// When no address was found, or none of them answered as a daemon we trust.
    pub async fn connect(&self) -> Result<quinn::Connection, ConnectError> {
        self.race(None).await
    }

    /// Connects over one family of addresses only, otherwise as [`connect`](Self::connect).
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and when the daemon has no address of this family.
    pub async fn connect_over(&self, family: Family) -> Result<quinn::Connection, ConnectError> {
        self.race(Some(family)).await
    }

    pub(super) async fn race(
        &self,
        over: Option<Family>,
    ) -> Result<quinn::Connection, ConnectError> {
        let addresses = self.addresses(over).await?;
        self.first_of(addresses).await
    }

    /// Connects to the first of these addresses that answers.
    async fn first_of(
        &self,
        addresses: Vec<SocketAddr>,
    ) -> Result<quinn::Connection, ConnectError> {
        let mut waiting = addresses.into_iter();
        let mut attempts = JoinSet::new();
        let mut failures = Failures::default();
        loop {
            match waiting.next() {
                Some(address) => match self.attempt(address) {
                    Some(attempt) => {
                        attempts.spawn(async move { (address, attempt.await) });
                    }
                    None => {
                        failures.no_route(address);
                        continue;
                    }
                },
                None if attempts.is_empty() => {
                    let none = io::Error::from(io::ErrorKind::NotFound);
                    let nothing = ConnectError::Resolve(self.daemon.clone(), none.into());
                    return Err(failures.into_error(self.role).unwrap_or(nothing));
                }
                None => {}
            }
            tokio::select! {
                Some(ended) = attempts.join_next() => match ended {
                    Ok((_, Ok(connection))) => return Ok(connection),
                    Ok((address, Err(problem))) => failures.failed(address, problem),
                    // Cancelled with the runtime.
                    Err(_) => {}
                },
                () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => {}
            }
        }
    }

    /// The daemon's addresses, in the order to try them.
    async fn addresses(&self, over: Option<Family>) -> Result<Vec<SocketAddr>, ConnectError> {
        let found = tokio::net::lookup_host(&*self.daemon)
            .await
            .map_err(|error| ConnectError::Resolve(self.daemon.clone(), error.into()))?;
        let found = found.filter(|it| over.is_none_or(|family| family == Family::of(it.ip())));
        let addresses = race::order(found, fastrand::shuffle);
        match over {
            Some(family) if addresses.is_empty() => {
                Err(ConnectError::Family(self.daemon.clone(), family))
            }
            _ => Ok(addresses),
        }
    }

    /// Begins to connect to one address; none when this machine cannot send there.
    fn attempt(&self, address: SocketAddr) -> Option<impl Future<Output = Attempted> + use<>> {
        let host = host(&self.daemon)?;
        if !has_route(address) {
            return None;
        }
        // After the checks of `new`, this fails only if the socket lacks the address's family.
        let connecting = self
            .endpoint
            .connect_with(self.config.clone(), address, host)
            .ok()?;
        Some(async move {
            let attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, connecting).await;
            attempt.unwrap_or(Err(quinn::ConnectionError::TimedOut))
        })
    }
}

/// With an identity it connects over both families: both connections are one server with two
/// addresses. The role is the one that it was made with.
impl<R> Connect<R> for &Connector {
    type Connecting = Pin<Box<dyn Future<Output = Result<quinn::Connection, ConnectError>> + Send>>;
    type Error = ConnectError;

    fn families(&self) -> &'static [Family] {
        if self.has_identity {
            &Family::BOTH
        } else {
            &[]
        }
    }

    fn connect(&mut self, over: Option<Family>) -> Self::Connecting {
        let connector = Connector::clone(self);
        Box::pin(async move { connector.race(over).await })
    }

    fn known(error: &ConnectError) -> Option<&ConnectError> {
        Some(error)
    }
}

type Attempted = Result<quinn::Connection, quinn::ConnectionError>;

/// Whether this machine knows a way to `address`. Nothing is sent to find out.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    std::net::UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
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

    /// One address after the other, each for 5 s, was what made players wait.
    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of the test, which stands still"
    )]
    async fn silent_addresses_are_tried_beside_each_other() {
        let trust = Trust::Fingerprint("ab".repeat(32).parse().unwrap());
        let connector = Connector::new(Role::Client, "localhost:1", &trust, None).unwrap();
        let silent = [(); 3].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let tried = silent.each_ref().map(|it| it.local_addr().unwrap());
        let begun = tokio::time::Instant::now();
        let error = connector.first_of(tried.to_vec()).await.unwrap_err();
        let took = begun.elapsed();
        let ConnectError::NoAnswer { addresses } = error else {
            panic!("{error}");
        };
        assert_eq!(addresses, tried);
        assert!(took < ATTEMPT_TIMEOUT + 3 * STAGGER, "{took:?}");
    }
}
