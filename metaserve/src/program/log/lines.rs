//! A queue of lines to an output that may be stuck or fail, which never blocks the caller.
//!
//! ```text
//!  any thread ──push──▶ pending, 1 MiB at most ──all of it──▶ the writer's thread ──▶ sink
//!                          └─ full: the line is lost, and counted
//! ```
//!
//! `tracing-appender` is not suitable: it bounds the number of lines and not their bytes, does not
//! count what its sink refuses, and prints when its queue is full at the end, which panics if
//! standard output is closed.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// The most bytes that wait for the writer. The writer may hold as many again.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// The capacity that the buffers keep after their lines are written.
const KEPT_BYTES: usize = 64 * 1024;

/// How long the writer sleeps when its sink is non-blocking and not ready.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The longest time between two calls of `turn`.
const TURN: Duration = Duration::from_secs(10);

/// The sending side of the queue. The writer's thread ends when all clones are dropped and the
/// pending lines are written. It is not awaited, since its sink may never accept them.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    writer: OnceLock<ThreadId>,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<u8>,
    /// Lines that did not fit, since the last report.
    lost: u64,
    writing: bool,
    closed: bool,
}

/// Lines that were lost, reported when the sink accepts lines again.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) lines: u64,
    /// Why they could not be written; `None` if the sink was too slow.
    pub(crate) error: Option<io::Error>,
}

impl Lines {
    /// Starts a thread with this name that writes to `sink`. The thread calls `turn` after each
    /// write, and every 10 s; lines pushed in `turn` are never lost.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn to(
        sink: impl Write + Send + 'static,
        name: &str,
        turn: impl FnMut(Option<Lost>) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            sink,
            shared: shared.clone(),
            within_line: false,
            lost: Lost::NONE,
            told: 0,
            turn,
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(|| writer.run())?;
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Queues whole lines, or drops them. Takes no longer than copying them.
    pub(crate) fn push(&self, lines: &[u8]) {
        self.0.0.push(lines);
    }

    /// Waits until everything that was pushed is written or lost, for at most this long. Returns
    /// whether it is.
    pub(crate) fn flush(&self, at_most: Duration) -> bool {
        let shared = &self.0.0;
        let busy = |state: &mut State| state.writing || !state.pending.is_empty();
        let waited = shared
            .changed
            .wait_timeout_while(shared.state(), at_most, busy);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, lines: &[u8]) {
        let mut state = self.state();
        let full = state.pending.len() + lines.len() > MOST_BYTES;
        // The writer's own reports of lost lines must not be lost; they are short.
        if full && self.writer.get() != Some(&thread::current().id()) {
            state.lost += count(lines);
            return;
        }
        state.pending.extend_from_slice(lines);
        drop(state);
        self.changed.notify_all();
    }
}

struct Writer<S, T> {
    sink: S,
    shared: Arc<Shared>,
    /// Whether the sink has failed in the middle of a line.
    within_line: bool,
    /// What the sink has refused since the last report.
    lost: Lost,
    /// The number of lost lines that the next line reports. That line may be lost itself.
    told: u64,
    turn: T,
}

impl<S: Write, T: FnMut(Option<Lost>)> Writer<S, T> {
    fn run(mut self) {
        // Set only here.
        let _ = self.shared.writer.set(thread::current().id());
        let mut lines = Vec::new();
        while self.next(&mut lines) {
            let lost = match self.write(&lines) {
                // An empty write does not show whether the sink works.
                Ok(()) if lines.is_empty() => None,
                Ok(()) => self.lost(),
                Err(lost) => {
                    self.lost.lines += lost.lines + std::mem::take(&mut self.told);
                    self.lost.error = lost.error;
                    None
                }
            };
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
            (self.turn)(lost);
        }
    }

    /// Waits for lines, at most until the next turn. Returns false when there will be no more.
    fn next(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.shared.state();
        state.writing = false;
        self.shared.changed.notify_all();
        let idle = |state: &mut State| state.pending.is_empty() && !state.closed;
        let waited = self.shared.changed.wait_timeout_while(state, TURN, idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.pending, lines);
        state.writing = true;
        !(lines.is_empty() && state.closed)
    }

    /// Writes whole lines. On an error, the rest of them is lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), Lost> {
        // The sink failed in the middle of a line, and seems to accept lines again.
        if self.within_line && !lines.is_empty() {
            self.write_all(b"\n")
                .map_err(|(_, error)| Lost::of(lines, error))?;
        }
        self.write_all(lines)
            .map_err(|(written, error)| Lost::of(&lines[written..], error))
    }

    /// Like [`io::Write::write_all`], but also returns how much was written before an error.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.sink.write(&bytes[written..]) {
                Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
                Ok(more) => {
                    written += more;
                    self.within_line = bytes[written - 1] != b'\n';
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that shares the terminal or pipe has made it non-blocking.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(ASK_AGAIN),
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }

    /// What has been lost so far, if anything.
    fn lost(&mut self) -> Option<Lost> {
        let unread = std::mem::take(&mut self.shared.state().lost);
        let mut lost = std::mem::replace(&mut self.lost, Lost::NONE);
        lost.lines += unread;
        self.told = lost.lines;
        (lost.lines > 0).then_some(lost)
    }
}

impl Lost {
    const NONE: Self = Self {
        lines: 0,
        error: None,
    };

    fn of(lines: &[u8], error: io::Error) -> Self {
        Self {
            lines: count(lines),
            error: Some(error),
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests;
