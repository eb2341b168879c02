//! Reading from one peer's socket, and noticing when the peer has ended its side.

use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use metaserve::time::now;
use tokio::{
    io::Interest,
    net::tcp::OwnedReadHalf,
    time::{sleep, timeout, timeout_at},
};

/// The most bytes read from a socket at once.
const READ_BYTES: usize = 8 * 1024;

/// How often to check whether a peer has ended its side while bytes of it are still unread.
const LOOK_FOR_THE_END: Duration = Duration::from_millis(250);

/// Why no more frames can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError<E: Error> {
    #[error(transparent)]
    Frame(E),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("too slow")]
    Slow(#[from] tokio::time::error::Elapsed),
}

/// See the [module](self). It holds no memory while idle.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) read: OwnedReadHalf,
    /// Bytes that have arrived and that no frame was cut from yet.
    pub(crate) buffer: BytesMut,
}

impl Inbox {
    pub(crate) fn new(read: OwnedReadHalf) -> Self {
        let buffer = BytesMut::new();
        Self { read, buffer }
    }

    /// Adds a limited piece of what has arrived to the buffer. Returns 0 at the end of the stream.
    /// Cancel safe.
    pub(crate) async fn read_more(&mut self) -> io::Result<usize> {
        loop {
            self.read.readable().await?;
            let mut piece = (&mut self.buffer).limit(READ_BYTES);
            match self.read.try_read_buf(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Returns the next frame that `take` finds, or `None` at the end of the stream, even if a
    /// frame is incomplete. The frame must be complete by `deadline`, which is called with the
    /// time at which the first bytes of the frame were seen, if there are any. Cancel safe.
    pub(crate) async fn frame<F, E: Error>(
        &mut self,
        mut take: impl FnMut(&mut BytesMut) -> Result<Option<F>, E>,
        deadline: impl Fn(Option<Instant>) -> Option<Instant>,
    ) -> Result<Option<F>, ReadError<E>> {
        let mut begun = None;
        loop {
            if let Some(frame) = take(&mut self.buffer).map_err(ReadError::Frame)? {
                if self.buffer.is_empty() {
                    self.buffer = BytesMut::new();
                }
                return Ok(Some(frame));
            }
            if !self.buffer.is_empty() {
                begun.get_or_insert_with(now);
            }
            let read = match deadline(begun) {
                Some(deadline) => timeout_at(deadline.into(), self.read_more()).await??,
                None => self.read_more().await?,
            };
            if read == 0 {
                return Ok(None);
            }
        }
    }

    /// See [`ended`].
    pub(crate) async fn ended(&self) {
        ended(&self.read).await;
    }

    /// Reads and discards until the end of the stream, for `linger` at most.
    pub(crate) async fn discard(&mut self, linger: Duration) {
        let to_the_end = async {
            loop {
                self.buffer.clear();
                if !matches!(self.read_more().await, Ok(1..)) {
                    return;
                }
            }
        };
        let _ = timeout(linger, to_the_end).await;
    }
}

/// Completes when the peer has ended its side or is gone, even if bytes that it sent before are
/// unread. A reset is seen at once. The end of a stream is seen once the kernel has received
/// everything before it: a peer whose bytes fill its buffer hides its end until something is
/// written to it, which is answered with a reset if the peer is gone.
///
/// The readiness of the socket is the only sign. While there is something to read, it has to be
/// polled from time to time.
pub(crate) async fn ended(read: &OwnedReadHalf) {
    loop {
        match read.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() => sleep(LOOK_FOR_THE_END).await,
            _ => return,
        }
    }
}
