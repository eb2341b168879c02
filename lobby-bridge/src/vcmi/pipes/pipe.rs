//! A game connection: it makes its handshake, waits for a partner, and becomes part of a
//! [`couple`].

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

/// The places and the limits of pipes.
#[derive(Debug)]
pub(in super::super) struct Pipes {
    pub(in super::super) places: Entrance,
    pub(in super::super) limits: Limits,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error(transparent)]
    Read(#[from] ReadError<FrameError>),
    #[error("it ended during the handshake")]
    Ended,
    #[error("it sent no role")]
    Role,
    #[error("it sent no UUID")]
    Uuid,
}

/// Serves a pipe whose first frame was `magic`. The handshake has to be complete by `deadline`.
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
    // If the system refuses, its own limits hold.
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

/// Waits for a partner, and joins the two.
async fn find_partner(mut half: Half, role: Role, uuid: Uuid, pipes: &Pipes) {
    let shared = Arc::clone(&half.connection.shared);
    // There is a second round only if a partner is lost at the moment of pairing.
    loop {
        match arrive(&half, role, uuid).await {
            Answer::Refused => {
                tracing::debug!(?role, ?uuid, "no session for this pipe");
                return half.connection.close().await;
            }
            Answer::Waits(partner) => {
                half.connection.place.take();
                tracing::info!(?role, ?uuid, "waiting for its partner");
                match wait(half, partner, &shared, pipes).await {
                    Some(alone) => half = alone,
                    None => return,
                }
            }
            Answer::Pairs(partner) => {
                half.connection.place.take();
                if let Ok(partner) = partner.await {
                    tracing::info!(?role, ?uuid, "paired");
                    // The partner's task has handed it over and does nothing more for it.
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
        // Checked as soon as it arrives, so that a pipe without a role is refused at once.
        role = role.or_else(|| handshake::role(payload));
        if role.is_none() {
            return Err(HandshakeError::Role);
        }
    }
    let role = role.ok_or(HandshakeError::Role)?;
    let uuid = handshake::uuid(&payloads[1]).ok_or(HandshakeError::Uuid)?;
    Ok((role, uuid, introduction.freeze()))
}

/// Keeps what arrives, within a limit, until a partner's task takes this half. Returns the half if
/// that failed, and `None` when the half was taken or has ended.
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
                tracing::debug!("ended while waiting for its partner");
                return None;
            },
            () = shared.shutdown.cancelled() => return None,
        }
    }
}
