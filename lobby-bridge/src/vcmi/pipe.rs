//! A game connection: handshake, waiting for a partner, then [`couple`](super::couple)
//! (section 12 of the specification).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::timeout_at,
};

use super::{
    codec::frame,
    connection::{Connection, ReadError, Shared},
    couple::couple,
    handshake::{self, Role},
    lobby::Event,
    owner::Answer,
    uuid::Uuid,
};

/// One end of a game, ready to be joined with the other.
#[derive(Debug)]
pub(super) struct Half {
    /// The three frames it introduced itself with, as they were on the wire.
    pub(super) introduction: Bytes,
    /// Its buffer holds what it has sent since.
    pub(super) connection: Connection,
    /// Counted among the pipes.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Why a handshake leads nowhere.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("it ended within the handshake")]
    Ended,
    #[error("it names no role")]
    Role,
    #[error("it names no UUID")]
    Uuid,
}

/// Serves a pipe whose first frame was `magic`.
pub(super) async fn serve(mut connection: Connection, magic: Bytes) {
    let shared = Arc::clone(&connection.shared);
    let who = connection.who;
    shared.owner.happened(who, Event::Pipe).await;

    let introduced = tokio::select! {
        introduced = introduce(&mut connection, &magic) => introduced,
        () = shared.shutdown.cancelled() => return,
    };
    let (role, uuid, introduction) = match introduced {
        Ok(introduced) => introduced,
        Err(error) => {
            tracing::debug!(%error, "refused a pipe");
            return connection.close().await;
        }
    };
    let Ok(permit) = Arc::clone(&shared.pipes).try_acquire_owned() else {
        tracing::warn!("refused a pipe: there are too many");
        return connection.close().await;
    };
    let socket = SockRef::from(connection.write.as_ref());
    let buffer_bytes = shared.limits.socket_buffer_bytes;
    // If the system does not want to, its own bounds hold.
    let _ = socket.set_recv_buffer_size(buffer_bytes);
    let _ = socket.set_send_buffer_size(buffer_bytes);
    let mut half = Half {
        introduction,
        connection,
        permit,
    };

    // More than one round only if a partner is lost in the moment of pairing.
    loop {
        match shared.owner.arrived(who, role, uuid).await {
            Answer::Refused => {
                tracing::debug!(?role, ?uuid, "no session for this pipe");
                return half.connection.close().await;
            }
            Answer::Waits(partner) => {
                half.connection.undecided.take();
                tracing::info!(?role, ?uuid, "waits for its partner");
                match wait(half, partner, &shared).await {
                    Some(alone) => half = alone,
                    None => return,
                }
            }
            Answer::Pairs(partner) => {
                half.connection.undecided.take();
                if let Ok(partner) = partner.await {
                    tracing::info!(?role, ?uuid, "is paired");
                    // Its own task has handed it over, and looks after it no more.
                    let banned = shared.bans.until_banned(partner.connection.peer);
                    return tokio::select! {
                        biased;
                        ban = banned => tracing::info!("pipes closed: {ban} is banned"),
                        () = couple(half, partner, &shared) => {}
                    };
                }
            }
        }
    }
}

async fn introduce(
    connection: &mut Connection,
    magic: &[u8],
) -> Result<(Role, Uuid, Bytes), HandshakeError> {
    let limits = &connection.shared.limits;
    let deadline = connection.accepted + limits.handshake_time;
    let mut introduction = BytesMut::from(&frame(magic)[..]);
    let mut payloads = [Bytes::new(), Bytes::new()];
    let mut role = None;
    for payload in &mut payloads {
        let next = connection
            .frames
            .next(limits.pipe_frame_bytes, limits.handshake_time);
        let next = timeout_at(deadline, next).await.map_err(ReadError::from)?;
        *payload = next?.ok_or(HandshakeError::Ended)?;
        introduction.extend_from_slice(&frame(payload));
        // Judged as soon as it is there: who names no role is not waited for.
        role = role.or_else(|| handshake::role(payload));
        if role.is_none() {
            return Err(HandshakeError::Role);
        }
    }
    let role = role.ok_or(HandshakeError::Role)?;
    let uuid = handshake::uuid(&payloads[1]).ok_or(HandshakeError::Uuid)?;
    Ok((role, uuid, introduction.freeze()))
}

/// Keeps what arrives, within a limit, until somebody takes this half. Returns it if they
/// could not; `None` when it was taken or has ended.
async fn wait(
    mut half: Half,
    partner: oneshot::Receiver<oneshot::Sender<Half>>,
    shared: &Shared,
) -> Option<Half> {
    let mut partner = partner;
    loop {
        let inbox = &mut half.connection.frames.inbox;
        let has_room = inbox.buffer.len() < shared.limits.early_bytes;
        let goes_on = async {
            if has_room {
                return matches!(inbox.read_more().await, Ok(1..));
            }
            inbox.ended().await;
            false
        };
        tokio::select! {
            found = &mut partner => return found.ok()?.send(half).err(),
            goes_on = goes_on => if !goes_on {
                tracing::debug!("gave up waiting");
                return None;
            },
            () = shared.shutdown.cancelled() => return None,
        }
    }
}
