//! Peers who are not who they claim to be.

use metaserve::{Role, tls::client_config};
use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

/// A socket that receives at 127.0.0.1, and sends from there or, when it is told to, from
/// 127.0.0.9, where it does not receive: as a host does that forges its source address.
#[derive(Debug)]
pub struct Forger {
    own: Arc<dyn AsyncUdpSocket>,
    foreign: Arc<dyn AsyncUdpSocket>,
    forging: AtomicBool,
}

impl Forger {
    /// The address that is claimed.
    pub const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

    /// A client's endpoint on such a socket, and the socket.
    ///
    /// # Panics
    /// When loopback has no sockets.
    #[must_use]
    pub fn endpoint() -> (Endpoint, Arc<Self>) {
        let open = |address: IpAddr| {
            let socket = UdpSocket::bind((address, 0)).expect("loopback has sockets");
            TokioRuntime.wrap_udp_socket(socket).expect("a runtime")
        };
        let forger = Arc::new(Self {
            own: open(Ipv4Addr::LOCALHOST.into()),
            foreign: open(Self::FOREIGN),
            forging: AtomicBool::new(false),
        });
        let runtime = Arc::new(TokioRuntime);
        let config = EndpointConfig::default();
        let endpoint = Endpoint::new_with_abstract_socket(config, None, forger.clone(), runtime);
        (endpoint.expect("an endpoint"), forger)
    }

    /// Claims the foreign address from now on, or the own one.
    pub fn forge(&self, forging: bool) {
        self.forging.store(forging, Ordering::Relaxed);
    }

    fn sender(&self) -> &Arc<dyn AsyncUdpSocket> {
        match self.forging.load(Ordering::Relaxed) {
            true => &self.foreign,
            false => &self.own,
        }
    }
}

impl AsyncUdpSocket for Forger {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.sender().clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.sender().try_send(transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.own.poll_recv(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.own.local_addr()
    }
}

/// The first packet of a new connection to this daemon.
///
/// # Panics
/// When none can be made.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "quinn asks for the time")]
pub fn first_packet(daemon: &crate::Daemon, role: Role) -> Vec<u8> {
    let config = client_config(role, &daemon.trust(), None).expect("a configuration");
    let mut endpoint =
        quinn_proto::Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None);
    let connected = endpoint.connect(Instant::now(), config, daemon.address, "localhost");
    let (_, mut connection) = connected.expect("a connection");
    let mut packet = Vec::new();
    let sent = connection.poll_transmit(Instant::now(), 1, &mut packet);
    packet.truncate(sent.expect("a first packet").size);
    packet
}

/// Sends a first packet from each of `count` addresses, none of which ever sends another.
///
/// # Panics
/// When loopback has no sockets.
#[must_use]
pub fn flood(daemon: &crate::Daemon, count: usize) -> Flood {
    let mut flood = Flood::default();
    for _ in 0..count {
        let packet = first_packet(daemon, Role::Client);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has sockets");
        let sent = socket.send_to(&packet, daemon.address).expect("loopback");
        flood.sources.push((socket, sent));
    }
    flood
}

/// Addresses that first packets came from.
#[derive(Default)]
pub struct Flood {
    sources: Vec<(UdpSocket, usize)>,
}

impl Flood {
    /// Counts those of another flood as well.
    pub fn add(&mut self, other: Self) {
        self.sources.extend(other.sources);
    }

    /// How many bytes came back to each so far for every byte that was sent from it: the greatest
    /// ratio, and that of all together.
    ///
    /// # Panics
    /// When a socket is lost.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn amplification(&self) -> (f64, f64) {
        let mut buffer = [0; 2048];
        let (mut greatest, mut there, mut back) = (0.0_f64, 0, 0);
        for (socket, sent) in &self.sources {
            socket.set_nonblocking(true).expect("open");
            let received: usize = std::iter::from_fn(|| socket.recv(&mut buffer).ok()).sum();
            greatest = greatest.max(received as f64 / *sent as f64);
            (there, back) = (there + sent, back + received);
        }
        (greatest, back as f64 / there as f64)
    }
}
