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
