//! A connection from accepting it until its first frame shows what it is.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId, client,
    codec::{FrameError, take_frame},
    handshake::is_pipe,
    limits::Limits,
    owner::{Farewell, Owner},
    pipe,
};
use crate::net::{Inbox, Place};

/// A peer that vanished without a word is noticed after about two minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) owner: Owner,
    pub(super) limits: Limits,
    /// One permit for each pipe that may be open.
    pub(super) pipes: Arc<Semaphore>,
    pub(super) shutdown: CancellationToken,
}

/// A connection, whatever becomes of it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) who: ConnectionId,
    /// The address of ours that it came in on.
    pub(super) local: SocketAddr,
    pub(super) accepted: Instant,
    pub(super) frames: Frames,
    pub(super) write: OwnedWriteHalf,
    /// Taken when the connection counts as ended, even if it is not closed yet.
    pub(super) farewell: Option<Farewell>,
    pub(super) shared: Arc<Shared>,
    /// Counted among the connections that are neither in the lobby nor in a session.
    pub(super) undecided: Option<Place>,
}

/// Why a connection sends no more frames.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("too slow")]
    Slow(#[from] tokio::time::error::Elapsed),
}

/// Serves one connection to its end. What ends it is the peer's business, and logged.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    who: ConnectionId,
    shared: Arc<Shared>,
    undecided: Place,
) {
    let accepted = super::now();
    let Some(farewell) = shared.owner.accepted(who, peer).await else {
        return;
    };
    let Ok(local) = tune(&stream) else { return };
    let (read, write) = stream.into_split();
    let frames = Frames {
        inbox: Inbox::new(read),
    };
    let mut connection = Connection {
        who,
        local,
        accepted,
        frames,
        write,
        farewell: Some(farewell),
        shared,
        undecided: Some(undecided),
    };
    match connection.first_frame().await {
        Ok(Some(first)) if is_pipe(&first) => pipe::serve(connection, first).await,
        Ok(Some(first)) => client::serve(connection, first).await,
        Ok(None) => tracing::debug!("left without a word"),
        Err(error) => {
            tracing::debug!(%error, "closed before its first frame");
            connection.close().await;
        }
    }
}

impl Connection {
    /// Closes it so that what was written to it is not lost by a reset: ends our side, then
    /// reads and forgets until the peer ends its own, for as long as we linger.
    pub(super) async fn close(mut self) {
        self.farewell.take();
        if self.write.shutdown().await.is_ok() {
            self.frames.discard(&self.shared).await;
        }
    }

    async fn first_frame(&mut self) -> Result<Option<Bytes>, ReadError> {
        let Limits {
            lobby_frame_bytes,
            first_frame_time,
            ..
        } = self.shared.limits;
        let frame = self.frames.next(lobby_frame_bytes, first_frame_time);
        tokio::select! {
            frame = timeout_at(self.accepted + first_frame_time, frame) => frame?,
            () = self.shared.shutdown.cancelled() => Ok(None),
        }
    }
}

fn tune(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)?;
    stream.local_addr()
}

/// Frames from a socket.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) inbox: Inbox,
}

impl Frames {
    /// The next frame; `None` at the end of the stream, also within a frame. From its first
    /// byte on it may take `time`. Cancel safe.
    pub(super) async fn next(
        &mut self,
        limit: usize,
        time: Duration,
    ) -> Result<Option<Bytes>, ReadError> {
        let mut deadline = None;
        loop {
            if let Some(payload) = take_frame(&mut self.inbox.buffer, limit)? {
                if self.inbox.buffer.is_empty() {
                    self.inbox.buffer = BytesMut::new();
                }
                return Ok(Some(payload));
            }
            let read = if self.inbox.buffer.is_empty() {
                self.inbox.read_more().await?
            } else {
                let deadline = *deadline.get_or_insert_with(|| super::now() + time);
                timeout_at(deadline, self.inbox.read_more()).await??
            };
            if read == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads and forgets until the end of the stream, for as long as we linger.
    pub(super) async fn discard(&mut self, shared: &Shared) {
        tokio::select! {
            () = self.inbox.discard(shared.limits.linger) => {}
            () = shared.shutdown.cancelled() => {}
        }
    }
}
