//! Why there is no connection, in words for whoever runs the program.

use crate::{
    Close,
    address::Family,
    tls::{TrustError, distrust},
};
use std::{io, net::SocketAddr, sync::Arc};

/// No connection could be made. Trying again may help, unless the variant says otherwise.
///
/// The text is complete: it names the address, what happened there and what to check, and there is
/// no [`source`](std::error::Error::source) that would repeat it.
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
    Socket(io::Error),
    /// The name has no address.
    #[error("the address of {0} was not found: {1}")]
    Resolve(Arc<str>, io::Error),
    /// The name has no address of the family that was asked for.
    #[error("{0} has no {1} address")]
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
    /// An address answered, but not as a daemon we trust; this is what the last one of them did.
    #[error("{}", words(.address, .problem))]
    Connect {
        /// The address that this is about.
        address: SocketAddr,
        /// What happened there.
        problem: quinn::ConnectionError,
    },
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(" and ")
}

fn words(address: &SocketAddr, problem: &quinn::ConnectionError) -> String {
    if let Some(reason) = distrust(problem) {
        return format!("the daemon at {address} is not trusted: {reason}");
    }
    match Close::from_peer(problem) {
        Some(close) => format!("the daemon at {address} has closed the connection: {close}"),
        None => format!("no connection to {address}: {problem}"),
    }
}
