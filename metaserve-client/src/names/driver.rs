//! The task that speaks for a program: one connection after the other.

use super::{session::Session, shared::Shared};
use bytes::Bytes;
use metaserve::{
    Backoff, Close, CloseCode, Connect, ConnectError, Ended, Retry, Way,
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
    time::Duration,
};
use tokio::sync::Notify;

/// The delays between attempts to connect: the daemon waits 15 s for former holders.
/// After a refusal that only a person can mend they are as long as those of other peers.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2))
    .slowly(Duration::from_secs(30));

/// How often the daemon is asked for a sign of life.
const BEAT: Duration = Duration::from_secs(1);

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
        self.shared.lock().connected();
        let answered = Notify::new();
        let mut read = pin!(read(self.shared, &connection, &answered));
        let mut write = pin!(write(self.shared, &connection));
        let mut timers = pin!(timers(self.shared));
        let mut too_late = pin!(too_late(self.shared));
        let datagrams = || connection.stats().udp_rx.datagrams;
        let at_first = datagrams();
        let mut beats = every(BEAT);
        let mut is_live = false;
        let spoken = loop {
            let let_in = tokio::select! {
                Err(ended) = &mut read => match self.shared.leaving.is_cancelled() {
                    // The daemon has heard that the program leaves.
                    true => break Ok(()),
                    false => break Err(ended),
                },
                written = &mut write => break written,
                () = &mut too_late => break Ok(()),
                never = &mut timers => match never {},
                () = answered.notified() => true,
                _ = beats.tick() => {
                    self.shared.act(Session::beat);
                    datagrams() > at_first
                }
            };
            if let_in && !std::mem::replace(&mut is_live, true) {
                self.lived = true;
                self.listener.hear(Status::Live { problem: None });
                live();
            }
        };
        match &spoken {
            Ok(()) => Close::new(CloseCode::Goodbye, "the program has ended").close(&connection),
            Err(ended) => {
                if let Some(violation) = ended.violation() {
                    violation.close(&connection);
                }
                self.shared.lock().ended(ended, now());
            }
        }
        spoken
    }

    fn choices(&self) -> usize {
        lock(self.connect).choices()
    }

    fn retry(&self, error: &C::Error) -> Retry {
        match C::known(error).map_or(Retry::Soon, ConnectError::retry) {
            // Perhaps it is a daemon that is being restarted.
            Retry::Briefly if self.lived => Retry::Soon,
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

/// Says what there is to say until the program leaves, as fast as the daemon reads. Then the daemon
/// has all of it, and frees what the program holds.
async fn write(shared: &Shared, connection: &quinn::Connection) -> Result<(), Ended> {
    let mut out = connection.open_uni().await?;
    while !shared.leaving.is_cancelled() {
        while let Some(frame) = next_message(shared) {
            if out.write_chunk(frame).await.is_err() {
                return Err(connection.closed().await.into());
            }
        }
        // It may go on at a certain time only.
        shared.timed.notify_one();
        tokio::select! {
            () = shared.said.notified() => {}
            () = shared.leaving.cancelled() => {}
        }
    }
    // It fails when the connection is closed already, which is what it is for.
    let _ = out.finish();
    tokio::select! {
        _ = out.stopped() => {}
        _ = connection.closed() => {}
    }
    Ok(())
}

/// Waits until the program leaves, and then as long as that may take. All requests end at once.
async fn too_late(shared: &Shared) {
    shared.leaving.cancelled().await;
    shared.lock().leave();
    tokio::time::sleep(GOODBYE_TIMEOUT).await;
}

/// The lock is not held while the message is written.
fn next_message(shared: &Shared) -> Option<Bytes> {
    shared.lock().next_message(now())
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
