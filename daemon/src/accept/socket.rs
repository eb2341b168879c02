//! The daemon's UDP socket.

use anyhow::{Context, anyhow};
use metaserve::{
    program::listen,
    socket::{self, SocketRuntime},
};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
};

/// The size of the socket's buffers: room for a burst of some 3,000 packets while the daemon is
/// busy. The operating system may give less (on Linux at most `net.core.rmem_max` and `wmem_max`).
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Opens the socket and an endpoint on it. `[::]` includes IPv4; on a machine without IPv6 it
/// means IPv4 only.
pub(crate) fn open(
    listen: SocketAddr,
    endpoint_config: quinn::EndpointConfig,
    server_config: quinn::ServerConfig,
) -> anyhow::Result<quinn::Endpoint> {
    let socket = bind(listen).map_err(|error| explain(listen, error))?;
    let runtime = Arc::new(SocketRuntime);
    quinn::Endpoint::new(endpoint_config, Some(server_config), socket, runtime)
        .context("cannot use the UDP socket for QUIC")
}

/// Explains why an address cannot be bound, and what to do.
pub(crate) fn explain(listen: SocketAddr, error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "UDP port {} is in use, perhaps by another daemon: stop that one, or choose another \
             address with --listen",
            listen.port()
        ),
        ErrorKind::AddrNotAvailable => anyhow!(
            "{} is not an address of this machine: choose another with --listen",
            listen.ip()
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "this user may not listen on UDP port {}: choose one from 1024 up with --listen",
            listen.port()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {listen} (UDP)")),
    }
}

/// Binds a socket to this address. On a machine without IPv6, all IPv4 addresses replace `[::]`.
pub(crate) fn bind(listen: SocketAddr) -> io::Result<UdpSocket> {
    listen::families(listen, |listen| {
        let socket = socket::bind(listen)?;
        // A smaller buffer is slower, but not an error.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        Ok(socket.into())
    })
}
