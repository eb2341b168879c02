//! What the operator's signals mean.

/// The signals that a program hears.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Hears signals from now on, so that none is missed while the program starts. Call it inside
    /// a tokio runtime.
    ///
    /// # Errors
    /// When the operating system does not let it.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Ends when SIGTERM or SIGINT comes.
    pub async fn stopped(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// SIGHUP calls `reload`; SIGTERM and SIGINT end it.
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

/// The signals that a program hears: elsewhere than on Unix, Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Hears Ctrl-C.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Ctrl-C ends it.
    pub async fn serve_until_stopped(self, _: impl AsyncFn()) {
        self.stopped().await;
    }

    /// Ends when Ctrl-C comes.
    pub async fn stopped(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
