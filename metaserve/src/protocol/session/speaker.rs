//! The end that publishes servers: a game server, or a relay for many of them.

use super::Piece;
use crate::{
    printable,
    protocol::{
        codec::{self, DecodeError},
        ended::Ended,
        framing::Deframer,
        heartbeat::{FromDaemon, NoticeKind},
        roles::MAX_ANSWER_BYTES,
    },
};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// A game server or relay, over one connection after the other.
///
/// ```
/// use metaserve::protocol::session::{Heartbeats, Speaker, speaker::{Effect, Event}};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut speaker = Speaker::new(Heartbeats::new("chess".parse()?, Some(7777)));
/// speaker.handle(Event::Say("2/8 players"), now)?;
/// speaker.handle(Event::<&str>::Connected, now)?;
/// while let Some(effect) = speaker.next(now)? {
///     if let Effect::Send(frame) = effect {
///         println!("write {} bytes to the stream", frame.len());
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Speaker<W> {
    words: W,
    state: State,
    answers: Deframer,
    /// The longest heartbeat that the daemon accepts, as far as it has said so.
    max_heartbeat_bytes: usize,
    /// Of a heartbeat that is not even sent.
    left_out: Option<Notice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no connection.
    Away,
    Speaks,
    Leaves,
}

/// The messages of a game server or relay, and their times: the part in which the two differ.
pub trait Words {
    /// Starts again on another connection, with the newest of everything.
    fn restate(&mut self, now: Instant);

    /// The daemon has let us in: it wants something new of each server once per `interval` at most,
    /// on average, and accepts heartbeats of `max_bytes`.
    ///
    /// # Errors
    /// With a notice when a waiting heartbeat is longer, and so is left out.
    fn welcomed(
        &mut self,
        interval: Duration,
        max_bytes: usize,
        now: Instant,
    ) -> Result<(), Notice>;

    /// The next frame to send, if there is one now.
    fn next(&mut self, now: Instant) -> Option<Bytes>;

    /// When there will be one.
    fn due(&self, now: Instant) -> Option<Instant>;
}

/// [`Words`] that are made of items like this.
pub trait Say<T>: Words {
    /// Takes in an item to send. A heartbeat of more than `max_bytes` would end the connection.
    ///
    /// # Errors
    /// With a notice when the item is left out for that. The item before it stays listed.
    fn say(&mut self, item: T, max_bytes: usize, now: Instant) -> Result<(), Notice>;
}

/// An event for a game server or relay.
#[derive(Debug)]
pub enum Event<T> {
    /// There is a new connection. The newest of everything is said again.
    Connected,
    /// There is something to say.
    Say(T),
    /// There is nothing more to say: what is listed leaves the list.
    Ended,
    /// The daemon's stream has brought something.
    Piece(Piece),
}

/// The next thing to do for a game server or relay.
#[derive(Debug)]
pub enum Effect {
    /// Write this to its stream.
    Send(Bytes),
    /// Finish its stream, and close the connection when the daemon has acknowledged that.
    Finish,
    /// The daemon has let it in.
    Welcomed,
    /// Pass this notice to its operator.
    Hear(Notice),
    /// The daemon has sent a message with this variant, of a later version. It is ignored.
    NotUnderstood(u32),
}

/// Something the daemon wants the server's operator to know: why the server is not listed, or
/// soon will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The kind of notice, for programs.
    pub kind: NoticeKind,
    /// One sentence, for people.
    pub text: String,
}

impl Notice {
    /// A heartbeat was left out that the daemon would close the connection for.
    pub(super) fn left_out(whose: &str, bytes: usize, max: usize) -> Self {
        let text = format!(
            "{whose}a heartbeat of {bytes} bytes was left out, the daemon accepts {max}: shorten \
             it, or ask the daemon's operator to raise --max-heartbeat"
        );
        let kind = NoticeKind::Refused;
        Self { kind, text }
    }
}

impl<W: Words> Speaker<W> {
    /// Without a connection so far.
    #[must_use]
    pub fn new(words: W) -> Self {
        Self {
            words,
            state: State::Away,
            answers: Deframer::default(),
            max_heartbeat_bytes: usize::MAX,
            left_out: None,
        }
    }

    /// Takes in what has happened.
    ///
    /// # Errors
    /// When the daemon's stream is not what it should be.
    pub fn handle<T>(&mut self, event: Event<T>, now: Instant) -> Result<(), Ended>
    where
        W: Say<T>,
    {
        match event {
            Event::Connected => {
                self.state = State::Speaks;
                self.answers = Deframer::default();
                self.words.restate(now);
            }
            Event::Say(item) => {
                let said = self.words.say(item, self.max_heartbeat_bytes, now);
                self.left_out = said.err().or(self.left_out.take());
            }
            Event::Ended if self.state == State::Away => {}
            Event::Ended => self.state = State::Leaves,
            // After the end of the stream comes that of the connection.
            Event::Piece(piece) => drop(piece.join(&mut self.answers)?),
        }
        Ok(())
    }

    /// The connection is gone. The newest of everything is kept.
    pub fn lost(&mut self) {
        self.state = State::Away;
    }

    /// The next thing to do; none when there is nothing to do for now.
    ///
    /// # Errors
    /// When the daemon's stream is not what it should be.
    pub fn next(&mut self, now: Instant) -> Result<Option<Effect>, Ended> {
        if let Some(notice) = self.left_out.take() {
            return Ok(Some(Effect::Hear(notice)));
        }
        match self.state {
            State::Away => return Ok(None),
            State::Leaves => {
                self.state = State::Away;
                return Ok(Some(Effect::Finish));
            }
            State::Speaks => {}
        }
        if let Some(frame) = self.words.next(now) {
            return Ok(Some(Effect::Send(frame)));
        }
        let Some(answer) = self.answers.next(MAX_ANSWER_BYTES)? else {
            return Ok(None);
        };
        Ok(Some(match codec::decode(&answer) {
            Ok(FromDaemon::Welcome(welcome)) => {
                self.max_heartbeat_bytes = welcome.max_heartbeat_bytes as usize;
                let (interval, max_bytes) = (welcome.min_interval(), self.max_heartbeat_bytes);
                self.left_out = self.words.welcomed(interval, max_bytes, now).err();
                Effect::Welcomed
            }
            Ok(FromDaemon::Notice(notice)) => Effect::Hear(Notice {
                kind: notice.kind,
                text: printable(notice.text),
            }),
            Err(DecodeError::UnknownVariant(variant)) => Effect::NotUnderstood(variant),
            Err(error) => return Err(error.into()),
        }))
    }

    /// When there may be something to do though nothing has happened.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Speaks => self.words.due(now),
            State::Away | State::Leaves => None,
        }
    }
}
