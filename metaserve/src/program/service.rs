//! What programs that run as services tell the service manager: that they are ready, alive,
//! stopping. Where there is none, or it does not ask, nothing is told.
//!
//! The manager is systemd, or whatever else sets `NOTIFY_SOCKET`: see `sd_notify(3)`.

use crate::time;
use std::time::Duration;

/// What the service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State<'a> {
    /// The program serves now. The text is for people who ask for its status.
    Ready(&'a str),
    /// It reads its configuration again; [`State::Ready`] has to follow.
    Reloading,
    /// It ends.
    Stopping,
}

/// Tells the service manager. If that fails, the log says so, and the program goes on.
pub fn tell(state: State<'_>) {
    if let Err(error) = platform::tell(state) {
        tracing::warn!("the service manager cannot be told {state:?}: {error}");
    }
}

/// Shows the service manager that the program is alive, twice as often as it asks for, for as
/// long as the future is polled; ends at once when it does not ask. `look` is waited for before
/// each sign of life: it should pass through what must not be stuck, such as a lock.
///
/// Poll it in the task that does the program's work: then the sign fails to come when that task
/// is stuck, or the runtime.
///
/// Cancel-safe: dropped, it shows nothing any longer.
pub async fn watchdog<L: Future<Output = ()>>(mut look: impl FnMut() -> L) {
    let Some(every) = platform::watchdog() else {
        return;
    };
    // Zero would be no interval.
    let mut ticks = time::every((every / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        look().await;
        if let Err(error) = platform::alive() {
            tracing::warn!("the service manager cannot be shown that we are alive: {error}");
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

/// Elsewhere there is nobody to tell.
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
