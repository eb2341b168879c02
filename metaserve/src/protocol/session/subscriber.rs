//! A game client's end: one question, then the list, message by message.

use super::Piece;
use crate::{
    Game, Role,
    list::Cursor,
    protocol::{
        client::{Compression, ListMessage, Subscribe},
        close::CloseCode,
        codec::{self, DecodeError},
        ended::Ended,
        framing::Deframer,
    },
};
use bytes::Bytes;

/// One game client, over one connection after the other.
///
/// ```
/// use metaserve::protocol::session::{Subscriber, subscriber::{Effect, Event}};
///
/// let longest = 64 << 20; // of a message from the daemon, in bytes
/// let mut subscriber = Subscriber::new(Some("chess".parse()?), longest);
/// subscriber.handle(Event::Connected(None))?; // without an earlier list
/// let effect = subscriber.next_effect()?;
/// assert!(matches!(effect, Some(Effect::Subscribe(frame)) if !frame.is_empty()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Subscriber {
    game: Option<Game>,
    max_list_bytes: usize,
    subscribe: Option<Bytes>,
    deframer: Deframer,
}

/// An event for a game client.
#[derive(Debug)]
pub enum Event {
    /// There is a new connection, and the client has the list up to here.
    Connected(Option<Cursor>),
    /// The daemon's stream has brought something.
    Piece(Piece),
}

/// The next thing to do for a game client.
#[derive(Debug)]
pub enum Effect {
    /// Write this to its stream, and finish the stream.
    Subscribe(Bytes),
    /// Apply this to its list.
    Apply(ListMessage),
}

#[cfg(feature = "zstd")]
const COMPRESSION: Compression = Compression::Zstd;
#[cfg(not(feature = "zstd"))]
const COMPRESSION: Compression = Compression::None;

impl Subscriber {
    /// A client that follows one game or all, and takes messages of at most `max_list_bytes`, as
    /// sent and as unpacked.
    #[must_use]
    pub fn new(game: Option<Game>, max_list_bytes: usize) -> Self {
        Self {
            game,
            max_list_bytes,
            subscribe: None,
            deframer: Deframer::default(),
        }
    }

    /// The game that it follows; none for all games.
    #[must_use]
    pub const fn game(&self) -> Option<&Game> {
        self.game.as_ref()
    }

    /// Takes in what has happened.
    ///
    /// # Errors
    /// When the daemon's stream is not what it should be.
    pub fn handle(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::Connected(known) => {
                self.subscribe = Some(codec::frame(Subscribe {
                    game: self.game.as_ref().map(Game::as_str),
                    known,
                    compression: COMPRESSION,
                }));
                self.deframer = Deframer::default();
            }
            // We were too slow for the stream. The next one begins with a snapshot.
            Event::Piece(Piece::Reset(code))
                if Role::Client.stream_restarts() && code == CloseCode::TooSlow.into() =>
            {
                self.deframer = Deframer::default();
            }
            // After its end comes that of the connection.
            Event::Piece(piece) => drop(piece.join(&mut self.deframer)?),
        }
        Ok(())
    }

    /// The next thing to do; none when there is nothing to do for now.
    ///
    /// # Errors
    /// When the daemon's stream is not what it should be.
    pub fn next_effect(&mut self) -> Result<Option<Effect>, Ended> {
        if let Some(subscribe) = self.subscribe.take() {
            return Ok(Some(Effect::Subscribe(subscribe)));
        }
        while let Some(bytes) = self.deframer.next(self.max_list_bytes)? {
            match ListMessage::decode(&bytes, self.max_list_bytes) {
                // Of a later version, and does not change the list. An odd one would.
                Err(DecodeError::UnknownVariant(variant)) if variant.is_multiple_of(2) => {}
                message => return Ok(Some(Effect::Apply(message?))),
            }
        }
        Ok(None)
    }
}
