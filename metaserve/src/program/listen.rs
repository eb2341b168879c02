//! Listening sockets, on machines with both address families or only one.

use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// The number of connections that the kernel holds until we accept them.
const BACKLOG: i32 = 1_024;

/// Listens on TCP without blocking. See [`families`] for the meaning of `[::]`.
///
/// # Errors
/// When the address cannot be bound.
pub fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    families(address, |address| {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        // A restart must not wait until the connections of the last run have expired.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}

/// Calls `bind` with an address. On a machine without IPv6, `[::]`, which means all addresses of
/// both families, becomes all addresses of IPv4, and the log says so.
///
/// # Errors
/// The error of `bind`.
pub fn families<T>(
    address: SocketAddr,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let everywhere = address.is_ipv6() && address.ip().is_unspecified();
    bind(address).or_else(|error| match error.kind() {
        // These errors do not depend on the family.
        ErrorKind::AddrInUse | ErrorKind::PermissionDenied => Err(error),
        _ if everywhere => {
            let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            let bound = bind(ipv4)?;
            tracing::warn!("this machine has no IPv6 ({error}): listening on IPv4 only, {ipv4}");
            Ok(bound)
        }
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The container did not start where IPv6 is switched off.
    #[test]
    fn all_addresses_means_ipv4_on_a_machine_without_ipv6() {
        let bind = |address: SocketAddr| match address {
            SocketAddr::V4(_) => Ok(address.to_string()),
            // EAFNOSUPPORT.
            SocketAddr::V6(_) => Err(io::Error::from(ErrorKind::Unsupported)),
        };
        let bound = |address: &str| families(address.parse().unwrap(), bind);
        assert_eq!(bound("[::]:8080").unwrap(), "0.0.0.0:8080");
        assert_eq!(bound("127.0.0.1:8080").unwrap(), "127.0.0.1:8080");
        // A specific address is never replaced.
        bound("[::1]:8080").unwrap_err();
        let taken = |address: SocketAddr| match address {
            SocketAddr::V4(_) => Ok(()),
            SocketAddr::V6(_) => Err(io::Error::from(ErrorKind::AddrInUse)),
        };
        let error = families("[::]:8080".parse().unwrap(), taken).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn all_addresses_means_both_families() {
        let listener = tcp("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
