//! A connection from accepting it until its first frame shows what it is.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use metaserve::bans::Ban;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId, client,
    codec::{FrameError, take_frame},
    handshake::is_pipe,
    limits::Limits,
    message::Message,
    owner::{Farewell, Owner},
    pipe,
};
use crate::bans::Guard;
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
    pub(super) bans: Guard,
    pub(super) shutdown: CancellationToken,
}

/// A connection, whatever becomes of it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) who: ConnectionId,
    /// Where they are.
    pub(super) peer: IpAddr,
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
        peer: peer.ip(),
        local,
        accepted,
        frames,
        write,
        farewell: Some(farewell),
        shared,
        undecided: Some(undecided),
    };
    match connection.first_frame().await {
        Ok(Some(first)) => {
            let bans = connection.shared.bans.clone();
            match (is_pipe(&first), bans.banned(peer.ip())) {
                (false, None) => client::serve(connection, first).await,
                (false, Some(ban)) => connection.turn_away(&ban).await,
                // Pipes have no words for that.
                (true, _) => tokio::select! {
                    biased;
                    ban = bans.until_banned(peer.ip()) => tracing::info!("pipe closed: {ban} is banned"),
                    () = pipe::serve(connection, first) => {}
                },
            }
        }
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

    /// Tells a lobby client why it may not come in.
    async fn turn_away(mut self, ban: &Ban) {
        tracing::debug!("refused: {ban} is banned");
        let text = Message::banned(ban);
        let written = self.write.write_all(text.as_str().as_bytes());
        // It has as long to take this as to read it.
        if matches!(
            timeout(self.shared.limits.linger, written).await,
            Ok(Ok(()))
        ) {
            self.close().await;
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
