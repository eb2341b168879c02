//! What all roles hear and say in the same way.

use crate::{rules::Limit, shared::Shared};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Game, Limits,
    protocol::heartbeat::{FromDaemon, Notice, NoticeKind, Welcome},
    stream::{self, FrameReader},
};
use std::time::Duration;

/// The peer's stream and the first message on it, of at most `max` bytes.
pub(super) async fn first_message(
    connection: &quinn::Connection,
    shared: &Shared,
    max: usize,
) -> Result<(FrameReader, Bytes), Close> {
    let timeout = shared.rules().limits.hello_timeout;
    let first = async {
        let mut reader = FrameReader::new(connection.accept_uni().await.map_err(lost)?);
        let message = reader.next(max).await?;
        let silent = || {
            Close::new(
                CloseCode::Goodbye,
                "the stream ended before it said anything",
            )
        };
        Ok((reader, message.ok_or_else(silent)?))
    };
    tokio::time::timeout(timeout, first)
        .await
        .unwrap_or_else(|_| {
            shared.metrics.reached(Limit::HelloTimeout);
            let reason = format!("nothing was said within {timeout:?} of connecting");
            Err(Close::new(CloseCode::TooSlow, reason))
        })
}

/// How long a peer may take to let the daemon open its stream, and may leave a notice unread
/// before it is in the way.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the daemon's stream to a peer, who has to allow it.
pub(super) async fn open_stream(
    connection: &quinn::Connection,
) -> Result<quinn::SendStream, Close> {
    let opened = tokio::time::timeout(STREAM_TIMEOUT, connection.open_uni()).await;
    let refused = |_| {
        let reason = "the peer allows the daemon no stream: allow one unidirectional stream";
        Close::new(CloseCode::ProtocolViolation, reason)
    };
    opened.map_err(refused)?.map_err(lost)
}

pub(super) fn lost(error: quinn::ConnectionError) -> Close {
    stream::FrameError::Lost(error).into()
}

pub(super) fn malformed(error: impl std::fmt::Display) -> Close {
    let reason = format!("{error}: see docs/protocol.md for what this version speaks");
    Close::new(CloseCode::ProtocolViolation, reason)
}

/// The game with this tag, noted in the connection's span.
pub(super) fn game(tag: &str) -> Result<Game, Close> {
    let game = Game::new(tag)
        .map_err(|error| Close::new(CloseCode::ProtocolViolation, error.to_string()))?;
    tracing::Span::current().record("game", game.as_str());
    Ok(game)
}

/// The daemon's own stream to a server or relay.
pub(super) struct Answers(quinn::SendStream);

impl Answers {
    /// Opens the stream and says what is accepted here.
    pub(super) async fn open(
        connection: &quinn::Connection,
        limits: &Limits,
    ) -> Result<Self, Close> {
        let millis = u32::try_from(limits.min_interval.as_millis()).unwrap_or(u32::MAX);
        let welcome = Welcome {
            min_interval_millis: millis,
            max_heartbeat_bytes: u32::try_from(limits.max_heartbeat_bytes).unwrap_or(u32::MAX),
        };
        let mut answers = Self(open_stream(connection).await?);
        answers.say(FromDaemon::Welcome(welcome)).await?;
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
