//! A socket of peers that shows what they send.

use metaserve::socket::{self, SocketRuntime};
use quinn::{
    AsyncUdpSocket, Runtime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    collections::HashMap,
    io::{self, IoSliceMut},
    net::{Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

/// A socket for both address families, for [`quinn::Endpoint::rebind_abstract`]. It keeps what is
/// sent. On request it sends datagrams in groups, which the receiver gets at once.
#[derive(Debug)]
pub struct Tap {
    inner: Arc<dyn AsyncUdpSocket>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Vec<u8>>,
    /// The datagrams that wait for others of their length; none to send each at once.
    groups: Option<HashMap<usize, Vec<u8>>>,
}

impl Tap {
    /// The datagrams of a group.
    const GROUP: usize = 4;

    /// Opens it.
    ///
    /// # Panics
    /// When loopback has no sockets, or outside of a runtime.
    #[must_use]
    pub fn open() -> Arc<Self> {
        let socket = socket::bind((Ipv6Addr::UNSPECIFIED, 0).into()).expect("a socket");
        let inner = SocketRuntime.wrap_udp_socket(socket.into());
        Arc::new(Self {
            inner: inner.expect("a runtime"),
            state: Mutex::default(),
        })
    }

    /// Sends datagrams of one length in groups of four from now on. Whatever does not fill a group
    /// is lost; its sender tries again.
    pub fn send_in_groups(&self) {
        self.with(|state| state.groups = Some(HashMap::new()));
    }

    /// The datagrams so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.with(|state| state.sent.clone())
    }

    fn with<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Adds a datagram to a group. Returns the group if it is full.
    fn grouped(groups: &mut HashMap<usize, Vec<u8>>, datagram: &[u8]) -> Option<Vec<u8>> {
        let length = datagram.len();
        let group = groups.entry(length).or_default();
        group.extend(datagram);
        (group.len() == Tap::GROUP * length).then(|| std::mem::take(group))
    }
}

impl AsyncUdpSocket for Tap {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let length = transmit.segment_size.unwrap_or(transmit.contents.len());
        let full: Option<Vec<_>> = self.with(|state| {
            let datagrams = transmit.contents.chunks(length.max(1));
            state.sent.extend(datagrams.clone().map(<[u8]>::to_vec));
            let groups = state.groups.as_mut()?;
            Some(
                datagrams
                    .filter_map(|it| State::grouped(groups, it))
                    .collect(),
            )
        });
        let Some(full) = full else {
            return self.inner.try_send(transmit);
        };
        for contents in full {
            // An error is a lost group.
            let _ = self.inner.try_send(&Transmit {
                contents: &contents,
                segment_size: Some(contents.len() / Self::GROUP),
                ..transmit.clone()
            });
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_recv(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }
}
