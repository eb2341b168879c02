//! The daemon's UDP sockets: one for each shard, all on one address.

use anyhow::{Context, anyhow};
use metaserve::{program::listen, socket};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
};

/// The size of the socket's buffers: room for a burst of some 3,000 packets while the daemon is
/// busy. The operating system may give less (on Linux at most `net.core.rmem_max` and `wmem_max`).
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Opens `count` sockets on one address. `[::]` includes IPv4; on a machine without IPv6 it means
/// IPv4 only.
///
/// Open all of them before the first handshake: another socket in the group changes which of them
/// a peer's packets arrive at.
pub(crate) fn open(listen: SocketAddr, count: usize) -> anyhow::Result<Vec<UdpSocket>> {
    let first = bind(listen).map_err(|error| explain(listen, error))?;
    let rest = (1..count).map(|_| {
        let socket = socket::join(&first)?;
        make_room(&socket);
        Ok(socket.into())
    });
    let rest: io::Result<Vec<_>> = rest.collect();
    let rest = rest.with_context(|| {
        format!("cannot share UDP {listen} among {count} threads: start with --threads 1")
    })?;
    Ok(std::iter::once(first).chain(rest).collect())
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
        make_room(&socket);
        Ok(socket.into())
    })
}

/// Requests large buffers. A smaller buffer is slower, but not an error.
fn make_room(socket: &socket::Socket) {
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
}
