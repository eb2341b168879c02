//! Why there is no connection, in words for the person who runs the program.

use crate::{
    Close, Retry, Role,
    address::Family,
    sentence::debug_as_sentence,
    tls::{Distrust, FileError, InvalidFingerprint, TrustError, distrust},
};
use std::{io, net::SocketAddr, sync::Arc};

/// No connection could be made. [`retry`](Self::retry) says whether trying again may help.
///
/// The text is complete: it names the address, what happened there and what to check, and there is
/// no [`source`](std::error::Error::source) that would repeat it. `{:?}` prints the same text, which
/// is what a `main` that returns the error shows.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text is not `HOST:PORT`, with IPv6 addresses in brackets.
    #[error("{}", super::name::advice(.0))]
    Name(Arc<str>),
    /// No daemon was named.
    #[error("no daemon is named: name one as HOST:PORT, such as \"list.example.org:4433\"")]
    NoDaemon,
    /// The text given as the daemon's fingerprint is not a fingerprint.
    #[error("the daemon's fingerprint cannot be used: {0}")]
    Fingerprint(InvalidFingerprint),
    /// A file with certificates, or the identity, cannot be used.
    #[error("{0:?}")]
    File(Arc<FileError>),
    /// No daemon is trusted: no trust was given, and the feature `system-roots` is off.
    #[error(
        "nothing says which daemon to trust: give the connector a fingerprint or a ca_file, or \
         turn on the feature `system-roots`"
    )]
    NoTrust,
    /// The trust or the identity cannot be used.
    #[error("{0}")]
    Trust(TrustError),
    /// No UDP socket could be opened.
    #[error("cannot open a UDP socket: {0}")]
    Socket(Arc<io::Error>),
    /// The name has no address.
    #[error("cannot find an address for {0}: {1}; check the name, and this machine's DNS")]
    Resolve(Arc<str>, Arc<io::Error>),
    /// The name has no address of the family that was asked for.
    #[error("{0} has no {1} address: check the name and its DNS records")]
    Family(Arc<str>, Family),
    /// This machine cannot send to any of the addresses, such as IPv6 ones without IPv6.
    #[error("this machine has no route to {}: check its network", list(.addresses))]
    NoRoute {
        /// All of them.
        addresses: Vec<SocketAddr>,
    },
    /// None of the addresses answered within 5 s.
    #[error(
        "nothing answers on UDP at {}: check the address and the port, whether the daemon is \
         running, and whether a firewall drops UDP",
        list(.addresses)
    )]
    NoAnswer {
        /// All of them.
        addresses: Vec<SocketAddr>,
    },
    /// Something that speaks QUIC answered, but it does not know this role of the protocol.
    #[error(
        "{address} does not speak {}: check the port, and whether the daemon {}",
        String::from_utf8_lossy(.role.alpn()),
        match .role {
            Role::Names => "runs with --names on",
            _ => "has a version that fits",
        }
    )]
    NotSpoken {
        /// The address that answered.
        address: SocketAddr,
        /// The role that was asked for.
        role: Role,
    },
    /// An address answered, but not as a daemon we trust; this is what the last one of them did.
    #[error("{}", words(.address, .problem))]
    Connect {
        /// The address that this is about.
        address: SocketAddr,
        /// How the attempt failed.
        problem: quinn::ConnectionError,
    },
    /// There is no connection to any of several daemons: each by its name, with the reason.
    #[error("cannot connect to any of the daemons: {}", each(.0))]
    Each(Vec<(Arc<str>, Self)>),
}

debug_as_sentence!(ConnectError);

impl ConnectError {
    /// Whether, and how eagerly, it is worth connecting again.
    ///
    /// *Never* after a setting that cannot be used. *Briefly* after what another attempt meets
    /// again, unless somebody changes the settings here or the daemon: a certificate that is not
    /// trusted, a peer that does not speak the protocol. *Soon* after everything that heals by
    /// itself: nothing answers, the name has no address, there is no route, and a certificate that
    /// has expired or is not valid yet, since clocks are set and certificates renewed. Of several
    /// daemons, one that may heal is enough for *soon*.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Each(each) => match each.iter().any(|(_, error)| error.retry() == Retry::Soon) {
                true => Retry::Soon,
                false => Retry::Briefly,
            },
            Self::Name(_)
            | Self::NoDaemon
            | Self::Fingerprint(_)
            | Self::File(_)
            | Self::NoTrust
            | Self::Trust(_) => Retry::Never,
            Self::NotSpoken { .. } => Retry::Briefly,
            Self::Connect { problem, .. } => match (problem, distrust(problem)) {
                (_, Some(Distrust { heals: false, .. }))
                | (quinn::ConnectionError::VersionMismatch, _) => Retry::Briefly,
                _ => Retry::Soon,
            },
            _ => Retry::Soon,
        }
    }

    /// Whether there is no such family of addresses here or at the daemon, which is no fault.
    #[must_use]
    pub fn is_absent_family(&self) -> bool {
        match self {
            Self::Each(each) => each.iter().all(|(_, error)| error.is_absent_family()),
            _ => matches!(self, Self::Family(..) | Self::NoRoute { .. }),
        }
    }

    /// What happened at each of the daemons that were tried, as one error.
    pub fn of_each(mut each: Vec<(Arc<str>, Self)>) -> Self {
        if each.len() < 2 {
            return each.pop().map_or(Self::NoDaemon, |(_, error)| error);
        }
        let silent = each.iter().map(|(_, error)| match error {
            Self::NoAnswer { addresses } => Some(addresses.as_slice()),
            _ => None,
        });
        match silent.collect::<Option<Vec<_>>>() {
            Some(silent) => Self::NoAnswer {
                addresses: silent.concat(),
            },
            None => Self::Each(each),
        }
    }
}

impl From<InvalidFingerprint> for ConnectError {
    fn from(error: InvalidFingerprint) -> Self {
        Self::Fingerprint(error)
    }
}

impl From<FileError> for ConnectError {
    fn from(error: FileError) -> Self {
        Self::File(Arc::new(error))
    }
}

impl From<TrustError> for ConnectError {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(" and ")
}

fn each(each: &[(Arc<str>, ConnectError)]) -> String {
    let each: Vec<_> = each
        .iter()
        .map(|(at, error)| format!("{at}: {error}"))
        .collect();
    each.join("; ")
}

fn words(address: &SocketAddr, problem: &quinn::ConnectionError) -> String {
    if let Some(distrust) = distrust(problem) {
        let reason = distrust.reason;
        return format!("the daemon at {address} is not trusted: {reason}");
    }
    match Close::from_peer(problem) {
        Some(close) => format!("the daemon at {address} has closed the connection: {close}"),
        None => format!("cannot connect to {address}: {problem}"),
    }
}
