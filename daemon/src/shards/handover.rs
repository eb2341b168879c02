//! What arrives at one shard for another is handed over to it.

use super::routing::Router;
use metaserve::{socket::Receive, tls::connection_ids::ConnectionIds};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use quinn::{AsyncUdpSocket, udp::RecvMeta};
use std::{
    io::{self, IoSliceMut},
    sync::Arc,
    task::{Context, Poll},
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

/// What one of several shards does with datagrams that it receives, and how it gets its own.
#[derive(Debug)]
pub(super) struct HandOver {
    /// What the others hand over. Only this shard's endpoint locks it.
    inbox: Mutex<mpsc::Receiver<Datagram>>,
    /// Where each shard gets what is for it.
    outboxes: Arc<[mpsc::Sender<Datagram>]>,
    router: Router,
    count: HandedOver,
}

/// The parts of all of these shards.
pub(super) fn between(running: usize, ids: &ConnectionIds, count: &HandedOver) -> Vec<HandOver> {
    let queue = |_| mpsc::channel(QUEUE);
    let (outboxes, inboxes): (Vec<_>, Vec<_>) = (0..running).map(queue).unzip();
    let outboxes: Arc<[_]> = outboxes.into();
    let part = |(own, inbox)| HandOver {
        inbox: Mutex::new(inbox),
        outboxes: outboxes.clone(),
        router: Router {
            ids: ids.clone(),
            own,
            running,
        },
        count: count.clone(),
    };
    inboxes.into_iter().enumerate().map(part).collect()
}

impl HandOver {
    fn put(&self, shard: usize, bytes: &[u8], meta: &RecvMeta) {
        let Some(outbox) = self.outboxes.get(shard) else {
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
            let Poll::Ready(Some(datagram)) = inbox.poll_recv(context) else {
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
                Some(shard) => self.put(shard, &buffer[at..end], meta),
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

impl Receive for HandOver {
    fn poll_recv(
        &self,
        socket: &dyn AsyncUdpSocket,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let handed_over = self.handed_over(context, buffers, meta);
        let (buffers, meta) = (&mut buffers[handed_over..], &mut meta[handed_over..]);
        match socket.poll_recv(context, buffers, meta) {
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
}

#[cfg(test)]
mod tests;
