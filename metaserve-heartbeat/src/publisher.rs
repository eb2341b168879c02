//! One connection, with options.

use crate::{Error, Notice, notices::Notices, speak::speak};
use futures::Stream;
use metaserve::{
    Game, InvalidGame,
    protocol::session::{Heartbeats, Speaker},
};
use std::pin::pin;

/// Sends heartbeats over one connection, with options.
///
/// ```no_run
/// # async fn example() -> Result<(), metaserve_heartbeat::Error> {
/// use metaserve_heartbeat::{Connector, Publisher};
///
/// let connection = Connector::to("list.example.org:4433").connect().await?;
/// let heartbeats = futures::stream::repeat_with(|| b"hello players").take(10);
/// Publisher::new(connection).game("tag").port(7777).run(heartbeats).await
/// # }
/// # use futures::StreamExt;
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `run`"]
pub struct Publisher {
    connection: quinn::Connection,
    options: Options,
}

/// What a server says of itself besides its heartbeats, and who hears what the daemon answers.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) game: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) notices: Notices,
}

impl Options {
    /// A server as they say, without a connection.
    pub(crate) fn session(&self) -> Result<Speaker<Heartbeats>, InvalidGame> {
        let game = self.game.as_deref().map(Game::new).transpose()?;
        let words = Heartbeats::new(game.unwrap_or_default(), self.port);
        Ok(Speaker::new(words))
    }
}

impl Publisher {
    /// Will publish over `connection`, which must have the ALPN identifier
    /// `metaserve-heartbeat/1`; a [`Connector`](crate::Connector) makes such connections.
    pub fn new(connection: quinn::Connection) -> Self {
        Self {
            connection,
            options: Options::default(),
        }
    }

    /// The game (namespace) to be listed in: 1 to 64 bytes of visible text, see [`Game`]. Clients
    /// of other games do not see the server. Default: `default`.
    pub fn game(mut self, game: impl Into<String>) -> Self {
        self.options.game = Some(game.into());
        self
    }

    /// The UDP or TCP port that players join by. Default: the port that this connection comes
    /// from, which is right only for games that share one socket with it.
    pub fn port(mut self, port: u16) -> Self {
        self.options.port = Some(port);
        self
    }

    /// Calls `hear` with each notice of the daemon. Default: they are logged with `tracing` as
    /// warnings. In a program without a `tracing` subscriber the first of each kind is a line on
    /// standard error.
    pub fn on_notice(mut self, hear: impl FnMut(Notice) + Send + 'static) -> Self {
        self.options.notices = Notices::new(hear);
        self
    }

    /// Sends each item of `heartbeats`, as [`run`](crate::run) says.
    ///
    /// # Errors
    /// When the connection is lost, the daemon refuses, or the game's tag cannot be used.
    pub async fn run<S, T>(self, heartbeats: S) -> Result<(), Error>
    where
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let mut session = self.options.session()?;
        let mut notices = self.options.notices;
        let heartbeats = pin!(heartbeats);
        speak(
            &self.connection,
            &mut session,
            &mut notices,
            heartbeats,
            || (),
        )
        .await
    }
}
