//! A game server: hello, then heartbeats, of which the newest is listed.

use super::{
    allowance::{Allowance, Rate},
    talk::{Answers, first_message, game, malformed},
};
use crate::{accept::Seat, metrics::Rejected, rules::Limit, shared::Shared};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Fingerprint, Limits, Pacing,
    protocol::{
        codec,
        heartbeat::{FromServer, MAX_HELLO_BYTES, NoticeKind, OVERHEAD_BYTES},
    },
    registry::{Applied, Registration, Waits},
    stream::{FrameError, FrameReader},
    time::{now, sleep_until},
};
use std::{net::SocketAddr, time::Duration};

/// A server that has not sent a heartbeat for so long is told that it is not listed.
const PATIENCE: Duration = Duration::from_secs(6);

/// Serves one game server, who has shaken hands from `peer`, until its heartbeats end.
pub(super) async fn serve(
    connection: &quinn::Connection,
    peer: SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Result<(), Close> {
    let limits = &shared.rules().limits;
    // Boxed: what only the beginning needs is not kept for the connection's life.
    let (mut server, mut reader) =
        Box::pin(welcome(connection, peer, seat, limits, shared)).await?;
    server.listen(&mut reader).await
    // The registration ends here: the list learns of it at once, on every path out.
}

/// Hears a server's hello, registers it, and says what is accepted.
async fn welcome<'a>(
    connection: &'a quinn::Connection,
    peer: SocketAddr,
    seat: &'a mut Seat,
    limits: &'a Limits,
    shared: &'a Shared,
) -> Result<(Server<'a>, FrameReader), Close> {
    let (reader, hello) = first_message(connection, shared, MAX_HELLO_BYTES).await?;
    let FromServer::Hello(hello) = codec::decode(&hello).map_err(malformed)? else {
        return Err(malformed("the first message has to be a hello"));
    };
    if hello.port == Some(0) {
        return Err(malformed("players cannot join by port 0"));
    }
    let game = game(hello.game)?;
    let registration = shared
        .registry
        .register(
            &game,
            address(peer, hello.port),
            Fingerprint::of_peer(connection),
        )
        .map_err(|error| {
            shared.metrics.rejected(Rejected::MaxGames);
            Close::new(CloseCode::OverCapacity, error.to_string())
        })?;
    let server = Server {
        connection,
        registration,
        port: hello.port,
        peer,
        seat,
        answers: Answers::open(connection, limits).await?,
        limits,
        shared,
    };
    Ok((server, reader))
}

/// Where players reach the server: at the address that it holds, by the port that it advertises.
fn address(held: SocketAddr, port: Option<u16>) -> SocketAddr {
    SocketAddr::new(held.ip(), port.unwrap_or(held.port()))
}

struct Server<'a> {
    connection: &'a quinn::Connection,
    registration: Registration,
    port: Option<u16>,
    /// Where it has shaken hands from.
    peer: SocketAddr,
    seat: &'a mut Seat,
    answers: Answers,
    limits: &'a Limits,
    shared: &'a Shared,
}

impl Server<'_> {
    /// Reads all the time, and lists the newest once per minimal interval.
    async fn listen(&mut self, reader: &mut FrameReader) -> Result<(), Close> {
        let max = self.limits.max_heartbeat_bytes + OVERHEAD_BYTES;
        let mut allowance = Allowance::new(self.limits);
        let mut pacing = Pacing::new(self.limits.min_interval);
        let watching = self.shared.whereabouts.watch(self.connection, self.peer);
        let mut remind_at = Some(now() + PATIENCE);
        let mut waits = None;
        loop {
            let now = now();
            if remind_at.is_some_and(|due| due <= now) {
                remind_at = None;
                Box::pin(self.remind()).await?;
            }
            if let Some(heartbeat) = pacing.take(now) {
                remind_at = None;
                let applied = self.registration.heartbeat(heartbeat);
                self.shared.metrics.heartbeat(applied);
                match applied {
                    Applied::Replaced => return Err(replaced()),
                    Applied::Waits if waits.is_none() => {
                        waits = Box::pin(self.tell_wait()).await?;
                    }
                    _ => {}
                }
            }
            tokio::select! {
                message = reader.next(max) => {
                    let Some(message) = message.map_err(|error| self.refuse(error))? else {
                        return Ok(());
                    };
                    self.count(&mut allowance).await?;
                    let offered = pacing.offer(self.heartbeat(&message)?);
                    self.shared.metrics.held_back(offered);
                }
                () = sleep_until(pacing.due(now).or(remind_at)) => {}
                () = self.registration.replaced() => return Err(replaced()),
                held = watching.moved() => {
                    self.follow(held)?;
                    waits = Box::pin(self.tell_wait()).await?;
                }
                () = listed(waits.as_ref()) => {
                    tracing::info!("listed: a row has become free");
                    waits = None;
                }
            }
        }
    }

    /// Lists the server where it has moved to. Nobody gets around a ban or a limit of an address
    /// by coming with another one and moving there.
    fn follow(&mut self, held: SocketAddr) -> Result<(), Close> {
        self.shared.not_banned(held.ip())?;
        let rules = self.shared.rules();
        let (origin, each) = (rules.trusted.origin(held.ip()), &rules.limits);
        let moved = self.seat.move_to(origin, each.max_servers_per_prefix);
        moved.map_err(|why| {
            self.shared.metrics.reached(Limit::MaxServersPerPrefix);
            Close::new(
                CloseCode::OverCapacity,
                format!("moved to {held}, where {why}"),
            )
        })?;
        self.registration.move_to(address(held, self.port));
        Ok(())
    }

    /// Tells a server that waits for a row why.
    async fn tell_wait(&mut self) -> Result<Option<Waits>, Close> {
        let Some(waits) = self.registration.waits() else {
            return Ok(None);
        };
        self.shared.metrics.reached(Limit::MaxListedPerPrefix);
        let text = waits.why.to_string();
        self.answers.notice(NoticeKind::NotListed, &text).await?;
        Ok(Some(waits))
    }

    fn heartbeat(&self, message: &Bytes) -> Result<Bytes, Close> {
        self.shared.metrics.received(message.len());
        let message = codec::decode(message).map_err(|error| self.malformed(error))?;
        match message {
            // Copied out of the receive buffer, which would otherwise be kept with it.
            FromServer::Heartbeat(heartbeat)
                if heartbeat.len() <= self.limits.max_heartbeat_bytes =>
            {
                Ok(Bytes::copy_from_slice(heartbeat))
            }
            FromServer::Heartbeat(heartbeat) => Err(self.oversize(heartbeat.len())),
            FromServer::Hello(_) => Err(self.malformed("a hello may only be said once")),
        }
    }

    fn refuse(&self, error: FrameError) -> Close {
        match error {
            FrameError::Oversize(frame) => self.oversize(frame.announced - OVERHEAD_BYTES),
            FrameError::Lost(_) | FrameError::Reset(_) => error.into(),
            other => {
                self.shared.metrics.rejected(Rejected::Malformed);
                other.into()
            }
        }
    }

    fn malformed(&self, error: impl std::fmt::Display) -> Close {
        self.shared.metrics.rejected(Rejected::Malformed);
        malformed(error)
    }

    fn oversize(&self, bytes: usize) -> Close {
        self.shared.metrics.rejected(Rejected::Oversize);
        let max = self.limits.max_heartbeat_bytes;
        let reason = format!(
            "a heartbeat of about {bytes} bytes was sent, at most {max} are accepted: shorten it, \
             or ask the daemon's operator to raise --max-heartbeat"
        );
        Close::new(CloseCode::OversizeHeartbeat, reason)
    }

    async fn count(&mut self, allowance: &mut Allowance) -> Result<(), Close> {
        let interval = self.limits.min_interval;
        match allowance.spend(now()) {
            Rate::Fine => Ok(()),
            Rate::TooFast => {
                let text = format!(
                    "heartbeats come much faster than one per {interval:?}, and only the newest \
                     is listed: send less, or the connection will be closed"
                );
                Box::pin(self.answers.notice(NoticeKind::TooFast, &text)).await
            }
            Rate::Exceeded => {
                self.shared.metrics.rejected(Rejected::TooOften);
                let reason =
                    format!("heartbeats came far more often than one per {interval:?}: send less");
                Err(Close::new(CloseCode::RateLimited, reason))
            }
        }
    }

    /// Tells a server that has been silent since its hello.
    async fn remind(&mut self) -> Result<(), Close> {
        let text = "no heartbeat has come yet on this connection: a server is listed from its first one on";
        self.answers.notice(NoticeKind::NotListed, text).await
    }
}

/// Waits for a row, if that is what the server does.
async fn listed(waits: Option<&Waits>) {
    match waits {
        Some(waits) => waits.listed().await,
        None => std::future::pending().await,
    }
}

fn replaced() -> Close {
    let reason = "a newer connection with the same identity has taken this place: if two servers \
                  share one identity directory, give each its own";
    Close::new(CloseCode::Replaced, reason)
}
