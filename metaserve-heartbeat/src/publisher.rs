//! One connection, from hello to goodbye.

use crate::Error;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use metaserve::{
    Close, CloseCode, Game, Pacing, printable,
    protocol::{
        codec,
        heartbeat::{FromDaemon, FromServer, Hello, NoticeKind},
    },
    stream::{self, FrameReader},
};
use std::{
    fmt,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Something the daemon wants the server's operator to know: why the server is not listed, or
/// soon will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What kind of notice it is, for programs.
    pub kind: NoticeKind,
    /// One sentence, for people.
    pub text: String,
}

/// Sends heartbeats over one connection, with options.
///
/// ```no_run
/// # async fn example(connection: quinn::Connection) -> Result<(), metaserve_heartbeat::Error> {
/// use metaserve_heartbeat::Publisher;
///
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
pub(crate) struct Options {
    pub(crate) game: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) on_notice: Option<Box<dyn FnMut(Notice) + Send>>,
    /// What the daemon accepts, once it has said so; before that it is left to it.
    max_heartbeat_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        let (game, port, on_notice) = Default::default();
        Self {
            game,
            port,
            on_notice,
            max_heartbeat_bytes: usize::MAX,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("game", &self.game)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Publisher {
    /// Will publish over `connection`, which must have the ALPN identifier
    /// `metaserve-heartbeat/1`; [`metaserve::Connector`] makes such connections.
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
    /// warnings.
    pub fn on_notice(mut self, hear: impl FnMut(Notice) + Send + 'static) -> Self {
        self.options.on_notice = Some(Box::new(hear));
        self
    }

    /// Sends each item of `heartbeats`, as [`run`](crate::run) says.
    ///
    /// # Errors
    /// When the connection is lost, the daemon refuses, or the game's tag cannot be used.
    pub async fn run<S, T>(mut self, heartbeats: S) -> Result<(), Error>
    where
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let mut pacing = Pacing::new(ASSUMED_INTERVAL);
        let Self {
            connection,
            options,
        } = &mut self;
        publish(connection, options, pin!(heartbeats), &mut pacing, || ()).await
    }
}

/// How often a heartbeat is sent before the daemon has said what it accepts.
pub(crate) const ASSUMED_INTERVAL: Duration = Duration::from_secs(1);

/// How long a goodbye may take. After that the daemon finds out by its idle timeout.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest message from the daemon: a notice of a few sentences.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Publishes until the heartbeats end (`Ok`) or the connection does. Calls `welcomed` when
/// the daemon has let us in.
///
/// Cancel-safe in that dropping it closes nothing and forgets no heartbeat but the one being
/// written; the connection is of no further use.
pub(crate) async fn publish<S, T>(
    connection: &quinn::Connection,
    options: &mut Options,
    mut heartbeats: Pin<&mut S>,
    pacing: &mut Pacing,
    mut welcomed: impl FnMut(),
) -> Result<(), Error>
where
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let game = options
        .game
        .as_deref()
        .map_or_else(|| Ok(Game::default()), Game::new)?;
    let mut out = connection.open_uni().await?;
    let hello = Hello {
        game: game.as_str(),
        port: options.port,
    };
    written(
        connection,
        stream::write(&mut out, FromServer::Hello(hello)).await,
    )
    .await?;

    let mut answers = Answers {
        connection,
        reader: None,
    };
    loop {
        let now = now();
        if let Some(heartbeat) = pacing.take(now) {
            let heartbeat = FromServer::Heartbeat(&heartbeat);
            written(connection, stream::write(&mut out, heartbeat).await).await?;
        }
        tokio::select! {
            item = heartbeats.next() => {
                let Some(item) = item else { break };
                options.offer(item.as_ref(), pacing);
                tokio::task::consume_budget().await;
            }
            () = sleep_until(pacing.due(now)) => {}
            answer = answers.next() => match codec::decode(&answer?) {
                Ok(FromDaemon::Welcome(welcome)) => {
                    pacing.set_interval(welcome.min_interval());
                    options.max_heartbeat_bytes = welcome.max_heartbeat_bytes as usize;
                    welcomed();
                }
                Ok(FromDaemon::Notice(notice)) => {
                    options.hear(Notice { kind: notice.kind, text: printable(notice.text) });
                }
                // A later daemon may have more to say than we understand.
                Err(error) => tracing::debug!("a message of the daemon is not understood: {error}"),
            },
            ended = connection.closed() => return Err(ended.into()),
        }
    }
    goodbye(connection, out).await;
    Ok(())
}

/// A stream that cannot be written is a connection that is closed, or about to be.
async fn written(
    connection: &quinn::Connection,
    result: Result<(), quinn::WriteError>,
) -> Result<(), Error> {
    match result {
        Ok(()) => Ok(()),
        Err(_) => Err(connection.closed().await.into()),
    }
}

/// Ends the stream, which takes the server off the list, and waits for the daemon to close.
async fn goodbye(connection: &quinn::Connection, mut out: quinn::SendStream) {
    // It fails when the connection is closed already, which is what it is for.
    let _ = out.finish();
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, connection.closed()).await;
    Close::new(CloseCode::Goodbye, "the server has ended").close(connection);
}

/// Where notices go by default.
fn log(notice: Notice) {
    tracing::warn!(kind = ?notice.kind, "notice: {}", notice.text);
}

impl Options {
    /// The same options for two connections of one server. What both are told is heard once.
    pub(crate) fn split(self) -> (Self, Self) {
        let hear = self.on_notice.unwrap_or_else(|| Box::new(log));
        let shared = Arc::new(Mutex::new((None, hear)));
        let of = |connection: usize| {
            let shared = shared.clone();
            let hear = move |notice: Notice| {
                let (last, hear) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
                let said_by_other = matches!(
                    last, Some((by, heard)) if *by != connection && *heard == notice
                );
                if !said_by_other {
                    *last = Some((connection, notice.clone()));
                    hear(notice);
                }
            };
            let on_notice: Box<dyn FnMut(Notice) + Send> = Box::new(hear);
            Self {
                game: self.game.clone(),
                port: self.port,
                on_notice: Some(on_notice),
                max_heartbeat_bytes: self.max_heartbeat_bytes,
            }
        };
        (of(0), of(1))
    }

    fn hear(&mut self, notice: Notice) {
        match &mut self.on_notice {
            Some(hear) => hear(notice),
            None => log(notice),
        }
    }

    /// Hands an item on, unless it is known that the daemon will not take it: one that is too
    /// long does not cost the server its place, as the one before it stays listed.
    pub(crate) fn offer(&mut self, heartbeat: &[u8], pacing: &mut Pacing) {
        let (bytes, max) = (heartbeat.len(), self.max_heartbeat_bytes);
        if bytes <= max {
            pacing.offer(Bytes::copy_from_slice(heartbeat));
            return;
        }
        let text = format!(
            "a heartbeat of {bytes} bytes was left out, the daemon accepts {max}: shorten it, or \
             ask the daemon's operator to raise --max-heartbeat"
        );
        let kind = NoticeKind::Refused;
        self.hear(Notice { kind, text });
    }
}

/// The daemon's stream, which begins when the daemon has something to say.
struct Answers<'a> {
    connection: &'a quinn::Connection,
    reader: Option<FrameReader>,
}

impl Answers<'_> {
    /// The next message. Cancel-safe.
    async fn next(&mut self) -> Result<Bytes, Error> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(FrameReader::new(self.connection.accept_uni().await?)),
        };
        match reader.next(MAX_ANSWER_BYTES).await? {
            Some(message) => Ok(message),
            // Nothing more to say: what comes next is the end of the connection.
            None => Err(self.connection.closed().await.into()),
        }
    }
}

async fn sleep_until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
pub(crate) fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
