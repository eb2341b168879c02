//! From settings to a running service, and until it is told to stop.

use super::{
    Signals,
    service::{self, State},
    settings::{Given, Mistakes, Running, Settings},
    threads,
};
use std::{future::pending, io};
use tokio::runtime::Builder;

/// How many threads a service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// The workers of its runtime: at least 1.
    pub workers: usize,
    /// All others, such as those that read files and look up names.
    pub others: usize,
}

/// A service cannot start, whatever its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It may not have as many threads as it needs.
    #[error(transparent)]
    Threads(#[from] threads::TooFew),
    /// The runtime cannot be started.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

/// A service that runs: its settings, which can be read again, and its signals.
#[derive(Debug)]
pub struct Service<S> {
    running: Running<S>,
    signals: Signals,
}

/// Settles the given settings, starts the log and a runtime, handles signals, and runs `serve` in
/// the runtime to its end.
///
/// # Errors
/// When the settings have mistakes, the service cannot start, or `serve` fails.
///
/// # Panics
/// When a log has been started before, or there are no workers.
pub fn serve<S, F, T, E>(
    given: Given<S>,
    threads: impl FnOnce(&S) -> Threads,
    serve: impl FnOnce(S, Service<S>) -> F,
) -> Result<T, E>
where
    S: Settings,
    F: Future<Output = Result<T, E>>,
    E: From<Mistakes> + From<StartError>,
{
    let (settings, running) = Running::start(given)?;
    let Threads { workers, others } = threads(&settings);
    threads::can_start(workers + others).map_err(StartError::from)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build();
    runtime.map_err(StartError::Runtime)?.block_on(async {
        // Signals are handled before anything serves, so that none is missed.
        let signals = Signals::new().map_err(StartError::Signals)?;
        serve(settings, Service { running, signals }).await
    })
}

impl<S: Settings> Service<S> {
    /// Notifies the service manager that the service is ready, and waits for SIGTERM or SIGINT: see
    /// [`Running::until_stopped`]. Meanwhile the service manager has signs of life, after `look`
    /// each time: see [`service::watchdog`].
    ///
    /// Poll it in the task that does the service's work: when that is stuck, the signs of life stop.
    pub async fn until_stopped<L: Future<Output = ()>>(
        self,
        status: impl Fn() -> String,
        adopt: impl AsyncFn(Option<S>),
        look: impl FnMut() -> L,
    ) {
        service::tell(State::Ready(&status()));
        let alive = async {
            service::watchdog(look).await;
            pending::<()>().await;
        };
        tokio::select! {
            () = self.running.until_stopped(self.signals, status, adopt) => {}
            () = alive => {}
        }
    }
}
