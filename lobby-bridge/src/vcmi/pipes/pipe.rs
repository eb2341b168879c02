//! A game connection: handshake, waiting for a partner, then a [`couple`].

use std::{sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use metaserve::time::now;
use socket2::SockRef;
use tokio::sync::oneshot;

use super::{
    super::{
        codec::{FrameError, frame, take_frame},
        handshake::{self, Role},
        limits::Limits,
        lobby::Event,
        uuid::Uuid,
    },
    couple::couple,
    pairing::{Answer, Arrives, Connection, Half, Shared},
};
use crate::peers::{Admitted, Entrance, ReadError, unless_lost};

/// Where pipes take their places, and what bounds them.
#[derive(Debug)]
pub(in super::super) struct Pipes {
    pub(in super::super) places: Entrance,
    pub(in super::super) limits: Limits,
}

/// Why a handshake leads nowhere.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error(transparent)]
    Read(#[from] ReadError<FrameError>),
    #[error("it ended within the handshake")]
    Ended,
    #[error("it names no role")]
    Role,
    #[error("it names no UUID")]
    Uuid,
}

/// Serves a pipe whose first frame was `magic`, and whose handshake has time until `deadline`.
pub(in super::super) async fn serve(
    mut connection: Connection,
    magic: Bytes,
    deadline: Instant,
    pipes: &Pipes,
) {
    let shared = Arc::clone(&connection.shared);
    shared.owner.happened(connection.who, Event::Pipe).await;

    let introduced = tokio::select! {
        introduced = introduce(&mut connection, &magic, deadline, pipes) => introduced,
        () = shared.shutdown.cancelled() => return,
    };
    let (role, uuid, introduction) = match introduced {
        Ok(introduced) => introduced,
        Err(error) => {
            tracing::debug!(%error, "refused a pipe");
            return connection.close().await;
        }
    };
    let admitted = pipes.places.admit(connection.ends.peer, now());
    let Some(Admitted { place, lost }) = admitted else {
        return connection.close().await;
    };
    let socket = SockRef::from(connection.write.as_ref());
    let buffer_bytes = pipes.limits.socket_buffer_bytes;
    // If the system does not want to, its own bounds hold.
    let _ = socket.set_recv_buffer_size(buffer_bytes);
    let _ = socket.set_send_buffer_size(buffer_bytes);
    let half = Half {
        introduction,
        connection,
        place,
        lost: lost.clone(),
    };
    unless_lost(find_partner(half, role, uuid, pipes), lost).await;
}

/// Waits for a partner, and is joined with it.
async fn find_partner(mut half: Half, role: Role, uuid: Uuid, pipes: &Pipes) {
    let shared = Arc::clone(&half.connection.shared);
    // More than one round only if a partner is lost in the moment of pairing.
    loop {
        match arrive(&half, role, uuid).await {
            Answer::Refused => {
                tracing::debug!(?role, ?uuid, "no session for this pipe");
                return half.connection.close().await;
            }
            Answer::Waits(partner) => {
                half.connection.undecided.take();
                tracing::info!(?role, ?uuid, "waits for its partner");
                match wait(half, partner, &shared, pipes).await {
                    Some(alone) => half = alone,
                    None => return,
                }
            }
            Answer::Pairs(partner) => {
                half.connection.undecided.take();
                if let Ok(partner) = partner.await {
                    tracing::info!(?role, ?uuid, "is paired");
                    // Its own task has handed it over, and looks after it no more.
                    let banned = shared.bans.until_banned(partner.connection.ends.peer);
                    let lost = partner.lost.clone();
                    return tokio::select! {
                        biased;
                        ban = banned => tracing::info!("pipes closed: {ban} is banned"),
                        () = unless_lost(couple(half, partner, &pipes.limits), lost) => {}
                    };
                }
            }
        }
    }
}

/// Asks the lobby what to do.
async fn arrive(half: &Half, role: Role, uuid: Uuid) -> Answer {
    let (answer, answered) = oneshot::channel();
    let who = half.connection.who;
    let owner = &half.connection.shared.owner;
    owner
        .note(Arrives {
            who,
            role,
            uuid,
            answer,
        })
        .await;
    answered.await.unwrap_or(Answer::Refused)
}

async fn introduce(
    connection: &mut Connection,
    magic: &[u8],
    deadline: Instant,
    pipes: &Pipes,
) -> Result<(Role, Uuid, Bytes), HandshakeError> {
    let limit = pipes.limits.pipe_frame_bytes;
    let mut introduction = BytesMut::from(&frame(magic)[..]);
    let mut payloads = [Bytes::new(), Bytes::new()];
    let mut role = None;
    for payload in &mut payloads {
        let next = connection
            .inbox
            .frame(|buffer| take_frame(buffer, limit), |_| Some(deadline));
        *payload = next.await?.ok_or(HandshakeError::Ended)?;
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
    pipes: &Pipes,
) -> Option<Half> {
    let mut partner = partner;
    loop {
        let inbox = &mut half.connection.inbox;
        let has_room = inbox.buffer.len() < pipes.limits.early_bytes;
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
