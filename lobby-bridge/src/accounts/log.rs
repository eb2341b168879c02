//! The logs: a queue with a limit in bytes, and one task that writes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metaserve::{Backoff, Retry, time::now};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::{ChatKind, LogRow, Logs, keeper::Keeper};

/// The size of a row without its texts, rounded up.
const ROW_BYTES: usize = 512;

/// How often a reachable database may refuse a row, for example for a lock, before it is dropped.
const MAX_REFUSALS: u32 = 5;

/// The logs of one database. Dropping it stops the writer.
#[derive(Debug)]
pub(super) struct Log {
    logs: Logs,
    queue: mpsc::UnboundedSender<Queued>,
    /// The bytes that may still be queued. This limits the queue.
    room: Arc<Semaphore>,
    dropped: Arc<AtomicU64>,
    _writer: AbortOnDropHandle<()>,
}

enum Queued {
    Row {
        row: LogRow,
        made: Instant,
        _room: OwnedSemaphorePermit,
    },
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl Log {
    pub(super) fn start(database: Keeper, logs: Logs, queue_bytes: usize) -> Self {
        let (queue, rows) = mpsc::unbounded_channel();
        let dropped = Arc::<AtomicU64>::default();
        let writer = write(rows, database, Arc::clone(&dropped));
        Self {
            logs,
            queue,
            room: Arc::new(Semaphore::new(queue_bytes.min(Semaphore::MAX_PERMITS))),
            dropped,
            _writer: AbortOnDropHandle::new(tokio::spawn(writer)),
        }
    }

    /// Queues a row. Never waits.
    pub(super) fn add(&self, row: LogRow) {
        if !self.logs.wants(&row) {
            return;
        }
        let size = u32::try_from(ROW_BYTES + row.text_bytes()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size);
        let Ok(room) = room else {
            if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!("dropping log rows: the database is too slow");
            }
            return;
        };
        let made = now();
        // The writer lives as long as `self`.
        let _ = self.queue.send(Queued::Row {
            row,
            made,
            _room: room,
        });
    }

    /// Waits until everything is written, or `within` is over. Returns whether it is written.
    pub(super) async fn flush(&self, within: Duration) -> bool {
        let (done, written) = oneshot::channel();
        let _ = self.queue.send(Queued::Flush(done));
        matches!(tokio::time::timeout(within, written).await, Ok(Ok(())))
    }
}

/// Writes row by row, in order. Waits while there is no database.
async fn write(
    mut rows: mpsc::UnboundedReceiver<Queued>,
    database: Keeper,
    dropped: Arc<AtomicU64>,
) {
    while let Some(queued) = rows.recv().await {
        match queued {
            Queued::Row { row, made, _room } => insert(&database, &row, made).await,
            Queued::Flush(done) => drop(done.send(())),
        }
        // Now that a row is written, the log can tell how many were lost.
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            rows => tracing::warn!(rows, "dropped log rows"),
        }
    }
}

/// Retries until the row is written, or the database has refused it too often.
async fn insert(database: &Keeper, row: &LogRow, made: Instant) {
    let mut backoff = Backoff::default();
    let mut refusals = 0;
    loop {
        let ago = now().saturating_duration_since(made);
        let written = match (database.ready(), row) {
            (Err(error), _) => Err(error),
            (Ok(database), LogRow::Chat(row)) => database.log_chat(row, ago).await,
            (Ok(database), LogRow::Event(row)) => database.log_event(row, ago).await,
            (Ok(database), LogRow::LoginDetail(row)) => database.log_login_detail(row, ago).await,
        };
        let Err(error) = written else { return };
        if error.is_refusal() {
            refusals += 1;
        }
        if refusals == MAX_REFUSALS {
            let error = error.with_cause();
            return tracing::warn!(error, "dropped a log row: it cannot be written");
        }
        tracing::debug!(error = %error.with_cause(), "the logs are waiting for the database");
        let delay = backoff.delay(Retry::Soon, fastrand::f64());
        tokio::time::sleep(delay).await;
    }
}

impl Logs {
    fn wants(self, row: &LogRow) -> bool {
        match row {
            LogRow::Chat(row) if row.kind == ChatKind::PrivateMessage => self.private_messages,
            LogRow::Chat(_) => self.chat,
            LogRow::Event(_) => self.events,
            LogRow::LoginDetail(_) => self.login_details,
        }
    }
}

impl LogRow {
    fn text_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Chat(row) => {
                let target = row.target.as_ref();
                let target = target.map_or(0, |it| text(&it.username) + it.chatname.len());
                text(&row.username) + row.chatname.len() + target + row.message.len()
            }
            Self::Event(row) => text(&row.username) + row.extradata.as_ref().map_or(0, Vec::len),
            Self::LoginDetail(row) => {
                text(&row.username) + row.chatname.len() + row.build_date.len()
            }
        }
    }
}
