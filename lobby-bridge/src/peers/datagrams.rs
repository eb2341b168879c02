//! Datagrams: sockets for both address families, the task that reads them, and how answers leave.
//!
//! ```text
//!  sockets ─▶ Datagrams::run ──news──▶ Owner ─▶ Lobby ──errands──▶ Post ─▶ the socket that was asked
//! ```
//!
//! Memory is bounded: what the owner does not take in time is dropped, and so is what does not fit
//! into the queue of long answers. Both are counted and logged. Long answers of all peers together
//! leave at no more than [`PER_PAUSE`] datagrams every [`PAUSE`], whoever asks for them.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use metaserve::{address::canonical, program::listen, socket};
use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::{io::Interest, net::UdpSocket, sync::mpsc, time::sleep};

use super::{ListenError, errands::Errands, lobby::Lobby, owner::Owner};
use crate::{
    bans::Guard,
    metrics::{Datagram, Tally},
};

/// The longest datagram that is read. Longer ones are dropped.
pub(crate) const MAX_BYTES: usize = 2_048;

/// The datagrams of long answers that wait for their turn: with 1,400 bytes each, 5.6 MiB.
const QUEUED: usize = 4_096;

/// How many datagrams of long answers leave between two pauses.
const PER_PAUSE: usize = 10;

/// How long a pause is. With datagrams of 1,400 bytes, long answers take 56 Mbit/s at most.
const PAUSE: Duration = Duration::from_millis(2);

/// How often lost datagrams are logged, at most.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long a socket is left alone after an error.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Bytes that the kernel may hold for each socket, each way: about 1,000 short datagrams. It may
/// give less.
const BUFFER_BYTES: usize = 1024 * 1024;

/// How many datagrams are read at once. Each has room for as many as the kernel may join: 64 KiB.
const BATCH: usize = 8;
const BATCH_BYTES: usize = 64 * 1024;

/// The way to a peer: its address, and where a datagram of its has come in. An answer leaves from
/// there, because peers and the routers in front of them take it from nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Way {
    peer: SocketAddr,
    door: usize,
    /// Whether it is a second socket.
    is_beside: bool,
    local: Option<IpAddr>,
}

impl Way {
    /// The way to a peer that has not been heard of yet, from the first socket that can reach it.
    #[must_use]
    pub fn to(peer: SocketAddr) -> Self {
        Self {
            peer: canonical(peer),
            door: usize::MAX,
            is_beside: false,
            local: None,
        }
    }

    /// The way to another port of the same host.
    #[must_use]
    pub fn to_port(mut self, port: u16) -> Self {
        self.peer.set_port(port);
        self
    }

    /// The way from the second socket at the same address, whose port the peer has never sent to:
    /// what comes back over it has passed every firewall.
    #[must_use]
    pub const fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }

    /// Whether it is a way over a second socket.
    #[must_use]
    pub const fn is_beside(&self) -> bool {
        self.is_beside
    }

    /// The address of the peer; IPv4 is not shown inside IPv6.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// Sockets that are bound and not read yet.
#[derive(Debug)]
pub(crate) struct Datagrams {
    doors: Arc<[Door]>,
    queue: (mpsc::Sender<Letter>, mpsc::Receiver<Letter>),
    lost: Arc<Lost>,
}

#[derive(Debug)]
struct Door {
    /// Its place among the addresses, and whether it is the second socket there.
    number: usize,
    is_beside: bool,
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// What leaves: to whom, and the datagram.
type Letter = (Way, Bytes);

/// Datagrams that were dropped, since the last line of the log.
#[derive(Debug, Default)]
struct Lost {
    received: AtomicU64,
    sent: AtomicU64,
}

/// Sends datagrams, and never waits. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    doors: Arc<[Door]>,
    queue: mpsc::Sender<Letter>,
    lost: Arc<Lost>,
}

impl Datagrams {
    /// Binds a socket to each address. `[::]` means all addresses of both families, port 0 any free
    /// port. Must be called within a tokio runtime.
    pub(crate) fn open(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        Ok(Self::of(Door::all(addresses)?))
    }

    /// The same, with a second socket at a free port of each address: see [`Way::beside`].
    pub(crate) fn open_pairs(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut doors = Door::all(addresses)?;
        let free = addresses.iter().map(|it| SocketAddr::new(it.ip(), 0));
        let second = Door::all(&free.collect::<Vec<_>>())?.into_iter();
        doors.extend(second.map(|door| Door {
            is_beside: true,
            ..door
        }));
        Ok(Self::of(doors))
    }

    fn of(doors: Vec<Door>) -> Self {
        Self {
            doors: doors.into(),
            queue: mpsc::channel(QUEUED),
            lost: Arc::default(),
        }
    }

    /// The addresses, with the ports that the system chose for port 0.
    pub(crate) fn local_addresses(&self) -> Vec<SocketAddr> {
        let first = self.doors.iter().filter(|door| !door.is_beside);
        first.map(|door| door.local).collect()
    }

    /// The way out.
    pub(crate) fn post(&self) -> Post {
        Post {
            doors: Arc::clone(&self.doors),
            queue: self.queue.0.clone(),
            lost: Arc::clone(&self.lost),
        }
    }

    /// Reads all sockets, tells `owner` of each datagram as `news` puts it, and sends long answers.
    /// Banned peers are not heard, and neither are datagrams that nobody can answer. Never
    /// completes; dropping it closes nothing that a [`Post`] still holds.
    pub(crate) async fn run<E: Errands>(
        self,
        owner: Owner<E>,
        (bans, tally): (Guard, Tally),
        news: impl Fn(Way, Bytes) -> <E::Lobby as Lobby>::News,
    ) {
        let Self { doors, queue, lost } = self;
        let (owner, bans, news, tally) = (&owner, &bans, &news, &tally);
        let hear = |way: Way, datagram: Option<Bytes>| {
            let Some(datagram) = datagram.filter(|_| way.peer.port() != 0) else {
                return tally.datagram(Datagram::Unreadable);
            };
            if bans.banned(way.peer.ip()).is_some() {
                return tally.datagram(Datagram::Banned);
            }
            if !owner.try_heard(news(way, datagram)) {
                tally.datagram(Datagram::Lost);
                lost.received.fetch_add(1, Ordering::Relaxed);
            }
        };
        let hear = &hear;
        let reading = doors.iter().map(|door| async move {
            door.read(|peer, local, datagram| {
                let way = Way {
                    peer: canonical(peer),
                    door: door.number,
                    is_beside: door.is_beside,
                    local,
                };
                hear(way, datagram);
            })
            .await;
        });
        let reading = join_all(reading);
        tokio::join!(reading, deliver(&doors, queue.1, &lost), tell(&lost, tally));
    }
}

impl Post {
    /// Sends one datagram at once. If the kernel does not take it, it is lost.
    pub(crate) fn send(&self, way: Way, datagram: &[u8]) {
        if let Some(door) = find(&self.doors, way)
            && door.try_send(way, datagram).is_err()
        {
            self.lost.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a long answer, in order, as soon as the answers before it have left. What does not fit
    /// into the queue is lost.
    pub(crate) fn send_all(&self, way: Way, datagrams: Vec<Bytes>) {
        for datagram in datagrams {
            if self.queue.try_send((way, datagram)).is_err() {
                self.lost.sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Door {
    fn all(addresses: &[SocketAddr]) -> Result<Vec<Self>, ListenError> {
        let doors = addresses.iter().enumerate().map(|(number, &address)| {
            let door = Self::open(address, number);
            door.map_err(|source| ListenError::Listen { address, source })
        });
        doors.collect()
    }

    fn open(address: SocketAddr, number: usize) -> io::Result<Self> {
        let socket = listen::families(address, |address| {
            let socket = socket::bind(address)?;
            socket.set_nonblocking(true)?;
            // Smaller buffers lose more in a flood, but are no error.
            let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
            let _ = socket.set_send_buffer_size(BUFFER_BYTES);
            Ok(socket.into())
        })?;
        let socket = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new((&socket).into())?;
        let_fragments_pass(&socket);
        let local = socket.local_addr()?;
        Ok(Self {
            number,
            is_beside: false,
            socket,
            state,
            local,
        })
    }

    /// Passes on each datagram, or `None` for one that is too long.
    async fn read(&self, mut hear: impl FnMut(SocketAddr, Option<IpAddr>, Option<Bytes>)) {
        let mut buffers = vec![vec![0; BATCH_BYTES]; BATCH];
        let mut metas = [RecvMeta::default(); BATCH];
        loop {
            let received = {
                let slices = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer));
                let mut slices: Vec<_> = slices.collect();
                let receive = || {
                    let socket = (&self.socket).into();
                    self.state.recv(socket, &mut slices, &mut metas)
                };
                self.socket.async_io(Interest::READABLE, receive).await
            };
            match received {
                Ok(count) => {
                    for (buffer, meta) in buffers.iter().zip(&metas).take(count) {
                        let joined = buffer.get(..meta.len).unwrap_or_default();
                        let each = joined.chunks(meta.stride.max(1));
                        if joined.is_empty() {
                            hear(meta.addr, meta.dst_ip, Some(Bytes::new()));
                        }
                        for datagram in each {
                            let is_short = datagram.len() <= MAX_BYTES;
                            let datagram = is_short.then(|| Bytes::copy_from_slice(datagram));
                            hear(meta.addr, meta.dst_ip, datagram);
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(local = %self.local, %error, "cannot read datagrams now");
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Whether this socket can reach a peer of that family.
    fn reaches(&self, peer: SocketAddr) -> bool {
        let local = self.local.ip().to_canonical();
        local.is_ipv4() == peer.is_ipv4() || self.local.ip() == IpAddr::from([0_u16; 8])
    }

    fn transmit<'a>(&self, way: Way, contents: &'a [u8]) -> Transmit<'a> {
        let destination = match (way.peer, self.local) {
            (SocketAddr::V4(peer), SocketAddr::V6(_)) => {
                SocketAddr::from((peer.ip().to_ipv6_mapped(), peer.port()))
            }
            (peer, _) => peer,
        };
        Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: None,
            // The families of both must be the same.
            src_ip: way.local.filter(|ip| ip.is_ipv4() == destination.is_ipv4()),
        }
    }

    fn try_send(&self, way: Way, datagram: &[u8]) -> io::Result<()> {
        let transmit = self.transmit(way, datagram);
        let send = || self.state.try_send((&self.socket).into(), &transmit);
        self.socket.try_io(Interest::WRITABLE, send)
    }

    async fn send(&self, way: Way, datagram: &[u8]) -> io::Result<()> {
        let transmit = self.transmit(way, datagram);
        let send = || self.state.try_send((&self.socket).into(), &transmit);
        self.socket.async_io(Interest::WRITABLE, send).await
    }
}

fn find(doors: &[Door], way: Way) -> Option<&Door> {
    let mut doors = doors.iter().filter(|it| it.is_beside == way.is_beside);
    let its_own = doors.clone().find(|it| it.number == way.door);
    its_own.or_else(|| doors.find(|it| it.reaches(way.peer)))
}

/// Lets routers divide datagrams that are too long for the way, as old games expect it. The state of
/// a socket for QUIC asks for the opposite.
#[cfg(target_os = "linux")]
fn let_fragments_pass(socket: &UdpSocket) {
    use rustix::net::sockopt::{
        Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
    };
    // One of them fails on a socket of the other family.
    let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT);
    let _ = set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT);
}

#[cfg(not(target_os = "linux"))]
fn let_fragments_pass(_: &UdpSocket) {}

/// Sends long answers, with pauses.
async fn deliver(doors: &[Door], mut queue: mpsc::Receiver<Letter>, lost: &Lost) {
    let mut since_pause = 0;
    while let Some((way, datagram)) = queue.recv().await {
        if let Some(door) = find(doors, way)
            && door.send(way, &datagram).await.is_err()
        {
            lost.sent.fetch_add(1, Ordering::Relaxed);
        }
        since_pause += 1;
        if since_pause >= PER_PAUSE {
            since_pause = 0;
            sleep(PAUSE).await;
        }
    }
    std::future::pending().await
}

/// Logs and counts what was lost.
async fn tell(lost: &Lost, tally: &Tally) {
    loop {
        sleep(TELL_EVERY).await;
        let [received, sent] = [&lost.received, &lost.sent].map(|it| it.swap(0, Ordering::Relaxed));
        if received + sent > 0 {
            tally.unsent(sent);
            tracing::warn!(
                received,
                sent,
                "datagrams were lost: more came, or had to be sent, than there is room for"
            );
        }
    }
}
