//! One story for each role.

mod allowance;
mod client;
mod heartbeat;
mod relay;

use crate::{
    Shared,
    accept::Seat,
    rules::{Limit, Rules},
};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Fingerprint, Game, Limits, Role,
    protocol::heartbeat::{FromDaemon, Notice, NoticeKind, Welcome},
    stream::{self, FrameReader},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Serves a peer, who has shaken hands from `peer`, until it goes (`Ok`), is lost, or has to be
/// closed. Boxed, so that each role takes the memory that it needs, and not that of the others.
pub(crate) async fn serve(
    role: Role,
    connection: &quinn::Connection,
    peer: SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Result<(), Close> {
    match role {
        Role::Heartbeat => Box::pin(heartbeat::serve(connection, peer, seat, shared)).await,
        Role::Client => Box::pin(client::serve(connection, shared)).await,
        Role::Relay => Box::pin(relay::serve(connection, shared)).await,
    }
}

/// Waits until the peer, who has shaken hands from `peer`, may not be here any more, and says why.
/// Cancel-safe.
pub(crate) async fn unwelcome(
    role: Role,
    connection: &quinn::Connection,
    peer: SocketAddr,
    shared: &Shared,
) -> Close {
    let mut rules = shared.rules.subscribe();
    loop {
        rules.mark_unchanged();
        if let Err(close) = still_welcome(role, connection, peer, shared) {
            return close;
        }
        if rules.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn still_welcome(
    role: Role,
    connection: &quinn::Connection,
    peer: SocketAddr,
    shared: &Shared,
) -> Result<(), Close> {
    shared.not_banned(peer.ip())?;
    shared.not_banned(connection.remote_address().ip())?;
    if role == Role::Relay {
        authorise(connection, &shared.rules())?;
    }
    Ok(())
}

/// The relay's certificate, if the operator trusts it.
pub(crate) fn authorise(
    connection: &quinn::Connection,
    rules: &Rules,
) -> Result<Fingerprint, Close> {
    relay::authorise(Fingerprint::of_peer(connection), &rules.trust_relay)
}

/// The peer's stream and the first message on it, of at most `max` bytes.
async fn first_message(
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
async fn open_stream(connection: &quinn::Connection) -> Result<quinn::SendStream, Close> {
    let opened = tokio::time::timeout(STREAM_TIMEOUT, connection.open_uni()).await;
    let refused = |_| {
        let reason = "the peer allows the daemon no stream: allow one unidirectional stream";
        Close::new(CloseCode::ProtocolViolation, reason)
    };
    opened.map_err(refused)?.map_err(lost)
}

fn lost(error: quinn::ConnectionError) -> Close {
    stream::FrameError::Lost(error).into()
}

fn malformed(error: impl std::fmt::Display) -> Close {
    let reason = format!("{error}: see docs/protocol.md for what this version speaks");
    Close::new(CloseCode::ProtocolViolation, reason)
}

/// The game with this tag, noted in the connection's span.
fn game(tag: &str) -> Result<Game, Close> {
    let game = Game::new(tag)
        .map_err(|error| Close::new(CloseCode::ProtocolViolation, error.to_string()))?;
    tracing::Span::current().record("game", game.as_str());
    Ok(game)
}

/// The daemon's own stream to a server or relay.
struct Answers(quinn::SendStream);

impl Answers {
    /// Opens the stream and says what is accepted here.
    async fn open(connection: &quinn::Connection, limits: &Limits) -> Result<Self, Close> {
        let millis = u32::try_from(limits.min_interval.as_millis()).unwrap_or(u32::MAX);
        let welcome = Welcome {
            min_interval_millis: millis,
            max_heartbeat_bytes: u32::try_from(limits.max_heartbeat_bytes).unwrap_or(u32::MAX),
        };
        let mut answers = Self(open_stream(connection).await?);
        answers.say(FromDaemon::Welcome(welcome)).await?;
        Ok(answers)
    }

    async fn notice(&mut self, kind: NoticeKind, text: &str) -> Result<(), Close> {
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

#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
