//! How a connection stands: written by the thread, read by calls.

use metaserve::lasting::Status;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The states of the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum State {
    /// `MS_CONNECTING`
    #[default]
    Connecting = 0,
    /// `MS_LIVE`
    Live = 1,
    /// `MS_WAITING`
    Waiting = 2,
    /// `MS_ENDED`
    Ended = 3,
}

/// How it stands now. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing(Arc<Mutex<Now>>);

#[derive(Debug, Default)]
struct Now {
    state: State,
    /// Why it is not better.
    problem: String,
    /// What the daemon has said last, over the connection that there is.
    notice: String,
}

impl Standing {
    /// The state of the connection has changed. The end stays the end.
    pub(crate) fn hear(&self, status: Status) {
        let (state, problem) = match status {
            Status::Live { problem } => (State::Live, problem.unwrap_or_default()),
            Status::Waiting { error, .. } => (State::Waiting, error),
            // Its problem is that of the attempt before, until one succeeds.
            Status::Connecting => return self.connects(),
            other => (self.state(), other.to_string()),
        };
        let mut now = self.lock();
        if now.state == State::Ended {
            return;
        }
        if state == State::Waiting {
            now.notice.clear();
        }
        (now.state, now.problem) = (state, problem);
    }

    fn connects(&self) {
        let mut now = self.lock();
        if now.state == State::Live {
            now.state = State::Waiting;
        }
    }

    /// The daemon says something.
    pub(crate) fn notice(&self, text: &str) {
        self.lock().notice = metaserve::printable(text);
    }

    /// It is over for good. What has ended it first is the reason.
    pub(crate) fn end(&self, why: impl ToString) {
        let mut now = self.lock();
        if now.state != State::Ended {
            *now = Now {
                state: State::Ended,
                problem: why.to_string(),
                notice: String::new(),
            };
        }
    }

    /// Runs what says how it ends. However that goes, also with a panic, it is over then.
    pub(crate) async fn until_end_of<E: ToString>(self, task: impl Future<Output = E>) {
        let fault = EndsWithFault(self);
        let why = task.await;
        fault.0.end(why);
    }

    pub(crate) fn state(&self) -> State {
        self.lock().state
    }

    /// The problem, or else the notice.
    pub(crate) fn text(&self) -> String {
        let now = self.lock();
        match now.problem.is_empty() {
            true => now.notice.clone(),
            false => now.problem.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its drop is the end, unless there was one.
struct EndsWithFault(Standing);

impl Drop for EndsWithFault {
    fn drop(&mut self) {
        let why = "a fault of libmetaserve, which standard error has described";
        self.0.end(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::panic::AssertUnwindSafe;
    use std::time::Duration;

    fn waiting(error: &str) -> Status {
        Status::Waiting {
            error: error.into(),
            retry_in: Duration::from_secs(1),
            attempts: 1,
            down_for: Duration::ZERO,
        }
    }

    #[test]
    fn a_problem_stays_until_there_is_a_connection_and_a_notice_as_long_as_that() {
        let standing = Standing::default();
        let is =
            |state, text: &str| assert_eq!((standing.state(), &*standing.text()), (state, text));
        is(State::Connecting, "");
        standing.hear(waiting("no answer"));
        standing.hear(Status::Connecting);
        is(State::Waiting, "no answer");
        standing.hear(Status::Live { problem: None });
        is(State::Live, "");
        standing.notice("too\u{1b}long");
        is(State::Live, "too long");
        standing.hear(waiting("gone"));
        is(State::Waiting, "gone");
        standing.hear(Status::Live { problem: None });
        is(State::Live, "");
        standing.end("not trusted");
        standing.hear(Status::Live { problem: None });
        is(State::Ended, "not trusted");
        standing.end("another reason");
        is(State::Ended, "not trusted");
    }

    #[test]
    fn a_task_that_panics_is_an_end_and_another_one_says_why_it_ends() {
        let ends = |task: &mut dyn FnMut() -> &'static str| {
            let standing = Standing::default();
            standing.hear(Status::Live { problem: None });
            let until = standing.clone().until_end_of(async { task() });
            let _ = AssertUnwindSafe(until).catch_unwind().now_or_never();
            (standing.state(), standing.text())
        };
        let (state, why) = ends(&mut || panic!("on purpose"));
        assert_eq!(state, State::Ended);
        assert!(why.contains("a fault of libmetaserve"), "{why}");
        let closed = (State::Ended, "closed".to_owned());
        assert_eq!(ends(&mut || "closed"), closed);
    }
}
