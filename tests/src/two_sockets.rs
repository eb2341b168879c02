//! Peers that send from an address other than the one that they connected from.

use metaserve::socket::SocketRuntime;
use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

/// Two loopback sockets behind one endpoint, which assumes that it always uses the same address.
#[derive(Debug)]
pub struct TwoSockets {
    first: Arc<dyn AsyncUdpSocket>,
    other: Arc<dyn AsyncUdpSocket>,
    sends_from_other: AtomicBool,
    /// Whether it receives at the other address as well.
    receives_at_other: bool,
}

impl TwoSockets {
    /// The address that a [forger](Self::forger) claims.
    pub const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

    /// A peer at 127.0.0.1 that can send from [`FOREIGN`](Self::FOREIGN), where it does not
    /// receive, like a host that forges its source address. Returns its endpoint and its sockets.
    ///
    /// # Panics
    /// When loopback has no sockets.
    #[must_use]
    pub fn forger() -> (Endpoint, Arc<Self>) {
        Self::endpoint(Ipv4Addr::LOCALHOST.into(), Self::FOREIGN, false)
    }

    /// A peer with an address in each family, which connects to the daemon at `first`. Returns its
    /// endpoint and its sockets.
    ///
    /// # Panics
    /// When loopback has no sockets.
    #[must_use]
    pub fn of_both_families(first: IpAddr) -> (Endpoint, Arc<Self>) {
        Self::endpoint(first, in_other_family(first), true)
    }

    fn endpoint(first: IpAddr, other: IpAddr, receives_at_other: bool) -> (Endpoint, Arc<Self>) {
        let open = |address: IpAddr| {
            let socket = UdpSocket::bind((address, 0)).expect("loopback has sockets");
            SocketRuntime.wrap_udp_socket(socket).expect("a runtime")
        };
        let sockets = Arc::new(Self {
            first: open(first),
            other: open(other),
            sends_from_other: AtomicBool::new(false),
            receives_at_other,
        });
        let endpoint = Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            None,
            sockets.clone(),
            Arc::new(SocketRuntime),
        );
        (endpoint.expect("an endpoint"), sockets)
    }

    /// Sends from the other socket from now on. Returns its address.
    ///
    /// # Panics
    /// When the socket fails.
    pub fn send_from_other(&self) -> SocketAddr {
        self.sends_from_other.store(true, Ordering::Relaxed);
        self.other.local_addr().expect("it is bound")
    }
}

/// Loopback in the other family.
fn in_other_family(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv4Addr::LOCALHOST.into(),
    }
}

impl AsyncUdpSocket for TwoSockets {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        // Loopback accepts the few packets of a test at once.
        self.first.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if !self.sends_from_other.load(Ordering::Relaxed) {
            return self.first.try_send(transmit);
        }
        let mut destination = transmit.destination;
        if destination.is_ipv4() != self.other.local_addr()?.is_ipv4() {
            destination.set_ip(in_other_family(destination.ip()));
        }
        self.other.try_send(&Transmit {
            destination,
            ..transmit.clone()
        })
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.receives_at_other
            && let Poll::Ready(received) = self.other.poll_recv(context, buffers, meta)
        {
            let count = received?;
            for packet in &mut meta[..count] {
                packet.addr.set_ip(in_other_family(packet.addr.ip()));
            }
            return Poll::Ready(Ok(count));
        }
        self.first.poll_recv(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }
}
