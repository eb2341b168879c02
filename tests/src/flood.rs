//! First packets of peers that never send another.

use metaserve::{Role, tls::client_config};
use quinn::EndpointConfig;
use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::Arc,
    time::Instant,
};

/// The first packet of a new connection to this daemon.
///
/// # Panics
/// When the packet cannot be created.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "quinn needs the time")]
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

/// Sends a first packet from each of `count` addresses, none of which sends another.
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

/// The addresses that first packets came from.
#[derive(Default)]
pub struct Flood {
    sources: Vec<(UdpSocket, usize)>,
}

impl Flood {
    /// Adds the addresses of another flood.
    pub fn add(&mut self, other: Self) {
        self.sources.extend(other.sources);
    }

    /// The bytes received so far for every byte sent: the highest ratio of one address, and the
    /// ratio of all together.
    ///
    /// # Panics
    /// When a socket fails.
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
