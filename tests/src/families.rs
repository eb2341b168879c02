//! A peer that moves to the other address family, as the daemon sees it.

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

/// A socket of each family on loopback behind one endpoint, which believes that it always talks to
/// the same address of the daemon.
#[derive(Debug)]
pub struct Families {
    first: Arc<dyn AsyncUdpSocket>,
    other: Arc<dyn AsyncUdpSocket>,
    moved: AtomicBool,
}

impl Families {
    /// A client's endpoint that connects to the daemon at `first`, and its sockets.
    ///
    /// # Panics
    /// When loopback has no sockets.
    #[must_use]
    pub fn endpoint(first: IpAddr) -> (Endpoint, Arc<Self>) {
        let open = |address: IpAddr| {
            let socket = UdpSocket::bind((address, 0)).expect("loopback has sockets");
            SocketRuntime.wrap_udp_socket(socket).expect("a runtime")
        };
        let families = Arc::new(Self {
            first: open(first),
            other: open(other(first)),
            moved: AtomicBool::new(false),
        });
        let endpoint = Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            None,
            families.clone(),
            Arc::new(SocketRuntime),
        );
        (endpoint.expect("an endpoint"), families)
    }

    /// Sends from the other family from now on, and receives there. Gives the address.
    ///
    /// # Panics
    /// When the socket is lost.
    pub fn move_to_other(&self) -> SocketAddr {
        self.moved.store(true, Ordering::Relaxed);
        self.other.local_addr().expect("it is bound")
    }
}

/// Loopback in the other family.
fn other(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv4Addr::LOCALHOST.into(),
    }
}

impl AsyncUdpSocket for Families {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        // Loopback takes what the few packets of a test need.
        self.first.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if !self.moved.load(Ordering::Relaxed) {
            return self.first.try_send(transmit);
        }
        let to = transmit.destination;
        let destination = SocketAddr::new(other(to.ip()), to.port());
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
        if self.moved.load(Ordering::Relaxed)
            && let Poll::Ready(received) = self.other.poll_recv(context, buffers, meta)
        {
            let count = received?;
            for packet in &mut meta[..count] {
                packet.addr.set_ip(other(packet.addr.ip()));
            }
            return Poll::Ready(Ok(count));
        }
        self.first.poll_recv(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }
}
