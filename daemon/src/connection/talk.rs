//! What all roles share: first messages, faults, streams, and the address a peer counts for.

use crate::{
    admission::{self, NoPlace, Seat},
    metrics::Rejected,
    rules::Limit,
    shared::Shared,
};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Game, Limits, Role,
    protocol::{
        framing::Deframer,
        heartbeat::{FromDaemon, Notice, NoticeKind},
        roles::STREAM_TIMEOUT,
        session::daemon::{Fault, FaultKind, First, Writing, Written},
    },
    stream::{self, Incoming},
    time::{now, sleep_until},
};
use std::{net::SocketAddr, time::Duration};

/// The first message of a peer, with its stream and what has come after the message.
pub(super) async fn first_message<'a>(
    role: Role,
    connection: &'a quinn::Connection,
    shared: &Shared,
) -> Result<(Bytes, Incoming<'a>, Deframer), Close> {
    let mut first = First::new(role, &shared.rules().limits, now());
    let mut incoming = Incoming::new(connection);
    loop {
        if let Some(message) = first.next(now()).map_err(|fault| told(fault, shared))? {
            return Ok((message, incoming, first.rest()));
        }
        tokio::select! {
            piece = incoming.next() => {
                let heard = first.handle(piece.map_err(lost)?);
                heard.map_err(|fault| told(fault, shared))?;
            }
            () = sleep_until(first.due()) => {}
        }
    }
}

/// Counts a fault. Returns how the peer is closed.
pub(super) fn told(fault: Fault, shared: &Shared) -> Close {
    match fault.kind {
        FaultKind::Silent => shared.metrics.reached(Limit::HelloTimeout),
        FaultKind::Malformed => shared.metrics.rejected(Rejected::Malformed),
        FaultKind::Oversize => shared.metrics.rejected(Rejected::Oversize),
        FaultKind::TooOften => shared.metrics.rejected(Rejected::TooOften),
        FaultKind::FirstMessage | FaultKind::Gone => {}
    }
    fault.close
}

/// Counts a peer at the address that it holds now, so that nobody gets around a ban or a limit of
/// an address by connecting from another address and moving there.
pub(super) fn move_seat(
    seat: &mut Seat,
    held: SocketAddr,
    role: Role,
    shared: &Shared,
) -> Result<(), Close> {
    shared.not_banned(held.ip())?;
    let rules = shared.rules();
    let room = admission::room(&rules.limits, role);
    let moved = seat.move_to(rules.trusted.origin(held.ip()), room.each_leaf);
    moved.map_err(|why| {
        shared.metrics.reached(NoPlace::new(role, why).limit);
        Close::new(
            CloseCode::OverCapacity,
            format!("moved to {held}, where {why}"),
        )
    })
}

/// Opens the daemon's stream to a peer, which has to allow it.
pub(super) async fn open_stream(
    connection: &quinn::Connection,
) -> Result<quinn::SendStream, Close> {
    let opened = tokio::time::timeout(STREAM_TIMEOUT, connection.open_uni()).await;
    let refused = |_| {
        let reason = "the peer does not let the daemon open its stream: allow one unidirectional \
                      stream";
        Close::new(CloseCode::ProtocolViolation, reason)
    };
    opened.map_err(refused)?.map_err(lost)
}

/// Why the daemon's stream cannot be written.
pub(super) enum Unwritten {
    /// Nothing was taken for the whole stall timeout, or too little altogether.
    Stalled,
    /// The peer does not want the stream.
    Stopped,
    Lost(quinn::ConnectionError),
}

/// Writes a frame as slowly as the peer takes it, if that is not too slow altogether.
pub(super) async fn write(
    out: &mut quinn::SendStream,
    frame: Bytes,
    stall_timeout: Duration,
) -> Result<Written, Unwritten> {
    let mut writing = Writing::new(frame, stall_timeout, now());
    loop {
        let due = writing.due().into();
        match tokio::time::timeout_at(due, out.write_chunks(writing.rest())).await {
            Ok(Ok(_)) => {
                if let Some(written) = writing.taken(now()) {
                    return Ok(written);
                }
            }
            Ok(Err(quinn::WriteError::ConnectionLost(error))) => {
                return Err(Unwritten::Lost(error));
            }
            Ok(Err(_)) => return Err(Unwritten::Stopped),
            Err(_) => return Err(Unwritten::Stalled),
        }
    }
}

pub(super) fn lost(error: quinn::ConnectionError) -> Close {
    stream::FrameError::Lost(error).into()
}

/// Notes the game in the connection's span.
pub(super) fn note(game: &Game) {
    tracing::Span::current().record("game", game.as_str());
}

/// The daemon's own stream to a server or relay.
pub(super) struct Answers(quinn::SendStream);

impl Answers {
    /// Opens the stream and says what is accepted here.
    pub(super) async fn open(
        connection: &quinn::Connection,
        limits: &Limits,
    ) -> Result<Self, Close> {
        let mut answers = Self(open_stream(connection).await?);
        answers.say(FromDaemon::Welcome(limits.into())).await?;
        Ok(answers)
    }

    pub(super) async fn notice(&mut self, kind: NoticeKind, text: &str) -> Result<(), Close> {
        tracing::info!(?kind, "notice: {text}");
        self.say(FromDaemon::Notice(Notice { kind, text })).await
    }

    async fn say(&mut self, message: FromDaemon<'_>) -> Result<(), Close> {
        match tokio::time::timeout(STREAM_TIMEOUT, stream::write(&mut self.0, message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(quinn::WriteError::ConnectionLost(error))) => Err(lost(error)),
            Ok(Err(_)) | Err(_) => Err(Self::unread()),
        }
    }

    fn unread() -> Close {
        Close::new(
            CloseCode::ProtocolViolation,
            "the daemon's stream is not being read",
        )
    }
}
