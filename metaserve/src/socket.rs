//! The UDP socket below QUIC. It never passes a packet to the operating system that cannot be
//! sent.
//!
//! QUIC sends from the address at which a connection began, even when the peer has moved to the
//! other address family, and it answers packets wherever they claim to come from. On a socket for
//! both families such a packet cannot be sent: `sendmsg` fails with `EINVAL`. quinn-udp then
//! assumes that the kernel or the network card lacks segmentation offload. From then on it sends
//! packet by packet and without ECN, for every connection of the socket, until the program is
//! restarted. A single packet from a stranger was enough.

use quinn::{
    AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// A UDP socket as it was opened here.
pub use socket2::Socket;

/// quinn's runtime for tokio, with a [socket](self) that drops packets that cannot be sent. Pass
/// it to [`quinn::Endpoint::new`]; it also wraps the sockets that the endpoint is rebound to.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketRuntime;

impl Runtime for SocketRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        wrap(socket, AsItComes)
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// What happens to datagrams between the operating system and quinn, in a [`wrap`]ped socket.
pub trait Receive: fmt::Debug + Send + Sync + 'static {
    /// [`AsyncUdpSocket::poll_recv`], with the socket to receive from.
    ///
    /// # Errors
    /// Those of the socket.
    fn poll_recv(
        &self,
        socket: &dyn AsyncUdpSocket,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>>;
}

#[derive(Debug)]
struct AsItComes;

impl Receive for AsItComes {
    fn poll_recv(
        &self,
        socket: &dyn AsyncUdpSocket,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        socket.poll_recv(context, buffers, meta)
    }
}

/// A socket as [`SocketRuntime`] makes them, which receives through `receive`. Call it inside the
/// tokio runtime that serves the socket, and pass it to
/// [`quinn::Endpoint::new_with_abstract_socket`].
///
/// # Errors
/// When the operating system refuses to make it asynchronous.
pub fn wrap(socket: UdpSocket, receive: impl Receive) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let inner = TokioRuntime.wrap_udp_socket(socket)?;
    Ok(Arc::new(Checked { inner, receive }))
}

/// Opens a UDP socket. On every platform, a socket for `[::]` sends and receives IPv4 as well.
///
/// # Errors
/// When the operating system refuses the address, or does not support its family.
pub fn bind(address: SocketAddr) -> io::Result<Socket> {
    bind_with(address, |_| Ok(()))
}

/// Opens a further socket on the address of `first`. The kernel shares out what arrives among all
/// of them, by the addresses and ports of sender and receiver: only on Linux.
///
/// The first socket is bound without the option that allows this and gets it here, so that the
/// port has to be free: otherwise a second program of the same user would join the group and
/// take its share of the peers. Another socket in the group changes which one a peer's packets
/// arrive at.
///
/// # Errors
/// When the operating system refuses, and on other systems than Linux.
pub fn join(first: &UdpSocket) -> io::Result<Socket> {
    share_port(&first.into())?;
    bind_with(first.local_addr()?, |socket| share_port(&socket.into()))
}

#[cfg(target_os = "linux")]
fn share_port(socket: &socket2::SockRef<'_>) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(target_os = "linux"))]
fn share_port(_: &socket2::SockRef<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn bind_with(
    address: SocketAddr,
    prepare: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<Socket> {
    let domain = socket2::Domain::for_address(address);
    let socket = Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    prepare(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// quinn's socket, which checks each packet before it is sent.
#[derive(Debug)]
struct Checked<R> {
    inner: Arc<dyn AsyncUdpSocket>,
    receive: R,
}

impl<R: Receive> AsyncUdpSocket for Checked<R> {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if transmit.destination.port() == 0 {
            // No program has port 0, but a forged packet can claim to come from it.
            return Ok(());
        }
        let src_ip = source(transmit);
        self.inner.try_send(&Transmit {
            src_ip,
            ..transmit.clone()
        })
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.receive.poll_recv(&*self.inner, context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

/// The address to send from: the requested one if packets to that destination can come from it,
/// otherwise none, so that the operating system chooses.
///
/// On a socket for both families, IPv4 addresses are written as IPv6 (`::ffff:192.0.2.1`), but
/// count as IPv4.
fn source(transmit: &Transmit<'_>) -> Option<IpAddr> {
    let to = transmit.destination.ip().to_canonical();
    transmit
        .src_ip
        .filter(|from| match (from.to_canonical(), to) {
            // A peer can send to a multicast or broadcast address, but no answer can come from
            // there.
            (IpAddr::V4(from), IpAddr::V4(_)) => {
                !from.is_multicast() && !from.is_broadcast() && from != Ipv4Addr::UNSPECIFIED
            }
            (IpAddr::V6(from), IpAddr::V6(_)) => {
                !from.is_multicast() && from != Ipv6Addr::UNSPECIFIED
            }
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::udp::EcnCodepoint;
    use std::future::poll_fn;

    /// A socket like the daemon's, bound to `address`.
    fn open(address: &str) -> Arc<dyn AsyncUdpSocket> {
        let socket = bind(address.parse().unwrap()).unwrap();
        SocketRuntime.wrap_udp_socket(socket.into()).unwrap()
    }

    /// Sends one packet, marked for ECN.
    async fn send(socket: &Arc<dyn AsyncUdpSocket>, from: &str, to: SocketAddr) {
        let mut writable = socket.clone().create_io_poller();
        let writable = poll_fn(|context| writable.as_mut().poll_writable(context));
        writable.await.unwrap();
        let from: IpAddr = from.parse().unwrap();
        let transmit = Transmit {
            destination: to,
            ecn: Some(EcnCodepoint::Ect0),
            contents: b"hello",
            segment_size: None,
            src_ip: Some(from),
        };
        socket.try_send(&transmit).unwrap();
    }

    /// The metadata of the next packet that arrives.
    async fn next(socket: &dyn AsyncUdpSocket) -> RecvMeta {
        let mut buffer = [0; 2048];
        let mut meta = [RecvMeta::default()];
        let receive = poll_fn(|context| {
            let mut buffers = [IoSliceMut::new(&mut buffer)];
            socket.poll_recv(context, &mut buffers, &mut meta)
        });
        assert_eq!(receive.await.unwrap(), 1);
        meta[0]
    }

    /// A single packet from a stranger turned segmentation offload and ECN off for everybody,
    /// until a restart.
    #[tokio::test]
    async fn no_peer_can_turn_off_offload_and_ecn_for_others() {
        let socket = open("[::]:0");
        let (four, six) = (open("127.0.0.1:0"), open("[::1]:0"));
        let port = four.local_addr().unwrap().port();
        let four_address: SocketAddr = format!("[::ffff:127.0.0.1]:{port}").parse().unwrap();
        let six_address = six.local_addr().unwrap();
        let segments = socket.max_transmit_segments();
        let cannot_be_sent = [
            ("::1", four_address),
            ("::ffff:127.0.0.1", six_address),
            ("127.0.0.1", six_address),
            ("ff02::1", six_address),
            ("::ffff:224.0.0.1", four_address),
            ("::ffff:255.255.255.255", four_address),
            ("::1", "[::1]:0".parse().unwrap()),
            ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]:0".parse().unwrap()),
        ];
        for (from, to) in cannot_be_sent {
            send(&socket, from, to).await;
            assert_eq!(socket.max_transmit_segments(), segments, "{from} to {to}");
            if to.port() != 0 {
                let receiver = if to == four_address { &four } else { &six };
                let meta = next(&**receiver).await;
                assert_eq!(meta.ecn, Some(EcnCodepoint::Ect0), "{from} to {to}");
            }
        }
    }

    #[tokio::test]
    async fn a_packet_comes_from_the_requested_address() {
        let socket = open("[::]:0");
        let four = open("127.0.0.1:0");
        let port = four.local_addr().unwrap().port();
        let to = format!("[::ffff:127.0.0.1]:{port}").parse().unwrap();
        send(&socket, "::ffff:127.0.0.7", to).await;
        let from: IpAddr = [127, 0, 0, 7].into();
        assert_eq!(next(&*four).await.addr.ip(), from);
    }

    #[tokio::test]
    async fn the_socket_has_the_capabilities_of_quinns_own() {
        let ours = open("127.0.0.1:0");
        let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
        let theirs = TokioRuntime.wrap_udp_socket(theirs).unwrap();
        let can = |socket: &Arc<dyn AsyncUdpSocket>| {
            let segments = (
                socket.max_transmit_segments(),
                socket.max_receive_segments(),
            );
            (segments, socket.may_fragment())
        };
        assert_eq!(can(&ours), can(&theirs));
    }

    #[test]
    fn an_answer_comes_from_the_requested_address_if_that_is_possible() {
        let from = |from: &str, to: &str| {
            let transmit = Transmit {
                destination: SocketAddr::new(to.parse().unwrap(), 5000),
                ecn: None,
                contents: b"",
                segment_size: None,
                src_ip: Some(from.parse().unwrap()),
            };
            source(&transmit).is_some()
        };
        for (ours, theirs, fits) in [
            ("2001:db8::1", "2001:db8::2", true),
            ("::", "2001:db8::2", false),
            ("ff02::1", "2001:db8::2", false),
            ("2001:db8::1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.2", true),
            ("0.0.0.0", "192.0.2.2", false),
            ("255.255.255.255", "192.0.2.2", false),
        ] {
            assert_eq!(from(ours, theirs), fits, "{ours} to {theirs}");
        }
    }
}
