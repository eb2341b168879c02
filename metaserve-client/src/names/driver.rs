//! The task that speaks for a program: one connection after the other.

use super::shared::Shared;
use bytes::Bytes;
use metaserve::{
    Backoff, Close, CloseCode, Connect, ConnectError, Ended, Retry, Role, Way,
    connect::role,
    lasting::{Lasting, Listener, Problem, Status, Wait, lasting},
    protocol::roles::GOODBYE_TIMEOUT,
    stream::Incoming,
    time::{every, now, sleep_until},
};
use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The delays between attempts to connect: the daemon waits 15 s for former holders.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));

/// Speaks until the program leaves, or connecting again cannot help.
pub(super) async fn speak<C: Connect<role::Names>>(
    shared: Arc<Shared>,
    connect: C,
    listener: Listener,
) {
    let _leave = Leave(&shared);
    let (way, connect) = (Way::default(), Mutex::new(connect));
    let mut speaking = Speaking {
        shared: &shared,
        listener,
        lived: false,
        connect: &connect,
    };
    let spoken = lasting(|| lock(&connect).connect(&way), BACKOFF, &mut speaking).await;
    if let Err(ended) = spoken {
        shared.lock().over(ended);
    }
}

/// However the task ends, also by a panic in the program's functions, nobody waits any longer.
struct Leave<'a>(&'a Shared);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.lock().leave();
    }
}

struct Speaking<'a, C> {
    shared: &'a Shared,
    listener: Listener,
    /// Whether a daemon has let us in, so that our settings were right.
    lived: bool,
    connect: &'a Mutex<C>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Connect<role::Names>> Lasting<C::Error> for Speaking<'_, C> {
    type Done = ();

    async fn meanwhile(&mut self) {
        tokio::select! {
            () = self.shared.leaving.cancelled() => {}
            never = timers(self.shared) => match never {},
        }
    }

    async fn session(
        &mut self,
        connection: quinn::Connection,
        live: &mut (impl FnMut() + Send),
    ) -> Result<(), Ended> {
        self.shared.lock().connected(now());
        let answered = Notify::new();
        let mut read = pin!(read(self.shared, &connection, &answered));
        let mut write = pin!(write(self.shared, &connection));
        let mut timers = pin!(timers(self.shared));
        let mut life = SignsOfLife::new(&connection);
        let mut seconds = every(Role::Names.keep_alive());
        let mut is_live = false;
        let spoken = loop {
            let let_in = tokio::select! {
                Err(ended) = &mut read => break Err(ended),
                written = &mut write => break written,
                never = &mut timers => match never {},
                () = answered.notified() => true,
                _ = seconds.tick() => {
                    let alive = life.seen(&connection, now());
                    alive.map(|at| self.shared.lock().heard(at)).is_some()
                }
            };
            if let_in && !std::mem::replace(&mut is_live, true) {
                self.lived = true;
                self.listener.hear(Status::Live { problem: None });
                live();
            }
        };
        if let Err(ended) = &spoken {
            if let Some(violation) = ended.violation() {
                violation.close(&connection);
            }
            self.shared.lock().disconnected(ended.to_string(), now());
        }
        spoken
    }

    fn choices(&self) -> usize {
        lock(self.connect).choices()
    }

    fn retry(&self, error: &C::Error) -> Retry {
        match C::known(error).map_or(Retry::Soon, ConnectError::retry) {
            Retry::Briefly if self.lived => Retry::Slowly,
            retry => retry,
        }
    }

    fn final_error(&mut self, error: &C::Error) -> Option<Ended> {
        C::known(error).cloned().map(Ended::Connect)
    }

    fn connecting(&mut self) {
        self.listener.hear(Status::Connecting);
    }

    fn unanswered(&mut self) {
        self.listener.hear(Status::Unanswered);
    }

    fn waits(&mut self, problem: Problem<C::Error>, wait: Wait) {
        let why = metaserve::printable(&problem.to_string());
        self.shared.lock().disconnected(why, now());
        self.listener.hear(Status::waiting(&problem, wait));
    }
}

/// Hears the daemon until the connection ends.
async fn read(
    shared: &Shared,
    connection: &quinn::Connection,
    answered: &Notify,
) -> Result<Infallible, Ended> {
    let mut incoming = Incoming::new(connection);
    loop {
        let piece = incoming.next().await?;
        answered.notify_one();
        shared.act(|session| session.piece(piece, now()))?;
    }
}

/// Says what there is to say until the program leaves, as fast as the daemon reads.
async fn write(shared: &Shared, connection: &quinn::Connection) -> Result<(), Ended> {
    let mut out = connection.open_uni().await?;
    loop {
        let leaving = shared.leaving.is_cancelled();
        if leaving {
            shared.lock().leave();
        }
        while let Some(frame) = next_message(shared) {
            if out.write_chunk(frame).await.is_err() {
                return Err(connection.closed().await.into());
            }
        }
        if leaving && shared.lock().has_left() {
            goodbye(connection, out).await;
            return Ok(());
        }
        // It may go on at a certain time only.
        shared.timed.notify_one();
        tokio::select! {
            () = shared.said.notified() => {}
            () = shared.leaving.cancelled(), if !leaving => {}
        }
    }
}

/// The lock is not held while the message is written.
fn next_message(shared: &Shared) -> Option<Bytes> {
    shared.lock().next_message(now())
}

/// Ends the stream, and waits until the daemon has all of it.
async fn goodbye(connection: &quinn::Connection, mut out: quinn::SendStream) {
    // It fails when the connection is closed already, which is what it is for.
    let _ = out.finish();
    let delivered = async {
        tokio::select! {
            _ = out.stopped() => {}
            _ = connection.closed() => {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, delivered).await;
    Close::new(CloseCode::Goodbye, "the program has ended").close(connection);
}

/// Lets the session know when its timers are due. Cancel-safe.
async fn timers(shared: &Shared) -> Infallible {
    loop {
        let due = shared.lock().next_timeout();
        tokio::select! {
            () = sleep_until(due) => {
                shared.lock().tick(now());
                shared.said.notify_one();
            }
            () = shared.timed.notified() => {}
        }
    }
}

/// When the daemon was alive, from the number of datagrams that have come.
struct SignsOfLife {
    datagrams: u64,
    counted: Instant,
}

impl SignsOfLife {
    fn new(connection: &quinn::Connection) -> Self {
        Self {
            datagrams: connection.stats().udp_rx.datagrams,
            counted: now(),
        }
    }

    /// A moment since which a datagram has come: that of the last count, if there are more now.
    fn seen(&mut self, connection: &quinn::Connection, now: Instant) -> Option<Instant> {
        let datagrams = connection.stats().udp_rx.datagrams;
        let counted = std::mem::replace(&mut self.counted, now);
        let before = std::mem::replace(&mut self.datagrams, datagrams);
        (datagrams > before).then_some(counted)
    }
}
