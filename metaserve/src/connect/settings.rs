//! A connector for one role, built by name.

use super::{
    Connect, ConnectError, Connector, Way, name,
    role::{self, HasIdentity, HasRole},
};
use crate::{
    address::Family,
    tls::{Fingerprint, Identity, InvalidFingerprint, Trust},
};
use std::{
    fmt,
    marker::PhantomData,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// Connects to a daemon in one role: as `metaserve_heartbeat::Connector`,
/// `metaserve_heartbeat::RelayConnector` and `metaserve_client::Connector`.
///
/// [`to`](Self::to) takes the daemon's name, and [`to_one_of`](Self::to_one_of) the names of several;
/// the other methods take whom to trust and who one is. None of them fails: a mistake in what they
/// are given comes out of [`connect`](Self::connect), of [`ready`](Self::ready), or of whatever the
/// connector is given to, as a [`ConnectError`].
///
/// ```
/// use metaserve::connect::{ConnectorFor, role::Client};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let daemon = ConnectorFor::<Client>::to("https://list.example.org").fingerprint("ab".repeat(32));
/// let mistake = daemon.connect().await.unwrap_err();
/// assert!(mistake.to_string().ends_with("write \"list.example.org:4433\""));
/// # });
/// ```
///
/// Cheap to clone; clones share one UDP socket, which is opened by the first connection.
#[must_use = "a connector does nothing by itself"]
pub struct ConnectorFor<R> {
    daemons: Arc<[Arc<str>]>,
    /// Whether a game server is listed at every daemon, instead of at one of them.
    every: bool,
    whom: Whom,
    own: Option<Own>,
    /// The socket, if it is not one of its own.
    endpoint: Option<quinn::Endpoint>,
    ready: Arc<Mutex<Option<Connector>>>,
    role: PhantomData<fn() -> R>,
}

/// Whom to trust.
#[derive(Clone, Debug)]
enum Whom {
    System,
    Fingerprints(Result<Vec<Fingerprint>, InvalidFingerprint>),
    File(PathBuf),
    Given(Trust),
}

/// A certificate of one's own.
#[derive(Clone, Debug)]
enum Own {
    Given(Identity),
    #[cfg(feature = "identity")]
    In(PathBuf),
}

impl<R> ConnectorFor<R> {
    /// Will connect to this daemon: `HOST:PORT`, such as `list.example.org:4433`, with IPv6
    /// addresses in brackets. The name is resolved at each attempt.
    pub fn to(daemon: impl AsRef<str>) -> Self {
        Self::to_one_of([daemon])
    }

    /// Will connect to one of these daemons (`HOST:PORT` each), in random order, and move to another
    /// one when it is lost: for daemons that show the same list, such as the members of a cluster.
    /// A name with many addresses is the same as many names.
    ///
    /// They are trusted alike: whom [`fingerprints`](Self::fingerprints), or the authorities in
    /// [`ca_file`](Self::ca_file), say. With authorities each certificate is checked for the name of
    /// its own daemon.
    pub fn to_one_of(daemons: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self {
            daemons: name::all(daemons),
            every: false,
            whom: Whom::System,
            own: None,
            endpoint: None,
            ready: Arc::default(),
            role: PhantomData,
        }
    }

    /// Trusts the daemon whose certificate has this SHA-256 fingerprint: a [`Fingerprint`], or the
    /// 64 hexadecimal digits that the daemon prints when it starts.
    ///
    /// Default: trusts whom the operating system trusts, which is right for a daemon with a
    /// certificate from a public authority.
    pub fn fingerprint(self, digits: impl ToString) -> Self {
        self.fingerprints([digits])
    }

    /// Trusts the daemons whose certificates have these fingerprints, as
    /// [`fingerprint`](Self::fingerprint) trusts one: for several daemons, or for one that is about
    /// to change its certificate. Each is trusted wherever it is shown.
    pub fn fingerprints(self, digits: impl IntoIterator<Item = impl ToString>) -> Self {
        let parsed = digits.into_iter().map(|it| it.to_string().parse());
        self.whom(Whom::Fingerprints(parsed.collect()))
    }

    /// Trusts the certificates in this file (PEM or DER), and those that they have signed, for the
    /// name that is connected to. The file is read at the first connection.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.whom(Whom::File(path.into()))
    }

    /// Trusts whom this says.
    pub fn trust(self, trust: Trust) -> Self {
        self.whom(Whom::Given(trust))
    }

    /// Connects over this UDP socket: for programs that publish many servers, each with an identity
    /// of its own. It has to serve the address families of the daemon, as
    /// [`client_endpoint`](super::client_endpoint) does. Default: a socket of its own.
    pub fn endpoint(self, endpoint: quinn::Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
            ready: Arc::default(),
            ..self
        }
    }

    fn whom(self, whom: Whom) -> Self {
        Self {
            whom,
            ready: Arc::default(),
            ..self
        }
    }
}

impl ConnectorFor<role::Heartbeat> {
    /// Will connect to every one of these daemons (`HOST:PORT` each) at the same time: for daemons
    /// with lists of their own, on each of which the server should be. One that is lost, or refuses
    /// the server, does not affect the others. Trust is as for [`to_one_of`](Self::to_one_of).
    ///
    /// A single [`connect`](Self::connect) goes to one of them.
    pub fn to_every(daemons: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self {
            every: true,
            ..Self::to_one_of(daemons)
        }
    }
}

impl<R: HasIdentity> ConnectorFor<R> {
    /// Presents this certificate: the name of a game server in the list, or what the daemon's
    /// operator trusts a relay by. Default: none.
    pub fn identity(self, identity: Identity) -> Self {
        self.own(Own::Given(identity))
    }

    /// Presents the certificate that is kept in this directory. Where there is none, the directory
    /// and a self-signed certificate are made, at the first connection; see
    /// [`Identity::load_or_create`].
    #[cfg(feature = "identity")]
    pub fn identity_in(self, directory: impl Into<PathBuf>) -> Self {
        self.own(Own::In(directory.into()))
    }

    fn own(self, own: Own) -> Self {
        Self {
            own: Some(own),
            ready: Arc::default(),
            ..self
        }
    }
}

impl<R: HasRole> ConnectorFor<R> {
    /// Connects, as [`Connector::connect`] says. Cancel-safe.
    ///
    /// # Errors
    /// When a setting cannot be used, or there is no connection.
    pub async fn connect(&self) -> Result<quinn::Connection, ConnectError> {
        self.ready()?.connect().await
    }

    /// Reads the files and opens the UDP socket, once for all clones, without connecting: a program
    /// that does this when it starts hears of its mistakes then. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When a setting cannot be used, or no socket can be opened.
    pub fn ready(&self) -> Result<Connector, ConnectError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = &*ready {
            return Ok(connector.clone());
        }
        let identity = match &self.own {
            None => None,
            Some(Own::Given(identity)) => Some(identity.clone()),
            #[cfg(feature = "identity")]
            Some(Own::In(directory)) => Some(Identity::load_or_create(directory, &[])?),
        };
        let (daemons, trust) = (self.daemons.iter(), self.trusted()?);
        let (endpoint, own) = (self.endpoint.as_ref(), identity.as_ref());
        let connector = Connector::over(endpoint, R::ROLE, daemons, &trust, own)?;
        Ok(ready.insert(connector).clone())
    }

    fn trusted(&self) -> Result<Trust, ConnectError> {
        match &self.whom {
            #[cfg(feature = "system-roots")]
            Whom::System => Ok(Trust::SystemRoots),
            #[cfg(not(feature = "system-roots"))]
            Whom::System => Err(ConnectError::NoTrust),
            Whom::Fingerprints(parsed) => Ok(Trust::Fingerprints(parsed.clone()?)),
            Whom::File(path) => Ok(Trust::file(path)?),
            Whom::Given(trust) => Ok(trust.clone()),
        }
    }
}

/// A game server connects to each daemon that it is listed at and, with an identity, over both
/// families: both connections are one server with two addresses.
impl<R: HasRole> Connect<R> for ConnectorFor<R> {
    type Connecting = Pin<Box<dyn Future<Output = Result<quinn::Connection, ConnectError>> + Send>>;
    type Error = ConnectError;

    fn ways(&self) -> Vec<Way> {
        let at: Vec<_> = match self.every {
            true => self.daemons.iter().cloned().map(Some).collect(),
            false => vec![None],
        };
        let over: &[_] = match self.own {
            Some(_) => &[Some(Family::V4), Some(Family::V6)],
            None => &[None],
        };
        let ways = at.into_iter().flat_map(|at| {
            let over = over.iter();
            over.map(move |over| Way {
                at: at.clone(),
                over: *over,
            })
        });
        ways.collect()
    }

    fn choices(&self) -> usize {
        self.ready()
            .map_or(1, |ready| Connect::<R>::choices(&&ready))
    }

    fn connect(&mut self, way: &Way) -> Self::Connecting {
        let (ready, way) = (self.ready(), way.clone());
        Box::pin(async move { ready?.connect_by(&way).await })
    }

    fn known(error: &ConnectError) -> Option<&ConnectError> {
        Some(error)
    }
}

/// The same, for who keeps the connector.
impl<R: HasRole> Connect<R> for &ConnectorFor<R> {
    type Connecting = <ConnectorFor<R> as Connect<R>>::Connecting;
    type Error = ConnectError;

    fn ways(&self) -> Vec<Way> {
        Connect::ways(*self)
    }

    fn choices(&self) -> usize {
        Connect::choices(*self)
    }

    fn connect(&mut self, way: &Way) -> Self::Connecting {
        Connect::connect(&mut (*self).clone(), way)
    }

    fn known(error: &ConnectError) -> Option<&ConnectError> {
        Some(error)
    }
}

// Not derived: neither needs a value of the role.

impl<R> Clone for ConnectorFor<R> {
    fn clone(&self) -> Self {
        Self {
            daemons: self.daemons.clone(),
            every: self.every,
            whom: self.whom.clone(),
            own: self.own.clone(),
            endpoint: self.endpoint.clone(),
            ready: self.ready.clone(),
            role: PhantomData,
        }
    }
}

impl<R> fmt::Debug for ConnectorFor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("daemons", &self.daemons)
            .field("trust", &self.whom)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Retry;

    type Client = ConnectorFor<role::Client>;

    async fn mistake(connector: Client) -> String {
        let error = connector.connect().await.unwrap_err();
        assert_eq!(error.retry(), Retry::Never, "{error}");
        error.to_string()
    }

    #[tokio::test]
    async fn a_setting_that_cannot_be_used_is_named_when_it_is_needed() {
        let digits = "ab".repeat(32);
        let error = mistake(Client::to("list.example.org").fingerprint(&digits)).await;
        assert!(error.contains("\"list.example.org:4433\""), "{error}");
        let error = mistake(Client::to("localhost:1").fingerprint("abc")).await;
        assert!(error.contains("this has 3 digits"), "{error}");
        let error = mistake(Client::to("localhost:1").ca_file("missing.pem")).await;
        assert!(error.contains("missing.pem"), "{error}");
        let error = mistake(Client::to_one_of(["localhost:1", "localhost"])).await;
        assert!(error.contains("\"localhost:4433\""), "{error}");
        let error = mistake(Client::to_one_of([""; 0])).await;
        assert!(error.contains("no daemon is named"), "{error}");
    }

    #[cfg(feature = "identity")]
    #[test]
    fn a_server_goes_to_one_daemon_or_to_every_one_over_both_families_with_an_identity() {
        type Server = ConnectorFor<role::Heartbeat>;
        let ways = |it: &Server| {
            it.ways()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let names = ["a:1", "b:2", "a:1"];
        assert_eq!(ways(&Server::to("a:1")), [""]);
        assert_eq!(ways(&Server::to_one_of(names)), [""]);
        assert_eq!(ways(&Server::to_every(names)), ["at a:1", "at b:2"]);
        let own = Own::In("unused".into());
        let over_both = ["over IPv4", "over IPv6"];
        assert_eq!(ways(&Server::to_one_of(names).own(own.clone())), over_both);
        let all = [
            "at a:1 over IPv4",
            "at a:1 over IPv6",
            "at b:2 over IPv4",
            "at b:2 over IPv6",
        ];
        assert_eq!(ways(&Server::to_every(names).own(own)), all);
    }

    #[tokio::test]
    async fn clones_share_a_socket_until_they_are_set_otherwise() {
        let one = Client::to("localhost:1").fingerprint("ab".repeat(32));
        let address = |it: &Client| it.ready().unwrap().endpoint().local_addr().unwrap();
        let two = one.clone();
        assert_eq!(address(&one), address(&two));
        assert_ne!(address(&one), address(&two.fingerprint("cd".repeat(32))));
    }

    #[cfg(feature = "identity")]
    #[tokio::test]
    async fn servers_with_identities_of_their_own_can_share_a_socket() {
        let endpoint = super::super::client_endpoint().unwrap();
        let one = ConnectorFor::<role::Heartbeat>::to("localhost:1")
            .fingerprint("ab".repeat(32))
            .endpoint(endpoint.clone());
        for _ in 0..2 {
            let directory = tempfile::tempdir().unwrap();
            let own = Identity::load_or_create(directory.path(), &[]).unwrap();
            let ready = one.clone().identity(own).ready().unwrap();
            let at = ready.endpoint().local_addr().unwrap();
            assert_eq!(at, endpoint.local_addr().unwrap());
        }
    }
}
