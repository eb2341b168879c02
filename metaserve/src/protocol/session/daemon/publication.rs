//! A game server that has said hello: reads all the time, and lists the newest heartbeat once per
//! minimal interval.

use super::{
    Fault, FaultKind,
    allowance::{Allowance, Rate},
};
use crate::{
    Limits, Offered, Pacing, Role,
    protocol::{
        close::{Close, CloseCode},
        codec,
        framing::Deframer,
        heartbeat::{FromServer, NoticeKind},
        session::Piece,
    },
};
use bytes::Bytes;
use std::time::Instant;

/// The daemon's side of one game server, from its hello to its end.
#[derive(Debug)]
pub struct Publication<'a> {
    limits: &'a Limits,
    deframer: Deframer,
    finished: bool,
    warn: bool,
    allowance: Allowance,
    pacing: Pacing,
    remind_at: Option<Instant>,
}

/// The next thing to do for a game server.
#[derive(Debug)]
pub enum Effect {
    /// List this heartbeat.
    List(Bytes),
    /// A heartbeat has come: how many bytes it took on the stream, and what it changes.
    Heard(usize, Offered),
    /// Send this to the server.
    Notice(NoticeKind, String),
    /// It has left.
    Gone,
}

const ROLE: Role = Role::Heartbeat;

impl<'a> Publication<'a> {
    /// Starts after a server's hello, which has come now, with what followed it.
    #[must_use]
    pub fn new(limits: &'a Limits, rest: Deframer, now: Instant) -> Self {
        Self {
            limits,
            deframer: rest,
            finished: false,
            warn: false,
            allowance: Allowance::new(limits),
            pacing: Pacing::new(limits.min_interval),
            remind_at: ROLE.reminded_after().map(|after| now + after),
        }
    }

    /// Takes in a piece of the server's stream.
    ///
    /// # Errors
    /// When the stream ends in the middle of a message.
    pub fn handle(&mut self, piece: Piece) -> Result<(), Fault> {
        self.finished = piece.join(&mut self.deframer)?;
        Ok(())
    }

    /// The next thing to do; none when there is nothing to do for now.
    ///
    /// # Errors
    /// When the server violates the protocol or a limit.
    pub fn next(&mut self, now: Instant) -> Result<Option<Effect>, Fault> {
        if self.remind_at.is_some_and(|due| due <= now) {
            self.remind_at = None;
            let text = "no heartbeat has come on this connection yet: a server is listed from its first \
                        heartbeat on";
            return Ok(Some(Effect::Notice(NoticeKind::NotListed, text.into())));
        }
        if std::mem::take(&mut self.warn) {
            let interval = self.limits.min_interval;
            let text = format!(
                "heartbeats come much faster than one per {interval:?}, and only the newest is \
                 listed: send fewer, or the connection will be closed"
            );
            return Ok(Some(Effect::Notice(NoticeKind::TooFast, text)));
        }
        if let Some(heartbeat) = self.pacing.take(now) {
            self.remind_at = None;
            return Ok(Some(Effect::List(heartbeat)));
        }
        let max = ROLE.max_message(self.limits);
        match self.deframer.next(max) {
            Ok(Some(message)) => self.hear(&message, now).map(Some),
            Ok(None) if self.finished => Ok(Some(Effect::Gone)),
            Ok(None) => Ok(None),
            Err(frame) => Err(self.oversize(&format!("a message of {} bytes", frame.announced))),
        }
    }

    fn hear(&mut self, message: &[u8], now: Instant) -> Result<Effect, Fault> {
        match self.allowance.spend(now) {
            Rate::Fine => {}
            Rate::TooFast => self.warn = true,
            Rate::Exceeded => return Err(self.too_often()),
        }
        match codec::decode(message).map_err(Fault::malformed)? {
            FromServer::Heartbeat(heartbeat)
                if heartbeat.len() <= self.limits.max_heartbeat_bytes =>
            {
                // Copied out of the receive buffer, which would otherwise be kept with it.
                let offered = self.pacing.offer(Bytes::copy_from_slice(heartbeat));
                Ok(Effect::Heard(message.len(), offered))
            }
            FromServer::Heartbeat(heartbeat) => {
                Err(self.oversize(&format!("a heartbeat of {} bytes", heartbeat.len())))
            }
            FromServer::Hello(_) => Err(Fault::malformed("a second hello was sent")),
        }
    }

    fn oversize(&self, sent: &str) -> Fault {
        let max = self.limits.max_heartbeat_bytes;
        let reason = format!(
            "{sent} was sent, but a heartbeat may have at most {max} bytes: shorten it, or \
             ask the daemon's operator to raise --max-heartbeat"
        );
        Fault {
            close: Close::new(CloseCode::OversizeHeartbeat, reason),
            kind: FaultKind::Oversize,
        }
    }

    fn too_often(&self) -> Fault {
        let interval = self.limits.min_interval;
        let reason =
            format!("heartbeats came far more often than one per {interval:?}: send fewer");
        Fault {
            close: Close::new(CloseCode::RateLimited, reason),
            kind: FaultKind::TooOften,
        }
    }

    /// When there may be something to do though nothing has happened.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.pacing.due(now).or(self.remind_at)
    }
}
