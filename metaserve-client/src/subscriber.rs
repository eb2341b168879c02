//! One connection, followed until it ends.

use crate::{Error, Snapshot, Snapshots, list::List};
use metaserve::{
    CloseCode, Game,
    protocol::client::{Compression, ListMessage, Subscribe},
    stream::{self, FrameError, FrameReader},
};
use tokio::sync::watch;

/// Follows the list over one connection, with options.
///
/// ```no_run
/// # async fn example(connection: quinn::Connection) {
/// use futures::StreamExt;
/// use metaserve_client::Subscriber;
///
/// let mut list = Subscriber::new(connection).game("tag").run();
/// while let Some(Ok(snapshot)) = list.next().await {
///     println!("{} servers", snapshot.len());
/// }
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
    /// `metaserve-client/1`; [`metaserve::Connector`] makes such connections.
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
            follow(&connection, &options, &mut list, &latest, || ()).await
        })
    }
}

/// Follows the list over `connection` until it ends, and says why it did. Each state of the list
/// is put into `latest`; `followed` is called with the first.
pub(crate) async fn follow(
    connection: &quinn::Connection,
    options: &Options,
    list: &mut List,
    latest: &watch::Sender<Option<Snapshot>>,
    mut followed: impl FnMut(),
) -> Error {
    let followed = &mut followed;
    let follow = async {
        let game = options.game.as_deref().map(Game::new).transpose()?;
        let subscribe = Subscribe {
            game: game.as_ref().map(Game::as_str),
            known: list.known(game.as_ref()),
            compression: COMPRESSION,
        };
        let mut out = connection.open_uni().await?;
        let written = stream::write(&mut out, subscribe).await;
        if written.is_err() || out.finish().is_err() {
            return Err(connection.closed().await.into());
        }
        loop {
            let mut reader = FrameReader::new(connection.accept_uni().await?);
            match read(&mut reader, options.max_list_bytes, list, latest, followed).await {
                // We were too slow for the stream. The next one begins with a snapshot.
                Err(Ended::Stream) => {}
                Err(Ended::Connection(error)) => return Err(error),
                Ok(()) => return Err(connection.closed().await.into()),
            }
        }
    };
    let result: Result<std::convert::Infallible, Error> = follow.await;
    match result {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

#[cfg(feature = "zstd")]
const COMPRESSION: Compression = Compression::Zstd;
#[cfg(not(feature = "zstd"))]
const COMPRESSION: Compression = Compression::None;

enum Ended {
    Stream,
    Connection(Error),
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Connection(error.into())
    }
}

/// Takes in the messages of one stream, up to its end.
async fn read(
    reader: &mut FrameReader,
    max_bytes: usize,
    list: &mut List,
    latest: &watch::Sender<Option<Snapshot>>,
    followed: &mut impl FnMut(),
) -> Result<(), Ended> {
    loop {
        let bytes = match reader.next(max_bytes).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(FrameError::Reset(code)) if code == CloseCode::TooSlow.into() => {
                return Err(Ended::Stream);
            }
            Err(error) => return Err(error.into()),
        };
        list.apply(ListMessage::decode(&bytes, max_bytes)?)?;
        latest.send_replace(Some(list.snapshot()));
        followed();
    }
}
