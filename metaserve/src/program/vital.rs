//! The tasks that a program cannot run without.

use std::fmt;

use tokio::{sync::watch, task::JoinError};

/// Watches the tasks that a program cannot run without. When one of them ends before it is asked
/// to, by a panic or otherwise, the program should end too: the rest would look alive and serve
/// nobody. Clones watch the same tasks.
///
/// ```
/// # use metaserve::program::Vital;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let vital = Vital::default();
/// vital.spawn("accepting", async { assert!(1 > 2, "of a mistake") });
/// let stopped = vital.stopped().await;
/// assert_eq!(stopped.to_string(), "accepting has stopped: it panicked: of a mistake");
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Vital {
    tasks: watch::Sender<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    running: usize,
    /// The first task that has ended, in any way.
    ended: Option<Stopped>,
    /// The first task that has ended by a panic or an error.
    failed: Option<Stopped>,
}

/// A task that the program cannot run without has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task} has stopped: {why}")]
pub struct Stopped {
    task: String,
    why: String,
}

/// The result of a task that did not panic.
pub trait Outcome: Send + 'static {
    /// The failure, if the task has failed.
    fn failure(self) -> Option<String>;
}

/// The task cannot fail.
impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

/// The task cannot fail; `None` means that it was cancelled.
impl Outcome for Option<()> {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display + Send + 'static> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

impl Vital {
    /// Runs `task` in the current runtime. `name` describes it for people.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn<T>(&self, name: impl Into<String>, task: T)
    where
        T: Future<Output: Outcome> + Send + 'static,
    {
        let name = name.into();
        self.tasks.send_modify(|tasks| tasks.running += 1);
        let task = tokio::spawn(task);
        let tasks = self.tasks.clone();
        tokio::spawn(async move {
            let failure = match task.await {
                Ok(outcome) => outcome.failure(),
                Err(error) => Some(panicked(error)),
            };
            tasks.send_modify(|tasks| tasks.end(name, failure));
        });
    }

    /// Waits until a task has ended. Do not use it after asking the tasks to end.
    ///
    /// Cancel safe.
    pub async fn stopped(&self) -> Stopped {
        let mut tasks = self.tasks.subscribe();
        // `wait_for` fails only without a sender, and `self` holds one.
        let ended = tasks.wait_for(|tasks| tasks.ended.is_some()).await;
        match ended.ok().and_then(|tasks| tasks.ended.clone()) {
            Some(stopped) => stopped,
            None => std::future::pending().await,
        }
    }

    /// Waits until all tasks have ended, after they were asked to.
    ///
    /// # Errors
    /// When one of them has ended by a panic or an error, now or before.
    pub async fn join(&self) -> Result<(), Stopped> {
        let mut tasks = self.tasks.subscribe();
        let joined = tasks.wait_for(|tasks| tasks.running == 0).await;
        match joined.ok().and_then(|tasks| tasks.failed.clone()) {
            Some(stopped) => Err(stopped),
            None => Ok(()),
        }
    }
}

impl Tasks {
    fn end(&mut self, task: String, failure: Option<String>) {
        self.running -= 1;
        let failed = failure.is_some();
        let why = failure.unwrap_or_else(|| "it ended".to_owned());
        let stopped = Stopped { task, why };
        if failed {
            self.failed.get_or_insert(stopped.clone());
        }
        self.ended.get_or_insert(stopped);
    }
}

fn panicked(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "it was aborted".to_owned();
    };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    match text.or_else(|| panic.downcast_ref::<&str>().copied()) {
        Some(text) => format!("it panicked: {text}"),
        None => "it panicked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_task_that_ends_is_named_however_it_ends() {
        let vital = Vital::default();
        vital.spawn("the lobby", async { Err::<(), _>("its owner is gone") });
        let stopped = vital.stopped().await.to_string();
        assert_eq!(stopped, "the lobby has stopped: its owner is gone");
        let vital = Vital::default();
        vital.spawn("accepting", async {});
        let stopped = vital.stopped().await.to_string();
        assert_eq!(stopped, "accepting has stopped: it ended");
    }

    #[tokio::test]
    async fn an_orderly_end_is_not_a_failure_but_a_panic_always_is() {
        let (vital, (end, asked)) = (Vital::default(), oneshot::channel::<()>());
        vital.spawn("asked to end", async {
            let _ = asked.await;
        });
        drop(end);
        assert_eq!(vital.join().await, Ok(()));
        vital.spawn("clumsy", async {
            assert!(std::hint::black_box(false), "{} is too much", 1);
        });
        let stopped = vital.join().await.unwrap_err().to_string();
        assert_eq!(stopped, "clumsy has stopped: it panicked: 1 is too much");
    }
}
