//! Game servers and clients, with the libraries or by hand.

use crate::{Daemon, patiently};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use metaserve::{
    Role,
    list::Cursor,
    protocol::client::{Compression, ListMessage, Subscribe},
    stream::{self, FrameError, FrameReader},
};
use metaserve_client::{Server, Snapshot, Snapshots, Subscriber};
use std::collections::BTreeMap;

/// A heartbeat that never changes, in a stream that never ends.
pub fn constant(heartbeat: impl Into<Bytes>) -> impl Stream<Item = Bytes> + Unpin + Send {
    futures::stream::iter([heartbeat.into()]).chain(futures::stream::pending())
}

/// Follows the list with the client library.
pub struct Follower {
    list: Snapshots,
    /// The newest snapshot.
    pub snapshot: Snapshot,
}

impl Follower {
    /// Follows all games, or one.
    ///
    /// # Panics
    /// When the daemon cannot be reached.
    pub async fn new(daemon: &Daemon, game: Option<&str>) -> Self {
        let subscriber = Subscriber::new(daemon.connect(Role::Client, None).await);
        let list = match game {
            Some(game) => subscriber.game(game).run(),
            None => subscriber.run(),
        };
        Self::of(list).await
    }

    /// Follows an existing stream, from its first item on.
    ///
    /// # Panics
    /// When it has no items.
    pub async fn of(mut list: Snapshots) -> Self {
        let first = patiently("the first item", list.next()).await;
        Self {
            list,
            snapshot: first.expect("an item").expect("a snapshot"),
        }
    }

    /// The next snapshot.
    ///
    /// # Panics
    /// When the stream ends.
    pub async fn next(&mut self) -> &Snapshot {
        let next = patiently("the next item", self.list.next()).await;
        self.snapshot = next.expect("an item").expect("a snapshot");
        &self.snapshot
    }

    /// The error that ends the stream.
    ///
    /// # Panics
    /// When it ends without one.
    pub async fn end(&mut self) -> metaserve_client::Error {
        loop {
            match patiently("the list's end", self.list.next())
                .await
                .expect("an error")
            {
                Ok(snapshot) => self.snapshot = snapshot,
                Err(error) => return error,
            }
        }
    }

    /// Waits until the list satisfies `wanted`.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> &Snapshot {
        let search = async {
            while !wanted(&self.snapshot) {
                self.snapshot = self
                    .list
                    .next()
                    .await
                    .expect("an item")
                    .expect("a snapshot");
            }
        };
        patiently(what, search).await;
        &self.snapshot
    }

    /// Waits until the list has exactly these heartbeats, in any order.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_words(&mut self, wanted: &[&str]) -> &Snapshot {
        let mut sorted = wanted.to_vec();
        sorted.sort_unstable();
        self.until(&format!("{sorted:?}"), |snapshot| words(snapshot) == sorted)
            .await
    }

    /// The only server in the list.
    ///
    /// # Panics
    /// When the list has another number of servers.
    #[must_use]
    pub fn only(&self) -> &Server {
        assert_eq!(self.snapshot.len(), 1, "{:?}", self.snapshot);
        self.snapshot.servers().next().expect("one")
    }
}

/// The heartbeats in a list as sorted text.
#[must_use]
pub fn words(snapshot: &Snapshot) -> Vec<String> {
    let text = |server: &Server| String::from_utf8_lossy(&server.heartbeat).into_owned();
    let mut words: Vec<String> = snapshot.servers().map(text).collect();
    words.sort_unstable();
    words
}

/// The position of a snapshot, for a client that resumes by hand.
#[must_use]
pub fn known(snapshot: &Snapshot) -> Cursor {
    Cursor {
        epoch: snapshot.epoch(),
        revision: snapshot.revision(),
    }
}

/// A client that uses the protocol directly, and reads only when told to.
pub struct RawClient {
    connection: quinn::Connection,
    reader: Option<FrameReader>,
    /// The current heartbeats by server number.
    pub heartbeats: BTreeMap<u64, Bytes>,
    /// How often the daemon has reset the stream because the client was too slow.
    pub resets: usize,
}

impl RawClient {
    /// Subscribes to one game or all, resuming from `known`.
    ///
    /// # Panics
    /// When the daemon does not allow a stream.
    pub async fn new(
        connection: quinn::Connection,
        game: Option<&str>,
        known: Option<Cursor>,
    ) -> Self {
        let mut out = connection.open_uni().await.expect("one stream is allowed");
        let subscribe = Subscribe {
            game,
            known,
            compression: Compression::None,
        };
        stream::write(&mut out, subscribe)
            .await
            .expect("the daemon reads");
        out.finish().expect("open");
        Self {
            connection,
            reader: None,
            heartbeats: BTreeMap::new(),
            resets: 0,
        }
    }

    /// The next message, which is also applied to `heartbeats`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next(&mut self) -> ListMessage {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => {
                    let stream = patiently("a stream", self.connection.accept_uni()).await;
                    none.insert(FrameReader::new(stream.expect("the daemon's stream")))
                }
            };
            let bytes = match patiently("a frame", reader.next(64 << 20)).await {
                Ok(bytes) => bytes.expect("a frame"),
                Err(FrameError::Reset(_)) => {
                    self.resets += 1;
                    self.reader = None;
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let message = ListMessage::decode(&bytes, 64 << 20).expect("a message");
            if message.from.is_none() {
                self.heartbeats.clear();
            }
            message
                .removed
                .iter()
                .for_each(|number| drop(self.heartbeats.remove(number)));
            let placed = message.placed.iter();
            self.heartbeats
                .extend(placed.map(|it| (it.number, it.heartbeat.clone())));
            let updated = message.updated.iter();
            self.heartbeats
                .extend(updated.map(|it| (it.number, it.heartbeat.clone())));
            return message;
        }
    }
}

/// Opens the peer's one stream, writes the raw `bytes` to it, and returns the daemon's close.
///
/// # Panics
/// When the daemon does not close the connection.
pub async fn raw_peer(connection: &quinn::Connection, bytes: &[u8]) -> metaserve::Close {
    // Opening fails when the daemon has already closed the connection.
    let mut stream = connection.open_uni().await.ok();
    if let Some(stream) = &mut stream {
        let _ = stream.write_all(bytes).await;
    }
    closed(connection).await
}

/// Waits until the daemon closes the connection, and returns the close.
///
/// # Panics
/// When it does not close it.
pub async fn closed(connection: &quinn::Connection) -> metaserve::Close {
    let error = patiently("the daemon's answer", connection.closed()).await;
    metaserve::Close::from_peer(&error).unwrap_or_else(|| panic!("{error}"))
}

/// Opens the peer's one stream and writes `bytes` to it, as far as the daemon reads them.
///
/// # Panics
/// When the stream cannot be opened.
pub async fn say(connection: &quinn::Connection, bytes: &[u8]) -> quinn::SendStream {
    let mut stream = connection.open_uni().await.expect("one stream is allowed");
    // Writing fails when the daemon closes the connection early.
    let _ = stream.write_all(bytes).await;
    stream
}
