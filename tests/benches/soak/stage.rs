//! The work of each server and client, and the truth with which every list is compared.

use crate::lists::{List, Lists};
use bytes::Bytes;
use futures::{StreamExt, stream};
use metaserve::{
    Connector,
    protocol::client::{Compression, Subscribe},
    stream::{FrameError, FrameReader, write},
};
use metaserve_heartbeat::Publisher;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};

/// How often each server changes its heartbeat.
const CHANGE_EVERY: Duration = Duration::from_secs(10);

/// Longer than any idle timeout and tick: no list may show a server that left so long ago.
const LONG_AGO: Duration = Duration::from_secs(16);

/// The number of concurrent handshakes.
const HANDSHAKES: usize = 64;

/// The current list of one client, if it has one.
pub(crate) type Own = Mutex<Option<Arc<List>>>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// The newest heartbeats of the servers, and when servers left.
#[derive(Default)]
pub(crate) struct Truth {
    /// The newest heartbeat of each present server, by number.
    pub(crate) there: BTreeMap<u64, Bytes>,
    left: HashMap<u64, Instant>,
}

fn heartbeat(server: u64, version: u64) -> Bytes {
    format!("{server} {version} {:.<180}", "").into()
}

fn number(heartbeat: &[u8]) -> u64 {
    let text = std::str::from_utf8(heartbeat).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The state that all peers share, and their counters.
pub(crate) struct Stage {
    servers: Vec<Connector>,
    clients: Vec<Connector>,
    handshakes: Semaphore,
    pub(crate) truth: Mutex<Truth>,
    lists: Mutex<Lists>,
    /// Whether servers change.
    pub(crate) moving: watch::Sender<bool>,
    pub(crate) lost: AtomicU64,
    pub(crate) tried_again: AtomicU64,
    pub(crate) snapshots: AtomicU64,
    pub(crate) ghosts: AtomicU64,
}

impl Stage {
    /// One connector per socket, and no peers yet.
    pub(crate) fn new(servers: Vec<Connector>, clients: Vec<Connector>) -> Self {
        Self {
            servers,
            clients,
            handshakes: Semaphore::new(HANDSHAKES),
            truth: Mutex::default(),
            lists: Mutex::default(),
            moving: watch::Sender::new(true),
            lost: AtomicU64::new(0),
            tried_again: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
            ghosts: AtomicU64::new(0),
        }
    }

    async fn connect(&self, connectors: &[Connector], peer: u64) -> quinn::Connection {
        let _place = self.handshakes.acquire().await.unwrap();
        let sockets = connectors.len() as u64;
        let connector = &connectors[(peer % sockets) as usize];
        loop {
            match connector.connect().await {
                Ok(connection) => return connection,
                // Retried as games do. Sockets that a hundred peers share may be too small for a
                // burst.
                Err(error) => {
                    if self.tried_again.fetch_add(1, Ordering::Relaxed) == 0 {
                        eprintln!("the first connection that was retried: {error}");
                    }
                }
            }
        }
    }

    /// Runs one server until it is told to leave.
    pub(crate) async fn server(self: Arc<Self>, server: u64, leave: watch::Receiver<bool>) {
        let connection = self.connect(&self.servers, server).await;
        lock(&self.truth).there.insert(server, heartbeat(server, 0));
        let begin = (self.clone(), self.moving.subscribe(), 1);
        let first = stream::iter([heartbeat(server, 0)]);
        let later = stream::unfold(begin, move |(stage, mut moving, version)| async move {
            let wait = match version {
                1 => CHANGE_EVERY.mul_f64(fastrand::f64()),
                _ => CHANGE_EVERY,
            };
            tokio::time::sleep(wait).await;
            moving.wait_for(|moving| *moving).await.ok()?;
            let heartbeat = heartbeat(server, version);
            lock(&stage.truth).there.insert(server, heartbeat.clone());
            Some((heartbeat, (stage, moving, version + 1)))
        });
        let mut leaving = leave;
        let left = async move {
            // The end of the sender also means to leave.
            let _ = leaving.wait_for(|leave| *leave).await;
        };
        let heartbeats = first.chain(later).take_until(Box::pin(left));
        let publisher = Publisher::new(connection).game("soak");
        let result = publisher.run(Box::pin(heartbeats)).await;
        if let Err(error) = result
            && self.lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            eprintln!("the first server that was lost: {error}");
        }
        let mut truth = lock(&self.truth);
        truth.there.remove(&server);
        truth.left.insert(server, Instant::now());
    }

    /// Runs one client until it is dropped.
    pub(crate) async fn client(self: Arc<Self>, client: u64, own: Arc<Own>) {
        let connection = self.connect(&self.clients, client).await;
        if let Err(error) = self.follow(&connection, &own).await
            && self.lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            eprintln!("the first client that was lost: {error:#}");
        }
    }

    async fn follow(&self, connection: &quinn::Connection, own: &Own) -> anyhow::Result<()> {
        let mut out = connection.open_uni().await?;
        let subscribe = Subscribe {
            game: Some("soak"),
            known: None,
            compression: Compression::Zstd,
        };
        write(&mut out, subscribe).await?;
        out.finish()?;
        loop {
            let mut reader = FrameReader::new(connection.accept_uni().await?);
            self.snapshots.fetch_add(1, Ordering::Relaxed);
            loop {
                let bytes = match reader.next(64 << 20).await {
                    Ok(bytes) => bytes.ok_or_else(|| anyhow::anyhow!("the list has ended"))?,
                    // Too slow: a snapshot comes on another stream.
                    Err(FrameError::Reset(_)) => break,
                    Err(error) => return Err(error.into()),
                };
                let before = lock(own).clone();
                let (list, new) = {
                    let mut lists = lock(&self.lists);
                    let made = lists.made;
                    (lists.take(before.as_ref(), &bytes), lists.made > made)
                };
                if new {
                    self.ghosts_in(&list);
                }
                *lock(own) = Some(list);
            }
        }
    }

    /// Counts servers that left long ago but are still listed.
    fn ghosts_in(&self, list: &List) {
        let truth = lock(&self.truth);
        let left = list
            .servers
            .values()
            .filter_map(|it| truth.left.get(&number(it)));
        let ghosts = left.filter(|left| left.elapsed() > LONG_AGO).count();
        self.ghosts.fetch_add(ghosts as u64, Ordering::Relaxed);
    }

    /// The number of lists that differ from the truth.
    pub(crate) fn wrong<'a>(&self, lists: impl Iterator<Item = &'a Own>) -> usize {
        let truth: HashSet<Bytes> = lock(&self.truth).there.values().cloned().collect();
        let mut judged: HashMap<u64, bool> = HashMap::new();
        let right = |list: &Arc<List>| {
            list.servers.len() == truth.len() && list.servers.values().all(|it| truth.contains(it))
        };
        let wrong = lists.filter(|own| match &*lock(own) {
            None => true,
            Some(list) => !*judged.entry(list.id).or_insert_with(|| right(list)),
        });
        wrong.count()
    }
}
