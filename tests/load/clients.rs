//! Game clients: each follows the list exactly, at little cost.

use crate::{
    lists::{List, Lists, MAX_MESSAGE_BYTES},
    peers::{Stage, now},
};
use hdrhistogram::Histogram;
use metaserve::{
    protocol::client::{Compression, Subscribe},
    stream::{self, FrameError, FrameReader},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// The observations of all clients of one run.
pub(crate) struct Seen {
    lists: Lists,
    /// The list of each client; `None` before its first.
    pub(crate) latest: Vec<Mutex<Option<Arc<List>>>>,
    /// The number of clients that have their first list.
    pub(crate) complete: AtomicU64,
    /// How many of them knew a list before, and were told only what has changed.
    pub(crate) resumed: AtomicU64,
    /// How long each of them waited for it since its first packet, in microseconds.
    pub(crate) first_list: Mutex<Histogram<u64>>,
    /// Whether messages are counted now.
    pub(crate) counting: AtomicBool,
    pub(crate) messages: AtomicU64,
    pub(crate) message_bytes: AtomicU64,
    pub(crate) updates: AtomicU64,
    /// Snapshots after the first: each means that a client had fallen behind.
    pub(crate) snapshots: AtomicU64,
    /// Servers that have left lists. None ends while a run measures, so each is a mistake.
    pub(crate) removed: AtomicU64,
    /// The time from a heartbeat's creation to its arrival at a client, in microseconds.
    pub(crate) latencies: Mutex<Histogram<u64>>,
    /// The same where server and client are at different daemons.
    pub(crate) latencies_apart: Mutex<Histogram<u64>>,
}

/// The highest recorded time: a minute.
const LONGEST_MICROS: u64 = 60_000_000;

impl Seen {
    pub(crate) fn new(clients: usize) -> Arc<Self> {
        let histogram = || {
            let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
            Mutex::new(histogram.expect("three digits are possible"))
        };
        Arc::new(Self {
            lists: Lists::default(),
            latest: (0..clients).map(|_| Mutex::default()).collect(),
            complete: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            first_list: histogram(),
            counting: AtomicBool::new(false),
            messages: AtomicU64::new(0),
            message_bytes: AtomicU64::new(0),
            updates: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
            removed: AtomicU64::new(0),
            latencies: histogram(),
            latencies_apart: histogram(),
        })
    }
}

/// Follows the list of this run's servers over `connection`, which was started at `begun`, from the
/// list on that is `known`, if one is.
pub(crate) async fn client(
    stage: Arc<Stage>,
    seen: Arc<Seen>,
    client: usize,
    connection: quinn::Connection,
    begun: Instant,
    known: Option<Arc<List>>,
) {
    if let Err(error) = follow(&stage, &seen, client, &connection, begun, known).await {
        stage.lost("game client", &error);
    }
}

/// The same, and returns why it has ended.
pub(crate) async fn follow(
    stage: &Stage,
    seen: &Seen,
    client: usize,
    connection: &quinn::Connection,
    begun: Instant,
    known: Option<Arc<List>>,
) -> anyhow::Result<()> {
    let mut out = connection.open_uni().await?;
    let subscribe = Subscribe {
        game: Some(&stage.plan.game),
        known: known.as_ref().map(|list| list.cursor()),
        compression: Compression::Zstd,
    };
    stream::write(&mut out, subscribe).await?;
    out.finish()?;
    let (mut list, mut first) = (known, true);
    loop {
        let mut reader = FrameReader::new(connection.accept_uni().await?);
        loop {
            let bytes = match reader.next(MAX_MESSAGE_BYTES).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => anyhow::bail!("the daemon has ended the list"),
                // Too slow: a snapshot comes on another stream.
                Err(FrameError::Reset(_)) => break,
                Err(error) => return Err(error.into()),
            };
            let arrived = now();
            let length = bytes.len() as u64;
            let taken = seen.lists.take(list.as_ref(), bytes, &stage.truth)?;
            if std::mem::take(&mut first) {
                seen.complete.fetch_add(1, Ordering::Relaxed);
                seen.resumed
                    .fetch_add(u64::from(!taken.snapshot), Ordering::Relaxed);
                let micros = arrived.saturating_duration_since(begun).as_micros();
                lock(&seen.first_list).saturating_record(u64::try_from(micros)?);
            } else if client < stage.plan.clients && seen.counting.load(Ordering::Relaxed) {
                seen.messages.fetch_add(1, Ordering::Relaxed);
                seen.message_bytes.fetch_add(length, Ordering::Relaxed);
                seen.updates
                    .fetch_add(taken.updates as u64, Ordering::Relaxed);
                seen.snapshots
                    .fetch_add(u64::from(taken.snapshot), Ordering::Relaxed);
                taken.times(arrived, |server, micros| {
                    lock(&seen.latencies).saturating_record(micros);
                    if stage.plan.which.are_apart(server, client) {
                        lock(&seen.latencies_apart).saturating_record(micros);
                    }
                });
            }
            seen.removed
                .fetch_add(taken.removed as u64, Ordering::Relaxed);
            *lock(&seen.latest[client]) = Some(taken.list.clone());
            list = Some(taken.list);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
