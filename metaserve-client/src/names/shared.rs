//! What the handles of a program and the task that speaks for them share.

use super::session::Session;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The session behind a lock, and what wakes the task that speaks for it. The lock is never held
/// across an await.
#[derive(Debug, Default)]
pub(super) struct Shared {
    session: Mutex<Session>,
    /// There may be something to say.
    pub(super) said: Notify,
    /// There may be another timer.
    pub(super) timed: Notify,
    /// The program leaves.
    pub(super) leaving: CancellationToken,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something for the program, and wakes the task.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        let done = act(&mut self.lock());
        self.said.notify_one();
        self.timed.notify_one();
        done
    }
}

/// What each handle of the program holds: when the last one is dropped, the task ends, and with it
/// the connection and all that it holds.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// A request of the program: dropping it ends the request.
#[derive(Debug)]
pub(super) struct Open {
    handle: Arc<Handle>,
    pub(super) id: u64,
}

impl Open {
    /// Begins a request.
    pub(super) fn begin<T>(
        handle: &Arc<Handle>,
        begin: impl FnOnce(&mut Session) -> (u64, T),
    ) -> (Self, T) {
        let (id, seen) = handle.shared.act(begin);
        let handle = handle.clone();
        (Self { handle, id }, seen)
    }

    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Session, u64) -> T) -> T {
        self.handle.shared.act(|session| act(session, self.id))
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.handle.shared.lock()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.act(Session::end);
    }
}
