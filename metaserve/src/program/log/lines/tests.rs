use super::*;
use std::sync::{Weak, mpsc};

/// A sink whose writes return what the test says, and which shows what it was given.
struct Scripted {
    answers: mpsc::Receiver<io::Result<usize>>,
    asked: mpsc::Sender<String>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let asked = String::from_utf8_lossy(bytes).into_owned();
        self.asked.send(asked).expect("the test receives");
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

/// The writer reports lost lines as a line.
fn stage() -> Stage {
    let (answers, sink_answers) = mpsc::channel();
    let (sink_asked, asked) = mpsc::channel();
    let sink = Scripted {
        answers: sink_answers,
        asked: sink_asked,
    };
    // A weak reference, which does not keep the thread alive.
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

    /// The sink accepts what it was given.
    fn takes(&self) {
        self.answers.send(Ok(usize::MAX)).unwrap();
    }

    fn fails(&self, error: ErrorKind) {
        self.answers.send(Err(error.into())).unwrap();
    }
}

#[test]
fn a_reader_that_is_stuck_loses_lines_and_learns_how_many() {
    let stage = stage();
    stage.lines.push(b"first\n");
    assert_eq!(stage.asked(), "first\n");
    // From here on the reader is stuck; nothing below waits for it.
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
fn lines_that_cannot_be_written_are_lost_and_reported_later() {
    let stage = stage();
    stage.lines.push(b"one\ntwo\n");
    // A full disk still takes what there is room for.
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
    // A lost report is reported again.
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
fn a_sink_that_is_not_ready_loses_nothing() {
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
    // Only the thread itself could still ask.
    stage.asked.recv().unwrap_err();
}
