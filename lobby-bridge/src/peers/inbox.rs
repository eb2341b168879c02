//! What one peer sends, up to its end: bytes from a socket, and whether more can come.

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

/// Bytes taken from a socket at once.
const READ_BYTES: usize = 8 * 1024;

/// How often a peer that has sent more than is read of it is looked at.
const LOOK_FOR_THE_END: Duration = Duration::from_millis(250);

/// Why a connection sends no more frames.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError<E: Error> {
    #[error(transparent)]
    Frame(E),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("too slow")]
    Slow(#[from] tokio::time::error::Elapsed),
}

/// See the [module](self). An idle one holds no memory.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) read: OwnedReadHalf,
    /// What has arrived and was not asked for yet.
    pub(crate) buffer: BytesMut,
}

impl Inbox {
    pub(crate) fn new(read: OwnedReadHalf) -> Self {
        let buffer = BytesMut::new();
        Self { read, buffer }
    }

    /// Adds what has arrived to the buffer, a limited piece. 0 at the end of the stream.
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

    /// The next frame that `take` finds; `None` at the end of the stream, also within a frame.
    /// It has to be there until the `deadline`, which is asked with the time at which the first
    /// bytes of the frame were seen, if there are any. Cancel safe.
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

    /// Reads and forgets until the end of the stream, for `linger` at most.
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
/// unread. A reset shows at once; the end of a stream shows once the kernel has taken in what
/// comes before it, so that a peer whose bytes fill its buffer hides its end until something is
/// written to it, which a peer that is gone answers with a reset.
///
/// Readiness of a socket is the only sign: while there is something to read, it has to be looked
/// at from time to time.
pub(crate) async fn ended(read: &OwnedReadHalf) {
    loop {
        match read.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() => sleep(LOOK_FOR_THE_END).await,
            _ => return,
        }
    }
}
