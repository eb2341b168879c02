//! From `HOST:PORT` to a connection, in one line.

use super::{
    Connect, Way,
    error::ConnectError,
    name::host,
    race::{self, Candidate, Failures, STAGGER},
};
use crate::{
    Role,
    address::Family,
    socket::{self, SocketRuntime},
    tls::{Identity, Trust, client_config},
};
use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Connects to a daemon by name, or to one of several: resolves the names at each attempt, lets
/// their addresses race, and uses one UDP socket for IPv4 and IPv6. Cheap to clone.
///
/// The general form of a [`ConnectorFor`](super::ConnectorFor) one role, ready to connect: for
/// programs that choose the role while they run.
#[derive(Clone, Debug)]
pub struct Connector {
    daemons: Arc<[Arc<str>]>,
    role: Role,
    config: quinn::ClientConfig,
    endpoint: quinn::Endpoint,
    has_identity: bool,
    /// The address that was connected to last.
    last: Arc<Mutex<HashMap<Way, SocketAddr>>>,
    /// How many addresses there were to choose from.
    choices: Arc<AtomicUsize>,
}

/// The time after which an address is given up: long enough for a handshake with two losses.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for the addresses of further names once those of one are known, so that the
/// name that is found first has no advantage.
const LOOKUP_PATIENCE: Duration = STAGGER;

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
        Self::one_of(role, [daemon], trust, identity)
    }

    /// Prepares connections to one of several daemons (`HOST:PORT` each), which show the same list
    /// and are trusted alike; otherwise as [`new`](Self::new).
    ///
    /// # Errors
    /// As [`new`](Self::new), and when no daemon is named.
    pub fn one_of(
        role: Role,
        daemons: impl IntoIterator<Item = impl AsRef<str>>,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Self, ConnectError> {
        Self::over(None, role, daemons, trust, identity)
    }

    /// The same over this socket, or over one of its own.
    pub(super) fn over(
        endpoint: Option<&quinn::Endpoint>,
        role: Role,
        daemons: impl IntoIterator<Item = impl AsRef<str>>,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Self, ConnectError> {
        let daemons = super::name::all(daemons);
        if daemons.is_empty() {
            return Err(ConnectError::NoDaemon);
        }
        if let Some(wrong) = daemons.iter().find(|daemon| host(daemon).is_none()) {
            return Err(ConnectError::Name(wrong.clone()));
        }
        let config = client_config(role, trust, identity)?;
        let endpoint = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => client_endpoint().map_err(|error| ConnectError::Socket(error.into()))?,
        };
        Ok(Self {
            daemons,
            role,
            config,
            endpoint,
            has_identity: identity.is_some(),
            last: Arc::default(),
            choices: Arc::default(),
        })
    }

    /// The UDP socket, to close or rebind it.
    #[must_use]
    pub fn endpoint(&self) -> &quinn::Endpoint {
        &self.endpoint
    }

    /// Connects to the first of all daemons' addresses that answers. While one is silent, the next
    /// is tried after 250 ms beside it (RFC 8305), each for at most 5 s; families take turns, and
    /// within a family the order is random. The address that this connector and its clones have
    /// connected to last is tried at the end, so that a peer that has lost its daemon, or was
    /// refused there, moves to another one.
    ///
    /// Cancel-safe: attempts are abandoned.
    ///
    /// # Errors
    /// When no address was found, or none of them answered as a daemon we trust. Of several
    /// daemons, the error says what happened at each.
    pub async fn connect(&self) -> Result<quinn::Connection, ConnectError> {
        self.connect_by(&Way::default()).await
    }

    /// Connects over one family of addresses only, otherwise as [`connect`](Self::connect).
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and when the daemon has no address of this family.
    pub async fn connect_over(&self, family: Family) -> Result<quinn::Connection, ConnectError> {
        self.connect_by(&Way::over(family)).await
    }

    /// Connects to one of the daemons, or over one family of addresses, otherwise as
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    /// As [`connect`](Self::connect), when the daemon has no address of this family, and when it is
    /// none of this connector's.
    pub async fn connect_by(&self, way: &Way) -> Result<quinn::Connection, ConnectError> {
        let mut failures = Failures::default();
        let mut lookups = self.look_up(way);
        let found = self.first_found(&mut lookups, way, &mut failures).await;
        let mut waiting = self.in_order(found, way);
        self.choices.store(waiting.len(), Relaxed);
        let mut attempts = JoinSet::new();
        loop {
            match waiting.pop_front() {
                Some(candidate) => match self.attempt(candidate) {
                    Some(attempt) => {
                        attempts.spawn(async move { (candidate, attempt.await) });
                    }
                    None => {
                        failures.no_route(candidate);
                        continue;
                    }
                },
                None if attempts.is_empty() && lookups.is_empty() => {
                    return Err(failures.into_error(self.role, &self.daemons));
                }
                None => {}
            }
            tokio::select! {
                Some(ended) = attempts.join_next() => match ended {
                    Ok((candidate, Ok(connection))) => {
                        self.last().insert(way.clone(), candidate.address);
                        return Ok(connection);
                    }
                    Ok((candidate, Err(problem))) => failures.failed(candidate, problem),
                    // Cancelled with the runtime.
                    Err(_) => {}
                },
                Some(looked_up) = lookups.join_next() => {
                    let found = self.candidates(looked_up.ok(), way, &mut failures);
                    waiting.extend(self.in_order(found, way));
                }
                () = tokio::time::sleep(STAGGER), if !waiting.is_empty() => {}
            }
        }
    }

    /// Looks up the addresses of the daemons, all at the same time.
    fn look_up(&self, way: &Way) -> JoinSet<LookedUp> {
        let mut lookups = JoinSet::new();
        for (daemon, name) in self.daemons.iter().enumerate() {
            if way.at.as_ref().is_none_or(|at| at == name) {
                let name = name.clone();
                lookups.spawn(async move {
                    let found = tokio::net::lookup_host(&*name).await;
                    (daemon, found.map(Iterator::collect))
                });
            }
        }
        lookups
    }

    /// The addresses of the names that are found in time.
    async fn first_found(
        &self,
        lookups: &mut JoinSet<LookedUp>,
        way: &Way,
        failures: &mut Failures,
    ) -> Vec<Candidate> {
        let mut found = Vec::new();
        let patience = tokio::time::sleep(LOOKUP_PATIENCE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                biased;
                looked_up = lookups.join_next() => match looked_up {
                    Some(looked_up) => found.extend(self.candidates(looked_up.ok(), way, failures)),
                    None => return found,
                },
                () = &mut patience, if !found.is_empty() => return found,
            }
        }
    }

    /// The addresses that were found for a daemon, as far as they can be used; none when the lookup
    /// was cancelled with the runtime.
    fn candidates(
        &self,
        looked_up: Option<LookedUp>,
        way: &Way,
        failures: &mut Failures,
    ) -> Vec<Candidate> {
        let Some((daemon, found)) = looked_up else {
            return Vec::new();
        };
        let name = &self.daemons[daemon];
        let unresolved = |error: io::Error| ConnectError::Resolve(name.clone(), error.into());
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                failures.unfound(daemon, unresolved(error));
                return Vec::new();
            }
        };
        let fits = |it: &SocketAddr| way.over.is_none_or(|over| over == Family::of(it.ip()));
        let found = found.into_iter().filter(fits);
        let candidates: Vec<_> = found.map(|address| Candidate { address, daemon }).collect();
        if candidates.is_empty() {
            let absent = |family| ConnectError::Family(name.clone(), family);
            let nothing = || unresolved(io::ErrorKind::NotFound.into());
            failures.unfound(daemon, way.over.map_or_else(nothing, absent));
        }
        candidates
    }

    fn in_order(&self, found: Vec<Candidate>, way: &Way) -> VecDeque<Candidate> {
        let last = self.last().get(way).copied();
        race::order(found, last, fastrand::shuffle).into()
    }

    fn last(&self) -> MutexGuard<'_, HashMap<Way, SocketAddr>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to connect to one address; none when this machine cannot send there.
    fn attempt(&self, at: Candidate) -> Option<impl Future<Output = Attempted> + use<>> {
        let host = host(&self.daemons[at.daemon])?;
        if !has_route(at.address) {
            return None;
        }
        // After the checks of `new`, this fails only if the socket lacks the address's family.
        let connecting = self
            .endpoint
            .connect_with(self.config.clone(), at.address, host)
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

    fn ways(&self) -> Vec<Way> {
        match self.has_identity {
            true => Family::BOTH.map(Way::over).to_vec(),
            false => vec![Way::default()],
        }
    }

    fn choices(&self) -> usize {
        self.choices.load(Relaxed)
    }

    fn connect(&mut self, way: &Way) -> Self::Connecting {
        let (connector, way) = (Connector::clone(self), way.clone());
        Box::pin(async move { connector.connect_by(&way).await })
    }

    fn known(error: &ConnectError) -> Option<&ConnectError> {
        Some(error)
    }
}

/// A daemon, and its addresses.
type LookedUp = (usize, io::Result<Vec<SocketAddr>>);

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
        let silent = [(); 3].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let named = silent.each_ref().map(|it| it.local_addr().unwrap());
        let names = named.map(|it| it.to_string());
        let connector = Connector::one_of(Role::Client, names, &trust, None).unwrap();
        let begun = tokio::time::Instant::now();
        let error = connector.connect().await.unwrap_err();
        let took = begun.elapsed();
        let ConnectError::NoAnswer { addresses } = error else {
            panic!("{error}");
        };
        assert_eq!(addresses, named);
        assert!(took < ATTEMPT_TIMEOUT + 3 * STAGGER, "{took:?}");
    }
}
