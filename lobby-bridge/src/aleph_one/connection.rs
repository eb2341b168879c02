//! A connection, to the login daemon or to a room: packets to the owner, frames from the outbox.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    codec::{FrameError, Kind, take_frame},
    denial::Denial,
    event::{Ends, Event},
    hall::Standing,
    limits::Limits,
    owner::Owner,
    patience::{Patience, Verdict},
    received::{Packet, packet},
    sent,
    server::Gate,
};
use crate::bans::Guard;
use crate::net::{ConnectionId, Inbox, Outbox, Pace, now};

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) owner: Owner,
    pub(super) limits: Limits,
    pub(super) bans: Guard,
    pub(super) shutdown: CancellationToken,
}

/// How a connection has ended, and what is still to do.
enum End {
    /// We close it: it may take some time to read what was said to it last.
    Closed,
    /// It has ended its side, or cannot be written to.
    Gone,
    /// It does not read, or does not answer; what it holds is to be freed at once.
    Lost(&'static str),
}

/// Why a connection sends no more frames.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Serves one connection to its end. What ends it is the peer's business, and logged.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    who: ConnectionId,
    gate: Gate,
    shared: Arc<Shared>,
) {
    let local = match stream.set_nodelay(true).and_then(|()| stream.local_addr()) {
        Ok(local) => local,
        Err(error) => return tracing::debug!(%error, "gone at once"),
    };
    let ends = Ends {
        peer: peer.ip(),
        local,
    };
    let (read, write) = stream.into_split();
    let mut frames = Frames {
        inbox: Inbox::new(read),
    };
    match converse(&mut frames, write, who, (gate, ends), &shared).await {
        End::Closed => frames.inbox.discard(shared.limits.linger).await,
        End::Gone => {}
        End::Lost(why) => {
            tracing::info!("disconnected: {why}");
            // Without this the kernel would keep the unread frames for minutes.
            let socket = SockRef::from(frames.inbox.read.as_ref());
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}

/// Listens and speaks until the hall has let go of the peer and all was said to it.
async fn converse(
    frames: &mut Frames,
    mut write: OwnedWriteHalf,
    who: ConnectionId,
    (gate, ends): (Gate, Ends),
    shared: &Shared,
) -> End {
    let outbox = Arc::new(Outbox::new(shared.limits.queued_bytes));
    let to = Arc::clone(&outbox);
    let Some(farewell) = shared.owner.accepted(who, gate, ends, to).await else {
        return End::Closed;
    };
    let mut writer = pin!(deliver(&mut write, &outbox));
    let end = tokio::select! {
        end = listen(frames, who, gate, &outbox, shared) => end,
        // It ends when the hall has let go and everything is said, or nothing can be.
        written = &mut writer => return written.map_or(End::Gone, |()| End::Closed),
        // It has a while to read what was said to it last, whatever it still has to say.
        () = outbox.finished() => End::Closed,
        () = outbox.abandoned() => End::Lost("it does not read what was sent to it"),
        ban = shared.bans.until_banned(ends.peer) => {
            tracing::info!("disconnected: {ban} is banned");
            for frame in Denial::banned(&ban).frames(matches!(gate, Gate::Room(_))) {
                let _ = outbox.push(frame);
            }
            End::Closed
        }
        () = shared.shutdown.cancelled() => {
            if matches!(gate, Gate::Room(_)) {
                let _ = outbox.push(sent::room_message(b"This server is closing now. Goodbye."));
            }
            End::Closed
        }
    };
    // It is out of the room from here on, even if it takes a while to say goodbye.
    drop(farewell);
    if let End::Lost(_) = end {
        return end;
    }
    outbox.finish();
    match timeout(shared.limits.linger, writer).await {
        Ok(Ok(())) => end,
        Ok(Err(_)) => End::Gone,
        Err(_) => End::Lost("it does not read its farewell"),
    }
}

/// Has each packet executed, until the peer or the hall ends it.
async fn listen(
    frames: &mut Frames,
    who: ConnectionId,
    gate: Gate,
    outbox: &Outbox,
    shared: &Shared,
) -> End {
    let limits = &shared.limits;
    let begin = now();
    let mut patience = Patience::new(gate, begin);
    let mut standing = Standing::Outside;
    let (burst, lasting) = (limits.burst_bytes, limits.bytes_per_second);
    let mut bytes = Pace::new(burst, lasting, begin.into_std());
    let (burst, lasting) = (limits.burst_packets, limits.packets_per_second);
    let mut packets = Pace::new(burst, lasting, begin.into_std());
    loop {
        let next = timeout_at(patience.deadline(limits), frames.next()).await;
        let (kind, body) = match next {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) => return End::Gone,
            Ok(Err(ReadError::Io(error))) => {
                tracing::debug!(%error, "no more frames");
                return End::Gone;
            }
            Ok(Err(error)) => {
                tracing::info!("disconnected: {error}");
                return End::Closed;
            }
            Err(_) => match patience.expired(now()) {
                Verdict::Ask => {
                    let _ = outbox.push(sent::KEEP_ALIVE);
                    continue;
                }
                Verdict::GiveUp => return End::Lost("it is silent"),
            },
        };
        let told = match packet(kind, &body) {
            Ok(Packet::KeepAlive) => 0,
            Ok(packet) => {
                let said = shared.owner.said(who, Event::Packet(packet)).await;
                standing = said.0;
                said.1
            }
            Err(error) => {
                tracing::info!("disconnected: {error}");
                return End::Closed;
            }
        };
        if standing == Standing::Closing {
            return End::Closed;
        }
        let instant = now().into_std();
        let wait = packets
            .charge(1, instant)
            .max(bytes.charge(told.max(body.len()), instant));
        patience.heard(standing, now());
        if !wait.is_zero() {
            tracing::debug!(?wait, "talks too much");
            tokio::select! {
                () = sleep(wait) => {}
                // What it has said beyond its pace does not keep it in the room.
                () = frames.inbox.ended() => return End::Gone,
                () = until(patience.limit(limits)) => return End::Lost("it takes too long"),
            }
            // It could not be heard meanwhile.
            patience.heard(standing, now());
            if patience.is_unsure(limits, now()) {
                let _ = outbox.push(sent::KEEP_ALIVE);
            }
        }
    }
}

/// Completes at `time`, if there is one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Writes everything that is put into `outbox`, each frame whole, then ends our side.
async fn deliver(write: &mut OwnedWriteHalf, outbox: &Outbox) -> io::Result<()> {
    while let Some(bytes) = outbox.next().await {
        write.write_all(&bytes).await?;
    }
    write.shutdown().await
}

/// Frames from a socket.
#[derive(Debug)]
struct Frames {
    inbox: Inbox,
}

impl Frames {
    /// The next frame; `None` at the end of the stream, also within a frame. Cancel safe.
    async fn next(&mut self) -> Result<Option<(Kind, Bytes)>, ReadError> {
        loop {
            if let Some(frame) = take_frame(&mut self.inbox.buffer)? {
                if self.inbox.buffer.is_empty() {
                    self.inbox.buffer = BytesMut::new();
                }
                return Ok(Some(frame));
            }
            if self.inbox.read_more().await? == 0 {
                return Ok(None);
            }
        }
    }
}
