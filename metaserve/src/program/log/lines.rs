//! Lines on their way to a reader that may stand still, or to a file that cannot be written:
//! nobody waits for either.
//!
//! ```text
//!  any thread ──push──▶ pending, 1 MiB at most ──all of it──▶ the writer's thread ──▶ sink
//!                          └─ full: the line is lost, and counted
//! ```
//!
//! `tracing-appender` does not do: it bounds the number of lines and not their bytes, does not
//! count what its sink refuses, and prints when its queue is full at the end, which panics where
//! standard output is closed.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// The most bytes that wait for the writer. As many may be in its hands.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// What is kept of the room for them when they are written.
const KEPT_BYTES: usize = 64 * 1024;

/// How long the writer sleeps when its sink is one that others have set to be asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The writer says what there is to say at least this often.
const TURN: Duration = Duration::from_secs(10);

/// Where lines are pushed. The writer's thread ends when all clones are dropped and what is
/// pending is written; it is not waited for, since its sink may never take it.
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
    /// Lines that did not fit, since this was told last.
    lost: u64,
    writing: bool,
    closed: bool,
}

/// Lines that nobody will read, told when there is somebody again.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) lines: u64,
    /// Why they could not be written; none if they were not taken fast enough.
    pub(crate) error: Option<io::Error>,
}

impl Lines {
    /// Begins to write to `sink` from a thread with this name. The thread calls `turn` each time
    /// that it has written, and every 10 s; what it pushes there is never lost.
    ///
    /// # Errors
    /// When there can be no thread.
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

    /// Hands over whole lines, or loses them. Takes no longer than copying them.
    pub(crate) fn push(&self, lines: &[u8]) {
        self.0.0.push(lines);
    }

    /// Waits until all that was pushed is written or lost, for so long at most. Whether it is.
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
        // What the writer says itself, of lost lines, must not be lost: it is little.
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
    /// The sink has failed within a line.
    within_line: bool,
    /// What the sink has refused since this was told last.
    lost: Lost,
    /// Of how many lost lines the next line tells. It may be lost itself.
    told: u64,
    turn: T,
}

impl<S: Write, T: FnMut(Option<Lost>)> Writer<S, T> {
    fn run(mut self) {
        // It is set once, here.
        let _ = self.shared.writer.set(thread::current().id());
        let mut lines = Vec::new();
        while self.next(&mut lines) {
            let lost = match self.write(&lines) {
                // Without lines nothing shows that the sink takes any.
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

    /// Waits for lines, or for the time of a turn without any. False when there will be none.
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

    /// Writes whole lines. On an error, what is left of them is lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), Lost> {
        // The sink has failed there, and seems to take lines again.
        if self.within_line && !lines.is_empty() {
            self.write_all(b"\n")
                .map_err(|(_, error)| Lost::of(lines, error))?;
        }
        self.write_all(lines)
            .map_err(|(written, error)| Lost::of(&lines[written..], error))
    }

    /// As that of [`io::Write`], but says how much was written before the error.
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
                // Whoever shares the terminal or pipe with us has made it so.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(ASK_AGAIN),
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }

    /// What was lost until now, if anything was.
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
mod tests {
    use super::*;
    use std::sync::{Weak, mpsc};

    /// A sink that does with each write what the test says, and shows what it was given.
    struct Scripted {
        answers: mpsc::Receiver<io::Result<usize>>,
        asked: mpsc::Sender<String>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let asked = String::from_utf8_lossy(bytes).into_owned();
            self.asked.send(asked).expect("the test looks");
            let answer = self.answers.recv().unwrap_or(Ok(usize::MAX));
            answer.map(|most| most.min(bytes.len()))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Stage {
        lines: Lines,
        answers: mpsc::Sender<io::Result<usize>>,
        asked: mpsc::Receiver<String>,
    }

    /// The writer tells of lost lines in a line.
    fn stage() -> Stage {
        let (answers, sink_answers) = mpsc::channel();
        let (sink_asked, asked) = mpsc::channel();
        let sink = Scripted {
            answers: sink_answers,
            asked: sink_asked,
        };
        // Without keeping the thread for it.
        let own = Arc::new(OnceLock::<Weak<Handle>>::new());
        let tell = own.clone();
        let turn = move |lost: Option<Lost>| {
            if let (Some(lost), Some(lines)) = (lost, tell.get().and_then(Weak::upgrade)) {
                let why = lost
                    .error
                    .map_or("unread".into(), |error| error.to_string());
                let lines = Lines(lines);
                lines.push(format!("{} lost: {why}\n", lost.lines).as_bytes());
            }
        };
        let lines = Lines::to(sink, "test", turn).unwrap();
        own.set(Arc::downgrade(&lines.0)).unwrap();
        Stage {
            lines,
            answers,
            asked,
        }
    }

    impl Stage {
        fn asked(&self) -> String {
            self.asked.recv().unwrap()
        }

        /// The sink takes what it was asked for.
        fn takes(&self) {
            self.answers.send(Ok(usize::MAX)).unwrap();
        }

        fn fails(&self, error: ErrorKind) {
            self.answers.send(Err(error.into())).unwrap();
        }
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_is_told_how_many() {
        let stage = stage();
        stage.lines.push(b"first\n");
        assert_eq!(stage.asked(), "first\n");
        // It stands still from here on: nothing of this waits.
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        for _ in 0..2_000 {
            stage.lines.push(&line);
        }
        assert!(!stage.lines.flush(Duration::ZERO));
        stage.takes();
        let then = stage.asked();
        let told = format!("{} lost: unread\n", 2_000 - MOST_BYTES / line.len());
        assert_eq!(then.len(), MOST_BYTES + told.len());
        assert!(then.ends_with(&told), "{:?}", &then[MOST_BYTES..]);
        stage.lines.push(b"last\n");
        stage.takes();
        assert_eq!(stage.asked(), "last\n");
        stage.takes();
        assert!(stage.lines.flush(Duration::MAX));
    }

    #[test]
    fn what_cannot_be_written_is_lost_and_said_when_something_can() {
        let stage = stage();
        stage.lines.push(b"one\ntwo\n");
        // A full disk takes what there is still room for.
        assert_eq!(stage.asked(), "one\ntwo\n");
        stage.answers.send(Ok(6)).unwrap();
        assert_eq!(stage.asked(), "o\n");
        stage.fails(ErrorKind::StorageFull);
        assert!(stage.lines.flush(Duration::MAX));
        stage.lines.push(b"three\n");
        assert_eq!(stage.asked(), "\n", "the end of half a line");
        stage.fails(ErrorKind::StorageFull);
        assert!(stage.lines.flush(Duration::MAX));
        stage.lines.push(b"four\n");
        assert_eq!(stage.asked(), "\n");
        stage.takes();
        assert_eq!(stage.asked(), "four\n");
        stage.takes();
        let told = format!("2 lost: {}\n", io::Error::from(ErrorKind::StorageFull));
        assert_eq!(stage.asked(), told);
        // What was told is not lost by being lost.
        stage.fails(ErrorKind::BrokenPipe);
        assert!(stage.lines.flush(Duration::MAX));
        stage.lines.push(b"five\n");
        assert_eq!(stage.asked(), "five\n");
        stage.takes();
        let told = format!("3 lost: {}\n", io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!(stage.asked(), told);
    }

    #[test]
    fn every_line_that_is_lost_counts() {
        let stage = stage();
        stage.lines.push(b"one\ntwo\nthree\n");
        stage.asked();
        stage.fails(ErrorKind::StorageFull);
        assert!(stage.lines.flush(Duration::MAX));
        stage.lines.push(b"four\n");
        assert_eq!(stage.asked(), "four\n");
        stage.takes();
        let told = format!("3 lost: {}\n", io::Error::from(ErrorKind::StorageFull));
        assert_eq!(stage.asked(), told);
    }

    #[test]
    fn a_sink_that_asks_to_come_again_loses_nothing() {
        let stage = stage();
        stage.lines.push(b"line\n");
        for error in [ErrorKind::WouldBlock, ErrorKind::Interrupted] {
            assert_eq!(stage.asked(), "line\n");
            stage.fails(error);
        }
        assert_eq!(stage.asked(), "line\n");
        stage.takes();
        assert!(stage.lines.flush(Duration::MAX));
    }

    #[test]
    fn the_thread_ends_with_its_last_user() {
        let stage = stage();
        stage.lines.push(b"line\n");
        stage.takes();
        drop(stage.lines);
        assert_eq!(stage.asked.recv().unwrap(), "line\n");
        // Nobody but the thread could still ask.
        stage.asked.recv().unwrap_err();
    }
}
