//! Tests of the whole kit, with the smallest protocol there is: lines that come back.

use std::{
    convert::Infallible,
    io,
    marker::PhantomData,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Arrival, Bounds, Chore, Connection, ConnectionId, Door, Effect, Effects, Entrance, Goodbye,
    Lobby, Manners, Means, Owner, Said, Server, Serving, Shared, Standing, Verdict, serve,
};
use crate::{bans::Guard, metrics::Tally, publish::Listings};

/// Far more than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A lobby that sends back what it is sent, and needs no errands.
struct Echo;

impl Lobby for Echo {
    type Event = Option<Bytes>;
    type News = Infallible;
    type GameId = u64;
    type Game = ();
    type Errand = Infallible;

    fn ended() -> Self::Event {
        None
    }

    fn handle(&mut self, who: ConnectionId, what: Self::Event, _: Instant) -> Effects<Self> {
        what.map(|text| Effect::Send(who, text))
            .into_iter()
            .collect()
    }

    fn hear(&mut self, news: Infallible, _: Instant, _: SystemTime) -> Effects<Self> {
        match news {}
    }

    fn standing(&self, _: ConnectionId) -> Standing {
        Standing::Inside
    }

    fn chores(&self) -> Vec<Chore<Infallible>> {
        Vec::new()
    }
}

/// How lines are sent. An impatient one closes a peer that is silent after its first line.
struct Lines {
    impatient: bool,
    heard: Option<Instant>,
}

const PATIENT: Lines = Lines {
    impatient: false,
    heard: None,
};
const IMPATIENT: Lines = Lines {
    impatient: true,
    heard: None,
};

impl Manners for Lines {
    type Event = Option<Bytes>;
    type Error = io::Error;

    fn take(&self, buffer: &mut BytesMut) -> io::Result<Option<Said<Self::Event>>> {
        let end = buffer.iter().position(|byte| *byte == b'\n');
        Ok(end.map(|end| {
            let line = buffer.split_to(end + 1).freeze();
            let bytes = line.len();
            let what = Some(Some(line));
            Said { what, bytes }
        }))
    }

    fn deadline(&self, _: Option<Instant>) -> Option<Instant> {
        self.heard.filter(|_| self.impatient)
    }

    fn expired(&mut self, _: Instant) -> Verdict {
        Verdict::Close(vec!["you are silent\n".into()])
    }

    fn heard(&mut self, _: Standing, now: Instant) {
        self.heard = Some(now);
    }

    fn limit(&self) -> Option<(Instant, Verdict)> {
        None
    }

    fn broken(&mut self, _: &io::Error) -> Option<Self::Event> {
        None
    }

    fn lost(&self, _: &'static str) {}

    fn goodbye(&self, _: Goodbye<'_>) -> Vec<Bytes> {
        Vec::new()
    }
}

/// A server of lines that runs.
struct Running {
    address: SocketAddr,
    places: Entrance,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Serves with these manners. Places are kept until connections end, or else until the lobby
    /// knows the peer.
    fn start(manners: fn() -> Lines, place_until_known: bool) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::new(vec![Door::open((), address).unwrap()]);
        let address = server.doors[0].local;
        let (owner, desk) = Owner::<PhantomData<Echo>>::new(8);
        let places = Entrance::new("test", 1, 1);
        let entrance = places.clone();
        let serving = Serving {
            owner,
            desk,
            means: Means {
                lobby: Echo,
                errands: PhantomData,
                news: stream::pending().boxed(),
                protocol: "echo",
                listings: Listings::default(),
                listing: Box::new(|()| None),
                tally: Tally::default(),
            },
            bans: Guard::none(),
            bounds: Bounds {
                queued_bytes: 10_000,
                bytes: (usize::MAX, usize::MAX),
                frames: (usize::MAX, usize::MAX),
                linger: PATIENCE,
            },
            connections: 8,
            entrance: Box::new(move |()| entrance.clone()),
            span: |_| tracing::Span::none(),
            receive: Arc::new(
                move |arrival: Arrival<()>, shared: Arc<Shared<PhantomData<Echo>>>| {
                    async move {
                        let mut connection = Connection::open(arrival, &shared).await.unwrap();
                        connection.place_until_known = place_until_known;
                        let hello = Some("hello\n".into());
                        serve(connection, manners(), hello, None).await;
                    }
                    .boxed()
                },
            ),
        };
        let shutdown = CancellationToken::new();
        let run = server.run(serving, shutdown.clone());
        let task = tokio::spawn(run.map(Result::unwrap));
        Self {
            address,
            places,
            shutdown,
            task,
        }
    }

    fn has_a_place(&self) -> bool {
        let elsewhere = self.address.ip();
        self.places
            .admit(elsewhere, metaserve::time::now())
            .is_some()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn close(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

async fn expect(stream: &mut TcpStream, text: &str) {
    let mut read = vec![0; text.len()];
    let reading = stream.read_exact(&mut read);
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), text);
}

#[tokio::test]
async fn a_lobby_without_errands_is_served() {
    let running = Running::start(|| PATIENT, true);
    let mut peer = running.connect().await;
    peer.write_all(b"one\ntwo\n").await.unwrap();
    expect(&mut peer, "hello\none\ntwo\n").await;
    drop(peer);
    running.close().await;
}

#[tokio::test]
async fn a_silent_peer_is_told_why_it_is_closed() {
    let running = Running::start(|| IMPATIENT, true);
    let mut peer = running.connect().await;
    peer.write_all(b"one\n").await.unwrap();
    expect(&mut peer, "hello\none\nyou are silent\n").await;
    let end = timeout(PATIENCE, peer.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap(), 0);
    drop(peer);
    running.close().await;
}

#[tokio::test]
async fn a_place_is_kept_until_the_end_or_until_the_peer_is_known() {
    for place_until_known in [false, true] {
        let running = Running::start(|| PATIENT, place_until_known);
        let mut peer = running.connect().await;
        // The answer to the second line shows that the first one was handled completely.
        peer.write_all(b"one\ntwo\n").await.unwrap();
        expect(&mut peer, "hello\none\ntwo\n").await;
        assert_eq!(running.has_a_place(), place_until_known);
        drop(peer);
        while !running.has_a_place() {
            tokio::task::yield_now().await;
        }
        running.close().await;
    }
}
