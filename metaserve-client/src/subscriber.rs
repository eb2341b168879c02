//! One connection, followed until it ends.

use crate::{Error, Snapshot, Snapshots, list::List, snapshots::Latest};
use metaserve::{
    Game, InvalidGame,
    protocol::session::{
        self,
        subscriber::{Effect, Event},
    },
    stream::Incoming,
};
use std::convert::Infallible;

/// Follows the list over one connection, with options.
///
/// ```no_run
/// # async fn example() -> Result<(), metaserve_client::Error> {
/// use futures::StreamExt;
/// use metaserve_client::{Connector, Subscriber};
///
/// let connection = Connector::to("list.example.org:4433").connect().await?;
/// let mut list = Subscriber::new(connection).game("tag").run();
/// while let Some(snapshot) = list.next().await {
///     println!("{} servers", snapshot?.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is asked for before `run`"]
pub struct Subscriber {
    connection: quinn::Connection,
    options: Options,
    list: List,
}

/// What to follow, and how much of it at most.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) game: Option<String>,
    pub(crate) max_list_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            game: None,
            max_list_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Subscriber {
    /// Will follow the list over `connection`, which must have the ALPN identifier
    /// `metaserve-client/1`; a [`Connector`](crate::Connector) makes such connections.
    pub fn new(connection: quinn::Connection) -> Self {
        Self {
            connection,
            options: Options::default(),
            list: List::default(),
        }
    }

    /// Follows one game (namespace) only. Default: the servers of all games.
    pub fn game(mut self, game: impl Into<String>) -> Self {
        self.options.game = Some(game.into());
        self
    }

    /// The longest list to accept, in bytes as sent and as unpacked. Default 64 MiB, some
    /// 300,000 servers with heartbeats of 200 bytes. A daemon that sends a longer one ends the
    /// stream with [`Error::Protocol`].
    pub fn max_list_bytes(mut self, bytes: usize) -> Self {
        self.options.max_list_bytes = bytes;
        self
    }

    /// Continues with the list of an earlier connection: if it is of the same daemon and game, and
    /// the daemon still knows what has changed since, only that is sent. The changes of the first item are counted
    /// from `snapshot`.
    pub fn resume(mut self, snapshot: Snapshot) -> Self {
        self.list = List::resume(snapshot);
        self
    }

    /// The live list, as [`run`](crate::run) says.
    pub fn run(self) -> Snapshots {
        let Self {
            connection,
            options,
            mut list,
        } = self;
        let begin = list.snapshot();
        Snapshots::new(begin, async move |latest| {
            let follow = async {
                let mut session = options.session()?;
                follow(&connection, &mut session, &mut list, &latest, &mut || ()).await
            };
            let Err(error) = follow.await;
            error
        })
    }
}

impl Options {
    /// A client as they say, without a connection.
    pub(crate) fn session(&self) -> Result<session::Subscriber, InvalidGame> {
        let game = self.game.as_deref().map(Game::new).transpose()?;
        Ok(session::Subscriber::new(game, self.max_list_bytes))
    }
}

/// Follows the list over `connection` until it ends, and says why it did. Each state of the list
/// is put into `latest`; `followed` is called with each. A daemon that breaks the protocol is told
/// how.
pub(crate) async fn follow(
    connection: &quinn::Connection,
    session: &mut session::Subscriber,
    list: &mut List,
    latest: &Latest,
    followed: &mut (impl FnMut() + Send),
) -> Result<Infallible, Error> {
    let Err(error) = follow_open(connection, session, list, latest, followed).await;
    latest.lost();
    if let Some(violation) = error.violation() {
        violation.close(connection);
    }
    Err(error)
}

async fn follow_open(
    connection: &quinn::Connection,
    session: &mut session::Subscriber,
    list: &mut List,
    latest: &Latest,
    followed: &mut (impl FnMut() + Send),
) -> Result<Infallible, Error> {
    let mut out = connection.open_uni().await?;
    let mut incoming = Incoming::new(connection);
    session.handle(Event::Connected(list.known(session.game())))?;
    loop {
        while let Some(effect) = session.next_effect()? {
            match effect {
                Effect::Subscribe(frame) => {
                    let written = out.write_chunk(frame).await;
                    if written.is_err() || out.finish().is_err() {
                        return Err(connection.closed().await.into());
                    }
                }
                Effect::Apply(message) => {
                    list.apply(message)?;
                    latest.put(list.snapshot());
                    followed();
                }
            }
        }
        session.handle(Event::Piece(incoming.next().await?))?;
    }
}
