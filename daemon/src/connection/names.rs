//! A peer of names: messages in both directions, for as long as it shows signs of life.

use super::talk::{Unwritten, lost, move_seat, open_stream, write};
use crate::{
    admission::Seat,
    names::{Line, Mouth, ended},
    rules::Limit,
    shared::Shared,
    whereabouts::Watching,
};
use metaserve::{
    Close, CloseCode, Role,
    names::Answer,
    protocol::{
        framing::Deframer,
        names::{FromDaemon, read},
    },
    stream::{FrameError, Incoming, frame},
    time::{every, now},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How often the daemon looks whether a packet has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How late a look may be. If it is later, the daemon stood still itself, and packets may wait to be
/// read: silence counts from then.
const LATE: Duration = Duration::from_secs(1);

/// How many answers are written at a time.
const TOGETHER: usize = 16;

/// Serves one peer, whose handshake came from `peer`, until it leaves. Its claims end with it.
pub(super) async fn serve(
    connection: &quinn::Connection,
    peer: &SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Result<(), Close> {
    let Some(names) = &shared.names else {
        // The handshake allows the role only where there are names.
        return Err(Close::new(CloseCode::ProtocolViolation, "names are off"));
    };
    let watching = shared.whereabouts.watch(connection, *peer);
    let Line {
        mouth,
        answers,
        close,
    } = names.join(*peer).await?;
    tokio::select! {
        result = hear(connection, &mouth, shared) => result,
        close = tell(connection, answers, shared) => Err(close),
        close = follow(&watching, &mouth, seat, shared) => Err(close),
        close = silence(connection, shared) => Err(close),
        close = close => Err(close.unwrap_or_else(|_| ended())),
    }
}

/// Passes on what the peer says, as fast as it is taken. Returns when the peer leaves.
async fn hear(connection: &quinn::Connection, mouth: &Mouth, shared: &Shared) -> Result<(), Close> {
    let max = Role::Names.max_message(&shared.rules().limits);
    let mut incoming = Incoming::new(connection);
    let mut deframer = Deframer::default();
    let mut finished = false;
    loop {
        while let Some(message) = deframer.next(max).map_err(FrameError::from)? {
            let said = read(&message).map_err(Close::malformed)?;
            mouth.say(said, shared.rules().tickets.as_deref()).await?;
        }
        if finished {
            return Ok(());
        }
        let piece = incoming.next().await.map_err(lost)?;
        finished = piece.join(&mut deframer)?;
    }
}

/// Writes the answers, as fast as the peer reads. Returns how to close the connection.
async fn tell(
    connection: &quinn::Connection,
    mut answers: mpsc::Receiver<Answer>,
    shared: &Shared,
) -> Close {
    let stall_timeout = shared.rules().limits.stall_timeout;
    let mut out = match open_stream(connection).await {
        Ok(out) => out,
        Err(close) => return close,
    };
    let mut together = Vec::with_capacity(TOGETHER);
    while answers.recv_many(&mut together, TOGETHER).await > 0 {
        let mut bytes = Vec::new();
        for answer in together.drain(..) {
            bytes.extend_from_slice(&frame(FromDaemon::from(&answer)));
        }
        match write(&mut out, bytes.into(), stall_timeout).await {
            Ok(_) => {}
            Err(Unwritten::Lost(error)) => return lost(error),
            Err(Unwritten::Stopped) => {
                return Close::new(CloseCode::Goodbye, "the peer has stopped the answers");
            }
            Err(Unwritten::Stalled) => {
                shared.metrics.reached(Limit::StallTimeout);
                let why = format!("nothing was read of the daemon's stream for {stall_timeout:?}");
                return Close::new(CloseCode::TooSlow, why);
            }
        }
    }
    ended()
}

/// Counts the peer at every address that it moves to, until it may not be there.
async fn follow(watching: &Watching<'_>, mouth: &Mouth, seat: &mut Seat, shared: &Shared) -> Close {
    loop {
        let held = watching.moved().await;
        if let Err(close) = move_seat(seat, held, Role::Names, shared) {
            return close;
        }
        if let Err(close) = mouth.moved(held).await {
            return close;
        }
    }
}

/// Waits until no packet has come from the peer for too long.
async fn silence(connection: &quinn::Connection, shared: &Shared) -> Close {
    let Some(longest) = Role::Names.silence() else {
        return std::future::pending().await;
    };
    let packets = || connection.stats().udp_rx.datagrams;
    let mut heard = Heard::new(packets(), now());
    let mut looks = every(LOOK_EVERY);
    while heard.silence(packets(), now()) < longest {
        looks.tick().await;
    }
    shared.metrics.reached(Limit::IdleTimeout);
    let why = format!("no packet has come from this peer for {longest:?}");
    Close::new(CloseCode::TooSlow, why)
}

/// When packets have come.
struct Heard {
    packets: u64,
    at: Instant,
    looked: Instant,
}

impl Heard {
    const fn new(packets: u64, now: Instant) -> Self {
        Self {
            packets,
            at: now,
            looked: now,
        }
    }

    /// How long no packet has come: at least so long, if `packets` have come until now.
    fn silence(&mut self, packets: u64, now: Instant) -> Duration {
        let late = now.saturating_duration_since(self.looked) > LOOK_EVERY + LATE;
        self.looked = now;
        if late || packets != self.packets {
            *self = Self::new(packets, now);
        }
        now.saturating_duration_since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_with_the_last_look_that_found_a_packet() {
        let (start, second) = (now(), Duration::from_secs(1));
        let mut heard = Heard::new(3, start);
        for passed in 1..=4 {
            assert_eq!(heard.silence(3, start + passed * second), passed * second);
        }
        for passed in 5..=10 {
            let silence = heard.silence(4, start + passed * second);
            assert_eq!(silence, (passed - 5) * second);
        }
    }

    #[test]
    fn a_daemon_that_stood_still_blames_no_peer() {
        let (start, second) = (now(), Duration::from_secs(1));
        let mut heard = Heard::new(3, start);
        assert_eq!(heard.silence(3, start + second), second);
        assert_eq!(heard.silence(3, start + 9 * second), Duration::ZERO);
        assert_eq!(heard.silence(3, start + 10 * second), second);
    }
}
