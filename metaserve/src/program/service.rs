//! Notifications to the service manager: ready, alive, stopping. Without a service manager, or if
//! it does not ask, nothing is sent.
//!
//! The manager is systemd, or any other that sets `NOTIFY_SOCKET`: see `sd_notify(3)`.

use crate::time;
use std::time::Duration;

/// A notification to the service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State<'a> {
    /// The program serves now. The text is shown as its status.
    Ready(&'a str),
    /// The program serves on, and its status has changed.
    Status(&'a str),
    /// The program reloads its configuration; [`State::Ready`] must follow.
    Reloading,
    /// The program is ending.
    Stopping,
}

/// Notifies the service manager. A failure is logged, and the program goes on.
pub fn tell(state: State<'_>) {
    if let Err(error) = platform::tell(state) {
        tracing::warn!("cannot notify the service manager of {state:?}: {error}");
    }
}

/// Signals to the service manager that the program is alive, twice as often as it requires, for as
/// long as the future is polled. Ends at once when the manager does not ask. Each signal is
/// preceded by a call of `look`, which should pass through anything that must not be stuck, such
/// as a lock.
///
/// Poll it in the task that does the program's work: then the signal stops when that task, or the
/// runtime, is stuck.
///
/// Cancel-safe: once dropped, it sends nothing more.
pub async fn watchdog<L: Future<Output = ()>>(mut look: impl FnMut() -> L) {
    let Some(every) = platform::watchdog() else {
        return;
    };
    // A zero interval would panic.
    let mut ticks = time::every((every / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        look().await;
        if let Err(error) = platform::alive() {
            tracing::warn!("cannot signal the watchdog of the service manager: {error}");
        }
    }
}

#[cfg(unix)]
mod platform {
    use super::State;
    use sd_notify::NotifyState;
    use std::{io, time::Duration};

    pub(super) fn tell(state: State<'_>) -> io::Result<()> {
        match state {
            State::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
            }
            State::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
            State::Reloading => {
                let now = NotifyState::monotonic_usec_now()?;
                sd_notify::notify(&[NotifyState::Reloading, now])
            }
            State::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        }
    }

    pub(super) fn alive() -> io::Result<()> {
        sd_notify::notify(&[NotifyState::Watchdog])
    }

    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

/// Other platforms have no service manager to notify.
#[cfg(not(unix))]
mod platform {
    use super::State;
    use std::{io, time::Duration};

    pub(super) fn tell(_: State<'_>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn alive() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }
}
