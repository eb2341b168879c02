//! The operator's signals.

/// The signals that a program handles.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Handles signals from now on, so that none is missed while the program starts. Call it
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Completes when SIGTERM or SIGINT arrives.
    pub async fn stopped(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Calls `reload` on SIGHUP; completes on SIGTERM or SIGINT.
    pub async fn serve_until_stopped(mut self, reload: impl AsyncFn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => reload().await,
            }
        }
    }
}

/// The signals that a program handles: on platforms other than Unix, Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Handles Ctrl-C.
    ///
    /// # Errors
    /// Never on this platform.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Completes on Ctrl-C.
    pub async fn serve_until_stopped(self, _: impl AsyncFn()) {
        self.stopped().await;
    }

    /// Completes on Ctrl-C.
    pub async fn stopped(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
