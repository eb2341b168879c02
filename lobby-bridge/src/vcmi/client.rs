//! A lobby connection: frames to the owner, text from the outbox.

use std::{io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::tcp::OwnedWriteHalf,
    time::{sleep, sleep_until, timeout, timeout_at},
};

use super::{
    ConnectionId,
    codec::FrameError,
    connection::{Connection, Frames, ReadError, Shared},
    lobby::Event,
    message::Message,
    owner::Standing,
};
use crate::net::{Outbox, Pace, Place};

/// How a client's time in the lobby has ended, and what is still to do.
enum End {
    /// We close it: it may take some time to read what was said to it last.
    Closed,
    /// It has ended its side, or cannot be written to.
    Gone,
    /// It does not read; what it holds is to be freed at once.
    Stuck,
}

/// Serves a lobby client whose first frame is `first`.
pub(super) async fn serve(mut connection: Connection, first: Bytes) {
    match converse(&mut connection, first).await {
        End::Closed => connection.frames.discard(&connection.shared).await,
        End::Gone => {}
        End::Stuck => {
            tracing::warn!("disconnected: it does not read what was sent to it");
            // Without this the kernel would keep the unread text for minutes.
            let socket = SockRef::from(connection.write.as_ref());
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}

/// Listens and speaks until the client has left the lobby and all was said to it.
async fn converse(connection: &mut Connection, first: Bytes) -> End {
    let Connection {
        who,
        peer,
        local,
        frames,
        write,
        farewell,
        shared,
        undecided,
        ..
    } = connection;
    let outbox = Arc::new(Outbox::new(shared.limits.queued_bytes));
    shared
        .owner
        .entered(*who, (*peer, *local), Arc::clone(&outbox))
        .await;

    let mut writer = pin!(deliver(write, &outbox));
    let end = tokio::select! {
        end = listen(*who, frames, first, shared, undecided) => end,
        // It ends when the lobby has closed the client and everything is said, or nothing can be.
        written = &mut writer => return written.map_or(End::Gone, |()| End::Closed),
        // It has a while to read what was said to it last, whatever it still has to say.
        () = outbox.finished() => End::Closed,
        () = outbox.abandoned() => return End::Stuck,
        ban = shared.bans.until_banned(*peer) => {
            tracing::info!("disconnected: {ban} is banned");
            let _ = outbox.push(Message::banned(&ban).as_str().to_owned().into());
            End::Closed
        }
        () = shared.shutdown.cancelled() => End::Closed,
    };
    // It is out of the lobby from here on, even if it takes a while to say goodbye.
    farewell.take();
    outbox.finish();
    match timeout(shared.limits.linger, writer).await {
        Ok(Ok(())) => end,
        Ok(Err(_)) => End::Gone,
        Err(_) => End::Stuck,
    }
}

/// Has each frame executed, until the client or the lobby ends it.
async fn listen(
    who: ConnectionId,
    frames: &mut Frames,
    first: Bytes,
    shared: &Shared,
    undecided: &mut Option<Place>,
) -> End {
    let limits = &shared.limits;
    let deadline = super::now() + limits.authorisation_time;
    let mut pace = Pace::new(
        limits.burst_bytes,
        limits.bytes_per_second,
        super::now().into_std(),
    );
    let mut payload = first;
    loop {
        let said = payload.len();
        let (standing, told) = shared.owner.said(who, Event::Frame(payload)).await;
        if standing == Standing::Closing {
            return End::Closed;
        }
        // From here on it is counted as a client of the lobby.
        undecided.take();
        let wait = pace.charge(said.max(told), super::now().into_std());
        if !wait.is_zero() {
            tracing::debug!(?wait, "talks too much");
            let authorised = standing == Standing::Authorised;
            tokio::select! {
                () = sleep(wait) => {}
                // What it has said beyond its pace does not keep it in the lobby.
                () = frames.inbox.ended() => return End::Gone,
                () = sleep_until(deadline), if !authorised => return End::Closed,
            }
        }
        let next = frames.next(limits.lobby_frame_bytes, limits.frame_time);
        let next = match standing {
            Standing::Authorised => next.await,
            _ => timeout_at(deadline, next)
                .await
                .unwrap_or_else(|slow| Err(slow.into())),
        };
        payload = match next {
            Ok(Some(payload)) => payload,
            Ok(None) => return End::Gone,
            Err(error) => {
                tracing::debug!(%error, "no more frames");
                if let ReadError::Frame(FrameError::TooLong { .. }) = error {
                    shared.owner.said(who, Event::Garbled).await;
                }
                return match error {
                    ReadError::Io(_) => End::Gone,
                    _ => End::Closed,
                };
            }
        };
    }
}

/// Writes everything that is put into `outbox`, each message whole, then ends our side.
async fn deliver(write: &mut OwnedWriteHalf, outbox: &Outbox) -> io::Result<()> {
    while let Some(bytes) = outbox.next().await {
        write.write_all(&bytes).await?;
    }
    write.shutdown().await
}
