//! The socket of one shard: what arrives for another shard is handed over to it.

use super::routing::Router;
use metaserve::socket::SocketRuntime;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use quinn::{
    AsyncTimer, AsyncUdpSocket, Runtime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tokio::sync::mpsc;

/// How many datagrams wait for one shard, at most: 1.5 MB of them. Further ones are dropped, as
/// by a full socket; QUIC sends them again.
const QUEUE: usize = 1_024;

/// A datagram that has arrived at another shard.
struct Datagram {
    bytes: Box<[u8]>,
    /// As it was received, but of this one datagram.
    meta: RecvMeta,
}

/// How shards count what they hand over.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandedOver {
    pub(crate) delivered: Counter,
    pub(crate) dropped: Counter,
}

/// Where each shard puts what is for another one.
#[derive(Clone)]
pub(super) struct Outboxes {
    shards: Arc<[mpsc::Sender<Datagram>]>,
    count: HandedOver,
}

/// What the other shards hand over to one.
pub(super) struct Inbox(mpsc::Receiver<Datagram>);

/// The queues between `shards`.
pub(super) fn queues(shards: usize, count: HandedOver) -> (Outboxes, Vec<Inbox>) {
    let queue = |_| mpsc::channel(QUEUE);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards).map(queue).unzip();
    let outboxes = Outboxes {
        shards: senders.into(),
        count,
    };
    (outboxes, receivers.into_iter().map(Inbox).collect())
}

impl Outboxes {
    fn put(&self, shard: usize, bytes: &[u8], meta: &RecvMeta) {
        let Some(outbox) = self.shards.get(shard) else {
            return;
        };
        let put = outbox.try_reserve().map(|place| {
            let len = bytes.len();
            let (bytes, stride) = (bytes.into(), len);
            let meta = RecvMeta {
                len,
                stride,
                ..*meta
            };
            place.send(Datagram { bytes, meta });
        });
        match put {
            Ok(()) => self.count.delivered.inc(),
            Err(_) => self.count.dropped.inc(),
        };
    }
}

/// quinn's runtime for one shard of several. Give it to [`quinn::Endpoint::new`], once.
pub(super) struct ShardRuntime {
    inbox: Mutex<Option<Inbox>>,
    outboxes: Outboxes,
    router: Router,
}

impl ShardRuntime {
    pub(super) fn new(inbox: Inbox, outboxes: Outboxes, router: Router) -> Self {
        Self {
            inbox: Mutex::new(Some(inbox)),
            outboxes,
            router,
        }
    }
}

impl fmt::Debug for ShardRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShardRuntime")
            .field(&self.router.own)
            .finish()
    }
}

impl Runtime for ShardRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        SocketRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        SocketRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let inbox = self.inbox.lock().take();
        let inbox = inbox.ok_or_else(|| io::Error::other("a shard has one socket"))?;
        Ok(Arc::new(Socket {
            inner: SocketRuntime.wrap_udp_socket(socket)?,
            inbox: Mutex::new(inbox),
            outboxes: self.outboxes.clone(),
            router: self.router.clone(),
        }))
    }

    fn now(&self) -> Instant {
        SocketRuntime.now()
    }
}

struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    /// Only this shard's endpoint locks it.
    inbox: Mutex<Inbox>,
    outboxes: Outboxes,
    router: Router,
}

impl Socket {
    /// Moves what other shards have handed over into the buffers, up to half of them, so that the
    /// socket is read as well. Returns how many that were.
    fn handed_over(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> usize {
        let most = buffers.len().div_ceil(2);
        let mut inbox = self.inbox.lock();
        let mut filled = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta).take(most) {
            let Poll::Ready(Some(datagram)) = inbox.0.poll_recv(context) else {
                break;
            };
            // Buffers take the longest datagram that this machine can receive.
            if let Some(buffer) = buffer.get_mut(..datagram.bytes.len()) {
                buffer.copy_from_slice(&datagram.bytes);
                *meta = datagram.meta;
                filled += 1;
            }
        }
        filled
    }

    /// Hands over what is for other shards, and closes the gaps. The datagrams of one buffer come
    /// from one address, but an address may have many connections.
    fn sort(&self, buffer: &mut [u8], meta: &mut RecvMeta) {
        let stride = meta.stride.max(1);
        let (mut kept, mut at) = (0, 0);
        while at < meta.len {
            let end = meta.len.min(at + stride);
            match self.router.elsewhere(&buffer[at..end]) {
                Some(shard) => self.outboxes.put(shard, &buffer[at..end], meta),
                None => {
                    if kept != at {
                        buffer.copy_within(at..end, kept);
                    }
                    kept += end - at;
                }
            }
            at = end;
        }
        meta.len = kept;
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.inner).finish()
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let handed_over = self.handed_over(context, buffers, meta);
        let (buffers, meta) = (&mut buffers[handed_over..], &mut meta[handed_over..]);
        match self.inner.poll_recv(context, buffers, meta) {
            Poll::Ready(Ok(received)) => {
                let received_here = buffers.iter_mut().zip(meta).take(received);
                received_here.for_each(|(buffer, meta)| self.sort(buffer, meta));
                Poll::Ready(Ok(handed_over + received))
            }
            // An error comes again with the next call.
            _ if handed_over > 0 => Poll::Ready(Ok(handed_over)),
            nothing => nothing,
        }
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

#[cfg(test)]
mod tests;
